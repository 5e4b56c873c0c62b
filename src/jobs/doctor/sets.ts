import type { Draft } from '../../ceremony/drafts.ts';
import type { Workspace } from '../../config/workspace.ts';
import { InputError } from '../../errors.ts';
import { type Live, read } from '../../transaction/read.ts';
import { Roles } from '../../transaction/roles.ts';
import { TrustedState } from '../../trusted/state.ts';
import type { RoleKeys, Root } from '../../tuf/model.ts';
import { readSigned } from '../../tuf/read.ts';
import { isOnline, leadsOnline } from '../../tuf/tree.ts';
import { openContext, type Reporter } from '../context.ts';

/** The keys of an online role under one root. */
export interface KeySet extends RoleKeys {
  readonly role: string;
  /** As `refresh --roles` names it. */
  readonly kind: 'timestamp' | 'snapshot' | 'leaves';
  /** Version of the root. */
  readonly root: number;
  /** Where that root is: `live` verifies the live timestamp, and is not the newest; a draft is not put yet. */
  readonly source: 'newest' | 'live' | 'pending' | 'draft';
}

export interface LiveSets {
  /** By keyid: every role that it may sign. undefined: nothing is published yet. */
  readonly roles: ReadonlyMap<string, readonly string[]> | undefined;
  /** Each must be complete on a machine that publishes. */
  readonly sets: readonly KeySet[];
}

/** Which keys sign now, and which will once a root that is pending, or still a draft, has taken its place. */
export async function liveSets(workspace: Workspace, reporter: Reporter): Promise<LiveSets> {
  const drafts = await draftRoots(workspace);
  if ((await new TrustedState(await workspace.trustedStore()).load()) === undefined)
    return { roles: undefined, sets: drafts.flatMap((root) => topLevel(root, 'draft')) };
  const context = await openContext(workspace, reporter, 'read');
  const live = await read(context);
  const newest = live.chain.at(-1)!.signed;
  const older = live.verifiedBy?.signed;
  const next = drafts.filter(({ version }) => version === newest.version + 1);
  const below = live.snapshot === undefined ? [] : await delegated(context.store, live);
  const sets = [
    ...topLevel(newest, 'newest'),
    ...onlineBelow(below, newest.version),
    ...(older === undefined || older.version === newest.version ? [] : topLevel(older, 'live')),
    ...live.pending.flatMap(({ root }) => topLevel(root.signed, 'pending')),
    ...next.flatMap((root) => topLevel(root, 'draft')),
  ];
  return { roles: live.snapshot === undefined ? undefined : byKeyid(newest, below), sets };
}

function topLevel(root: Root, source: KeySet['source']): KeySet[] {
  return (['timestamp', 'snapshot'] as const).map((role) => ({
    role,
    kind: role,
    root: root.version,
    source,
    ...plain(root.roles[role]),
  }));
}

interface Delegated {
  readonly name: string;
  readonly role: RoleKeys;
}

/** Roles below `targets`; the bins of a succinct delegation as one, `bin4-*`. No bin is read. */
async function delegated(store: ConstructorParameters<typeof Roles>[0], live: Live): Promise<Delegated[]> {
  const roles = new Roles(store, live.verifiedBy ?? live.kept.root, live.snapshot);
  const { delegations } = (await roles.targets()).signed;
  const found: Delegated[] = [];
  for (const role of delegations?.roles ?? []) {
    found.push({ name: role.name, role });
    if (!leadsOnline(role.name)) continue;
    const file = await roles.load(role.name, { name: 'targets', keys: delegations!.keys, role, online: false });
    const succinct = file?.signed.delegations?.succinct;
    if (succinct !== undefined) found.push({ name: `${succinct.namePrefix}-*`, role: succinct });
  }
  return found;
}

function onlineBelow(below: readonly Delegated[], root: number): KeySet[] {
  return below
    .filter(({ name }) => isOnline(name) || name.endsWith('-*'))
    .map(({ name, role }) => ({ role: name, kind: 'leaves', root, source: 'newest', ...plain(role) }));
}

function byKeyid(root: Root, below: readonly Delegated[]): ReadonlyMap<string, readonly string[]> {
  const topLevel = Object.entries(root.roles).map(([name, role]) => ({ name, role }));
  const all = [...topLevel, ...below];
  const keyids = new Set(all.flatMap(({ role }) => role.keyids));
  return new Map(
    [...keyids].map((id) => [id, all.filter(({ role }) => role.keyids.includes(id)).map(({ name }) => name)]),
  );
}

/** Roots that holders are signing, or have signed, in this workspace; not those that wait for keys. */
async function draftRoots(workspace: Workspace): Promise<Root[]> {
  const drafts = await (await workspace.ceremonies()).list();
  return drafts.filter(({ role }) => role === 'root').flatMap(rootOf);
}

function rootOf({ version, bytes }: Draft): Root[] {
  try {
    return [readSigned(bytes, 'root', `root ${version}`)];
  } catch (error) {
    if (error instanceof InputError) return [];
    throw error;
  }
}

function plain({ keyids, threshold }: RoleKeys): RoleKeys {
  return { keyids, threshold };
}
