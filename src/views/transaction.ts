import type { TransactionResult } from '../transaction/transact.ts';
import { entryLines } from './queue.ts';
import { deadline } from './time.ts';

export function transactionText({ version, entries, signed, live }: TransactionResult, now: Date): string {
  const { timestamp } = live;
  const until =
    timestamp === undefined ? '' : `, timestamp ${timestamp.version} expires ${deadline(timestamp.expires, now)}`;
  if (version === undefined) return `nothing to do: root ${live.root}${until}\n`;
  const leaves = signed.filter((role) => role !== 'snapshot' && role !== 'timestamp');
  const what = leaves.length > 3 ? `${leaves.length} roles` : leaves.join(', ');
  const lines = [
    `committed version ${version}: signed ${[what, ...signed.filter((r) => r === 'snapshot' || r === 'timestamp')].filter((w) => w !== '').join(', ')}${until}`,
    ...entryLines(entries),
    next(entries),
  ];
  return `${lines.join('\n')}\n`;
}

function next(entries: TransactionResult['entries']): string {
  const held = entries.filter((entry) => entry.result === 'held').map((entry) => `tufa queue accept ${entry.number}`);
  return `next: ${held.length > 0 ? `${held.join(', ')}, if that is meant` : 'tufa get NAME, tufa status'}`;
}
