import { spawn } from 'node:child_process';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { publish } from '../../src/jobs/publish.ts';
import { plainEnvironment } from '../support/run.ts';
import { inspect } from './support/inspect.ts';
import { Stages, WHEELS, withWorkspace } from './support/stages.ts';

const WORKER = join(import.meta.dirname, 'support', 'worker.ts');

/** What the processes have said. */
interface Told {
  readonly acked: readonly string[];
  readonly refreshed: readonly number[];
  /** For each client: versions, as they came. */
  readonly seen: readonly (readonly number[])[];
  readonly failures: readonly string[];
}

/**
 * Four publishers, a refresh loop and two clients, each a process of its own, on one folder. Two publishers and the
 * refresh share a workspace, as a person and a scheduled job on one machine do; the others have their own trusted state.
 */
describe('many at once', function () {
  this.timeout(120_000);
  let stages: Stages;

  before(async () => {
    stages = await Stages.make();
  });
  after(() => stages.remove());

  async function stress(milliseconds: number, env: Readonly<Record<string, string>>): Promise<Told & { dir: string }> {
    const dir = await stages.copy('published');
    const others = await Promise.all([another(dir), another(dir)]);
    // Due as soon as it is a second old: the refresh loop is in everybody's way.
    const config = join(dir, 'tufa.yaml');
    await writeFile(config, (await readFile(config, 'utf8')).replace('timestamp: 84h', 'timestamp: 604799s'));
    const run = (...args: string[]) => worker([...args, String(milliseconds)], env);
    const told = await Promise.all([
      run('publisher', dir, 'aa'),
      run('publisher', dir, 'bb'),
      run('publisher', others[0]!, 'cc'),
      run('publisher', others[1]!, 'dd'),
      run('refresher', dir),
      run('client', dir),
      run('client', dir),
    ]);
    const all = <T>(name: string): T[] =>
      told.flatMap((lines) => lines.flatMap((line) => (name in line ? [line[name] as T] : [])));
    return {
      dir,
      acked: all<string>('acked'),
      refreshed: all<number>('refreshed'),
      seen: told.slice(5).map((lines) => lines.flatMap((line) => ('seen' in line ? [line['seen'] as number] : []))),
      failures: all<string>('failed'),
    };
  }

  /** A workspace of the same repository with a trusted state and a journal of its own. */
  async function another(dir: string): Promise<string> {
    const copy = await stages.copy({ folder: dir });
    await rm(join(copy, 'public'), { recursive: true });
    const config = join(copy, 'tufa.yaml');
    await writeFile(
      config,
      (await readFile(config, 'utf8')).replace('store: file:public', `store: file:${dir}/public`),
    );
    return copy;
  }

  /** Acknowledged changes that are not in the live state. */
  async function lost({ dir, acked }: Told & { dir: string }): Promise<string[]> {
    const { packages } = await inspect(dir, new Date());
    return acked.filter((path) => !packages.includes(path));
  }

  it('reliability 24: four publishers, a refresh loop and two clients on one folder: nothing lost, nobody refused', async () => {
    const told = await stress(8000, {});
    expect(told.failures).to.deep.equal([]);
    expect(told.acked.length).to.be.greaterThan(8);
    expect(new Set(told.acked.map((path) => path.split('/')[1]!.slice(0, 2)))).to.have.lengthOf(4);
    expect(await lost(told)).to.deep.equal([]);
    for (const versions of told.seen) {
      expect(versions.length).to.be.greaterThan(2);
      for (const [i, version] of versions.entries()) expect(version).to.be.greaterThan(versions[i - 1] ?? 0);
    }
    const state = await inspect(told.dir, new Date());
    // `inspect` has seen each receipt of the chain, and no entry in two of them.
    expect([...state.folded.values()].every((result) => result === 'done')).to.equal(true);
    expect(state.folded.size).to.equal(state.queue.length);
    expect(state.packages).to.include(WHEELS.zipp.path);
    const last = await withWorkspace(told.dir, (workspace) => publish(workspace));
    expect(last.entries).to.deep.equal([]);
    process.stdout.write(
      `      ${told.acked.length} changes, version ${state.timestamp}, ${told.refreshed.length} refreshes, ` +
        `${told.seen.flat().length} new versions seen by clients\n`,
    );
  });

  it('reliability 24: the same on a store that ignores conditions: versions fall, and the test sees it', async () => {
    const told = await stress(4000, { TUFA_FAULT_UNCONDITIONAL: '1' });
    const missing = await lost(told).catch((error: unknown) => [String(error)]);
    expect([...missing, ...told.failures]).not.to.deep.equal([]);
  });
});

/** The JSON lines that a worker says. */
function worker(args: readonly string[], env: Readonly<Record<string, string>>): Promise<Record<string, unknown>[]> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [WORKER, ...args], {
      env: plainEnvironment(env),
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: 60_000,
      killSignal: 'SIGKILL',
    });
    const [stdout, stderr]: [Buffer[], Buffer[]] = [[], []];
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
    child.on('error', reject);
    child.on('close', (code) => {
      if (code !== 0) reject(new Error(`${args.join(' ')} ended with ${code}: ${Buffer.concat(stderr)}`));
      else
        resolve(
          Buffer.concat(stdout)
            .toString('utf8')
            .split('\n')
            .filter((line) => line !== '')
            .map((line) => JSON.parse(line) as Record<string, unknown>),
        );
    });
  });
}
