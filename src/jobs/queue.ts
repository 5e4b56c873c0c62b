import type { Workspace } from '../config/workspace.ts';
import type { EntryResult, Waiting } from '../queue/drain.ts';
import { readReceipt } from '../queue/receipts.ts';
import { read } from '../transaction/read.ts';
import type { Reporter } from './context.ts';
import { openContext, SILENT } from './context.ts';

export interface QueueStatus {
  /** The last number folded into the live snapshot. */
  readonly mark: number;
  readonly waiting: readonly {
    readonly number: number;
    readonly uploader: string | undefined;
    readonly kind: string | undefined;
    readonly changes: number;
    readonly refused: string | undefined;
  }[];
  /** What became of the entries of the last receipt. */
  readonly last: readonly EntryResult[];
}

/** queue status: what waits, and what became of what was folded last. */
export async function queueStatus(workspace: Workspace, reporter: Reporter = SILENT): Promise<QueueStatus> {
  const context = await openContext(workspace, reporter, 'read');
  const live = await read(context);
  const { queue: mark = 0, receipt } = live.snapshot?.signed ?? {};
  const last = receipt === undefined ? undefined : await readReceipt(context.store, { mark, sha256: receipt });
  const waiting = live.waiting.map(describe);
  return { mark, waiting, last: last?.entries ?? [] };
}

function describe(one: Waiting): QueueStatus['waiting'][number] {
  const nothing = { number: one.number, uploader: undefined, kind: undefined, changes: 0, refused: undefined };
  if ('entry' in one)
    return { ...nothing, uploader: one.entry.uploader, kind: one.entry.kind, changes: one.entry.changes.length };
  if ('role' in one)
    return { ...nothing, uploader: `${one.role.role} ${one.role.file.signed.version}`, kind: 'role', changes: 1 };
  return { ...nothing, refused: one.refused };
}
