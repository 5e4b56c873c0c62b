import { contradiction, pagePaths, projectListing, projectOf } from '../packaging/paths.ts';
import type { MetadataFile, Targets } from '../tuf/model.ts';
import type { Content, Entry, Row, Uploader } from './envelope.ts';
import type { RoleEntry, RoleView } from './role-entry.ts';
import { judgeRole } from './role-entry.ts';

/**
 * Folds waiting entries into changes: pure, so that the model in test/model explores this very function. Order is the
 * numbers', exactly once follows from the mark, and one bad row or entry never holds up the others.
 */

/** An entry as it was read: opened, or why it could not be. */
export type Waiting = { readonly number: number } & (
  | { readonly entry: Entry }
  | { readonly role: RoleEntry }
  | { readonly refused: string }
);

export interface RowResult {
  readonly path: string;
  readonly result: 'applied' | 'already' | 'refused';
  readonly why?: string;
  /** Refused for nothing but another change of the same path, which was first. */
  readonly overtaken?: true;
}

export interface EntryResult {
  readonly number: number;
  /** `part`: some rows were refused. `held`: needs a person, see `tufa queue accept`. */
  readonly result: 'done' | 'part' | 'refused' | 'held';
  readonly why?: string;
  /** Another signed file stands under the version of this ceremony. */
  readonly equivocation?: boolean;
  readonly rows: readonly RowResult[];
}

export interface DrainView {
  /** `x-tufa-queue` of the live snapshot: the last number folded in. */
  readonly mark: number;
  readonly uploaders: readonly Uploader[];
  /** An entry that removes more rows than this is held. */
  readonly hold: number;
  /** sha256 of a path in the live state; undefined: absent. */
  current(path: string): string | undefined;
  /**
   * Whether an applied entry with a number above `after` (and up to the mark) changed the path; `unknown` when gc has
   * taken the receipts that would tell. `was` alone does not see absent, present, absent.
   */
  changedAbove(path: string, after: number): 'no' | 'yes' | 'unknown';
  /** Whether the store has the bytes that a row promises. */
  hasBytes(path: string, content: Content): boolean;
  /** The offline role that lists a path before any online one does: there a row would change nothing. */
  offline(path: string, folded: FoldedRoles): string | undefined;
  /** What the live state, with the roles that this drain has folded so far, says about a role. */
  role(entry: RoleEntry, folded: FoldedRoles): RoleView;
}

/** Offline roles that ceremonies replace, by name. */
export type FoldedRoles = ReadonlyMap<string, MetadataFile<Targets>>;

export interface Drained {
  readonly mark: number;
  readonly results: readonly EntryResult[];
  /** The last word on each path that changes; null: removed. */
  readonly changes: ReadonlyMap<string, Content | null>;
  readonly roles: FoldedRoles;
}

/** Folds the entries above the mark, in order, up to the first hole: what lies behind a hole waits. */
export function drain(waiting: readonly Waiting[], view: DrainView): Drained {
  const byNumber = new Map(waiting.map((w) => [w.number, w]));
  const state = new Overlay(view);
  const results: EntryResult[] = [];
  let mark = view.mark;
  for (let next = byNumber.get(mark + 1); next !== undefined; next = byNumber.get(mark + 1)) {
    mark = next.number;
    if ('entry' in next) results.push(foldEntry(next.entry, view, state));
    else if ('role' in next) results.push(foldRole(next.role, view, state.roles));
    else results.push({ number: mark, result: 'refused', why: next.refused, rows: [] });
  }
  return { mark, results, changes: state.changes, roles: state.roles };
}

/** The live state with what this drain has applied so far on top. */
class Overlay {
  readonly changes = new Map<string, Content | null>();
  readonly roles = new Map<string, MetadataFile<Targets>>();
  private readonly lastNumber = new Map<string, number>();
  /** Pages that follow from the files that were applied: what they will say is not known here. */
  private readonly rewritten = new Map<string, number>();
  private readonly view: DrainView;

  constructor(view: DrainView) {
    this.view = view;
  }

  current(path: string): string | undefined {
    const changed = this.changes.get(path);
    return changed === undefined ? this.view.current(path) : changed?.sha256;
  }

  changedAbove(path: string, after: number): 'no' | 'yes' | 'unknown' {
    if ((this.lastNumber.get(path) ?? 0) > after) return 'yes';
    return after >= this.view.mark ? 'no' : this.view.changedAbove(path, after);
  }

  /** The entry of this drain that changes the page, after which no row can have been planned on it. */
  rewrittenBy(path: string): number | undefined {
    return this.rewritten.get(path);
  }

  apply(row: Row, number: number): void {
    this.changes.set(row.path, row.now);
    this.lastNumber.set(row.path, number);
    const project = projectListing(row.path);
    if (project !== undefined) for (const page of Object.values(pagePaths(project))) this.rewritten.set(page, number);
  }
}

