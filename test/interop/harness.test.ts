/** The matrix harness: its count, its table, and that it reports what it must. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { knownRefusals } from './support/expectation.ts';
import { type Matrix, openMatrix, type RepositoryState } from './support/matrix.ts';
import { CLIENTS } from './support/protocol.ts';
import { referenceRepository } from './support/reference.ts';
import { failures } from './support/report.ts';
import { chosenClients } from './support/selection.ts';

const WHEEL = 'packages/one/one.whl';
const QUIET = { print: () => undefined };

describe('the matrix harness', () => {
  const { clients } = chosenClients();
  let folder: string;
  let matrix: Matrix;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tufa-harness-'));
    matrix = await openMatrix();
  });

  after(async () => {
    await matrix.stop();
    await rm(folder, { recursive: true });
  });

  /** Four states of one repository in one folder, the third one with another root. */
  async function* states(bits: number): AsyncGenerator<RepositoryState> {
    const repository = referenceRepository({ bits });
    const store = await mkdtemp(join(folder, 'store-'));
    const state = async (name: string, present: Record<string, string>, absent: string[]) => {
      await writeStore(store, repository.files);
      return { name, folder: store, root: repository.root, present, absent };
    };
    yield await state('first publish', repository.publish({ 'a.txt': 'a', [WHEEL]: 'one' }), ['b.txt']);
    const changed = repository.publish({ 'a.txt': 'A', 'b.txt': 'b', [WHEEL]: 'one' });
    yield await state('a change', changed, ['c.txt']);
    repository.rotateTimestampKey();
    repository.refresh();
    yield await state('a new root', changed, ['c.txt']);
    yield await state('a removal', repository.publish({ 'b.txt': 'b' }), ['a.txt', WHEEL]);
  }

  for (const bits of [0, 2]) {
    it(`runs each client at each state, fresh and kept, and counts, bits ${bits}`, async () => {
      const lines: string[] = [];
      const options = {
        expected: knownRefusals({ bits, toughNames: false }),
        print: (line: string) => lines.push(line),
      };
      const report = await matrix.run(`bits ${bits}`, states(bits), options);
      expect(failures(report)).to.deep.equal([]);
      // 1, then fresh and one kept, then fresh, two kept and all along, then fresh, three kept and all along.
      expect(report.cells.length).to.equal(clients.length * (1 + 2 + 4 + 5));
      expect(lines[0]).to.contain(`bits ${bits}: ${report.cells.length} runs, ${report.cells.length} as expected`);
      expect(lines.slice(2).map((line) => line.trim().split(/ {2,}/)[0])).to.deep.equal(report.steps);
      expect(lines[1]?.trim().split(/ {2,}/)).to.have.length(clients.length);
    });
  }

  it('reports wrong bytes, a target that is still there, an old timestamp and a refusal that did not come', async () => {
    const repository = referenceRepository();
    const store = await mkdtemp(join(folder, 'store-'));
    const present = repository.publish({ 'a.txt': 'a', 'b.txt': 'b', 'c.txt': 'c' });
    await writeStore(store, repository.files);
    const state: RepositoryState = { name: 'first', folder: store, root: repository.root, present, absent: [] };
    const wrong: RepositoryState = { ...state, present: { 'a.txt': present['b.txt']! }, absent: ['c.txt'] };
    const report = await matrix.run('wrong', [wrong], QUIET);
    const [first] = report.cells;
    expect(first?.problems).to.deep.equal([
      `a.txt: expected ${present['b.txt']}, found ${present['a.txt']}`,
      `c.txt: expected absent, found ${present['c.txt']}`,
    ]);
    expect(failures(report).length).to.equal(clients.length);

    const never = await matrix.run('never', [state], { ...QUIET, expected: () => ({ refresh: /./ }) });
    expect(failures(never)[0]).to.match(/at "first" from fresh: refresh: expected \/\.\/, found ok$/);
    const target = { targets: { 'a.txt': /404/ } };
    const notRefused = await matrix.run('not refused', [state], { ...QUIET, expected: () => target });
    expect(notRefused.cells.every(({ problems }) => problems.length === 1)).to.equal(true);
  });

  it('reports a kept client that is shown an older repository', async () => {
    const repository = referenceRepository();
    const [old, current] = [await mkdtemp(join(folder, 'store-')), await mkdtemp(join(folder, 'store-'))];
    const present = repository.publish({ 'a.txt': 'a' });
    await writeStore(old, repository.files);
    repository.refresh();
    await writeStore(current, repository.files);
    const state = { root: repository.root, present, absent: [] };
    const steps = [
      { ...state, name: 'current', folder: current },
      { ...state, name: 'old', folder: old },
    ];
    const report = await matrix.run('rollback', steps, QUIET);
    const failed = report.cells
      .filter(({ problems }) => problems.length > 0)
      .map(({ step, from }) => `${step}, ${from}`);
    expect(failed).to.deep.equal(clients.map(() => 'old, current'));
  });

  it('runs the clients that TUFA_INTEROP_ONLY names and says what it left out', () => {
    expect(chosenClients('tough, python-tuf')).to.deep.equal({
      clients: ['python-tuf', 'tough'],
      leftOut: ['tuf-js', 'go-tuf'],
    });
    expect(chosenClients('')).to.deep.equal({ clients: [...CLIENTS], leftOut: [] });
    expect(() => chosenClients('tuf')).to.throw(
      'names out of python-tuf, tuf-js, go-tuf, tough, with commas, found "tuf"',
    );
  });
});

async function writeStore(folder: string, files: Map<string, Uint8Array>): Promise<void> {
  for (const [key, bytes] of files) {
    await mkdir(dirname(join(folder, key)), { recursive: true });
    await writeFile(join(folder, key), bytes);
  }
}
