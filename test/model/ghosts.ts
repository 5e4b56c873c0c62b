import type { Ceremony } from './world.ts';

/**
 * What the invariants remember. It travels inside of the snapshots that it is about, so that two worlds are the same only
 * if their pasts are as good as the same.
 */

/** What became of one entry, as the receipt says, and what it has changed. */
export interface LogItem {
  readonly number: number;
  readonly by: string;
  /** The mark when its command was first typed. */
  readonly typedAt: number;
  /** The ceremony that was folded. */
  readonly role?: Ceremony;
  readonly rows: readonly { readonly path: string; readonly result: 'applied' | 'already' | 'refused' }[];
  /** Paths that have another content since: applied rows, and the pages that follow from them. */
  readonly touched: readonly string[];
}

/** The last entry that changed a path; 0: none. */
export function lastChange(log: readonly LogItem[], path: string): number {
  return log.reduce((last, item) => (item.touched.includes(path) ? Math.max(last, item.number) : last), 0);
}

/** The last entry whose own row changed a path, as receipts tell; 0: none. */
export function lastApplied(log: readonly LogItem[], path: string): number {
  const changes = (item: LogItem): boolean => item.rows.some((row) => row.path === path && row.result === 'applied');
  return log.reduce((last, item) => (changes(item) ? Math.max(last, item.number) : last), 0);
}
