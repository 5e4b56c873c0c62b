import { TrustError } from '../errors.ts';
import { matchesHashPrefix, succinctName } from './bins.ts';
import type { Delegator, Trusted } from './checks.ts';
import {
  afterRootChange,
  assertRootFresh,
  listedMeta,
  newSnapshot,
  newTargets,
  newTimestamp,
  nextRoot,
} from './checks.ts';
import { targetEntry } from './decode.ts';
import { Evidence } from './evidence.ts';
import { metadataName } from './layout.ts';
import type { DelegatedRole, TargetFile, Targets, Verified } from './model.ts';
import { matchesPattern } from './names.ts';
import { lookup } from './run.ts';
import { isOnline } from './tree.ts';

/**
 * The client workflow of section 5 of the TUF specification without input or output: each generator yields what it needs
 * and is given the bytes, or undefined for "not there". Whoever drives it decides where bytes come from: a store, HTTP, a
 * set of files that is not published yet. `get`, `verify`, the rehearsal of a publish and the client for the conformance
 * suite are drivers of the same walk.
 */

export interface Request {
  /** Below `metadata/`: `3.root.json`, `timestamp.json`. */
  readonly name: string;
  readonly role: string;
  readonly maxLength: number;
  /** `kept`: only what the driver has from before counts; it answers undefined when it has nothing. */
  readonly from: 'kept' | 'repository';
}

export type Steps<T> = Generator<Request, T, Uint8Array | undefined>;

/** Bytes; what python-tuf, tuf-js and go-tuf allow when nothing signed says how long a file is. */
export const MAX_LENGTH = { root: 512_000, timestamp: 16_384, snapshot: 2_000_000, targets: 5_000_000 } as const;
const MAX_ROOTS = 1024;
const MAX_DELEGATIONS = 32;

/** The state of one client. `trusted` moves forward as soon as a step is verified, also when a later one fails. */
export class Client {
  trusted: Trusted;
  /** Verified roles by delegator and name: a role that two delegators name is verified for each of them. */
  private readonly roles = new Map<string, Verified<Targets>>();

  private readonly evidence: Evidence;

  /** @param evidence shared with whoever has looked at the same bytes already */
  constructor(trusted: Trusted, evidence = new Evidence()) {
    this.trusted = trusted;
    this.evidence = evidence;
  }

  /** 5.3 to 5.5: root, timestamp and snapshot, in this order. */
  *refresh(now: Date | undefined): Steps<void> {
    yield* this.updateRoot(now);
    yield* this.updateTimestamp(now);
    yield* this.updateSnapshot(now);
  }

  /** 5.3: root N+1, N+2, ... until one is missing. */
  *updateRoot(now: Date | undefined): Steps<void> {
    for (let i = 0; ; i++) {
      const version = this.trusted.root.signed.version + 1;
      const bytes = yield ask(metadataName('root', version), 'root', MAX_LENGTH.root);
      if (bytes === undefined) break;
      if (i === MAX_ROOTS)
        throw new TrustError('too many roots in one update', {
          expected: `at most ${MAX_ROOTS}`,
          found: 'one more',
          check: '5.3.9',
        });
      const root = nextRoot(this.trusted.root, bytes);
      this.trusted = { ...this.trusted, root };
      this.roles.clear();
    }
    assertRootFresh(this.trusted.root, now);
    this.trusted = afterRootChange(this.trusted, this.evidence);
  }

  /** 5.4. */
  *updateTimestamp(now: Date | undefined): Steps<void> {
    const bytes = yield ask(metadataName('timestamp'), 'timestamp', MAX_LENGTH.timestamp);
    if (bytes === undefined) throw missing('timestamp.json', '5.4.1');
    this.trusted = { ...this.trusted, timestamp: newTimestamp(this.trusted, bytes, now, this.evidence) };
  }

  /** 5.5. A kept snapshot that is the one listed is not asked for again. */
  *updateSnapshot(now: Date | undefined): Steps<void> {
    const { root, timestamp, snapshot: old } = this.trusted;
    if (timestamp === undefined) throw missing('timestamp.json', '5.4.1');
    const meta = timestamp.signed.snapshot;
    const name = metadataName('snapshot', meta.version);
    const kept = old?.signed.version === meta.version ? old.bytes : undefined;
    const bytes = kept ?? (yield ask(name, 'snapshot', meta.length ?? MAX_LENGTH.snapshot));
    if (bytes === undefined) throw missing(name, '5.5.1');
    this.trusted = { ...this.trusted, snapshot: newSnapshot(root, timestamp, old, bytes, now, this.evidence) };
    if (kept === undefined) this.roles.clear();
  }

