import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Workspace } from '../../../src/config/workspace.ts';
import { openContext, SILENT } from '../../../src/jobs/context.ts';
import { listTargets } from '../../../src/jobs/targets.ts';
import type { EntryResult } from '../../../src/queue/drain.ts';
import { readReceipt } from '../../../src/queue/receipts.ts';
import { read } from '../../../src/transaction/read.ts';
import { parseQueueKey } from '../../../src/tuf/layout.ts';
import { withWorkspace } from './stages.ts';

/** What a workspace and its store hold, as the publisher's own eyes see it: everything is verified on the way. */
export interface State {
  /** Numbers of all entries in the queue, folded ones too. */
  readonly queue: readonly number[];
  readonly timestamp: number | undefined;
  readonly snapshot: number | undefined;
  /** Last entry folded. */
  readonly mark: number;
  /** Listed below `packages/`. */
  readonly packages: readonly string[];
  /** By number: what became of an entry, from the receipts of the live snapshot. */
  readonly folded: ReadonlyMap<number, EntryResult['result']>;
  /** Version of the timestamp in the publisher's trusted state. */
  readonly trusted: number | undefined;
  /** Plans in the journal that are not finished. */
  readonly plans: readonly string[];
}

/** @throws TrustError when the store and the trusted state contradict each other */
export function inspect(dir: string, now: Date): Promise<State> {
  return withWorkspace(dir, (workspace) => look(workspace), now);
}

async function look(workspace: Workspace): Promise<State> {
  const context = await openContext(workspace, SILENT);
  const live = await read(context);
  const snapshot = live.snapshot?.signed;
  const packages: string[] = [];
  for await (const { path } of listTargets(workspace, undefined)) if (path.startsWith('packages/')) packages.push(path);
  const queue: number[] = [];
  for await (const { key } of context.store.list(context.settings.queue)) {
    const number = parseQueueKey(key, context.settings.queue);
    if (number !== undefined) queue.push(number);
  }
  const folded = new Map<number, EntryResult['result']>();
  let named = snapshot?.receipt === undefined ? undefined : { mark: snapshot.queue ?? 0, sha256: snapshot.receipt };
  while (named !== undefined) {
    const receipt = await readReceipt(context.store, named);
    expect(receipt, `receipt of mark ${named.mark}`).not.to.equal(undefined);
    for (const { number, result } of receipt!.entries) {
      expect(folded.has(number), `entry ${number} is folded twice`).to.equal(false);
      folded.set(number, result);
    }
    named = receipt!.previous;
  }
  const journal = await readdir(join(workspace.dir, 'private', 'journal')).catch(() => []);
  return {
    queue,
    timestamp: live.timestamp?.signed.version,
    snapshot: snapshot?.version,
    mark: snapshot?.queue ?? 0,
    packages,
    folded,
    trusted: live.kept.timestamp?.signed.version,
    plans: journal.filter((name) => name.endsWith('.plan')),
  };
}
