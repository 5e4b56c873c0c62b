/** What a cell of the matrix is to show, and how a client's result differs from it. */
import type { Cell, RepositoryState } from './matrix.ts';
import type { ClientResult } from './protocol.ts';

/**
 * `all`: refreshes, downloads every present target, finds every absent one absent. `refresh`: refuses to refresh, in these
 * words. `targets`: refreshes and refuses these targets, each in these words; the others are as in `all`.
 */
export type Expected = 'all' | { refresh: RegExp } | { targets: Record<string, RegExp> };

export type Expectation = (cell: Cell, state: RepositoryState) => Expected;

export type Versions = Required<Pick<ClientResult, 'rootVersion' | 'timestampVersion' | 'snapshotVersion'>>;

export const everythingWorks: Expectation = () => 'all';

/**
 * The only refusals that a tree of ours may meet: tough parses no succinct roles, and asks for a file in a folder by a
 * name of its own, which is there only when the repository is published for tough.
 */
export function knownRefusals({ bits, toughNames }: { bits: number; toughNames: boolean }): Expectation {
  return ({ client }, { present }) => {
    if (client !== 'tough') {
      return 'all';
    }
    if (bits > 0) {
      return { refresh: /^ParseMetadata: .*missing field `roles`/ };
    }
    const inFolders = Object.keys(present).filter((path) => path.includes('/'));
    if (toughNames || inFolders.length === 0) {
      return 'all';
    }
    return { targets: Object.fromEntries(inFolders.map((path) => [path, /404/])) };
  };
}

/** One line for each thing that is not as expected; none when the cell is right. */
export function differences(
  found: ClientResult,
  expected: Expected,
  state: RepositoryState,
  versions: Versions,
): string[] {
  if (expected !== 'all' && 'refresh' in expected) {
    const words = found.refresh === 'ok' ? 'ok' : found.refresh.error;
    return words !== 'ok' && expected.refresh.test(words) ? [] : [differs('refresh', `${expected.refresh}`, words)];
  }
  if (found.refresh !== 'ok') {
    return [differs('refresh', 'ok', found.refresh.error)];
  }
  const problems: string[] = [];
  for (const [role, version] of Object.entries(versions)) {
    const trusted = found[role as keyof Versions];
    if (trusted !== version) {
      problems.push(differs(role, `${version}`, `${trusted}`));
    }
  }
  const refusals = expected === 'all' ? {} : expected.targets;
  for (const path of [...Object.keys(state.present), ...state.absent]) {
    const result = found.targets[path];
    const words = result === undefined ? 'no answer' : typeof result === 'string' ? result : Object.values(result)[0];
    const refusal = refusals[path];
    const right =
      refusal === undefined
        ? words === (state.present[path] ?? 'absent')
        : typeof result === 'object' && 'error' in result && refusal.test(result.error);
    if (!right) {
      problems.push(differs(path, String(refusal ?? state.present[path] ?? 'absent'), String(words)));
    }
  }
  return problems;
}

function differs(what: string, expected: string, found: string): string {
  return `${what}: expected ${expected}, found ${found}`;
}
