import { canonical } from '../tuf/encode.ts';
import { map, positive, refuse, text } from '../tuf/fields.ts';
import type { Json, MetadataFile, Targets } from '../tuf/model.ts';
import { assertRoleName } from '../tuf/names.ts';
import { readMetadata } from '../tuf/read.ts';

/**
 * An entry of kind `role` carries a complete ceremony: the next version of an offline role. It needs no envelope, its own
 * signatures decide, so whoever carries it needs no right but to write to the queue.
 */
export interface RoleEntry {
  readonly number: number;
  readonly role: string;
  readonly file: MetadataFile<Targets>;
}

const TYPE = 'role-entry';

export function encodeRoleEntry(number: number, role: string, file: Uint8Array): Buffer {
  return canonical({ _type: TYPE, file: Buffer.from(file).toString('utf8'), number, role });
}

export function isRoleEntry(value: Json): boolean {
  return value instanceof Map && value.get('_type') === TYPE;
}

/** @throws InputError, TrustError; the drain refuses this entry alone and goes on */
export function openRoleEntry(value: Json, number: number): RoleEntry {
  const what = `queue entry ${number}`;
  const entry = map(value, what);
  if (positive(entry.get('number'), 'number') !== number) refuse(what, `number ${number}`, 'another');
  const role = text(entry.get('role'), 'role');
  if (role !== 'targets') assertRoleName(role);
  return {
    number,
    role,
    file: readMetadata(Buffer.from(text(entry.get('file'), 'file')), 'targets', `${what}: ${role}`),
  };
}

/** What the live state says about a role that a ceremony wants to replace. */
export interface RoleView {
  /** Live version; 0: the snapshot does not list it. */
  readonly live: number;
  /** What stands under the name of the new version. */
  readonly place: 'free' | 'same' | 'other';
  /** Why a threshold of its delegator has not signed it for this repository; undefined: it has. */
  readonly invalid: string | undefined;
  /** Online roles below it that nobody has signed with a key that it names. */
  readonly orphans: number;
}

/**
 * Why a complete ceremony is not folded; undefined: it is. The base decides, not "live + 1": a name may be taken by a
 * ceremony that nobody completed, and two drafts over one base must not both win (transaction model, V9).
 */
export function judgeRole({ file }: RoleEntry, view: RoleView): { why: string; equivocation: boolean } | undefined {
  const { version, base } = file.signed;
  const verdict = (why: string, equivocation = false) => ({ why, equivocation });
  if (view.invalid !== undefined) return verdict(view.invalid);
  if (view.place === 'other') return verdict(`another file stands under version ${version} already`, true);
  if (base !== view.live) return verdict(`drawn on version ${base ?? 'none'}, and version ${view.live} is live`);
  if (version <= view.live) return verdict(`version ${version} is not higher than ${view.live}`);
  if (view.orphans > 0)
    return verdict(`${view.orphans} roles below it are signed by the old key alone: re-sign them first`);
  return undefined;
}
