import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { firstDrafts, type OfflineRole } from '../../src/ceremony/first.ts';
import { type Kind, type Row, sealEntry, type Uploader } from '../../src/queue/envelope.ts';
import type { Signer } from '../../src/signers/port.ts';
import { MemoryStore } from '../../src/stores/memory.ts';
import type { Store } from '../../src/stores/port.ts';
import type { Context, Keyring, Settings, SigningSet } from '../../src/transaction/context.ts';
import { type Genesis, verifyGenesis } from '../../src/transaction/genesis.ts';
import { TrustedState } from '../../src/trusted/state.ts';
import { trustRoot, nextRoot as verifyNext } from '../../src/tuf/checks.ts';
import { composeRoot } from '../../src/tuf/compose.ts';
import { sha256Hex } from '../../src/tuf/digest.ts';
import { metadataFile } from '../../src/tuf/encode.ts';
import { keyFromPublic, keyidOf } from '../../src/tuf/keys.ts';
import { pendingKey, queueKey, targetKey } from '../../src/tuf/layout.ts';
import type { Key, MetadataFile, RoleKeys, Root, Signature, Targets, Verified } from '../../src/tuf/model.ts';
import { readMetadata } from '../../src/tuf/read.ts';

/** A private key in memory: test support signs with node:crypto, so that product code never checks itself alone. */
export interface TestKey {
  readonly keyid: string;
  readonly key: Key;
  sign(payload: Uint8Array): Signature;
}

export type TestScheme = 'ed25519' | 'p-256' | 'rsa-pss';

export function testKey(scheme: TestScheme = 'ed25519'): TestKey {
  const { publicKey, privateKey } = generate(scheme);
  const key = keyFromPublic(publicKey);
  const keyid = keyidOf(key);
  return { keyid, key, sign: (payload) => ({ keyid, sig: signWith(privateKey, scheme, payload) }) };
}

function generate(scheme: TestScheme): { publicKey: KeyObject; privateKey: KeyObject } {
  if (scheme === 'ed25519') return generateKeyPairSync('ed25519');
  if (scheme === 'p-256') return generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  return generateKeyPairSync('rsa', { modulusLength: 2048 });
}

function signWith(privateKey: KeyObject, scheme: TestScheme, payload: Uint8Array): string {
  if (scheme === 'ed25519') return sign(null, payload, privateKey).toString('hex');
  if (scheme === 'p-256') return sign('sha256', payload, privateKey).toString('hex');
  // RSA_PKCS1_PSS_PADDING is 6; the salt is as long as the hash.
  return sign('sha256', payload, { key: privateKey, padding: 6, saltLength: 32 }).toString('hex');
}

export function testSigner(key: TestKey): Signer {
  return {
    keyid: key.keyid,
    key: key.key,
    uri: 'test:',
    sign: async ({ payload }) => key.sign(payload).sig,
    close: async () => {},
  };
}

/** A keyring of keys in memory; `lacking` hides some of them. */
export function testKeyring(keys: readonly TestKey[]): Keyring {
  const able = (set: SigningSet): TestKey[] => keys.filter((k) => set.role.keyids.includes(k.keyid));
  return {
    canSign: (set) => able(set).length >= set.role.threshold,
    sign: async (sets, payload) => {
      const signatures = new Map<string, Signature>();
      for (const set of sets)
        for (const key of able(set).slice(0, set.role.threshold)) signatures.set(key.keyid, key.sign(payload));
      return [...signatures.values()];
    },
  };
}

export interface TestRepositoryOptions {
  readonly bits?: number;
  readonly scheme?: TestScheme;
  readonly store?: Store;
  readonly now?: Date;
  readonly settings?: Partial<Settings>;
}

export const TEST_UUID = '0b9e6a2c-6f0e-4c39-9c1c-6e1a3a5d7f42';

/** A repository in memory with its ceremony done and nothing published. */
export class TestRepository {
  readonly store: Store;
  readonly genesis: Genesis;
  readonly keys: { readonly root: readonly TestKey[]; readonly online: TestKey; readonly operator: TestKey };
  readonly settings: Settings;
  now: Date;
  readonly warnings: string[] = [];

  private constructor(store: Store, genesis: Genesis, keys: TestRepository['keys'], settings: Settings, now: Date) {
    this.store = store;
    this.genesis = genesis;
    this.keys = keys;
    this.settings = settings;
    this.now = now;
  }

  static async make(options: TestRepositoryOptions = {}): Promise<TestRepository> {
    const { bits = 0, scheme = 'ed25519', now = new Date('2026-11-25T12:00:00Z') } = options;
    const root = [testKey(scheme), testKey(scheme), testKey(scheme)];
    const [online, operator] = [testKey(scheme), testKey(scheme)];
    const genesis = makeGenesis({ root, online, bits, now });
    const uploader: Uploader = {
      name: 'operator',
      key: operator.key,
      kinds: ['files', 'pages', 'removal', 'policy', 'deny', 'operator'],
      projects: ['*'],
    };
    const settings: Settings = { ...TEST_SETTINGS, uploaders: [uploader], ...options.settings };
    return new TestRepository(options.store ?? new MemoryStore(), genesis, { root, online, operator }, settings, now);
  }

