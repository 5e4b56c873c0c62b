import { Workspace } from '../config/workspace.ts';
import { ConfigurationError } from '../errors.ts';
import type { Context } from '../transaction/context.ts';
import { read } from '../transaction/read.ts';
import type { TransactionResult } from '../transaction/transact.ts';
import { transact } from '../transaction/transact.ts';
import type { Reporter } from './context.ts';
import { openContext, SILENT } from './context.ts';

export interface Rotated {
  /** Roles whose standby key signs now, with the name of the key and of the standby that is to be made for it. */
  readonly switched: readonly {
    readonly role: string;
    readonly from: string;
    readonly to: string;
    readonly standby: string;
  }[];
  readonly result: TransactionResult;
}

/**
 * rotate --to-standby: the active key of timestamp and snapshot is lost. Its standby, which root names already, signs at
 * once; tufa.yaml names it as the active one and a new standby that a ceremony of root has to bring in. Run again after
 * a crash it finishes what is left.
 */
export async function rotateToStandby(workspace: Workspace, reporter: Reporter = SILENT): Promise<Rotated> {
  const { online } = workspace.config;
  const switched = (['timestamp', 'snapshot'] as const).flatMap((role) => {
    const { key, standby } = online[role];
    return standby === undefined ? [] : [{ role, from: key, to: standby, standby: nextName(standby) }];
  });
  if (switched.length === 0) {
    throw new ConfigurationError('there is no standby key', {
      object: 'tufa.yaml: online',
      expected: 'online.timestamp.standby',
      found: 'none',
      hint: 'replace the key with a ceremony: `tufa ceremony open root`',
    });
  }
  const known = await workspace.holders();
  // The lost key is not there any more, or must not be used: a standby that was switched to before has no key yet.
  const ready = switched.filter(({ to }) => known.has(to));
  if (ready.length > 0) await workspace.editOnline(ready.map(({ role, to, standby }) => ({ role, key: to, standby })));
  const edited = await Workspace.open(workspace.dir, workspace);
  const context = await openContext(edited, reporter);
  // If we crashed behind the edit, tufa.yaml names the standby already and nothing is signed by it.
  const resign = ready.length > 0 || !(await isSignedByActive(edited, context));
  return { switched: ready, result: await transact(context, { fold: false, resign }) };
}

/** Whether the active keys of timestamp and snapshot have signed what is live; before the first publication nothing is. */
async function isSignedByActive(workspace: Workspace, context: Context): Promise<boolean> {
  const { timestamp, snapshot } = await read(context);
  if (timestamp === undefined || snapshot === undefined) return true;
  const { online } = workspace.config;
  const [stamp, list] = [await workspace.holder(online.timestamp.key), await workspace.holder(online.snapshot.key)];
  return (
    timestamp.signatures.some(({ keyid }) => keyid === stamp.keyid) &&
    snapshot.signatures.some(({ keyid }) => keyid === list.keyid)
  );
}

/** `standby` -> `standby-2` -> `standby-3`. */
function nextName(name: string): string {
  const [, stem = name, number] = /^(.*?)(?:-(\d+))?$/.exec(name) ?? [];
  return `${stem}-${Number(number ?? 1) + 1}`;
}
