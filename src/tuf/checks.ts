import { TrustError } from '../errors.ts';
import { metaEntry } from './decode.ts';
import { sha256Hex, sha512Hex } from './digest.ts';
import { formatDate } from './encode.ts';
import { Evidence } from './evidence.ts';
import { metadataName } from './layout.ts';
import type {
  FileMeta,
  Key,
  RoleKeys,
  Root,
  SignedPart,
  Snapshot,
  TargetFile,
  Targets,
  Timestamp,
  Verified,
} from './model.ts';
import { readMetadata } from './read.ts';
import { fail } from './refusal.ts';
import { assertNoRollback, assertNotLower } from './rollback.ts';
import { lookup } from './run.ts';
import { countSigners, signedBy } from './verify.ts';

/**
 * The checks of section 5 of the TUF specification, each error with the number of the check that refused. These are the
 * only functions that make a `Verified` value. Without `now` nothing expires: a publisher must be able to repair a
 * repository that has expired, and looks at the deadlines itself.
 */

/** What a client keeps between updates. */
export interface Trusted {
  readonly root: Verified<Root>;
  readonly timestamp: Verified<Timestamp> | undefined;
  readonly snapshot: Verified<Snapshot> | undefined;
}

/** 5.2: a root that a person has given. It must be complete: signed by its own threshold. */
export function trustRoot(bytes: Uint8Array, what = 'trusted root'): Verified<Root> {
  const file = readMetadata(bytes, 'root', what);
  return signedBy(file, file.signed.keys, file.signed.roles.root, what, '5.2');
}

/** 5.3.3 to 5.3.7: version N+1, signed by a threshold of root N and by its own. */
export function nextRoot(root: Verified<Root>, bytes: Uint8Array): Verified<Root> {
  const version = root.signed.version + 1;
  const what = metadataName('root', version);
  const file = readMetadata(bytes, 'root', what);
  signedBy(
    file,
    root.signed.keys,
    root.signed.roles.root,
    `${what} by the keys of root ${root.signed.version}`,
    '5.3.4',
  );
  const next = signedBy(file, file.signed.keys, file.signed.roles.root, `${what} by its own keys`, '5.3.4');
  expectVersion(file.signed.version, version, what, '5.3.5');
  assertRepository(root, file.signed, what, '5.3.4');
  return next;
}

/** 5.3.10. */
export function assertRootFresh(root: Verified<Root>, now: Date | undefined): void {
  assertFresh(root.signed, now, `root ${root.signed.version}`, '5.3.10');
}

/** 5.3.11: what the new root's keys did not sign is not trusted any more, so that versions can be recovered. */
export function afterRootChange({ root, timestamp, snapshot }: Trusted, evidence = new Evidence()): Trusted {
  const keep = <T extends SignedPart>(
    file: Verified<T> | undefined,
    role: 'timestamp' | 'snapshot',
  ): Verified<T> | undefined =>
    file !== undefined &&
    countSigners(file, root.signed.keys, root.signed.roles[role], evidence.verify) >= root.signed.roles[role].threshold
      ? file
      : undefined;
  return { root, timestamp: keep(timestamp, 'timestamp'), snapshot: keep(snapshot, 'snapshot') };
}

/**
 * 5.4.2 to 5.4.4.
 * @returns the trusted timestamp itself when the version is the same (5.4.3.1: not an error, and not an update)
 */
export function newTimestamp(
  trusted: Trusted,
  bytes: Uint8Array,
  now: Date | undefined,
  evidence = new Evidence(),
): Verified<Timestamp> {
  const { root, timestamp: old } = trusted;
  const what = 'timestamp.json';
  const file = signedBy(
    evidence.read(bytes, 'timestamp', what),
    root.signed.keys,
    root.signed.roles.timestamp,
    what,
    '5.4.2',
    evidence.verify,
  );
  assertRepository(root, file.signed, what, '5.4.2');
  const kept = old === undefined ? file : timestampAfter(root, old, file);
  assertFresh(kept.signed, now, `timestamp ${kept.signed.version}`, '5.4.4');
  return kept;
}

