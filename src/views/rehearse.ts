import type { Rehearsal } from '../jobs/rehearse/rehearse.ts';
import { printable } from './printable.ts';

export function rehearsalText({ repository, steps, signatures }: Rehearsal): string {
  const lines = steps.flatMap(({ title, did, checked }, i) => [
    `${i + 1}  ${printable(title)}`,
    ...did.map((line) => `   ${printable(line)}`),
    ...checked.map((line) => `   ok: ${printable(line)}`),
  ]);
  return [
    `rehearsal of a ceremony of ${printable(repository.name)}; the repository itself is not touched`,
    ...lines,
    `all ${steps.length} steps went well: ${signatures} signatures by throw-away keys`,
    'next, for real: tufa ceremony open root',
    '',
  ].join('\n');
}
