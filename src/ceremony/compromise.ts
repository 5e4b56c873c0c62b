import { InputError } from '../errors.ts';
import type { RoleKeys, SignedPart } from '../tuf/model.ts';
import type { FirstPlan } from './first.ts';
import type { Ground } from './ground.ts';
import { plannedSlots, slotsOf } from './slots.ts';

/** Whose keys may be stolen, as `recover compromise --role` takes them. */
export const STEALABLE = {
  timestamp: 'the online key of timestamp',
  snapshot: 'the online key of snapshot',
  bins: 'the online key of the leaves bin…',
  recent: 'the online key of the leaves recent…',
  deny: 'the online key of deny',
  targets: 'a threshold of the holders of targets',
  trust: 'a threshold of the holders of trust',
  claimed: 'a threshold of the holders of claimed',
  'bins-holders': 'a threshold of the holders of bins, who delegate to its leaves',
  'recent-holders': 'a threshold of the holders of recent, who delegate to its leaves',
} as const;

export type Stealable = keyof typeof STEALABLE;

/**
 * Whose keys have to change, so that the versions of a role can start again: clients compare a role's version with the
 * file that lists it, and forget that file when its own keys are replaced (specification, section 5.3.11). Timestamp lists
 * snapshot, snapshot lists all others.
 */
export function resetKeys(role: Stealable): readonly ('timestamp' | 'snapshot')[] {
  if (role === 'timestamp') return ['timestamp'];
  if (role === 'snapshot') return ['timestamp', 'snapshot'];
  return ['snapshot'];
}

/** A place where the keys of a role are named, before and after. */
export interface Slot {
  readonly role: Stealable;
  readonly online: boolean;
  /** The offline role whose file names them. */
  readonly delegator: string;
  readonly old: RoleKeys;
  readonly next: RoleKeys;
  /**
   * `stolen`: somebody has said so; `shared`: it names a stolen key, too; `reset`: so that versions can go back;
   */
  readonly why: 'stolen' | 'shared' | 'reset';
}

/**
 * The slots whose keys have to be others. Timestamp and snapshot always: PEP 458's first step, and without it no client
 * that has seen the thief's versions would go back to the good ones.
 *
 * @throws InputError for a role that this repository has not
 */
export function stolenSlots(roles: ReadonlySet<Stealable>, ground: Ground, plan: FirstPlan): Slot[] {
  const all = (Object.keys(STEALABLE) as Stealable[]).flatMap((role) => {
    const slot = slotOf(role, ground, plan);
    if (slot === undefined && roles.has(role)) throw noSuchRole(role, ground, plan);
    return slot === undefined ? [] : [slot];
  });
  const keys = new Set(all.filter(({ role }) => roles.has(role)).flatMap(({ old }) => old.keyids));
  const reset = new Set<string>([...roles].flatMap(resetKeys).concat('timestamp', 'snapshot'));
  return all.flatMap((slot): Slot[] => {
    if (roles.has(slot.role)) return [{ ...slot, why: 'stolen' }];
    if (slot.online && slot.old.keyids.some((keyid) => keys.has(keyid))) return [{ ...slot, why: 'shared' }];
    return reset.has(slot.role) ? [{ ...slot, why: 'reset' }] : [];
  });
}

/** Whether the thief is out: an online key is another one; of holders, too few are left to sign. */
export function isReplaced({ online, old, next }: Slot): boolean {
  const left = next.keyids.filter((keyid) => old.keyids.includes(keyid)).length;
  return next.keyids.length > 0 && (online ? left === 0 : left < Math.min(old.threshold, next.threshold));
}

/** Offline roles to be drawn: root, and who delegates to whose keys are replaced. */
export function rolesToDraw(slots: readonly Slot[]): string[] {
  const asked = slots.flatMap(({ role, online, delegator }) => (online ? [delegator] : [delegator, fileOf(role)]));
  return [...new Set(['root', ...asked])];
}

/** Roles that a repository has of those in STEALABLE. */
export function stealableIn(ground: Ground, plan: FirstPlan): Stealable[] {
  return (Object.keys(STEALABLE) as Stealable[]).filter((role) => slotOf(role, ground, plan) !== undefined);
}

function slotOf(role: Stealable, ground: Ground, plan: FirstPlan): Omit<Slot, 'why'> | undefined {
  const root = ground.chain.at(-1)!.signed;
  const targets = ground.roles.get('targets')?.signed;
  const place = (delegator: string, signed: SignedPart | undefined, slot: string, online: boolean) => {
    const old = signed && slotsOf(delegator, signed).get(slot);
    if (signed === undefined || old === undefined) return undefined;
    const next = plannedSlots(delegator, signed, plan).get(slot) ?? old;
    return { role, online, delegator, old, next };
  };
  switch (role) {
    case 'timestamp':
    case 'snapshot':
      return place('root', root, role, true);
    case 'targets':
      return place('root', root, role, false);
    case 'deny':
      return place('targets', targets, role, true);
    case 'bins':
      return place('targets', targets, 'bin0', true) ?? place('bins', ground.roles.get('bins')?.signed, 'bins', true);
    case 'recent':
      return (
        place('targets', targets, 'recent0', true) ??
        place('recent', ground.roles.get('recent')?.signed, 'recent', true)
      );
    default:
      return place('targets', targets, fileOf(role), false);
  }
}

/** The offline role whose holders are meant. */
function fileOf(role: Stealable): string {
  return role.replace(/-holders$/, '');
}

function noSuchRole(role: Stealable, ground: Ground, plan: FirstPlan): InputError {
  return new InputError('this repository has no such role', {
    object: `--role ${role}`,
    code: 'input.role',
    expected: `one of ${stealableIn(ground, plan).join(', ')}`,
    found: role,
  });
}
