import { metaEntry } from './decode.ts';
import type { Run } from './model.ts';
import { fail } from './refusal.ts';
import { Cursor, skipShared } from './run.ts';

/** 5.5.5: every role of the old snapshot is in the new one, none with a lower version. */
export function assertNoRollback(oldMeta: Run, newMeta: Run): void {
  const old = new Cursor(oldMeta);
  const now = new Cursor(newMeta);
  skipShared(old, now);
  while (old.next()) {
    let order = -1;
    while (order < 0 && now.next()) order = now.compareKey(old);
    if (order !== 0) {
      fail('a role is missing', nameAt(old), 'an entry, as in the snapshot before', 'none', '5.5.5', 'trust.rollback');
    }
    if (!old.sameValue(now)) assertNotLower(versionOf(now), versionOf(old), nameAt(old), '5.5.5');
    skipShared(old, now);
  }
}

function nameAt(at: Cursor): string {
  return Buffer.from(at.key()).toString('latin1');
}

const VERSION = Buffer.from('"version":');

/** The version of an entry. It is the last member in canonical order, so its digits end the entry. */
function versionOf(at: Cursor): number {
  let start = at.valueEnd - 1;
  while (at.run[start - 1]! >= 0x30 && at.run[start - 1]! <= 0x39) start--;
  const before = at.run[start - VERSION.length - 1];
  const plain = VERSION.equals(at.run.subarray(start - VERSION.length, start)) && (before === 0x7b || before === 0x2c);
  if (!plain) return metaEntry(at.value(), 'meta').version;
  return Number(Buffer.from(at.run.subarray(start, at.valueEnd - 1)).toString('latin1'));
}

export function assertNotLower(found: number, seen: number, what: string, check: string): void {
  if (found < seen)
    fail(
      'rollback',
      what,
      `version ${seen} or more, because ${seen} was seen already`,
      `${found}`,
      check,
      'trust.rollback',
    );
}
