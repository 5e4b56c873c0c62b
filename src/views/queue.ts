import type { QueueStatus } from '../jobs/queue.ts';
import type { Queued } from '../jobs/targets.ts';
import type { EntryResult } from '../queue/drain.ts';
import { printable } from './printable.ts';

export function queuedText({ number, rows, already }: Queued, done: string): string {
  if (number === undefined)
    return `nothing to do: ${already.length} path${already.length === 1 ? ' is' : 's are'} as wanted already\n`;
  const more = already.length === 0 ? '' : ` (${already.length} as wanted already)`;
  return `queued as entry ${number}: ${rows.length} path${rows.length === 1 ? '' : 's'} ${done}${more}\nnext: tufa publish\n`;
}

export function queueText({ mark, waiting, last }: QueueStatus): string {
  const lines = [`folded up to entry ${mark}; ${waiting.length} waiting`];
  for (const { number, uploader, kind, changes, refused } of waiting) {
    lines.push(
      refused === undefined
        ? `  ${number}  ${uploader} ${kind}, ${changes} changes`
        : `  ${number}  will be refused: ${printable(refused)}`,
    );
  }
  return `${[...lines, ...entryLines(last)].join('\n')}\n`;
}

/** What became of entries: one line each, and one for each row that was refused. */
export function entryLines(entries: readonly EntryResult[]): string[] {
  return entries.flatMap(({ number, result, why, rows }) => [
    `  entry ${number}: ${result}${why === undefined ? `, ${rows.filter((r) => r.result === 'applied').length} applied` : ` (${printable(why)})`}`,
    ...rows
      .filter((row) => row.result === 'refused')
      .map((row) => `    refused ${printable(row.path)}: ${printable(row.why ?? '')}`),
  ]);
}