function timestampAfter(
  root: Verified<Root>,
  old: Verified<Timestamp>,
  file: Verified<Timestamp>,
): Verified<Timestamp> {
  const what = 'timestamp.json';
  assertNotLower(file.signed.version, old.signed.version, what, '5.4.3.1');
  if (file.signed.version === old.signed.version) {
    if (root.signed.repository !== undefined && !sameBytes(file.signedBytes, old.signedBytes)) {
      throw new TrustError('two different files under one version', {
        object: `${what} version ${file.signed.version}`,
        code: 'trust.equivocation',
        check: '5.4.3.1',
        expected: `sha256 ${sha256Hex(old.bytes)} as seen before`,
        found: `sha256 ${sha256Hex(file.bytes)}`,
        hint: 'do not publish: somebody holds the timestamp key, or the storage was replaced; see `tufa status`',
      });
    }
    return old;
  }
  assertNotLower(
    file.signed.snapshot.version,
    old.signed.snapshot.version,
    'snapshot.json in timestamp.json',
    '5.4.3.2',
  );
  return file;
}

/** 5.5.2 to 5.5.6. `old`: the snapshot that was trusted before. */
export function newSnapshot(
  root: Verified<Root>,
  timestamp: Verified<Timestamp>,
  old: Verified<Snapshot> | undefined,
  bytes: Uint8Array,
  now: Date | undefined,
  evidence = new Evidence(),
): Verified<Snapshot> {
  const meta = timestamp.signed.snapshot;
  const what = metadataName('snapshot', meta.version);
  assertContent(bytes, meta, what, '5.5.2', evidence);
  const file = signedBy(
    evidence.read(bytes, 'snapshot', what),
    root.signed.keys,
    root.signed.roles.snapshot,
    what,
    '5.5.3',
    evidence.verify,
  );
  assertRepository(root, file.signed, what, '5.5.3');
  expectVersion(file.signed.version, meta.version, what, '5.5.4');
  if (old !== undefined && old !== file) assertNoRollback(old.signed.meta, file.signed.meta);
  for (const [role, floor] of root.signed.floor) {
    const found = roleMeta(file, role)?.version ?? 0;
    if (found < floor)
      fail(
        'rollback below the floor of root',
        `${role} in ${what}`,
        `version ${floor} or more`,
        `${found}`,
        '5.5.5',
        'trust.rollback',
      );
  }
  assertFresh(file.signed, now, `snapshot ${file.signed.version}`, '5.5.6');
  return file;
}

/** Who says who may sign a role: the root for `targets`, else a targets role. */
export interface Delegator {
  readonly name: string;
  readonly keys: ReadonlyMap<string, Key>;
  readonly role: RoleKeys;
  /** An online role of ours: it must not delegate (design: "the tree of roles"). */
  readonly online: boolean;
}

/** 5.6.2 to 5.6.5, for `targets` and for delegated targets alike. */
export function newTargets(
  root: Verified<Root>,
  snapshot: Verified<Snapshot>,
  delegator: Delegator,
  name: string,
  bytes: Uint8Array,
  now: Date | undefined,
  evidence = new Evidence(),
): Verified<Targets> {
  const meta = listedMeta(snapshot, name);
  const what = `${meta.version}.${name}.json`;
  assertContent(bytes, meta, what, '5.6.2', evidence);
  const file = signedBy(
    evidence.read(bytes, 'targets', what),
    delegator.keys,
    delegator.role,
    `${what} by the keys that ${delegator.name} names`,
    '5.6.3',
    evidence.verify,
  );
  assertRepository(root, file.signed, what, '5.6.3');
  expectVersion(file.signed.version, meta.version, what, '5.6.4');
  if (root.signed.repository !== undefined && delegator.online && file.signed.delegations !== undefined) {
    fail('an online role must not delegate', what, 'no delegations', 'delegations', '5.6.7', 'trust.online-delegation');
  }
  assertFresh(file.signed, now, `${name} ${file.signed.version}`, '5.6.5');
  return file;
}