  /**
   * 5.6: looks for a target path through the delegations, in pre-order.
   * @returns undefined when no role lists it
   */
  *findTarget(path: string, now: Date | undefined): Steps<TargetFile | undefined> {
    const toVisit: { name: string; delegator: Delegator }[] = [{ name: 'targets', delegator: this.topDelegator() }];
    const visited = new Set<string>();
    while (toVisit.length > 0) {
      const { name, delegator } = toVisit.pop()!;
      if (visited.has(name)) continue;
      if (visited.size > MAX_DELEGATIONS)
        throw new TrustError('too many delegations', {
          object: path,
          expected: `at most ${MAX_DELEGATIONS}`,
          found: 'more',
          check: '5.6.7.1',
        });
      const role = yield* this.loadRole(name, delegator, now);
      const found = lookup(role.signed.targets, path);
      if (found !== undefined) return targetEntry(found, path);
      visited.add(name);
      const next = delegationsFor(role.signed, name, path);
      if (next.terminating) toVisit.length = 0;
      toVisit.push(...next.roles.reverse());
    }
    return undefined;
  }

  /** 5.6.1 to 5.6.6: one role, verified for this delegator. */
  *loadRole(name: string, delegator: Delegator, now: Date | undefined): Steps<Verified<Targets>> {
    const known = this.roles.get(pair(delegator, name));
    if (known !== undefined) return known;
    const { root, snapshot } = this.trusted;
    if (snapshot === undefined) throw missing('snapshot.json', '5.5.1');
    const meta = listedMeta(snapshot, name);
    const fileName = metadataName(name, meta.version);
    const maxLength = meta.length ?? MAX_LENGTH.targets;
    const kept = yield { name: fileName, role: name, maxLength, from: 'kept' };
    let file = kept && attempt(() => newTargets(root, snapshot, delegator, name, kept, now, this.evidence));
    if (file === undefined) {
      const bytes = yield ask(fileName, name, maxLength);
      if (bytes === undefined) throw missing(fileName, '5.6.1');
      file = newTargets(root, snapshot, delegator, name, bytes, now, this.evidence);
    }
    this.roles.set(pair(delegator, name), file);
    return file;
  }

  /** Every file that this client has verified, by role: what it keeps for its next run. */
  *verifiedFiles(): Generator<[role: string, bytes: Uint8Array]> {
    const { root, timestamp, snapshot } = this.trusted;
    yield ['root', root.bytes];
    if (timestamp !== undefined) yield ['timestamp', timestamp.bytes];
    if (snapshot !== undefined) yield ['snapshot', snapshot.bytes];
    for (const [key, file] of this.roles) yield [JSON.parse(key)[1] as string, file.bytes];
  }

  topDelegator(): Delegator {
    const { keys, roles } = this.trusted.root.signed;
    return { name: 'root', keys, role: roles.targets, online: false };
  }
}

/** The roles that `role` delegates `path` to, in order of priority, and whether the last of them ends the search. */
export function delegationsFor(
  role: Pick<Targets, 'delegations'>,
  name: string,
  path: string,
): { roles: { name: string; delegator: Delegator }[]; terminating: boolean } {
  const { delegations } = role;
  if (delegations === undefined) return { roles: [], terminating: false };
  const { keys, succinct } = delegations;
  if (succinct !== undefined) {
    // TAP 15 says that it is not terminating; every client that knows it stops here, and so do we.
    return {
      roles: [{ name: succinctName(succinct, path), delegator: { name, keys, role: succinct, online: true } }],
      terminating: true,
    };
  }
  const roles: { name: string; delegator: Delegator }[] = [];
  for (const delegated of delegations.roles) {
    if (!covers(delegated, path)) continue;
    roles.push({ name: delegated.name, delegator: { name, keys, role: delegated, online: isOnline(delegated.name) } });
    if (delegated.terminating) return { roles, terminating: true };
  }
  return { roles, terminating: false };
}

/** One text for two names, whatever characters a foreign repository has in them. */
function pair(delegator: Delegator, name: string): string {
  return JSON.stringify([delegator.name, name]);
}

function covers(role: DelegatedRole, path: string): boolean {
  if (role.paths !== undefined) return role.paths.some((pattern) => matchesPattern(pattern, path));
  return matchesHashPrefix(role.pathHashPrefixes ?? [], path);
}

function ask(name: string, role: string, maxLength: number): Request {
  return { name, role, maxLength, from: 'repository' };
}

/** What was kept may be of an earlier snapshot or damaged: then it is fetched, which is no error. */
function attempt<T>(verify: () => T): T | undefined {
  try {
    return verify();
  } catch (error) {
    if (error instanceof TrustError) return undefined;
    throw error;
  }
}

function missing(object: string, check: string): TrustError {
  return new TrustError('not there', { object, expected: 'a file', found: 'nothing', check, code: 'trust.missing' });
}
