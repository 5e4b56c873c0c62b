/**
 * The matrix: each state that a repository goes through x each client x {fresh, kept from each earlier state, kept all
 * along}, judged cell by cell. A cell is one run: refresh, every present target downloaded, every absent one looked up,
 * and the versions that the client trusts at the end. Two earlier states that left a client the same files, byte for byte,
 * are one to start from: a write that no client sees leads nowhere else.
 */
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { canonicalize } from '@tufjs/canonical-json';
import { startServer, type TestServer } from '../../support/server.ts';
import { type Client, type ClientName, type ClientResult, startClient } from './clients.ts';
import { differences, type Expectation, type Expected, everythingWorks, type Versions } from './expectation.ts';
import { type MatrixReport, summary } from './report.ts';
import { chosenClients } from './selection.ts';

/** A repository as it stands after one step. */
export interface RepositoryState {
  /** Of the step: `a removal`. Unique in its table. */
  name: string;
  /** Has `metadata/` and `targets/`. Served in place: it must not change before the next state is asked for. */
  folder: string;
  /** The trusted root that every client starts from, fresh or kept. */
  root: Uint8Array;
  /** Targets with their sha256. */
  present: Record<string, string>;
  absent: string[];
  /** Reference time, RFC 3339; without it, and always for tough, the machine's clock. */
  now?: string;
  /**
   * Clients can see nothing of what has changed since the state before. Who starts from an earlier state then sees what he
   * saw there: only the fresh client and the one kept all along are run.
   */
  unseen?: boolean;
}

export interface Cell {
  client: ClientName;
  step: string;
  /** `fresh`, the step whose state was kept, or `every step`. */
  from: string;
}

export interface MatrixOptions {
  /** What each cell is to show; without it, that everything works. */
  expected?: Expectation;
  /** The earlier steps that a kept client starts from: each of them, or the first alone. Default: each. */
  earlier?: 'each' | 'first';
  /** Milliseconds for one run, 60,000 without it. */
  timeout?: number;
  /** Takes the table, line by line; standard output without it. */
  print?: (line: string) => void;
}

export interface Matrix {
  /**
   * Runs one table. `states` is drawn lazily, one state after the other, so a generator may work on one folder. Cells that
   * differ are in the report, not thrown; the report's `failures` belongs in an assertion.
   */
  run(
    table: string,
    states: Iterable<RepositoryState> | AsyncIterable<RepositoryState>,
    options?: MatrixOptions,
  ): Promise<MatrixReport>;
  stop(): Promise<void>;
}

/** Starts the chosen clients (`TUFA_INTEROP_ONLY`), building them if need be. */
export async function openMatrix(selection = chosenClients()): Promise<Matrix> {
  const folder = await mkdtemp(join(tmpdir(), 'tufa-matrix-'));
  const server = await startServer(new Map());
  const clients: Client[] = [];
  const stop = async () => {
    await Promise.all(clients.map((client) => client.stop()));
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    for (const name of selection.clients) {
      clients.push(await startClient(name));
    }
  } catch (error) {
    await stop();
    throw error;
  }
  let tables = 0;
  return {
    async run(table, states, options = {}) {
      tables += 1;
      const kept = clients.map((client) => new KeptStates(client, join(folder, `${tables}-${client.name}`)));
      const report: MatrixReport = {
        table,
        steps: [],
        clients: clients.map(versioned),
        leftOut: selection.leftOut,
        cells: [],
      };
      for await (const state of states) {
        report.steps.push(state.name);
        server.serve(state.folder);
        const root = join(folder, 'root.json');
        await writeFile(root, state.root);
        const versions = await publishedVersions(state);
        const visit: Visit = { state, root, versions, server, options };
        report.cells.push(...(await Promise.all(kept.map((states) => states.visit(visit)))).flat());
      }
      for (const line of summary(report)) {
        (options.print ?? ((text) => process.stdout.write(`${text}\n`)))(line);
      }
      return report;
    },
    stop,
  };
}

/** What a client is shown at one step. */
interface Visit {
  state: RepositoryState;
  root: string;
  versions: Versions;
  server: TestServer;
  options: MatrixOptions;
}

