import type { Sitting } from '../jobs/sitting.ts';
import { diffLines, diffTitle } from './ceremony-diff.ts';
import { digestGroups } from './digest.ts';
import { printable } from './printable.ts';
import { deadline } from './time.ts';
import { digestWords } from './words.ts';

/** What a holder reads before signing: each draft with what it changes, its deadline and the digest of the exact bytes. */
export function sittingText(sitting: readonly Sitting[], now: Date): string {
  return sitting.map((one) => draftText(one, now)).join('\n');
}

export function draftText({ draft, signed, digest, sets, diff, seen, here, warnings }: Sitting, now: Date): string {
  const lines = [
    `${diffTitle(diff)}   expires ${deadline(signed.expires, now)}`,
    ...(seen ? [] : ['  ! drawn on a version that you have not seen before: it verifies, compare it with care']),
    ...diffLines(diff),
    ...warnings.map((warning) => `  ! ${printable(warning)}`),
    `  ${draft.bytes.length} bytes, sha256 ${digestGroups(digest)}`,
    ...wordLines(digest).map((line) => `    ${line}`),
    ...setLines(sets),
    ...(here.length === 0 ? [] : [`  to be signed here by ${here.join(', ')}`]),
  ];
  return `${lines.join('\n')}\n`;
}

/** For a root, the old and the new threshold apart. */
function setLines(sets: Sitting['sets']): string[] {
  const age = (i: number): string => (sets.length === 1 ? '' : i === 0 ? 'old ' : 'new ');
  return sets.map(({ by, valid, role }, i) => `  by ${age(i)}${by}: ${valid.length} of ${role.threshold} signatures`);
}

/** The digest in words, eight to a line. */
export function wordLines(digest: string): string[] {
  const words = digestWords(digest);
  return [0, 8, 16].map((from) => words.slice(from, from + 8).join(' '));
}
