import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { type Proof, RELIABILITY, STANDARDS } from './statements.ts';

const TEST = import.meta.dirname;
const MOCHA = join(TEST, '../node_modules/mocha/bin/mocha.js');
const LISTS: readonly (readonly [name: string, list: Readonly<Record<number, Proof>>, count: number])[] = [
  ['standards', STANDARDS, 52],
  ['reliability', RELIABILITY, 40],
];
/** What makes a test of a file not run, or only this one. */
const SKIPS = /\b(?:it|describe|test|suite|specify|context)\.(?:skip|only)\b|\bx(?:it|describe)\(|\bthis\.skip\(/;

interface Known {
  /** Of its suites, and its own. */
  readonly titles: readonly string[];
  readonly pending: boolean;
}

/** The tests of each file, as mocha itself knows them; none is run. */
async function testsOf(files: readonly string[]): Promise<ReadonlyMap<string, Known[]>> {
  const args = ['--no-config', '--dry-run', '--reporter', join(TEST, 'support', 'titles.ts'), ...files];
  const { stdout } = await promisify(execFile)(process.execPath, [MOCHA, ...args], {
    cwd: TEST,
    maxBuffer: 64 * 1024 * 1024,
  });
  const known = JSON.parse(stdout.slice(stdout.indexOf('['))) as (Known & { file: string })[];
  const byFile = new Map<string, Known[]>(files.map((file) => [file, []]));
  for (const { file, ...test } of known) byFile.get(file.slice(TEST.length + 1))?.push(test);
  return byFile;
}

describe('acceptance statements', function () {
  this.timeout(120_000);
  const files = [
    ...new Set(LISTS.flatMap(([, list]) => Object.values(list)).flatMap((proof) => ('later' in proof ? [] : proof))),
  ];
  let tests: ReadonlyMap<string, Known[]>;

  before(async () => {
    tests = await testsOf(files);
  });

  for (const [name, list, count] of LISTS) {
    it(`${name}: each of the ${count} has its tests, or what it waits for`, () => {
      expect(Object.keys(list).map(Number)).to.deep.equal(Array.from({ length: count }, (_, i) => i + 1));
      const missing = Object.entries(list).flatMap(([number, proof]) =>
        'later' in proof
          ? []
          : proof.filter((file) => !has(file, `${name} ${number}: `)).map((file) => `${name} ${number} in ${file}`),
      );
      expect(missing, 'statements without a test').to.deep.equal([]);
    });

    it(`${name}: none waits that has a test already`, () => {
      const waiting = Object.entries(list).filter(([, proof]) => 'later' in proof);
      const there = waiting.flatMap(([number]) => files.filter((file) => has(file, `${name} ${number}: `)));
      expect(there).to.deep.equal([]);
    });
  }

  it('no test of theirs can be skipped', async () => {
    const pending = [...tests].flatMap(([file, known]) =>
      known.filter((test) => test.pending).map(({ titles }) => `${file}: ${titles.join(' ')}`),
    );
    expect(pending).to.deep.equal([]);
    for (const file of files) expect(await readFile(join(TEST, file), 'utf8'), file).not.to.match(SKIPS);
  });

  function has(file: string, prefix: string): boolean {
    return tests.get(file)?.some(({ titles }) => titles.some((title) => title.startsWith(prefix))) === true;
  }
});
