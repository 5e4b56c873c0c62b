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
    'next: tufa get NAME, tufa status',
  ];
  return `${lines.join('\n')}\n`;
}
