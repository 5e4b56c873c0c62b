import {
  composeRoot,
  composeSnapshot,
  composeTargets,
  composeTimestamp,
  metaValue,
  targetValue,
} from '../../../src/tuf/compose.ts';
import { sha256Hex, sha512Hex } from '../../../src/tuf/digest.ts';
import { canonical, type Encodable, metadataFile } from '../../../src/tuf/encode.ts';
import { targetKey } from '../../../src/tuf/layout.ts';
import type { DelegatedRole, Delegations, Key, Signature } from '../../../src/tuf/model.ts';
import { entry, join } from '../../../src/tuf/run.ts';
import { succinctDelegations, targetsDelegations } from '../../../src/tuf/tree.ts';
import { type TestKey, testKey } from '../../support/repository.ts';

/**
 * Repositories as an attacker would make them, or as a careless publisher would: each starts from an honest one of tufa's
 * own tree and changes what the attack is about. Everything is signed here with node:crypto.
 */

export const UUID = '0b9e6a2c-6f0e-4c39-9c1c-6e1a3a5d7f42';
export const WHEEL = 'packages/foo/foo-1.0-py3-none-any.whl';
export const POLICY = 'policies/foo.json';
export const DEEP = 'trust/deep/er.json';
export const HONEST = { [WHEEL]: 'honest wheel', [POLICY]: 'honest policy' } as const;
export const FORGED = 'forged';

const DAY = 864e5;
const VERSION = 3;

export interface HostileKeys {
  readonly root: readonly TestKey[];
  readonly online: TestKey;
  readonly bins: TestKey;
  readonly recent: TestKey;
  readonly thief: TestKey;
}

/** A role below `targets`, before it is signed. */
export interface Part {
  version: number;
  expires: Date;
  /** Path -> text, or a whole entry. */
  targets: Record<string, string | { entry: Encodable; text: string }>;
  delegations: Delegations | undefined;
  signers: readonly TestKey[];
  repository: string;
  /** More members of the signed part. */
  extra: Record<string, Encodable>;
  /** Bytes that are added to the list of targets, as entries nobody asks for. */
  padding: number;
}

export interface Hostile {
  keys: HostileKeys;
  now: Date;
  roles: Record<string, Part>;
  /** What snapshot.json lists; undefined removes an entry. */
  meta: Record<string, { version: number; sha256?: string | undefined } | undefined>;
  /** Do not list sha256 in the snapshot. */
  versionOnly: boolean;
  rootExtra: Record<string, Encodable>;
  rootEdit?: (signed: Record<string, Encodable>) => void;
  floor: Record<string, number>;
  snapshotPadding: number;
  /** Without it, clients use their own limit. */
  snapshotLength: boolean;
  timestampPadding: number;
  timestampRepository: string;
  /** Replaces files after everything was signed. */
  after?: (files: Map<string, Uint8Array>) => void;
  sign: (key: TestKey, payload: Uint8Array) => Signature;
  /** Who signs snapshot and timestamp. */
  online: readonly TestKey[];
  /** Nothing of our own in it: a repository of the specification alone. */
  foreign: boolean;
  /** Version of root, snapshot and timestamp that is newest; older ones are not laid. */
  version: number;
}

/**
 * An honest repository with a claimed policy and a wheel, as the attacks find it.
 *
 * @param bits 0: `bin0` in the place of `bins`, a tree that tough can read
 */
