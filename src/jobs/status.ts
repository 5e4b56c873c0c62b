import { isOver } from '../ceremony/assess.ts';
import type { Draft } from '../ceremony/drafts.ts';
import type { Ground } from '../ceremony/ground.ts';
import { groundFile, groundVersion } from '../ceremony/ground.ts';
import type { Workspace } from '../config/workspace.ts';
import { read } from '../transaction/read.ts';
import { Roles } from '../transaction/roles.ts';
import { roleMeta } from '../tuf/checks.ts';
import { metadataName } from '../tuf/layout.ts';
import type { RoleKeys, Targets, Verified } from '../tuf/model.ts';
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

export interface DraftStatus {
  readonly draft: string;
  readonly signatures: number;
  readonly threshold: number;
  /** It was completed in another folder and is live: nobody needs to sign it here. */
  readonly over: boolean;
}

/** Root can be changed only while a threshold of the keys that it names can sign. */
export interface RootReserve {
  readonly threshold: number;
  /** Holders of the live root's keys that tufa.yaml counts on still: whoever is taken out of it has lost his token. */
  readonly holders: readonly string[];
  /** Whether root could still be changed if one of these were lost. */
  readonly afterOneMoreLoss: boolean;
}

export interface Status {
  readonly repository: { readonly name: string; readonly uuid: string };
  /** undefined: nothing is published yet. */
  readonly live:
    | { readonly root: number; readonly timestamp: number; readonly snapshot: number; readonly mark: number }
    | undefined;
  /** Earliest deadline first. */
  readonly roles: readonly RoleStatus[];
  /** Whether the holders could lose one more token; undefined before anything is published. */
  readonly reserve: RootReserve | undefined;
  /** Drafts that lack signatures or keys. */
  readonly drafts: readonly DraftStatus[];
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
  const nothing = { repository, live: undefined, roles: [], reserve: undefined, waiting: 0, exitCode: 0 } as const;
  if ((await context.trusted.load()) === undefined)
    return { ...nothing, drafts: await openDrafts(workspace, NO_GROUND) };
  const live = await read(context);
  if (live.timestamp === undefined || live.snapshot === undefined)
    return { ...nothing, waiting: live.waiting.length, drafts: await openDrafts(workspace, NO_GROUND) };

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
  const offlineFiles = new Map<string, Verified<Targets>>([['targets', targets]]);
  add('targets', targets.signed.version, targets.signed.expires, root.signed.roles.targets, offline);
  const deadlines = await openDeadlines(workspace);
  for await (const { name, delegator } of below.delegatedRoles()) {
    const version = roleMeta(live.snapshot, name)?.version;
    if (version === undefined) continue;
    const known = isOnline(name) ? deadlines.get(name, version) : undefined;
    const file = known === undefined ? (await below.load(name, delegator))! : undefined;
    if (file !== undefined && !isOnline(name)) offlineFiles.set(name, file);
    const until = known ?? file!.signed.expires;
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
    reserve: reserveOf(root.signed.roles.root, names(root.signed.roles.root), workspace),
    drafts: await openDrafts(workspace, { chain: live.chain, roles: offlineFiles }),
    waiting: live.waiting.length,
    exitCode: roles.some((role) => role.standing === 'SOON' || role.standing === 'EXPIRED') ? 11 : 0,
  };
}

function reserveOf({ threshold }: RoleKeys, named: readonly string[], { config }: Workspace): RootReserve {
  const holders = named.filter((name) => config.roles.root.holders.includes(name));
  return { threshold, holders, afterOneMoreLoss: holders.length > threshold };
}

const NO_GROUND: Ground = { chain: [], roles: new Map() };

async function openDrafts(workspace: Workspace, ground: Ground): Promise<DraftStatus[]> {
  const ceremonies = await workspace.ceremonies();
  const bases = await ceremonies.bases();
  const lacking = await missingKeys(workspace);
  const waiting = lacking.holders.length + lacking.online.length > 0;
  const roles: Partial<Record<string, { threshold: number }>> = workspace.config.roles;
  return (await ceremonies.list())
    .filter((draft) => draft.complete === undefined && groundVersion(ground, draft.role) <= draft.version)
    .map((draft) => {
      const over = isOver(draft, new Map([...bases, ...liveBase(draft, ground)]), ground);
      return {
        draft: `${draft.role} ${draft.version}${waiting && !over ? ' (waits for keys)' : ''}`,
        signatures: draft.signatures.size,
        threshold: roles[draft.role]?.threshold ?? 1,
        over,
      };
    });
}

/** What is live counts as what later drafts build on, also where this folder has not been told yet. */
function liveBase({ role }: Draft, ground: Ground): [string, Uint8Array][] {
  const file = groundFile(ground, role);
  return file === undefined ? [] : [[metadataName(role, file.signed.version), file.bytes]];
}