  /** A job's context with a trusted state of its own. */
  async context(overrides: Partial<Context> = {}): Promise<Context> {
    const trusted = overrides.trusted ?? new TrustedState(new MemoryStore());
    if ((await trusted.load()) === undefined) await trusted.begin(this.genesis.root);
    return {
      store: this.store,
      keyring: testKeyring([this.keys.online]),
      settings: this.settings,
      clock: () => this.now,
      random: () => 0.5,
      sleep: async () => {},
      warn: (message) => this.warnings.push(message),
      ...overrides,
      trusted,
    };
  }

  /** Puts the bytes of files and an entry that adds them; null removes. */
  async enqueue(
    number: number,
    files: Readonly<Record<string, string | null>>,
    options: { was?: Readonly<Record<string, string>>; after?: number; kind?: Kind } = {},
  ): Promise<void> {
    const changes: Row[] = [];
    for (const [path, text] of Object.entries(files)) {
      const was = options.was?.[path] ?? null;
      const bytes = text === null ? undefined : Buffer.from(text);
      if (bytes !== undefined) await this.store.create(targetKey(path, sha256Hex(bytes)), bytes);
      changes.push({ path, was, now: bytes === undefined ? null : { sha256: sha256Hex(bytes), length: bytes.length } });
    }
    const kind = options.kind ?? (Object.values(files).includes(null) ? 'removal' : 'files');
    const entry = {
      repository: this.settings.repository,
      number,
      uploader: 'operator',
      kind,
      changes,
      after: options.after ?? 0,
      made: this.now,
    };
    await this.store.create(queueKey(number), await sealEntry(entry, testSigner(this.keys.operator)));
  }
}

/** What a ceremony of the root changes; the rest stays as it is. */
export interface NextRoot {
  /** Key of timestamp and snapshot. */
  readonly online?: TestKey;
  /** Key of the snapshot, where it is another one. */
  readonly snapshot?: TestKey;
  readonly expires?: Date;
}

/** Root N+1, signed by thresholds of N's holders and of its own. @param holders their keys; enough of both must be there */
export function nextRoot(before: Verified<Root>, holders: readonly TestKey[], next: NextRoot): Verified<Root> {
  const { version, repository = TEST_UUID, floor, roles: old, expires } = before.signed;
  const { online, snapshot = online } = next;
  const roles = {
    ...old,
    ...(online === undefined ? {} : { timestamp: { keyids: [online.keyid], threshold: 1 } }),
    ...(snapshot === undefined ? {} : { snapshot: { keyids: [snapshot.keyid], threshold: 1 } }),
  };
  const named = new Set(Object.values(roles).flatMap((role) => role.keyids));
  const added = [online, snapshot].filter((key) => key !== undefined);
  const known = [...before.signed.keys, ...added.map(({ keyid, key }) => [keyid, key] as const)];
  const keys = new Map(known.filter(([keyid]) => named.has(keyid)));
  const parts = { version: version + 1, expires: next.expires ?? expires, repository, keys, roles, floor };
  const signed = composeRoot(parts);
  const signatures = holders.slice(0, roles.root.threshold).map((holder) => holder.sign(signed));
  return verifyNext(before, metadataFile(signed, signatures));
}

/** Puts a complete root where whoever comes by finds it. */
export async function putPending(store: Store, root: Verified<Root>): Promise<void> {
  await store.create(pendingKey(root.signed.version, sha256Hex(root.bytes)), root.bytes);
}

export const TEST_SETTINGS: Omit<Settings, 'uploaders'> = {
  repository: TEST_UUID,
  queue: 'queue/',
  expires: { snapshot: 7 * 864e5, timestamp: 864e5, leaves: 30 * 864e5 },
  renew: { snapshot: 4 * 864e5, timestamp: 432e5, leaves: 15 * 864e5 },
  grace: 900_000,
  hold: 100,
  tries: 8,
  clients: ['python-tuf', 'tuf-js', 'go-tuf'],
};

export interface GenesisOptions {
  readonly root: readonly TestKey[];
  readonly online: TestKey;
  readonly bits: number;
  /** Bits of `recent`; without them as many as `bits`. */
  readonly recent?: number;
  readonly now: Date;
}

export function makeGenesis({ root, online, bits, recent = bits, now }: GenesisOptions): Genesis {
  const offline: RoleKeys = { keyids: root.map((k) => k.keyid), threshold: 2 };
  const hot: RoleKeys = { keyids: [online.keyid], threshold: 1 };
  const year = new Date(now.getTime() + 365 * 864e5);
  const drafts = firstDrafts({
    repository: TEST_UUID,
    keys: new Map([...root, online].map((k) => [k.keyid, k.key])),
    roles: {
      root: offline,
      targets: offline,
      trust: offline,
      claimed: offline,
      bins: offline,
      recent: offline,
      timestamp: hot,
      snapshot: hot,
      deny: hot,
      leafBins: hot,
      leafRecent: hot,
    },
    bits: { bins: bits, recent },
    expires: { root: year, targets: year, trust: year, claimed: year, bins: year, recent: year },
  });
  const complete = (role: OfflineRole): Buffer =>
    metadataFile(
      drafts.get(role)!,
      root.slice(0, 2).map((k) => k.sign(drafts.get(role)!)),
    );
  const files = new Map<string, MetadataFile<Targets>>();
  for (const role of drafts.keys()) if (role !== 'root') files.set(role, readMetadata(complete(role), 'targets', role));
  return verifyGenesis(trustRoot(complete('root')), files);
}
