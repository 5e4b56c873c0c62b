import type { Workspace } from '../config/workspace.ts';
import type { Live } from '../transaction/read.ts';
import type { Leaf, Roles } from '../transaction/roles.ts';
import type { TransactionResult } from '../transaction/transact.ts';
import { transact } from '../transaction/transact.ts';
import { roleMeta } from '../tuf/checks.ts';
import type { Reporter } from './context.ts';
import { openContext, SILENT } from './context.ts';
import type { Deadlines } from './deadlines.ts';
import { openDeadlines } from './deadlines.ts';

/** Roles that `refresh --roles` may name; the timestamp is always signed. */
export type RefreshRole = 'timestamp' | 'snapshot' | 'leaves';

/**
 * refresh: the transaction without changes. Signs what is inside its renewal window, opens only the signers of `roles`,
 * touches no offline role, and writes nothing when nothing is due.
 */
export async function refresh(
  workspace: Workspace,
  options: { roles?: readonly RefreshRole[] | undefined },
  reporter: Reporter = SILENT,
): Promise<TransactionResult> {
  const context = await openContext(workspace, reporter);
  const only = options.roles && new Set(options.roles.filter((role) => role !== 'timestamp'));
  const deadlines = await openDeadlines(workspace);
  const result = await transact(context, {
    fold: false,
    only,
    due: (live, roles) => dueLeaves(live, roles, deadlines, context.clock(), context.settings.renew.leaves),
  });
  await deadlines.save();
  return result;
}

/**
 * Online roles that expire soon. The snapshot does not say when a role expires, so the deadline of each version that was
 * seen is kept in a local cache; losing it costs reading each role once.
 */
async function dueLeaves(live: Live, roles: Roles, deadlines: Deadlines, now: Date, left: number): Promise<Leaf[]> {
  const due: Leaf[] = [];
  if (live.snapshot === undefined) return due;
  for await (const { name, delegator } of roles.delegatedLeaves()) {
    const version = roleMeta(live.snapshot, name)?.version;
    if (version === undefined) continue;
    const known = deadlines.get(name, version);
    const expires = known ?? (await roles.load(name, delegator))!.signed.expires;
    if (known === undefined) deadlines.set(name, version, expires);
    if (expires.getTime() - now.getTime() < left)
      due.push({ name, delegator, file: await roles.load(name, delegator) });
  }
  return due;
}