export function honest(scheme: 'ed25519' | 'p-256' = 'ed25519', bits = 2): Hostile {
  const now = new Date(Math.floor(Date.now() / 1000) * 1000);
  const keys: HostileKeys = {
    root: [testKey(scheme), testKey(scheme), testKey(scheme)],
    online: testKey(scheme),
    bins: testKey(scheme),
    recent: testKey(scheme),
    thief: testKey(scheme),
  };
  const all = new Map<string, Key>([...keys.root, keys.online, keys.bins, keys.recent].map((k) => [k.keyid, k.key]));
  const offline = { keyids: keys.root.map((k) => k.keyid), threshold: 2 };
  const one = (key: TestKey) => ({ keyids: [key.keyid], threshold: 1 });
  const part = (signers: readonly TestKey[], more: Partial<Part> = {}): Part => ({
    version: VERSION,
    expires: new Date(now.getTime() + 30 * DAY),
    targets: {},
    delegations: undefined,
    signers,
    repository: UUID,
    extra: {},
    padding: 0,
    ...more,
  });
  const leaves = bits === 0 ? ['bin0'] : Array.from({ length: 2 ** bits }, (_, i) => `bin${bits}-${i.toString(16)}`);
  const roles: Record<string, Part> = {
    targets: part(keys.root.slice(0, 2), {
      delegations: targetsDelegations(
        {
          keys: all,
          roles: {
            trust: offline,
            deny: one(keys.online),
            claimed: offline,
            recent: one(keys.recent),
            bins: bits === 0 ? one(keys.bins) : offline,
          },
        },
        { bins: bits, recent: 0 },
      ),
    }),
    trust: part(keys.root.slice(0, 2)),
    deny: part([keys.online]),
    claimed: part(keys.root.slice(0, 2), { targets: { [POLICY]: HONEST[POLICY] } }),
    recent0: part([keys.recent]),
  };
  if (bits > 0)
    roles['bins'] = part(keys.root.slice(0, 2), { delegations: succinctDelegations(all, one(keys.bins), 'bin', bits) });
  for (const leaf of leaves) roles[leaf] = part([keys.bins], { targets: { [WHEEL]: HONEST[WHEEL] } });
  return {
    keys,
    now,
    roles,
    meta: {},
    versionOnly: false,
    rootExtra: {},
    floor: {},
    snapshotPadding: 0,
    snapshotLength: true,
    timestampPadding: 0,
    timestampRepository: UUID,
    sign: (key, payload) => key.sign(payload),
    online: [keys.online],
    foreign: false,
    version: VERSION,
  };
}

/** The bins of `hostile`, whatever their number. */
export function bins(hostile: Hostile): Part[] {
  return Object.entries(hostile.roles).flatMap(([name, part]) => (/^bin\d+(-|$)/.test(name) ? [part] : []));
}

/** Delegates to a role NAME with a key of the thief. */
export function delegateTo(name: string, thief: TestKey): Delegations {
  const role: DelegatedRole = {
    name,
    keyids: [thief.keyid],
    threshold: 1,
    terminating: false,
    paths: ['packages/*/*', 'policies/*'],
    pathHashPrefixes: undefined,
  };
  return { keys: new Map([[thief.keyid, thief.key]]), roles: [role], succinct: undefined };
}

/** Lays root 2 as well: root 1 with these changes. */
export function secondRoot(hostile: Hostile, edit: (signed: Record<string, Encodable>) => void): void {
  hostile.after = (files) => {
    const { signed } = JSON.parse(Buffer.from(files.get('metadata/1.root.json')!).toString('utf8'));
    const next = { ...signed, version: 2 };
    edit(next);
    files.set('metadata/2.root.json', seal(hostile, canonical(next), hostile.keys.root.slice(0, 2)));
  };
}

/** Files by key (`metadata/…`, `targets/…`). */
export function lay(hostile: Hostile): Map<string, Uint8Array> {
  const files = new Map<string, Uint8Array>();
  const meta: Record<string, { version: number; sha256?: string | undefined }> = {};
  for (const [name, part] of Object.entries(hostile.roles)) {
    const bytes = seal(hostile, composePart(part), part.signers);
    files.set(`metadata/${part.version}.${name}.json`, bytes);
    meta[name] = { version: part.version, sha256: hostile.versionOnly ? undefined : sha256Hex(bytes) };
    for (const [path, target] of Object.entries(part.targets)) {
      const text = typeof target === 'string' ? target : target.text;
      files.set(targetKey(path, sha256Hex(text)), Buffer.from(text));
    }
  }
  for (const [name, listed] of Object.entries(hostile.meta)) {
    if (listed === undefined) delete meta[name];
    else meta[name] = listed;
  }
  layTop(hostile, files, meta);
  hostile.after?.(files);
  return files;
}

