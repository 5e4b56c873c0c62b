import type { Workspace } from '../config/workspace.ts';
import type { TransactionResult } from '../transaction/transact.ts';
import { transact } from '../transaction/transact.ts';
import type { Reporter } from './context.ts';
import { openContext, SILENT } from './context.ts';
import { loadGenesis } from './genesis.ts';

/** publish: folds what waits in the queue into one snapshot. With nothing waiting and nothing due it writes nothing. */
export async function publish(workspace: Workspace, reporter: Reporter = SILENT): Promise<TransactionResult> {
  const context = await openContext(workspace, reporter);
  return transact(context, { fold: true, genesis: await loadGenesis(workspace) });
}
