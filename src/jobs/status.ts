import type { Workspace } from '../config/workspace.ts';
import { read } from '../transaction/read.ts';
import { Roles } from '../transaction/roles.ts';
import { roleMeta } from '../tuf/checks.ts';
import type { RoleKeys } from '../tuf/model.ts';
import { isOnline } from '../tuf/tree.ts';
import type { Reporter } from './context.ts';
import { openContext, SILENT } from './context.ts';
import { openDeadlines } from './deadlines.ts';
import { missingKeys } from './draw.ts';

/** OK: nothing to do. DUE: inside its window. SOON: the command exits 11. EXPIRED: clients refuse it. */
export type Standing = 'OK' | 'DUE' | 'SOON' | 'EXPIRED';

export interface RoleStatus {
  readonly role: string;
  readonly version: number;
  readonly expires: Date;
  readonly standing: Standing;
  /** Who has to act. */
  readonly signers: readonly string[];
  readonly threshold: number;
}

export interface Status {
  readonly repository: { readonly name: string; readonly uuid: string };
  /** undefined: nothing is published yet. */
  readonly live:
    | { readonly root: number; readonly timestamp: number; readonly snapshot: number; readonly mark: number }
    | undefined;
  /** Earliest deadline first. */
  readonly roles: readonly RoleStatus[];
  /** Drafts that lack signatures or keys. */
  readonly drafts: readonly { readonly draft: string; readonly signatures: number; readonly threshold: number }[];
  readonly waiting: number;
  readonly exitCode: 0 | 11;
}

const DAY = 24 * 60 * 60 * 1000;
/** Offline roles: warned of 90 and 30 days before, an error 14 days before; a ceremony takes weeks. */
const OFFLINE_DUE = 90 * DAY;
const OFFLINE_SOON = 14 * DAY;

/**
 * status: every role with its version and deadline. An expired repository can be looked at: nothing here refuses it.
 * @param options.validFor milliseconds that each role must still be valid; replaces the built-in thresholds
 */
export async function status(
  workspace: Workspace,
  options: { validFor?: number | undefined },
  reporter: Reporter = SILENT,
): Promise<Status> {
  const context = await openContext(workspace, reporter, 'read');
  const { repository } = workspace.config;
  const drafts = await openDrafts(workspace);
  if ((await context.trusted.load()) === undefined)
    return { repository, live: undefined, roles: [], drafts, waiting: 0, exitCode: 0 };
  const live = await read(context);
  if (live.timestamp === undefined || live.snapshot === undefined)
    return { repository, live: undefined, roles: [], drafts, waiting: live.waiting.length, exitCode: 0 };

  const now = context.clock();
  const holders = await workspace.holders();
  const names = (role: RoleKeys): string[] =>
    role.keyids.map((keyid) => [...holders.values()].find((h) => h.keyid === keyid)?.name ?? keyid.slice(0, 8));
  const roles: RoleStatus[] = [];
  const add = (
    role: string,
    version: number,
    expires: Date,
    keys: RoleKeys,
    windows: { due: number; soon: number },
  ): void => {
    const left = expires.getTime() - now.getTime();
    const soon = options.validFor ?? windows.soon;
    const standing = left <= 0 ? 'EXPIRED' : left < soon ? 'SOON' : left < windows.due ? 'DUE' : 'OK';
    roles.push({ role, version, expires, standing, signers: names(keys), threshold: keys.threshold });
  };
  const { expires, renew } = context.settings;
  const online = (role: 'timestamp' | 'snapshot' | 'leaves') => ({ due: renew[role], soon: expires[role] / 4 });
  const offline = { due: OFFLINE_DUE, soon: OFFLINE_SOON };
  const root = live.chain.at(-1)!;
  add('root', root.signed.version, root.signed.expires, root.signed.roles.root, offline);
  add(
    'timestamp',
    live.timestamp.signed.version,
    live.timestamp.signed.expires,
    root.signed.roles.timestamp,
    online('timestamp'),
  );
  add(
    'snapshot',
    live.snapshot.signed.version,
    live.snapshot.signed.expires,
    root.signed.roles.snapshot,
    online('snapshot'),
  );
  const below = new Roles(context.store, live.verifiedBy ?? root, live.snapshot);
  const targets = await below.targets();
  add('targets', targets.signed.version, targets.signed.expires, root.signed.roles.targets, offline);
  const deadlines = await openDeadlines(workspace);
  for await (const { name, delegator } of below.delegatedRoles()) {
    const version = roleMeta(live.snapshot, name)?.version;
    if (version === undefined) continue;
    const known = isOnline(name) ? deadlines.get(name, version) : undefined;
    const until = known ?? (await below.load(name, delegator))!.signed.expires;
    if (known === undefined && isOnline(name)) deadlines.set(name, version, until);
    add(name, version, until, delegator.role, isOnline(name) ? online('leaves') : offline);
  }
  await deadlines.save();
  roles.sort((a, b) => a.expires.getTime() - b.expires.getTime());
  return {
    repository,
    live: {
      root: root.signed.version,
      timestamp: live.timestamp.signed.version,
      snapshot: live.snapshot.signed.version,
      mark: live.snapshot.signed.queue ?? 0,
    },
    roles,
    drafts,
    waiting: live.waiting.length,
    exitCode: roles.some((role) => role.standing === 'SOON' || role.standing === 'EXPIRED') ? 11 : 0,
  };
}

async function openDrafts(workspace: Workspace): Promise<Status['drafts']> {
  const open = (await (await workspace.ceremonies()).list()).filter((draft) => draft.complete === undefined);
  const lacking = await missingKeys(workspace);
  const waiting = lacking.holders.length + lacking.online.length > 0;
  return open.map((draft) => {
    const roles: Partial<Record<string, { threshold: number }>> = workspace.config.roles;
    return {
      draft: `${draft.role} ${draft.version}${waiting ? ' (waits for keys)' : ''}`,
      signatures: draft.signatures.size,
      threshold: roles[draft.role]?.threshold ?? 1,
    };
  });
}
