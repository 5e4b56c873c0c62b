import pLimit from 'p-limit';
import { pagePaths, projectListing } from '../packaging/paths.ts';
import type { Drained, FoldedRoles, Waiting } from '../queue/drain.ts';
import { drain } from '../queue/drain.ts';
import type { Content } from '../queue/envelope.ts';
import { appliedSince } from '../queue/receipts.ts';
import type { Store } from '../stores/port.ts';
import { targetKeys } from '../tuf/layout.ts';
import { lookup } from '../tuf/run.ts';
import type { Context } from './context.ts';
import { RoleViews } from './fold-roles.ts';
import type { Live } from './read.ts';
import type { Leaf, Roles } from './roles.ts';
import { listed } from './roles.ts';
import { hasContent } from './upload.ts';

/** The queue, folded on the live state; and the online roles that it was looked up in. */
export interface Folded {
  readonly drained: Drained;
  /** By path: of every row, and of the pages of every project that a row touches. */
  readonly leaves: ReadonlyMap<string, Leaf>;
  /** Online roles that lose their keys by what was folded. */
  readonly orphans: readonly Leaf[];
}

/** Files compared at once. */
const CONCURRENCY = 4;

/** Reads what the rows of the waiting entries are about, then drains: `drain` itself touches nothing. */
export async function fold(context: Context, live: Live, roles: Roles, urgent: boolean): Promise<Folded> {
  const { store, settings } = context;
  const mark = live.snapshot?.signed.queue ?? 0;
  const leaves = await leavesOf(live.waiting, roles);
  const current = (path: string): string | undefined => listed(leaves.get(path)?.file, path)?.sha256;
  const keysOf = (path: string, { sha256 }: Content): string[] => targetKeys(path, sha256, settings.clients);
  const bytes = await compareBytes(store, live.waiting, current, keysOf);
  const oldest = Math.min(mark, ...live.waiting.map((w) => ('entry' in w ? w.entry.after : mark)));
  const since =
    live.snapshot && oldest < mark
      ? await appliedSince(store, live.snapshot.signed, oldest)
      : { last: new Map<string, number>(), complete: true };
  const asked = await askedBefore(live.waiting, roles);
  const views = await RoleViews.read(store, live, roles, live.waiting, urgent);
  const drained = drain(live.waiting, {
    mark,
    uploaders: settings.uploaders,
    hold: settings.hold,
    current,
    changedAbove: (path, after) => {
      if ((since.last.get(path) ?? 0) > after) return 'yes';
      return since.complete ? 'no' : 'unknown';
    },
    hasBytes: (path, content) => leaves.has(path) && keysOf(path, content).every((key) => bytes.has(key)),
    offline: (path, folded) => (asked.get(path) ?? []).find((role) => listsNow(role, path, folded))?.name,
    role: (entry, folded) => views.view(entry, folded),
  });
  const done = drained.results.filter((one) => one.result === 'done').map((one) => one.number);
  return { drained, leaves, orphans: views.orphans(done) };
}

async function leavesOf(waiting: readonly Waiting[], roles: Roles): Promise<Map<string, Leaf>> {
  const paths = new Set<string>();
  for (const one of waiting) {
    for (const { path } of 'entry' in one ? one.entry.changes : []) {
      paths.add(path);
      const project = projectListing(path);
      if (project !== undefined) for (const page of Object.values(pagePaths(project))) paths.add(page);
    }
  }
  const found = await Promise.all([...paths].map(async (path) => [path, await roles.leafOf(path)] as const));
  return new Map(found.filter((pair): pair is [string, Leaf] => pair[1] !== undefined));
}

/** By path of a row: the offline roles whose word on it comes before that of an online one. */
async function askedBefore(
  waiting: readonly Waiting[],
  roles: Roles,
): Promise<Map<string, Awaited<ReturnType<Roles['askedBefore']>>>> {
  const paths = new Set(waiting.flatMap((one) => ('entry' in one ? one.entry.changes.map((row) => row.path) : [])));
  return new Map(await Promise.all([...paths].map(async (path) => [path, await roles.askedBefore(path)] as const)));
}

/** A ceremony of this very drain may have replaced the role. */
function listsNow({ name, lists }: { name: string; lists: boolean }, path: string, folded: FoldedRoles): boolean {
  const file = folded.get(name);
  return file === undefined ? lists : lookup(file.signed.targets, path) !== undefined;
}

/** Object keys whose bytes are what a row says: the row promises, the store may hold anything. */
async function compareBytes(
  store: Store,
  waiting: readonly Waiting[],
  current: (path: string) => string | undefined,
  keysOf: (path: string, content: Content) => string[],
): Promise<Set<string>> {
  const wanted = new Map<string, Content>();
  for (const one of waiting) {
    for (const { path, now } of 'entry' in one ? one.entry.changes : []) {
      if (now !== null && current(path) !== now.sha256) for (const key of keysOf(path, now)) wanted.set(key, now);
    }
  }
  const limit = pLimit(CONCURRENCY);
  const same = await Promise.all(
    [...wanted].map(([key, content]) => limit(async () => [key, await hasContent(store, key, content)] as const)),
  );
  return new Set(same.filter(([, right]) => right).map(([key]) => key));
}
