import type { PendingRoot, RootDecision } from '../../src/transaction/bridge.ts';
import type { Timestamp as RealTimestamp, Root, Verified } from '../../src/tuf/model.ts';
import { dateOf, TICK, tickOf } from './planner.ts';
import type { Protocol } from './steps.ts';
import type { NamedRoot, RootId, Timestamp, World } from './world.ts';
import { GARBAGE, isSigned, onlineKey, versionOf } from './world.ts';

/** What a job has read, at whatever times it read it. */
export interface Seen {
  readonly live?: Timestamp | undefined;
  readonly roots?: readonly RootId[];
  readonly pending?: readonly RootId[];
  readonly queue?: readonly number[];
}

export interface SignDecision {
  readonly kind: 'sign';
  readonly sets: readonly RootId[];
  readonly names: NamedRoot;
  readonly due: boolean;
  readonly resign: boolean;
}

/** What the real `bridge` says, with roots by name. */
export type Decision =
  | SignDecision
  | { readonly kind: 'put'; readonly root: RootId }
  | { readonly kind: 'read-again' | 'lost' | 'stand-aside' };

export interface NamedKeys {
  readonly timestamp: readonly string[];
  readonly snapshot: readonly string[];
}

const ROOTS = new Map<RootId, Verified<Root>>();
const NAMES = new Map<Verified<Root>, RootId>();

/** A root's stand-in: `bridge` compares roots by what they are and asks for nothing but the version. */
function rootOf(id: RootId): Verified<Root> {
  const known = ROOTS.get(id);
  if (known !== undefined) return known;
  const root = { signed: { version: versionOf(id) } } as Verified<Root>;
  ROOTS.set(id, root);
  NAMES.set(root, id);
  return root;
}

function pendingOf(id: RootId): PendingRoot {
  return { version: versionOf(id), sha256: id, root: rootOf(id) };
}

/** The newest root of the chain by whose keys the live timestamp and its snapshot verify. */
export function verifiedBy({ live, roots = [] }: Seen): RootId | undefined {
  return roots.findLast((root) => live !== undefined && isSigned(live, root) && isSigned(live.snapshot, root));
}

export function decide(world: World, seen: Seen, keys: NamedKeys, again: boolean, protocol: Protocol): Decision {
  const { live, roots = [], pending = [] } = seen;
  const by = verifiedBy(seen);
  const newest = versionOf(roots.at(-1)!);
  const named = live === undefined ? undefined : namedBy(live, seen, protocol);
  const decision = protocol.steps.bridge(
    {
      chain: roots.map(rootOf),
      timestamp: live && ({ root: named && realName(named) } as RealTimestamp),
      verifiedBy: by === undefined ? undefined : rootOf(by),
      // One for another version does not verify by the newest root: it is reported and ignored.
      pending: pending.filter((id) => versionOf(id) === newest + 1 && !id.endsWith(GARBAGE)).map(pendingOf),
      digest: (root) => NAMES.get(root)!,
      canSign: (root) => holds(keys.timestamp, root) && holds(keys.snapshot, root),
      canStamp: (root) => holds(keys.timestamp, root),
      now: dateOf(world.clock),
      grace: protocol.grace * TICK,
      urgent: false,
    },
    again,
  );
  return translated(decision);
}

function holds(keys: readonly string[], root: Verified<Root>): boolean {
  return keys.includes(onlineKey(NAMES.get(root)!));
}

function translated(decision: RootDecision): Decision {
  if (decision.kind === 'put') return { kind: 'put', root: decision.root.sha256 };
  if (decision.kind !== 'sign') return { kind: decision.kind };
  const { names, sets, resign, due } = decision;
  const since = names.since === undefined ? undefined : tickOf(names.since);
  return {
    kind: 'sign',
    sets: sets.map((root) => NAMES.get(root)!),
    names: { version: names.version, id: names.sha256, since },
    due,
    resign,
  };
}

/**
 * What the timestamp says about its root. Without the field a reader can only infer it: from the pending root whose keys
 * have signed too, else the newest one that it knows.
 */
function namedBy(live: Timestamp, { roots = [], pending = [] }: Seen, { without }: Protocol): NamedRoot | undefined {
  if (!without.has('x-tufa-root')) return live.root;
  const bridged = pending.find((id) => versionOf(id) === versionOf(roots.at(-1)!) + 1 && isSigned(live, id));
  const id = bridged ?? roots.at(-1)!;
  return { version: versionOf(id), id, since: bridged === undefined ? 0 : undefined };
}

function realName({ version, id, since }: NamedRoot): { version: number; sha256: string; since: Date | undefined } {
  return { version, sha256: id, since: since === undefined ? undefined : dateOf(since) };
}
