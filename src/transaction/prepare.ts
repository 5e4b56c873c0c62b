import type { Content } from '../queue/envelope.ts';
import type { Snapshot, Timestamp, Verified } from '../tuf/model.ts';
import type { RootDecision } from './bridge.ts';
import type { Context } from './context.ts';
import type { Folded } from './fold.ts';
import { fold } from './fold.ts';
import { planPages } from './pages.ts';
import type { Live } from './read.ts';
import type { Leaf, Roles } from './roles.ts';
import type { Work } from './transact.ts';
import type { Upload } from './upload.ts';

export type SignDecision = Extract<RootDecision, { kind: 'sign' }>;

export interface Plan {
  readonly folded: Folded | undefined;
  /** Online roles to sign, with their changes. */
  readonly leaves: ReadonlyMap<string, { leaf: Leaf; changes: Map<string, Content | null> }>;
  readonly changes: ReadonlyMap<string, Content | null>;
  readonly pages: readonly Upload[];
  readonly snapshot: boolean;
}

/** What there is to do; undefined: nothing. */
export async function prepare(
  context: Context,
  work: Work,
  live: Live,
  decision: SignDecision,
  roles: Roles,
): Promise<Plan | undefined> {
  const now = context.clock();
  const { renew } = context.settings;
  const folded = work.fold && live.waiting.length > 0 ? await fold(context, live, roles) : undefined;
  const files = folded?.drained.changes ?? new Map<string, Content | null>();
  const pages = folded
    ? await planPages(context.store, folded.leaves, files, now)
    : { changes: new Map<string, Content>(), uploads: [] };
  const changes = new Map([...files, ...pages.changes]);

  const leaves = new Map<string, { leaf: Leaf; changes: Map<string, Content | null> }>();
  const add = (leaf: Leaf): Map<string, Content | null> => {
    const known = leaves.get(leaf.name) ?? { leaf, changes: new Map<string, Content | null>() };
    leaves.set(leaf.name, known);
    return known.changes;
  };
  for (const [path, content] of changes) add(folded!.leaves.get(path)!).set(path, content);
  const mayRenew = work.only === undefined || work.only.has('leaves');
  if (live.snapshot === undefined) for (const leaf of await roles.missing()) add(leaf);
  else if (mayRenew) for (const leaf of (await work.due?.(live, roles)) ?? []) add(leaf);

  const dueAt = (file: Verified<Timestamp> | Verified<Snapshot> | undefined, left: number): boolean =>
    file === undefined || file.signed.expires.getTime() - now.getTime() < left;
  const snapshot =
    leaves.size > 0 ||
    folded !== undefined ||
    decision.resign ||
    (dueAt(live.snapshot, renew.snapshot) && (work.only === undefined || work.only.has('snapshot')));
  if (!snapshot && !decision.due && !dueAt(live.timestamp, renew.timestamp)) return undefined;
  return { folded, leaves, changes, pages: pages.uploads, snapshot };
}