/** The folders that one client kept after each step, and its runs at the next. */
class KeptStates {
  readonly client: Client;
  readonly folder: string;
  /** Earlier steps by the files that they left. */
  readonly steps: string[] = [];
  readonly left = new Set<string>();

  constructor(client: Client, folder: string) {
    this.client = client;
    this.folder = folder;
  }

  async visit(visit: Visit): Promise<MatrixReport['cells']> {
    const cells: MatrixReport['cells'] = [];
    const blind = visit.state.unseen === true && this.steps.length > 1;
    const earlierSteps = this.steps.slice(0, blind ? 0 : visit.options.earlier === 'first' ? 1 : undefined);
    for (const [index, earlier] of earlierSteps.entries()) {
      const state = join(this.folder, 'run');
      await copyState(this.#after(index), state);
      cells.push(await this.#run(visit, earlier, state));
      if (this.steps.length === 1) {
        // With one earlier step, "kept all along" is what was kept from that step.
        await rm(this.#all, { recursive: true, force: true });
        await copyState(state, this.#all);
      }
      await rm(state, { recursive: true });
    }
    if (this.steps.length > 1) {
      cells.push(await this.#run(visit, 'every step', this.#all));
    }
    const fresh = this.#after(this.steps.length);
    await mkdir(fresh, { recursive: true });
    cells.unshift(await this.#run(visit, 'fresh', fresh));
    const files = await contentsOf(fresh);
    if (this.left.has(files)) {
      await rm(fresh, { recursive: true });
    } else {
      this.left.add(files);
      this.steps.push(visit.state.name);
    }
    return cells;
  }

  get #all(): string {
    return join(this.folder, 'all');
  }

  #after(index: number): string {
    return join(this.folder, `after-${index}`);
  }

  async #run(visit: Visit, from: string, folder: string): Promise<MatrixReport['cells'][number]> {
    const { state, root, versions, server, options } = visit;
    const cell: Cell = { client: this.client.name, step: state.name, from };
    const expected: Expected = (options.expected ?? everythingWorks)(cell, state);
    const request = {
      metadataUrl: `${server.url}metadata/`,
      targetsUrl: `${server.url}targets/`,
      root,
      state: folder,
      targets: [...Object.keys(state.present), ...state.absent],
      ...(state.now !== undefined && { now: state.now }),
    };
    let found: ClientResult;
    try {
      found = await this.client.run(request, options.timeout);
    } catch (error) {
      return { ...cell, refused: false, problems: [error instanceof Error ? error.message : String(error)] };
    }
    return { ...cell, refused: expected !== 'all', problems: differences(found, expected, state, versions) };
  }
}

/** Copies a client's folder; python-tuf keeps a relative link in its own. */
function copyState(from: string, to: string): Promise<void> {
  return cp(from, to, { recursive: true, verbatimSymlinks: true });
}

/** tough writes down when it last looked: that is not what it saw. */
const NOT_SEEN = 'latest_known_time.json';

/** Every file of a folder of metadata, by path and content. */
async function contentsOf(folder: string): Promise<string> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile() && entry.name !== NOT_SEEN)
    .map((entry) => join(entry.parentPath, entry.name));
  // tough writes metadata anew, its members in another order each time.
  const lines = files.map(
    async (file) => `${relative(folder, file)} ${canonicalize(JSON.parse(await readFile(file, 'utf8')))}`,
  );
  return (await Promise.all(lines)).sort().join('\n');
}

/** The versions that every client must arrive at, by the files themselves. */
async function publishedVersions(state: RepositoryState): Promise<Versions> {
  const read = (name: string) => readFile(join(state.folder, 'metadata', name), 'utf8');
  const { signed } = JSON.parse(await read('timestamp.json'));
  let root: number = JSON.parse(Buffer.from(state.root).toString()).signed.version;
  while (await read(`${root + 1}.root.json`).then(Boolean, () => false)) {
    root += 1;
  }
  return { rootVersion: root, timestampVersion: signed.version, snapshotVersion: signed.meta['snapshot.json'].version };
}

function versioned(client: Client): { name: ClientName; version: string } {
  return { name: client.name, version: client.version };
}
