import { canonicalText } from '../tuf/encode.ts';
import type { RoleKeys, SignedPart } from '../tuf/model.ts';
import type { Change, DiffContext } from './diff.ts';
import { isOnlineSlot, keysOf, slotName, slotsOf } from './slots.ts';

/** Whose keys sign what: added, removed, replaced, reused, and thresholds. Keys are named in full and by their holders. */
export function diffKeys(
  role: string,
  before: SignedPart | undefined,
  after: SignedPart,
  context: DiffContext,
): Change[] {
  const old = before === undefined ? new Map<string, RoleKeys>() : slotsOf(role, before);
  const now = slotsOf(role, after);
  const changes: Change[] = [];
  for (const [slot, is] of now) changes.push(...slotChanges(slotName(role, slot), old.get(slot), is, context));
  return [
    ...replaced(changes, context),
    ...changes,
    ...sameKeyids(before, after, context),
    ...reused(role, now, context),
  ];
}

function slotChanges(slot: string, was: RoleKeys | undefined, is: RoleKeys, { names }: DiffContext): Change[] {
  const changes: Change[] = [];
  const count = ({ threshold, keyids }: RoleKeys): string => `${threshold} of ${keyids.length}`;
  if (was === undefined || was.threshold !== is.threshold || was.keyids.length !== is.keyids.length) {
    changes.push({
      kind: 'threshold',
      flagged: was !== undefined && is.threshold < was.threshold,
      subject: slot,
      before: was && count(was),
      after: count(is),
    });
  }
  for (const keyid of is.keyids)
    if (was?.keyids.includes(keyid) !== true)
      changes.push({
        kind: 'key.added',
        flagged: false,
        subject: slot,
        before: undefined,
        after: keyid,
        holder: names.after.get(keyid),
      });
  for (const keyid of was?.keyids ?? [])
    if (!is.keyids.includes(keyid))
      changes.push({
        kind: 'key.removed',
        flagged: false,
        subject: slot,
        before: keyid,
        after: undefined,
        holder: names.before.get(keyid) ?? names.after.get(keyid),
      });
  return changes;
}

/** A name that stood for one key and now stands for another: the easiest way to slip one in. */
function replaced(changes: readonly Change[], { names }: DiffContext): Change[] {
  const found = new Map<string, Change>();
  for (const { kind, after, holder } of changes) {
    if (kind !== 'key.added' || after === undefined || holder === undefined) continue;
    const before = [...names.before].find(([keyid, name]) => name === holder && keyid !== after)?.[0];
    if (before !== undefined)
      found.set(after, { kind: 'key.replaced', flagged: true, subject: holder, before, after, holder });
  }
  return [...found.values()];
}

/** Keys that stay: with another content (a keyid that is not the key's hash), or under another holder's name. */
function sameKeyids(before: SignedPart | undefined, after: SignedPart, { names }: DiffContext): Change[] {
  const old = before === undefined ? new Map<string, never>() : keysOf(before);
  return [...keysOf(after)].flatMap(([keyid, key]): Change[] => {
    const was = old.get(keyid);
    if (was === undefined) return [];
    const [text, oldText] = [canonicalText({ ...key }), canonicalText({ ...was })];
    const [holder, oldHolder] = [names.after.get(keyid), names.before.get(keyid)];
    const changed = { flagged: true, subject: keyid, holder };
    return [
      ...(text === oldText ? [] : [{ ...changed, kind: 'key.content' as const, before: oldText, after: text }]),
      ...(holder === undefined || oldHolder === undefined || holder === oldHolder
        ? []
        : [{ ...changed, kind: 'key.renamed' as const, before: oldHolder, after: holder }]),
    ];
  });
}

/** A key that signs by itself must not be one that people sign with: its thief would be a holder. */
function reused(role: string, now: ReadonlyMap<string, RoleKeys>, { names, elsewhere }: DiffContext): Change[] {
  const uses = new Map<string, { slot: string; online: boolean }[]>();
  const add = (keyid: string, slot: string, online: boolean): void => {
    const known = uses.get(keyid) ?? [];
    if (!known.some((use) => use.slot === slot)) uses.set(keyid, [...known, { slot, online }]);
  };
  for (const [slot, { keyids }] of now)
    for (const keyid of keyids) add(keyid, slotName(role, slot), isOnlineSlot(role, slot));
  for (const keyid of [...uses.keys()])
    for (const slot of elsewhere.get(keyid) ?? []) add(keyid, slot, slot.endsWith('-…') || isOnlineSlot('', slot));
  return [...uses]
    .filter(([, all]) => all.some((use) => use.online) && all.some((use) => !use.online))
    .map(([keyid, all]) => ({
      kind: 'key.reused',
      flagged: true,
      subject: keyid,
      before: undefined,
      after: all.map((use) => use.slot).join(', '),
      holder: names.after.get(keyid),
      why: 'an online and an offline role with one key',
    }));
}

/** What a part gives keys to, for the `elsewhere` of another part's diff. */
export function keyUses(role: string, signed: SignedPart): [keyid: string, slot: string][] {
  return [...slotsOf(role, signed)].flatMap(([slot, { keyids }]) =>
    keyids.map((keyid): [string, string] => [keyid, slotName(role, slot)]),
  );
}