/** The snapshot's entry of a role; undefined when it lists none. */
export function roleMeta(snapshot: { readonly signed: Snapshot }, role: string): FileMeta | undefined {
  const value = lookup(snapshot.signed.meta, `${role}.json`);
  return value === undefined ? undefined : metaEntry(value, `${role}.json`);
}

/** @throws TrustError when the snapshot does not list the role: every delegated role must be there (4.4). */
export function listedMeta(snapshot: { readonly signed: Snapshot }, role: string): FileMeta {
  const meta = roleMeta(snapshot, role);
  return (
    meta ??
    fail(
      'not in the snapshot',
      `${role}.json`,
      `an entry in snapshot ${snapshot.signed.version}`,
      'none',
      '5.6.1',
      'trust.missing',
    )
  );
}

/** 5.7.3: what was downloaded is what targets metadata lists. */
export function assertTarget(
  path: string,
  found: { length: number; sha256: string; sha512?: string | undefined },
  listed: Pick<TargetFile, 'length' | 'sha256' | 'sha512'>,
): void {
  if (found.length !== listed.length)
    fail('another length', path, `${listed.length} bytes`, `${found.length}`, '5.7.3', 'trust.target');
  if (listed.sha256 !== undefined && found.sha256 !== listed.sha256)
    fail('another content', path, `sha256 ${listed.sha256}`, found.sha256, '5.7.3', 'trust.target');
  // Every hash that is listed counts: a file that has only one of them right is another file.
  if (listed.sha512 !== undefined && found.sha512 !== listed.sha512)
    fail('another content', path, `sha512 ${listed.sha512}`, found.sha512 ?? 'not computed', '5.7.3', 'trust.target');
}

/** Nothing that was signed for another repository (staging) is valid here. A root without a uuid is a foreign one. */
function assertRepository(root: Verified<Root>, signed: SignedPart, what: string, check: string): void {
  const expected = root.signed.repository;
  if (expected === undefined) return;
  const required = signed.type === 'timestamp' || signed.type === 'snapshot' || signed.type === 'root';
  if (signed.repository === expected || (signed.repository === undefined && !required)) return;
  fail(
    'made for another repository',
    what,
    `x-tufa-repository ${expected}`,
    signed.repository ?? 'none',
    check,
    'trust.repository',
  );
}

function assertContent(bytes: Uint8Array, meta: FileMeta, what: string, check: string, evidence: Evidence): void {
  if (meta.length !== undefined && bytes.length !== meta.length)
    fail('another length', what, `${meta.length} bytes`, `${bytes.length}`, check, 'trust.content');
  const pairs = [
    ['sha256', meta.sha256, (content: Uint8Array) => evidence.sha256(content)],
    ['sha512', meta.sha512, sha512Hex],
  ] as const;
  for (const [algorithm, expected, hash] of pairs) {
    if (expected === undefined) continue;
    const found = hash(bytes);
    if (found !== expected) fail('another content', what, `${algorithm} ${expected}`, found, check, 'trust.content');
  }
}

function assertFresh(signed: SignedPart, now: Date | undefined, what: string, check: string): void {
  if (now !== undefined && signed.expires.getTime() <= now.getTime()) {
    fail(
      'expired',
      what,
      `a time before ${formatDate(signed.expires)}`,
      `${formatDate(now)} on this clock`,
      check,
      'trust.expired',
    );
  }
}

function expectVersion(found: number, expected: number, what: string, check: string): void {
  if (found !== expected) fail('another version inside', what, `${expected}`, `${found}`, check, 'trust.version');
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.from(a.buffer, a.byteOffset, a.length).equals(b);
}
