import type { SetState } from '../jobs/sign.ts';
import { printable } from './printable.ts';

/** What an open draft waits for: for a root, the old and the new threshold apart. */
export function openLines(draft: string, sets: readonly SetState[]): string[] {
  const [first] = sets;
  const text = ({ signatures, threshold, missing }: SetState): string =>
    `${signatures} of ${threshold} signatures; can still sign: ${missing.map(printable).join(', ') || 'nobody'}`;
  if (sets.length === 1 && first !== undefined) return [`${draft}: ${text(first)}`];
  return [`${draft}:`, ...sets.map((set, i) => `  ${i === 0 ? 'old' : 'new'} ${set.by}: ${text(set)}`)];
}
