import type { Imported } from '../jobs/ceremony/import.ts';
import type { Opened } from '../jobs/ceremony/open.ts';
import type { PublishResult } from '../jobs/ceremony/publish.ts';
import type { SetState } from '../jobs/sitting.ts';
import { digestGroups } from './digest.ts';
import { printable } from './printable.ts';

/** What an open draft waits for: for a root, the old and the new threshold apart. */
export function openLines(draft: string, sets: readonly SetState[]): string[] {
  const [first] = sets;
  const text = ({ signatures, threshold, missing }: SetState): string =>
    `${signatures} of ${threshold} signatures; can still sign: ${missing.map(printable).join(', ') || 'nobody'}`;
  if (sets.length === 1 && first !== undefined) return [`${draft}: ${text(first)}`];
  return [`${draft}:`, ...sets.map((set, i) => `  ${i === 0 ? 'old' : 'new'} ${set.by}: ${text(set)}`)];
}

export function openedText({ drafts, destroyed, warnings }: Opened): string {
  const lines = drafts.map(
    ({ role, version, base, sha256, follows }) =>
      `drew ${role} ${version} on ${role} ${base}, sha256 ${digestGroups(sha256)}${follows ? ' (its keys change with it)' : ''}`,
  );
  for (const keyid of destroyed) lines.push(`one-time key ${keyid} has signed and is gone`);
  for (const warning of warnings) lines.push(`! ${printable(warning)}`);
  return `${[...lines, 'next: tufa ceremony show, then tufa sign; elsewhere: tufa ceremony export FILE'].join('\n')}\n`;
}

export function publishedText({ published, open, warnings }: PublishResult): string {
  const lines = published.map(({ draft, sha256, state }) => `${draft} is ${STATES[state]}, sha256 ${sha256}`);
  for (const { draft, sets } of open) lines.push(...openLines(draft, sets));
  for (const warning of warnings) lines.push(`! ${printable(warning)}`);
  if (published.length === 0 && open.length === 0) lines.push('nothing to publish: no ceremony is open');
  if (published.some(({ state }) => state === 'pending'))
    lines.push('next: tufa refresh, by a job with both sets of online keys, once the grace is over');
  if (published.some(({ state }) => state === 'waiting'))
    lines.push('next: tufa ceremony publish again, once the grace after the new root is over');
  return `${lines.join('\n')}\n`;
}

const STATES = { live: 'live', already: 'live already', pending: 'pending', waiting: 'waiting for the grace' } as const;

export function importedText({ laidDown, drafts, added, warnings }: Imported): string {
  const lines = laidDown ? ['laid down a workspace: tufa.yaml, holders/, private/'] : [];
  for (const { draft, holder } of added) lines.push(`added the signature of ${printable(holder)} on ${draft}`);
  for (const { draft, complete, sets } of drafts)
    lines.push(...(complete ? [`${draft}: complete`] : openLines(draft, sets)));
  for (const warning of warnings) lines.push(`! ${printable(warning)}`);
  return `${[...lines, `next: ${nextOf(drafts)}`].join('\n')}\n`;
}

function nextOf(drafts: Imported['drafts']): string {
  if (drafts.length === 0)
    return 'tufa key generate --holder NAME, then send holders/NAME.json to who leads the ceremony';
  if (!drafts.every(({ complete }) => complete)) return 'tufa sign';
  const first = drafts.some(({ draft }) => draft === 'root 1');
  return first ? 'tufa target add FILES, then tufa publish' : 'tufa ceremony publish, where the store is';
}
