/** The README's own commands with fifty real wheels and sdists; the real clients download all of them. */
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { sha256Hex } from '../../src/tuf/digest.ts';
import { type Run, tufa } from '../support/run.ts';
import { fetchWheels } from '../support/wheels.ts';
import { knownRefusals } from './support/expectation.ts';
import { type Matrix, openMatrix } from './support/matrix.ts';
import { failures } from './support/report.ts';

const README = join(import.meta.dirname, '../../README.md');

describe('the README with fifty real files', () => {
  let home: string;
  let dir: string;
  let matrix: Matrix;
  const runs: { line: string; run: Run }[] = [];

  before(async () => {
    home = await mkdtemp(join(tmpdir(), 'tufa-readme-'));
    dir = join(home, 'index');
    await cp(await fetchWheels(), join(dir, 'dist'), { recursive: true });
    await writeFile(join(home, 'passphrase'), 'correct horse\n', { mode: 0o600 });
    matrix = await openMatrix();
  });

  after(async () => {
    await matrix?.stop();
    await rm(home, { recursive: true });
  });

  it('goes from an empty folder to a verified download in six commands, each of which says what comes next', async () => {
    const block = /```console\n((?:\$ tufa init (?:.|\n)*?))```/.exec(await readFile(README, 'utf8'))?.[1] ?? '';
    const lines = block.split('\n').filter((line) => line.startsWith('$ tufa '));
    expect(lines.length).to.equal(6);
    for (const line of lines) {
      const words = line.split(' ').slice(2);
      // Nobody is at a terminal to look at the drafts and to type the name of the repository.
      const args = words[0] === 'sign' ? [...words, '--confirm', 'corp'] : words;
      const env = { HOME: home, TUFA_PASSPHRASE_FILE: join(home, 'passphrase') };
      const run = await tufa(args, { cwd: dir, env, timeout: 120_000 });
      expect(run.exitCode, `${line}\n${run.stderr}`).to.equal(0);
      runs.push({ line, run });
    }
    for (const { line, run } of runs.slice(0, -1)) expect(run.stdout, line).to.match(/^next: .*tufa /m);
    const [wheel] = (await readdir(join(dir, 'dist'))).filter((name) => name.startsWith('six-1.17.0'));
    expect(await readFile(join(dir, wheel!))).to.deep.equal(await readFile(join(dir, 'dist', wheel!)));
  });

  it('serves every one of them to the real clients', async () => {
    const present: Record<string, string> = {};
    const list = await tufa(['target', 'list', '--json'], { cwd: dir });
    const { targets } = list.json<{ targets: { path: string; sha256: string }[] }>();
    for (const { path, sha256 } of targets) present[path] = sha256;
    for (const name of await readdir(join(dir, 'dist'))) {
      const path = Object.keys(present).find((one) => one.endsWith(`/${name}`));
      expect(present[path ?? ''], name).to.equal(sha256Hex(await readFile(join(dir, 'dist', name))));
    }
    expect(Object.keys(present).filter((path) => path.startsWith('packages/')).length).to.equal(50);
    const root = await readFile(join(dir, 'public/metadata/1.root.json'));
    const state = {
      name: 'first publish',
      folder: join(dir, 'public'),
      root,
      present,
      absent: ['packages/no/no-1.zip'],
    };
    const expected = knownRefusals({ bits: 0, toughNames: false });
    expect(failures(await matrix.run('the README', [state], { expected }))).to.deep.equal([]);
  });
});
