import { pagePaths, projectListing } from '../../src/packaging/paths.ts';
import type { Drained, EntryResult, FoldedRoles, Waiting } from '../../src/queue/drain.ts';
import type { Entry as RealEntry, Uploader } from '../../src/queue/envelope.ts';
import type { RoleEntry, RoleView } from '../../src/queue/role-entry.ts';
import type { MetadataFile, Targets } from '../../src/tuf/model.ts';
import type { LogItem } from './ghosts.ts';
import { lastApplied } from './ghosts.ts';
import type { Protocol } from './steps.ts';
import type { Ceremony, Entry, Snapshot, World } from './world.ts';
import { GARBAGE } from './world.ts';

/** The queue folded on a snapshot by the real `drain`, with the pages that follow, as the transaction's `prepare` does. */
export interface Folding {
  readonly mark: number;
  readonly changes: ReadonlyMap<string, string | null>;
  /** Ceremonies that were folded. */
  readonly roles: readonly Ceremony[];
  readonly log: readonly LogItem[];
  /** Another outcome than that of the same entries folded one at a time. */
  readonly broken: string | undefined;
}

const UPLOADER: Uploader = {
  name: 'operator',
  key: { keytype: 'ed25519', scheme: 'ed25519', keyval: { public: '' } },
  kinds: ['files', 'pages', 'removal', 'operator'],
  projects: ['*'],
};

/** @param numbers entries that were listed; undefined is returned when none of them is to be folded */
export function fold(
  world: World,
  live: Snapshot,
  numbers: readonly number[],
  protocol: Protocol,
): Folding | undefined {
  const mark = protocol.without.has('x-tufa-queue') ? 0 : live.mark;
  const waiting = numbers.filter((n) => n > mark).map((n) => waitingOf(world, live, n, protocol));
  const whole = foldOn(world, live, mark, waiting, protocol);
  if (whole.mark === mark) return undefined;
  return { ...whole, broken: whole.broken ?? differs(world, whole, live, mark, waiting, protocol) };
}

function foldOn(world: World, live: Snapshot, mark: number, waiting: readonly Waiting[], protocol: Protocol): Folding {
  const { targets } = live.leaf;
  const current = (path: string): string | undefined => targets[path];
  const drained = protocol.steps.drain(waiting, {
    mark,
    uploaders: [UPLOADER],
    hold: protocol.hold,
    current,
    changedAbove: (path, after) => (lastApplied(live.log, path) > after ? 'yes' : 'no'),
    hasBytes: () => true,
    offline: () => undefined,
    role: (entry, folded) => roleView(world, live, entry, folded, protocol),
  });
  const files = new Map(
    [...drained.changes].map(([path, content]) => [path, content === null ? null : content.sha256]),
  );
  const pages = protocol.pages ? pagesAfter(targets, files, drained) : new Map<string, string>();
  return {
    mark: drained.mark,
    changes: new Map([...files, ...pages]),
    roles: [...drained.roles.values()].map((file) => ceremonyIn(world, file)),
    log: [...live.log, ...drained.results.map((result) => itemOf(result, world, protocol))],
    broken: undefined,
  };
}

/** The same entries in transactions of their own must come to the same end: how many are folded at once is chance. */
function differs(
  world: World,
  whole: Folding,
  live: Snapshot,
  mark: number,
  waiting: readonly Waiting[],
  protocol: Protocol,
): string | undefined {
  let step = live;
  for (let at = mark; at < whole.mark; at++) {
    const next = foldOn(world, step, at, waiting.slice(0, waiting.findIndex((w) => w.number > at) + 1), protocol);
    if (next.mark === at) return undefined;
    const leaf = { ...step.leaf, targets: applied(step.leaf.targets, next.changes) };
    step = { ...step, log: next.log, leaf, offline: next.roles.at(-1) ?? step.offline };
    at = next.mark - 1;
  }
  const offline = (whole.roles.at(-1) ?? live.offline).id;
  const together = JSON.stringify([sorted(applied(live.leaf.targets, whole.changes)), offline, whole.log]);
  const apart = JSON.stringify([sorted(step.leaf.targets), step.offline.id, step.log]);
  return together === apart ? undefined : `folded together ${together}, one at a time ${apart}`;
}

export function applied(
  targets: Readonly<Record<string, string>>,
  changes: ReadonlyMap<string, string | null>,
): Record<string, string> {
  const next = new Map(Object.entries(targets));
  for (const [path, content] of changes) {
    if (content === null) next.delete(path);
    else next.set(path, content);
  }
  return Object.fromEntries(next);
}