function foldRole(entry: RoleEntry, view: DrainView, roles: Map<string, MetadataFile<Targets>>): EntryResult {
  const refused = judgeRole(entry, view.role(entry, roles));
  if (refused !== undefined) return { number: entry.number, result: 'refused', ...refused, rows: [] };
  roles.set(entry.role, entry.file);
  return { number: entry.number, result: 'done', rows: [] };
}

function foldEntry(entry: Entry, view: DrainView, state: Overlay): EntryResult {
  const { number } = entry;
  const uploader = view.uploaders.find((u) => u.name === entry.uploader);
  if (uploader === undefined || !uploader.kinds.includes(entry.kind)) {
    return {
      number,
      result: 'refused',
      why: `${entry.uploader} may not append entries of kind ${entry.kind}`,
      rows: [],
    };
  }
  const removals = entry.changes.filter((row) => row.now === null).length;
  if (removals > view.hold && entry.kind !== 'operator') {
    return { number, result: 'held', why: `removes ${removals} paths, more than ${view.hold} at once`, rows: [] };
  }
  const seen = new Set<string>();
  const verdicts = entry.changes.map((row): { row: Row; verdict: Verdict } => {
    const twice = seen.has(row.path);
    seen.add(row.path);
    return { row, verdict: twice ? refused('the path twice in one entry') : judge(row, entry, uploader, view, state) };
  });
  const bad = verdicts.filter(({ verdict }) => verdict.result === 'refused');
  const spoilt = new Set(bad.map(({ row }) => groupOf(row)));
  const wrong = new Set(bad.filter(({ verdict }) => !verdict.overtaken).map(({ row }) => groupOf(row)));
  const rows = verdicts.map(({ row, verdict }): RowResult => {
    const { path } = row;
    const group = groupOf(row);
    // Rows of one project in one entry stand or fall together: half of a release is worse than none.
    if (verdict.result !== 'applied' || !spoilt.has(group)) return { path, ...verdict };
    const why = 'another row of the same project was refused';
    return { path, ...(wrong.has(group) ? refused(why) : overtaken(why)) };
  });
  const applied = new Set(rows.filter((r) => r.result === 'applied').map((r) => r.path));
  for (const row of entry.changes) if (applied.has(row.path)) state.apply(row, number);
  const failed = rows.filter((r) => r.result === 'refused').length;
  return { number, result: failed === 0 ? 'done' : failed === rows.length ? 'refused' : 'part', rows };
}

type Verdict = Omit<RowResult, 'path'>;

function refused(why: string): Verdict {
  return { result: 'refused', why };
}

function overtaken(why: string): Verdict {
  return { result: 'refused', why, overtaken: true };
}

function judge(row: Row, entry: Entry, uploader: Uploader, view: DrainView, state: Overlay): Verdict {
  const scope = outOfScope(row, entry, uploader);
  if (scope !== undefined) return refused(scope);
  const owner = view.offline(row.path, state.roles);
  if (owner !== undefined) return refused(`${owner} lists this path: only a ceremony of that role changes it`);
  const rewriter = state.rewrittenBy(row.path);
  if (rewriter !== undefined) return overtaken(`entry ${rewriter} changes this page in the same snapshot`);
  const current = state.current(row.path);
  if (current === row.now?.sha256) return { result: 'already' };
  if (current !== (row.was ?? undefined))
    return overtaken(`planned on ${row.was ?? 'absent'}, found ${current ?? 'absent'}`);
  const changed = state.changedAbove(row.path, entry.after);
  if (changed === 'yes') return overtaken(`changed by an entry above ${entry.after}, on which this one was planned`);
  if (changed === 'unknown')
    return overtaken(`planned on ${entry.after}, and what came after it is not on record any more`);
  if (row.now !== null && !view.hasBytes(row.path, row.now)) return refused('the store does not have these bytes');
  return { result: 'applied' };
}

/** Tiers by kind: a thief of an uploader's key for files cannot touch policies, denials or trust roots. */
const TIER: Readonly<Record<Entry['kind'], readonly string[]>> = {
  files: ['packages/', 'upstream/'],
  pages: ['simple/'],
  removal: ['packages/', 'simple/', 'upstream/'],
  policy: ['policies/'],
  deny: ['deny/'],
  operator: ['packages/', 'simple/', 'upstream/', 'policies/', 'deny/'],
};

function outOfScope(row: Row, entry: Entry, uploader: Uploader): string | undefined {
  if (!TIER[entry.kind].some((prefix) => row.path.startsWith(prefix)))
    return `an entry of kind ${entry.kind} may not name this path`;
  if (entry.kind === 'removal' && row.now !== null) return 'an entry of kind removal only removes';
  const incoherent = contradiction(row.path);
  if (incoherent !== undefined) return incoherent;
  const project = projectOf(row.path);
  const allowed = uploader.projects.includes('*') || (project !== undefined && uploader.projects.includes(project));
  return allowed ? undefined : `${uploader.name} has no right to ${project ?? 'paths outside of a project'}`;
}

function groupOf(row: Row): string {
  return projectOf(row.path) ?? row.path;
}
