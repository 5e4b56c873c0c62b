import type { Key, MetadataFile, RoleKeys, Root, SignedPart, Targets } from '../tuf/model.ts';
import { TOP_LEVEL } from '../tuf/model.ts';
import { isOnline } from '../tuf/tree.ts';
import type { FirstPlan } from './first.ts';

/**
 * A slot is a place in root or in delegations that says whose keys sign a role: `root`, `timestamp`; `trust`, `bin0`. The
 * online roles below `bins` (`recent`) share one slot, which has the name of their delegator and stands for all of them.
 */

/** Roles that people sign: they can be named in a ceremony. */
export function isOffline(role: string): boolean {
  return role !== 'timestamp' && role !== 'snapshot' && !isOnline(role);
}

/** The slots of a root or of an offline targets role, in the order of the file. */
export function slotsOf(role: string, signed: SignedPart): ReadonlyMap<string, RoleKeys> {
  if (signed.type === 'root') return new Map(TOP_LEVEL.map((name) => [name, signed.roles[name]]));
  const delegations = signed.type === 'targets' ? signed.delegations : undefined;
  if (delegations?.succinct !== undefined) return new Map([[role, delegations.succinct]]);
  return new Map((delegations?.roles ?? []).map((one) => [one.name, one]));
}

export function keysOf(signed: SignedPart): ReadonlyMap<string, Key> {
  if (signed.type === 'root') return signed.keys;
  return (signed.type === 'targets' ? signed.delegations?.keys : undefined) ?? new Map();
}

/** Whether the keys of a slot are online: the job signs with them. @param delegator whose slot it is */
export function isOnlineSlot(delegator: string, slot: string): boolean {
  return delegator === slot ? slot !== 'root' : !isOffline(slot);
}

/** A slot as people read it: `bins-…` are the leaves below `bins`. */
export function slotName(role: string, slot: string): string {
  return slot === role && role !== 'root' ? `${slot}-…` : slot;
}

/** Who delegates to an offline role. */
export function delegatorOf(role: string): 'root' | 'targets' {
  return role === 'root' || role === 'targets' ? 'root' : 'targets';
}

/** The keys and threshold that a delegator names for a role; undefined: it does not know the role. */
export function namedBy(
  delegator: MetadataFile<Root> | MetadataFile<Targets> | { readonly signed: SignedPart },
  role: string,
): { readonly keys: ReadonlyMap<string, Key>; readonly role: RoleKeys } | undefined {
  const { signed } = delegator;
  const found = slotsOf(signed.type === 'root' ? 'root' : 'targets', signed).get(role);
  return found === undefined ? undefined : { keys: keysOf(signed), role: found };
}

/** What tufa.yaml wants for each slot of a delegator, by the names of the slots that the live one has. */
export function plannedSlots(role: string, live: SignedPart, { roles }: FirstPlan): ReadonlyMap<string, RoleKeys> {
  const planned = (slot: string): RoleKeys | undefined => {
    if (slot === role && role !== 'root') return role === 'bins' ? roles.leafBins : roles.leafRecent;
    if (slot === 'bin0') return roles.leafBins;
    if (slot === 'recent0') return roles.leafRecent;
    return roles[slot as keyof typeof roles];
  };
  return new Map(
    [...slotsOf(role, live).keys()].flatMap((slot) => {
      const keys = planned(slot);
      return keys === undefined ? [] : [[slot, keys] as const];
    }),
  );
}

export interface KeyChange {
  /** Slots that stay as they are, whatever tufa.yaml wants: the keys of a role that was signed with one-time keys. */
  readonly still?: ReadonlySet<string> | undefined;
  /** Keyids that stay beside those that are wanted, by slot: they have signed what is live, and can sign nothing more. */
  readonly keep?: ReadonlyMap<string, readonly string[]> | undefined;
  /** After a compromise: the keys of online roles below change at once, not first to both. */
  readonly atOnce?: boolean | undefined;
}

/**
 * The slots of the next version. Keys stay in the order in which they are; new ones follow in tufa.yaml's. Those of the
 * online roles below a delegator change in two steps, unless `atOnce`: both keys first, so that the leaves can be signed
 * anew over any number of snapshots (design, "Root and online keys").
 */
export function nextSlots(role: string, live: SignedPart, plan: FirstPlan, change: KeyChange): Map<string, RoleKeys> {
  const next = new Map<string, RoleKeys>();
  const planned = plannedSlots(role, live, plan);
  for (const [slot, now] of slotsOf(role, live)) {
    const want = planned.get(slot);
    if (want === undefined || change.still?.has(slot) === true) continue;
    const leaf = role !== 'root' && isOnlineSlot(role, slot) && change.atOnce !== true;
    const fresh = want.keyids.some((keyid) => !now.keyids.includes(keyid));
    const stay = leaf && fresh ? now.keyids : (change.keep?.get(slot) ?? []);
    next.set(slot, ordered(now, { ...want, keyids: [...want.keyids, ...stay] }));
  }
  return next;
}

/** Whether two slots name the same keys and the same threshold. */
export function sameSlot(a: RoleKeys, b: RoleKeys): boolean {
  return (
    a.threshold === b.threshold &&
    a.keyids.length === b.keyids.length &&
    a.keyids.every((keyid) => b.keyids.includes(keyid))
  );
}

function ordered(now: RoleKeys, want: RoleKeys): RoleKeys {
  const wanted = [...new Set(want.keyids)];
  return {
    keyids: [
      ...now.keyids.filter((keyid) => wanted.includes(keyid)),
      ...wanted.filter((keyid) => !now.keyids.includes(keyid)),
    ],
    threshold: want.threshold,
  };
}
