import { generateKeyPairSync, sign as signBytes } from 'node:crypto';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { verified } from '../../src/signers/verified.ts';
import { buildBins } from '../../src/transaction/bulk/build.ts';
import type { SoftwareKey } from '../../src/transaction/bulk/messages.ts';
import type { Context, Keyring, Settings } from '../../src/transaction/context.ts';
import type { Genesis } from '../../src/transaction/genesis.ts';
import { type NewRole, planLeaf, planSnapshot, planTimestamp, type RoleDraft } from '../../src/transaction/plan.ts';
import { read } from '../../src/transaction/read.ts';
import { Roles } from '../../src/transaction/roles.ts';
import { TrustedState } from '../../src/trusted/state.ts';
import { sha256Hex } from '../../src/tuf/digest.ts';
import { metadataFile } from '../../src/tuf/encode.ts';
import { keyFromPublic, keyidOf } from '../../src/tuf/keys.ts';
import { METADATA_PREFIX, metadataKey, rootKey, TIMESTAMP_KEY } from '../../src/tuf/layout.ts';
import type { Snapshot } from '../../src/tuf/model.ts';
import {
  makeGenesis,
  TEST_SETTINGS,
  type TestKey,
  testKey,
  testKeyring,
  testSigner,
} from '../../test/support/repository.ts';
import { loadProjects, type Projects, writeTargets } from './data.ts';
import { BenchStore } from './store.ts';

export const NOW = new Date('2026-11-25T12:00:00Z');
/** Room for every refresh of a bench before anything is due. */
const LATER = new Date('2026-12-25T12:00:00Z');

/** A published repository in memory: `targets` real names in 2^`bits` bins, made by a bulk build. */
export interface LargeRepository {
  readonly store: BenchStore;
  readonly genesis: Genesis;
  readonly settings: Settings;
  readonly online: TestKey;
  readonly operator: TestKey;
  readonly projects: Projects;
  readonly targets: number;
  /** A job with a trusted state of its own that has seen what is published. */
  context(overrides?: Partial<Settings>): Promise<Context>;
}

export async function largeRepository(folder: string, targets: number, bits: number): Promise<LargeRepository> {
  const projects = await loadProjects();
  const rows = join(folder, 'rows.tsv');
  const metadata = join(folder, 'metadata');
  await mkdir(metadata, { recursive: true });
  await writeTargets(rows, projects, targets);

  const { software, online } = onlineKey();
  const operator = testKey();
  const uploader = { name: 'operator', key: operator.key, kinds: ['files' as const], projects: ['*'] };
  const settings: Settings = { ...TEST_SETTINGS, uploaders: [uploader] };
  const root = [testKey(), testKey(), testKey()];
  const genesis = makeGenesis({ root, online, bits, recent: 0, now: NOW });
  const built = await buildBins({
    rows,
    spool: folder,
    workers: 2,
    prefix: 'bin',
    bits,
    version: 1,
    repository: settings.repository,
    expires: () => LATER,
    finish: { in: 'workers', folder: metadata, keys: [software] },
  });

  const files = new Map<string, Uint8Array>();
  for (const name of await readdir(metadata))
    files.set(`${METADATA_PREFIX}${name}`, await readFile(join(metadata, name)));
  const sign = (draft: RoleDraft): NewRole => ({
    ...draft,
    bytes: metadataFile(draft.signedBytes, [online.sign(draft.signedBytes)]),
  });
  const offline = [...genesis.offline].map(([name, file]): NewRole => ({ name, version: 1, bytes: file.bytes }));
  const empty = ['deny', 'recent0'].map((name) =>
    sign(planLeaf({ name, delegator: genesisDelegator(), file: undefined }, new Map(), 1, NOW, settings)),
  );
  const bins = { meta: built.meta } as Snapshot;
  const snapshot = sign(
    planSnapshot(
      { old: bins, roles: [...offline, ...empty], version: 1, now: NOW, queue: 0, receipt: undefined },
      settings,
    ),
  );
  const timestamp = sign(
    planTimestamp(
      {
        old: undefined,
        version: 1,
        now: NOW,
        root: { version: 1, sha256: sha256Hex(genesis.root.bytes), since: new Date(0) },
        snapshot: { version: 1, length: snapshot.bytes.length, sha256: sha256Hex(snapshot.bytes) },
      },
      settings,
    ),
  );
  files.set(rootKey(1), genesis.root.bytes);
  for (const role of [...offline, ...empty, snapshot]) files.set(metadataKey(role.name, 1), role.bytes);
  const store = new BenchStore(files);
  await store.swap(TIMESTAMP_KEY, timestamp.bytes, undefined);

  const context = async (overrides: Partial<Settings> = {}): Promise<Context> => {
    const trusted = new TrustedState(new BenchStore());
    await trusted.begin(genesis.root);
    const context: Context = {
      store,
      trusted,
      keyring: verifyingKeyring(online),
      settings: { ...settings, ...overrides },
      clock: () => NOW,
      random: () => 0.5,
      sleep: async () => {},
      warn: (message) => process.stderr.write(`${message}\n`),
    };
    const live = await read(context);
    await trusted.advance(live.kept, { root: genesis.root, timestamp: live.timestamp, snapshot: live.snapshot });
    return context;
  };
  return { store, genesis, settings, online, operator, projects, targets, context };
}

function genesisDelegator() {
  return { name: 'targets', keys: new Map(), role: { keyids: [], threshold: 1 }, online: true };
}

/** As in the product: every signature is verified with the public key before anything uses it. */
function verifyingKeyring(key: TestKey): Keyring {
  const signer = verified(testSigner(key));
  return {
    canSign: testKeyring([key]).canSign,
    sign: async (_, payload, subject, verify) => [
      { keyid: key.keyid, sig: await signer.sign({ payload, subject, verify }) },
    ],
  };
}

/** One Ed25519 key, for the worker threads and for the transaction. */
function onlineKey(): { software: SoftwareKey; online: TestKey } {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const key = keyFromPublic(publicKey);
  const keyid = keyidOf(key);
  const online: TestKey = {
    key,
    keyid,
    sign: (payload) => ({ keyid, sig: signBytes(null, payload, privateKey).toString('hex') }),
  };
  return { software: { key, privateKey }, online };
}

/** The roles of the live state, ready to be planned on. */
export async function liveRoles(context: Context): Promise<{ roles: Roles; live: Awaited<ReturnType<typeof read>> }> {
  const live = await read(context);
  return { roles: new Roles(context.store, live.verifiedBy!, live.snapshot), live };
}
