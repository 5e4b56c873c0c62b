import type { Demo } from '../jobs/demo/demo.ts';
import { statusText } from './status.ts';
import { treeText } from './tree.ts';

export function demoText({ folder, kept, files, status, attacks }: Demo, now: Date): string {
  const width = Math.max(...attacks.map((attack) => attack.story.length));
  const lines = attacks.map(
    ({ story, check, message }, i) => `${i + 1}  ${story.padEnd(width)}  REFUSED by check ${check}\n   ${message}`,
  );
  return [
    `a signed index of ${files.join(', ')}`,
    '',
    tree(status),
    statusText(status, now),
    'attacks, each on a copy of this index, read by `tufa get`:',
    ...lines,
    '',
    kept
      ? `left in ${folder}: good/ and a folder for each attack`
      : 'next: tufa demo --keep DIR leaves the folders; tufa init starts an index of your own',
    '',
  ].join('\n');
}

function tree({ roles }: Demo['status']): string {
  const label = (name: string): string => {
    const role = roles.find((r) => r.role === name);
    return role === undefined ? name : `${name} v${role.version}, ${role.threshold} of ${role.signers.join(', ')}`;
  };
  const bins = roles.filter((r) => /^bin\d+-/.test(r.role)).length;
  const below = ['trust', 'deny', 'claimed', 'recent0'].map((name) => ({ text: label(name) }));
  return treeText({
    text: label('root'),
    children: [
      {
        text: label('targets'),
        children: [...below, { text: label('bins'), children: [{ text: `${bins} bins: the files and pages` }] }],
      },
      { text: label('snapshot') },
      { text: label('timestamp') },
    ],
  });
}