function waitingOf(world: World, live: Snapshot, number: number, { without }: Protocol): Waiting {
  const entry = world.objects[`queue/${number}`];
  if (entry === undefined || typeof entry === 'string') return { number, refused: 'not an entry' };
  if (entry.signedFor !== number && !without.has('number in the envelope'))
    return { number, refused: `made for the number ${entry.signedFor}` };
  if (entry.role !== undefined) return { number, role: { number, role: 'claimed', file: fileOf(entry.role) } };
  // Without these fields there is nothing to compare: an entry is as good as planned on what is live.
  const rows = without.has('was')
    ? entry.rows.map((row) => ({ ...row, was: live.leaf.targets[row.path] ?? null }))
    : entry.rows;
  const after = without.has('after') ? live.mark : entry.after;
  return { number, entry: realEntry({ ...entry, rows, after }, number) };
}

/** A ceremony's file, as much of it as is looked at. */
function fileOf({ id, version, base }: Ceremony): MetadataFile<Targets> {
  return { bytes: Buffer.from(id), signed: { version, base } } as unknown as MetadataFile<Targets>;
}

function ceremonyIn(world: World, { bytes }: MetadataFile<Targets>): Ceremony {
  const id = Buffer.from(bytes).toString();
  const entry = Object.values(world.objects).find((one) => typeof one === 'object' && one.role?.id === id);
  return (entry as Entry).role!;
}

/** What the transaction reads before it drains: `judgeRole` decides. */
function roleView(
  world: World,
  live: Snapshot,
  { file }: RoleEntry,
  folded: FoldedRoles,
  { without }: Protocol,
): RoleView {
  const { id } = ceremonyIn(world, file);
  const there = world.objects[`role/${file.signed.version}`];
  const version = folded.get('claimed')?.signed.version ?? live.offline.version;
  return {
    live: without.has('x-tufa-base') ? (file.signed.base ?? 0) : version,
    place: there === undefined ? 'free' : there === id ? 'same' : 'other',
    invalid: world.ghost.invalid.includes(id) ? 'expired' : undefined,
    orphans: 0,
  };
}

function realEntry(entry: Entry, number: number): RealEntry {
  return {
    repository: '',
    number,
    uploader: UPLOADER.name,
    kind: entry.kind as RealEntry['kind'],
    changes: entry.rows.map(({ path, was, now }) => ({
      path,
      was,
      now: now === null ? null : { sha256: now, length: 1 },
    })),
    after: entry.after,
    made: new Date(0),
  };
}

function itemOf(result: EntryResult, world: World, protocol: Protocol): LogItem {
  const { number } = result;
  const entry = world.objects[`queue/${number}`];
  const { by, typedAt } = typeof entry === 'object' ? entry : { by: GARBAGE, typedAt: 0 };
  const rows = result.rows.map((row) => ({ path: row.path, result: row.result }));
  const changed = rows.filter((row) => row.result === 'applied').map((row) => row.path);
  const touched = new Set(changed.flatMap((path) => [path, ...(protocol.pages ? pageOf(path) : [])]));
  const role = typeof entry === 'object' && result.result === 'done' ? entry.role : undefined;
  return { number, by, typedAt, rows, touched: [...touched].sort(), ...(role === undefined ? {} : { role }) };
}

/** Pages as the transaction plans them: what the page says now, with the files that have changed. */
function pagesAfter(
  targets: Readonly<Record<string, string>>,
  files: ReadonlyMap<string, string | null>,
  drained: Drained,
): Map<string, string> {
  const pages = new Map<string, string>();
  for (const [path, content] of files) {
    for (const page of pageOf(path)) {
      const before = pages.get(page) ?? drained.changes.get(page)?.sha256 ?? targets[page] ?? '-()';
      pages.set(page, withFile(before, path, content));
    }
  }
  return pages;
}

/** The page of a distribution file; none for other paths. */
function pageOf(path: string): string[] {
  const project = projectListing(path);
  return project === undefined ? [] : [pagePaths(project).json];
}

/** `base(file=content,...)`: what an uploader has written, and the files that were added since. */
function withFile(page: string, path: string, content: string | null): string {
  const [base = '', files = ''] = page.split(/[()]/);
  const name = path.slice(path.lastIndexOf('/') + 1);
  const others = files.split(',').filter((file) => file !== '' && !file.startsWith(`${name}=`));
  return `${base}(${[...others, ...(content === null ? [] : [`${name}=${content}`])].sort().join()})`;
}

function sorted(record: Readonly<Record<string, string>>): [string, string][] {
  return Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1));
}
