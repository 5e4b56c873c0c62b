import { constants, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { Targets } from '@tufjs/models';
import { expect } from 'chai';
import { TrustError } from '../../src/errors.ts';
import { binNames } from '../../src/tuf/bins.ts';
import { type Trusted, trustRoot } from '../../src/tuf/checks.ts';
import {
  composeRoot,
  composeSnapshot,
  composeTargets,
  composeTimestamp,
  metaValue,
  targetValue,
} from '../../src/tuf/compose.ts';
import { sha256Hex } from '../../src/tuf/digest.ts';
import { metadataFile } from '../../src/tuf/encode.ts';
import { keyFromPublic, keyidOf } from '../../src/tuf/keys.ts';
import { metadataName } from '../../src/tuf/layout.ts';
import type { Delegations, Key, RoleKeys, Run, TopLevel } from '../../src/tuf/model.ts';
import { splice } from '../../src/tuf/run.ts';
import { succinctDelegations, targetsDelegations } from '../../src/tuf/tree.ts';
import { Client, type Steps } from '../../src/tuf/walk.ts';

/** Repositories in memory, honest ones and forged ones: every part can be replaced before it is signed. */

export const NOW = new Date('2026-01-01T00:00:00Z');
export const EXPIRES = new Date('2026-02-01T00:00:00Z');
export const UUID = '6f1c1f1e-0000-4000-8000-000000000001';
export const OTHER_UUID = '6f1c1f1e-0000-4000-8000-000000000002';

export interface TestKey {
  readonly key: Key;
  readonly keyid: string;
  sign(bytes: Uint8Array): string;
}

export type TestScheme = 'ed25519' | 'ecdsa-sha2-nistp256' | 'rsassa-pss-sha256';

export function testKey(scheme: TestScheme = 'ed25519'): TestKey {
  const { publicKey, privateKey } = generate(scheme);
  const key = keyFromPublic(publicKey);
  const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 };
  const options = scheme === 'rsassa-pss-sha256' ? { key: privateKey, ...pss } : privateKey;
  const digest = scheme === 'ed25519' ? null : 'sha256';
  return { key, keyid: keyidOf(key), sign: (bytes) => sign(digest, bytes, options).toString('hex') };
}

function generate(scheme: TestScheme): { publicKey: KeyObject; privateKey: KeyObject } {
  if (scheme === 'ed25519') return generateKeyPairSync('ed25519');
  if (scheme === 'ecdsa-sha2-nistp256') return generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return generateKeyPairSync('rsa', { modulusLength: 2048 });
}

export function signedFile(signedBytes: Uint8Array, ...keys: TestKey[]): Buffer {
  return metadataFile(
    signedBytes,
    keys.map(({ keyid, sign }) => ({ keyid, sig: sign(signedBytes) })),
  );
}

export function keyring(...keys: TestKey[]): Map<string, Key> {
  return new Map(keys.map(({ keyid, key }) => [keyid, key]));
}

export function roleKeys(threshold: number, ...keys: TestKey[]): RoleKeys {
  return { keyids: keys.map(({ keyid }) => keyid), threshold };
}

/** `listed` by their content, which is their path unless it is given. */
export function targetsRun(...paths: string[]): Run {
  return splice(
    Buffer.alloc(0),
    new Map(
      paths.map((path) => [path, targetValue({ length: path.length, sha256: sha256Hex(path), listed: undefined })]),
    ),
  );
}

type Holder = TopLevel | 'trust' | 'deny' | 'claimed' | 'recent' | 'bins' | 'recentLeaves' | 'binLeaves';
const HOLDERS: Holder[] = [
  'root',
  'targets',
  'snapshot',
  'timestamp',
  'trust',
  'deny',
  'claimed',
  'recent',
  'bins',
  'recentLeaves',
  'binLeaves',
];

export interface TestOptions {
  readonly bins?: number;
  readonly recent?: number;
  readonly scheme?: TestScheme;
  /** Target paths by the role that lists them. */
  readonly listed?: Readonly<Record<string, readonly string[]>>;
}

export class TestRepository {
  /** By name below `metadata/`. */
  readonly files = new Map<string, Buffer>();
  readonly keys: Record<Holder, TestKey>;
  readonly bits: { readonly bins: number; readonly recent: number };
  /** What the next snapshot lists. */
  meta: Run = Buffer.alloc(0);

  constructor({ bins = 0, recent = 0, scheme = 'ed25519', listed = {} }: TestOptions = {}) {
    this.bits = { bins, recent };
    this.keys = Object.fromEntries(HOLDERS.map((name) => [name, testKey(scheme)])) as Record<Holder, TestKey>;
    this.root(1);
    this.role('targets', 1, { delegations: this.targetsDelegations() });
    for (const name of ['trust', 'deny', 'claimed'])
      this.role(name, 1, { targets: targetsRun(...(listed[name] ?? [])) });
    for (const [name, prefix, bits] of [
      ['recent', 'recent', recent],
      ['bins', 'bin', bins],
    ] as const) {
      const leaf = `${prefix}0`;
      if (bits === 0) this.role(leaf, 1, { targets: targetsRun(...(listed[leaf] ?? [])) });
      else this.delegator(name, prefix, bits, listed);
    }
    this.publish(1);
  }

  /** A role with succinct roles below it, and all of these. */
  private delegator(
    name: 'recent' | 'bins',
    prefix: 'recent' | 'bin',
    bits: number,
    listed: Readonly<Record<string, readonly string[]>>,
  ): void {
    const key = this.keys[`${prefix}Leaves`];
    const delegations = succinctDelegations(keyring(key), roleKeys(1, key), prefix, bits);
    this.role(name, 1, { delegations });
    for (const leaf of binNames(delegations.succinct!.namePrefix, bits))
      this.role(leaf, 1, { targets: targetsRun(...(listed[leaf] ?? [])) });
  }

