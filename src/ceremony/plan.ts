import { InputError } from '../errors.ts';
import type { MetadataFile, RoleKeys, Root, SignedPart, Targets } from '../tuf/model.ts';
import { readSigned } from '../tuf/read.ts';
import type { FirstPlan } from './first.ts';
import type { Ground } from './ground.ts';
import { groundFile, isSignedBy } from './ground.ts';
import { nextRootDraft, nextTargetsDraft } from './next.ts';
import { delegatorOf, isOffline, nextSlots, slotsOf } from './slots.ts';

/** What somebody wants of a ceremony. */
export interface CeremonyRequest {
  /** Offline roles to be drawn anew. */
  readonly asked: ReadonlySet<string>;
  /** Keys made for this sitting alone, by the role that they sign. */
  readonly oneTime: ReadonlyMap<string, RoleKeys>;
  /** After a compromise: the keys of online roles below change at once. */
  readonly atOnce: boolean;
  /** Keyids in `holders/`: a key that is not there can sign nothing more. */
  readonly known: ReadonlySet<string>;
  readonly expires: (role: string) => Date;
  /** The first free version of a role above the live one. */
  readonly version: (role: string) => number;
}

export interface Planned {
  readonly role: string;
  readonly version: number;
  readonly bytes: Buffer;
  /** Nobody asked for it: its keys change, and its live file would not verify any more. */
  readonly follows: boolean;
}

/**
 * The drafts of a ceremony, delegators first. A role whose delegator takes its keys away is drawn as well, because what is
 * live of it would not verify by the new ones.
 */
export function planCeremony(ground: Ground, plan: FirstPlan, request: CeremonyRequest): Planned[] {
  const wanted: FirstPlan = { ...plan, roles: { ...plan.roles, ...Object.fromEntries(request.oneTime) } };
  const due = new Set(request.asked);
  for (const role of request.oneTime.keys()) due.add(role).add(delegatorOf(role));
  const planned: Planned[] = [];
  for (const role of ['root', 'targets', ...belowTargets(ground)]) {
    if (!due.delete(role)) continue;
    const drawn = draw(role, ground, wanted, request);
    planned.push({ role, ...drawn, follows: !request.asked.has(role) && !request.oneTime.has(role) });
    for (const below of orphaned(role, readSigned(drawn.bytes, role === 'root' ? 'root' : 'targets', role), ground))
      due.add(below);
  }
  const [stranger] = due;
  if (stranger === undefined) return planned;
  throw new InputError('no offline role of this repository', {
    object: stranger,
    code: 'input.role',
    expected: `one of ${['root', 'targets', ...belowTargets(ground)].join(', ')}`,
    found: stranger,
  });
}

/** The offline roles that live targets delegate to, in their order. */
function belowTargets(ground: Ground): string[] {
  const roles = ground.roles.get('targets')?.signed.delegations?.roles ?? [];
  return roles.map(({ name }) => name).filter(isOffline);
}

function draw(
  role: string,
  ground: Ground,
  plan: FirstPlan,
  request: CeremonyRequest,
): { version: number; bytes: Buffer } {
  const live = groundFile(ground, role);
  if (live === undefined) throw new InputError('nothing is live of this role', { object: role, code: 'input.role' });
  const slots = nextSlots(role, live.signed, plan, {
    still: oneTimeSlots(role, live.signed, request),
    keep: goneSigners(role, live.signed, ground, request),
    atOnce: request.atOnce,
  });
  const expires = request.expires(role);
  if (role === 'root') {
    const floor = new Map([...ground.roles].map(([name, file]) => [name, file.signed.version]));
    const bytes = nextRootDraft(live as MetadataFile<Root>, { expires, keys: plan.keys, slots, floor });
    return { version: live.signed.version + 1, bytes };
  }
  const version = request.version(role);
  return {
    version,
    bytes: nextTargetsDraft(role, live as MetadataFile<Targets>, { version, expires, keys: plan.keys, slots }),
  };
}

/** Offline roles below that nobody asks for and that were signed with one-time keys: their keys stay as they are. */
function oneTimeSlots(role: string, live: SignedPart, { asked, oneTime, known }: CeremonyRequest): Set<string> {
  const still = new Set<string>();
  for (const [slot, { keyids }] of slotsOf(role, live)) {
    if (!isOffline(slot) || slot === role || asked.has(slot) || oneTime.has(slot)) continue;
    if (keyids.every((keyid) => !known.has(keyid))) still.add(slot);
  }
  return still;
}

/**
 * Who has signed the live file of a role below and is gone: the next delegator goes on naming them, so that the live file
 * verifies until the next one, by other keys, is there.
 */
function goneSigners(
  role: string,
  live: SignedPart,
  ground: Ground,
  { known }: CeremonyRequest,
): Map<string, string[]> {
  const keep = new Map<string, string[]>();
  for (const [slot, { keyids, threshold }] of slotsOf(role, live)) {
    if (!isOffline(slot) || slot === role) continue;
    if (keyids.filter((keyid) => known.has(keyid)).length >= threshold) continue;
    const signers = (ground.roles.get(slot)?.signatures ?? []).map(({ keyid }) => keyid);
    keep.set(
      slot,
      signers.filter((keyid) => keyids.includes(keyid)),
    );
  }
  return keep;
}

/** Offline roles whose live file does not verify by a new delegator. */
export function orphaned(role: string, next: SignedPart, ground: Ground): string[] {
  const below = role === 'root' ? ['targets'] : role === 'targets' ? belowTargets(ground) : [];
  return below.filter((name) => {
    const file = ground.roles.get(name);
    return file !== undefined && !isSignedBy(file, { signed: next }, name);
  });
}
