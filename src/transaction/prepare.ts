import type { Content } from '../queue/envelope.ts';
import { metadataKey } from '../tuf/layout.ts';
import type { Snapshot, Targets, Timestamp, Verified } from '../tuf/model.ts';
import type { RootDecision } from './bridge.ts';
import type { Context } from './context.ts';
import type { Folded } from './fold.ts';
import { fold } from './fold.ts';
import { planPages } from './pages.ts';
import type { NewRole } from './plan.ts';
import type { Live } from './read.ts';
import type { Leaf, Roles } from './roles.ts';
import type { Work } from './transact.ts';
import type { Upload } from './upload.ts';
import { put } from './upload.ts';

export type SignDecision = Extract<RootDecision, { kind: 'sign' }>;

export interface Plan {
  readonly folded: Folded | undefined;
  /** Online roles to sign, with their changes. */
  readonly leaves: ReadonlyMap<string, { leaf: Leaf; changes: Map<string, Content | null> }>;
  /** What clients find afterwards. */
  readonly changes: ReadonlyMap<string, Content | null>;
  readonly pages: readonly Upload[];
  readonly snapshot: boolean;
  /** Offline roles that ceremonies have replaced. */
  readonly offline: readonly NewRole[];
}

/** What there is to do; undefined: nothing. */
export async function prepare(
  context: Context,
  work: Work,
  live: Live,
  decision: SignDecision,
  roles: Roles,
): Promise<Plan | 'again' | undefined> {
  const now = context.clock();
  const { renew } = context.settings;
  const folded =
    work.fold && live.waiting.length > 0 ? await fold(context, live, roles, work.urgent ?? false) : undefined;
  const replaced = await replaceRoles(context, folded, roles);
  if (replaced === 'taken') return 'again';
  const files = folded?.drained.changes ?? new Map<string, Content | null>();
  const pages = folded
    ? await planPages(context, folded.leaves, files, now)
    : { changes: new Map<string, Content>(), uploads: [] };
  const changes = new Map([...files, ...pages.changes]);

  const leaves = new Map<string, { leaf: Leaf; changes: Map<string, Content | null> }>();
  const add = (leaf: Leaf): Map<string, Content | null> => {
    const known = leaves.get(leaf.name) ?? { leaf, changes: new Map<string, Content | null>() };
    leaves.set(leaf.name, known);
    return known.changes;
  };
  // Renewed (or restored) roles first: their content is what changes of the same transaction are spliced into.
  const mayRenew = work.only === undefined || work.only.has('leaves');
  if (live.snapshot !== undefined && mayRenew) for (const leaf of (await work.due?.(live, roles)) ?? []) add(leaf);
  for (const leaf of folded?.orphans ?? []) add(leaf);
  // With the delegator that a ceremony has just replaced, where one has: its keys are the ones that clients will ask for.
  for (const [path, content] of changes) add((await roles.leafOf(path))!).set(path, content);
  if (live.snapshot === undefined || replaced.length > 0) for (const leaf of await roles.missing()) add(leaf);

  const dueAt = (file: Verified<Timestamp> | Verified<Snapshot> | undefined, left: number): boolean =>
    file === undefined || file.signed.expires.getTime() - now.getTime() < left;
  const snapshot =
    leaves.size > 0 ||
    folded !== undefined ||
    decision.resign ||
    work.resign === true ||
    (dueAt(live.snapshot, renew.snapshot) && (work.only === undefined || work.only.has('snapshot')));
  if (!snapshot && !decision.due && !dueAt(live.timestamp, renew.timestamp)) return undefined;
  // What a ceremony of this very transaction lists is what clients find, whatever the role behind it says.
  const visible = replaced.length === 0 ? changes : await unlisted(changes, roles);
  return { folded, leaves, changes: visible, pages: pages.uploads, snapshot, offline: replaced };
}

async function unlisted(changes: Plan['changes'], roles: Roles): Promise<Plan['changes']> {
  const kept = new Map(changes);
  for (const path of changes.keys()) if ((await roles.askedBefore(path)).some((role) => role.lists)) kept.delete(path);
  return kept;
}

/**
 * A complete ceremony's file is put before the plan that lists it. If we crash here, its bytes stand under its own name
 * and the next job finds them there (`same`).
 */
async function replaceRoles(context: Context, folded: Folded | undefined, roles: Roles): Promise<NewRole[] | 'taken'> {
  const replaced: NewRole[] = [];
  for (const [name, file] of folded?.drained.roles ?? []) {
    const { version } = file.signed;
    if ((await put(context.store, { key: metadataKey(name, version), bytes: file.bytes })) === 'other') return 'taken';
    roles.replace(name, file as Verified<Targets>);
    replaced.push({ name, version, bytes: file.bytes });
  }
  return replaced;
}