  targetsDelegations(): Delegations {
    const { trust, deny, claimed, recent, bins, recentLeaves, binLeaves } = this.keys;
    const recentKey = this.bits.recent === 0 ? recentLeaves : recent;
    const binKey = this.bits.bins === 0 ? binLeaves : bins;
    return targetsDelegations(
      {
        keys: keyring(trust, deny, claimed, recentKey, binKey),
        roles: {
          trust: roleKeys(1, trust),
          deny: roleKeys(1, deny),
          claimed: roleKeys(1, claimed),
          recent: roleKeys(1, recentKey),
          bins: roleKeys(1, binKey),
        },
      },
      this.bits,
    );
  }

  /** @param changes of its parts, and who signs it */
  root(
    version: number,
    changes: Partial<Parameters<typeof composeRoot>[0]> = {},
    signers: TestKey[] = [this.keys.root],
  ): void {
    const { root, targets, snapshot, timestamp } = this.keys;
    const bytes = composeRoot({
      version,
      expires: EXPIRES,
      repository: UUID,
      keys: keyring(root, targets, snapshot, timestamp),
      roles: {
        root: roleKeys(1, root),
        targets: roleKeys(1, targets),
        snapshot: roleKeys(1, snapshot),
        timestamp: roleKeys(1, timestamp),
      },
      floor: new Map(),
      ...changes,
    });
    this.files.set(metadataName('root', version), signedFile(bytes, ...signers));
  }

  /** A targets role, written and listed in the next snapshot. */
  role(
    name: string,
    version: number,
    changes: Partial<Parameters<typeof composeTargets>[0]> = {},
    signer: TestKey = this.keyOf(name),
  ): void {
    const parts = { version, expires: EXPIRES, repository: UUID, targets: targetsRun(), ...changes };
    const bytes = signedFile(composeTargets(parts), signer);
    this.files.set(metadataName(name, version), bytes);
    this.list(name, version, sha256Hex(bytes));
  }

  list(name: string, version: number | undefined, sha256?: string): void {
    const value = version === undefined ? undefined : metaValue({ version, sha256 });
    this.meta = splice(this.meta, new Map([[`${name}.json`, value]]));
  }

  /** Snapshot and timestamp n. */
  publish(
    n: number,
    changes: {
      snapshot?: Partial<Parameters<typeof composeSnapshot>[0]>;
      timestamp?: Partial<Parameters<typeof composeTimestamp>[0]>;
    } = {},
    keys: Pick<Record<Holder, TestKey>, 'snapshot' | 'timestamp'> = this.keys,
  ): void {
    const common = { version: n, expires: EXPIRES, repository: UUID };
    const snapshot = signedFile(
      composeSnapshot({ ...common, meta: this.meta, queue: 0, receipt: undefined, ...changes.snapshot }),
      keys.snapshot,
    );
    this.files.set(metadataName('snapshot', n), snapshot);
    const timestamp = composeTimestamp({
      ...common,
      made: NOW,
      root: { version: 1, sha256: sha256Hex(this.files.get('1.root.json')!), since: NOW },
      snapshot: { version: n, length: snapshot.length, sha256: sha256Hex(snapshot) },
      ...changes.timestamp,
    });
    this.files.set('timestamp.json', signedFile(timestamp, keys.timestamp));
  }

  private keyOf(name: string): TestKey {
    if (/^bin\d/.test(name)) return this.keys.binLeaves;
    if (/^recent\d/.test(name)) return this.keys.recentLeaves;
    return this.keys[name as Holder];
  }
}

/** Answers the requests of a walk from memory, and notes what was asked of the repository. */
export function drive<T>(
  steps: Steps<T>,
  files: ReadonlyMap<string, Uint8Array>,
  { asked = [], kept }: { asked?: string[]; kept?: ReadonlyMap<string, Uint8Array> } = {},
): T {
  let step = steps.next();
  while (!step.done) {
    const { name, from } = step.value;
    if (from === 'repository') asked.push(name);
    step = steps.next((from === 'repository' ? files : kept)?.get(name));
  }
  return step.value;
}

/** The roles that tuf-js visits next for a path, and whether each ends the search. */
export function theirDelegations(
  delegations: Parameters<typeof Targets.fromJSON>[0],
  path: string,
): { role: string; terminating: boolean }[] {
  const targets = Targets.fromJSON({
    _type: 'targets',
    spec_version: '1.0.31',
    version: 1,
    expires: '2026-02-01T00:00:00Z',
    targets: {},
    delegations: { keys: {}, ...delegations },
  });
  return [...targets.delegations!.rolesForTarget(path)];
}

/** What a client trusts after a refresh. */
export function refreshed(repository: TestRepository, root = 1): Trusted {
  const trusted = trustRoot(repository.files.get(metadataName('root', root))!);
  const client = new Client({ root: trusted, timestamp: undefined, snapshot: undefined });
  drive(client.refresh(NOW), repository.files);
  return client.trusted;
}

/** Refused by this check of the specification, with exit code 4. */
export function refused(act: () => unknown, check: string, code: string, message: string | RegExp): void {
  expect(act).to.throw(TrustError, message);
  try {
    act();
  } catch (error) {
    expect((error as TrustError).details.check).to.equal(check);
    expect((error as TrustError).code).to.equal(code);
    expect((error as TrustError).exitCode).to.equal(4);
  }
}