function layTop(
  hostile: Hostile,
  files: Map<string, Uint8Array>,
  meta: Record<string, { version: number; sha256?: string | undefined }>,
): void {
  const { keys, now } = hostile;
  const year = new Date(now.getTime() + 365 * DAY);
  const role = (signers: readonly TestKey[], threshold = 1) => ({ keyids: signers.map((k) => k.keyid), threshold });
  const root = extended(
    composeRoot({
      version: 1,
      expires: year,
      repository: UUID,
      keys: new Map([...keys.root, keys.online].map((k) => [k.keyid, k.key])),
      roles: {
        root: role(keys.root, 2),
        targets: role(keys.root, 2),
        snapshot: role([keys.online]),
        timestamp: role([keys.online]),
      },
      floor: new Map(Object.entries(hostile.floor)),
    }),
    hostile.rootExtra,
    hostile.rootEdit,
  );
  const rootFile = seal(hostile, root, keys.root.slice(0, 2));
  files.set('metadata/1.root.json', rootFile);
  const entries = [...Object.keys(meta)]
    .sort((a, b) => (a < b ? -1 : 1))
    .map((name) => entry(`${name}.json`, metaValue({ version: meta[name]!.version, sha256: meta[name]!.sha256 })));
  const week = new Date(now.getTime() + 7 * DAY);
  const signed = composeSnapshot({
    version: hostile.version,
    expires: week,
    repository: UUID,
    meta: join(entries),
    queue: 0,
    receipt: undefined,
  });
  const padding: Record<string, Encodable> =
    hostile.snapshotPadding === 0 ? {} : { 'x-padding': 'x'.repeat(hostile.snapshotPadding) };
  const snapshot = seal(hostile, extended(signed, padding), hostile.online);
  files.set(`metadata/${hostile.version}.snapshot.json`, snapshot);
  const listed = { version: hostile.version, length: snapshot.length, sha256: sha256Hex(snapshot) };
  const timestamp = extended(
    composeTimestamp({
      version: hostile.version,
      expires: new Date(now.getTime() + DAY),
      repository: hostile.timestampRepository,
      made: now,
      root: { version: 1, sha256: sha256Hex(rootFile), since: now },
      snapshot: listed,
    }),
    { 'x-padding': 'x'.repeat(hostile.timestampPadding) },
    (signed) => {
      if (!hostile.snapshotLength) signed['meta'] = { 'snapshot.json': { version: hostile.version } };
      if (hostile.timestampPadding === 0) delete signed['x-padding'];
    },
  );
  files.set('metadata/timestamp.json', seal(hostile, timestamp, hostile.online));
}

function composePart(part: Part): Buffer {
  const padding = Array.from({ length: Math.ceil(part.padding / 160) }, (_, i) =>
    entry(
      `packages/zz/${String(i).padStart(40, '0')}.zip`,
      targetValue({ length: 1, sha256: 'f'.repeat(64), listed: undefined }),
    ),
  );
  const entries = Object.keys(part.targets)
    .sort((a, b) => (a < b ? -1 : 1))
    .map((path) => {
      const target = part.targets[path]!;
      const text = typeof target === 'string' ? target : target.text;
      return entry(
        path,
        typeof target === 'string'
          ? targetValue({ length: Buffer.byteLength(text), sha256: sha256Hex(text), listed: undefined })
          : target.entry,
      );
    });
  return extended(composeTargets({ ...part, targets: join([...entries, ...padding]) }), part.extra);
}

/** More members in a signed part; goes through JSON, which is right for everything that is made here. */
function extended(
  signed: Buffer,
  extra: Record<string, Encodable>,
  edit?: (signed: Record<string, Encodable>) => void,
): Buffer {
  if (Object.keys(extra).length === 0 && edit === undefined) return signed;
  const value = JSON.parse(signed.toString('utf8').replaceAll('\n', '\\n')) as Record<string, Encodable>;
  Object.assign(value, extra);
  edit?.(value);
  return canonical(value);
}

function seal(hostile: Hostile, made: Uint8Array, signers: readonly TestKey[]): Buffer {
  const signed = hostile.foreign ? withoutOurs(made) : made;
  return metadataFile(
    signed,
    signers.map((key) => hostile.sign(key, signed)),
  );
}

function withoutOurs(signed: Uint8Array): Buffer {
  return extended(Buffer.from(signed), {}, (value) => {
    for (const name of Object.keys(value)) if (name.startsWith('x-tufa-')) delete value[name];
  });
}

/** An entry with two hashes; `wrong` spoils one of them. */
export function twoHashes(text: string, wrong: 'sha512' | undefined): { entry: Encodable; text: string } {
  const sha512 = wrong === 'sha512' ? sha512Hex(`other ${text}`) : sha512Hex(text);
  return { text, entry: { hashes: { sha256: sha256Hex(text), sha512 }, length: Buffer.byteLength(text) } };
}
