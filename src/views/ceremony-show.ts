import type { Shown } from '../jobs/ceremony/show.ts';
import { digestGroups } from './digest.ts';
import { printable } from './printable.ts';
import { draftText, wordLines } from './sitting.ts';
import { dateText } from './time.ts';

export function shownText({ drafts }: Shown, now: Date): string {
  if (drafts.length === 0) return 'no ceremony is open\nnext: tufa ceremony open ROLE\n';
  return drafts
    .map(({ draft, complete, sets, sitting, problem }) => {
      if (sitting === undefined) return `${draft}: ${printable(problem ?? '')}\n`;
      const missing = sets.flatMap((set) => (set.signatures < set.threshold ? set.missing : []));
      const state = complete
        ? '  complete; next: tufa ceremony publish'
        : `  can still sign: ${[...new Set(missing)].map(printable).join(', ') || 'nobody'}`;
      return `${draftText(sitting, now)}${state}\n`;
    })
    .join('\n');
}

/** To be printed, compared by everybody who was there, signed by hand, and kept on paper. */
export function sheetText({ repository, sheet }: Shown, now: Date): string {
  const files = sheet.flatMap(({ file, length, sha256, signedSha256 }) => [
    `${file}   ${length} bytes`,
    `  sha256 of the file         ${digestGroups(sha256)}`,
    ...wordLines(sha256).map((line) => `                             ${line}`),
    `  sha256 of what was signed  ${digestGroups(signedSha256)}`,
    '',
  ]);
  return [
    `New metadata of ${printable(repository.name)}, ${repository.uuid}`,
    `Printed ${dateText(now)}`,
    '',
    ...(files.length === 0 ? ['No ceremony is complete.', ''] : files),
    'Compared by (name, place, date, signature):',
    '',
    ...Array.from(
      { length: 4 },
      () => '  ______________________   ______________   __________   ______________________',
    ),
    '',
  ].join('\n');
}
