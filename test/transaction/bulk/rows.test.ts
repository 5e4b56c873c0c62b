import { closeSync, openSync } from 'node:fs';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { InputError } from '../../../src/errors.ts';
import { type BulkRow, parseRow, readRows, writeRows } from '../../../src/transaction/bulk/rows.ts';

const SHA256 = 'ab'.repeat(32);
const row = (path: string, changes: Partial<BulkRow> = {}): BulkRow => ({
  path,
  length: 1,
  sha256: SHA256,
  listed: new Date('2026-01-31T12:00:00Z'),
  ...changes,
});

describe('rows of a bulk build', () => {
  let folder: string;
  let file: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tufa-rows-'));
    file = join(folder, 'rows.tsv');
  });
  afterEach(() => rm(folder, { recursive: true }));

  /** The paths that the ranges between these positions have. */
  function readRanges(...positions: number[]): string[] {
    const paths: string[] = [];
    const descriptor = openSync(file, 'r');
    for (let i = 1; i < positions.length; i++) {
      expect(readRows(descriptor, positions[i - 1]!, positions[i]!, (path) => paths.push(path))).to.equal(undefined);
    }
    closeSync(descriptor);
    return paths;
  }

  it('are read as they were written', async () => {
    await writeRows(file, [row('packages/foo/foo-1.0.tar.gz', { length: 0 }), row('b', { length: 2 ** 53 - 1 })]);
    expect(await readFile(file, 'latin1')).to.equal(
      `packages/foo/foo-1.0.tar.gz\t0\t${SHA256}\t2026-01-31T12:00:00Z\nb\t9007199254740991\t${SHA256}\t2026-01-31T12:00:00Z\n`,
    );
    expect(readRanges(0, (await stat(file)).size)).to.deep.equal(['packages/foo/foo-1.0.tar.gz', 'b']);
  });

  it('may be of any day that the calendar has', async () => {
    const days = Array.from({ length: 366 + 365 }, (_, i) => new Date(Date.UTC(2024, 0, 1 + i)));
    const rows = days.map((listed, i) => row(`simple/a/${i}`, { listed }));
    await writeRows(file, rows);
    expect(readRanges(0, (await stat(file)).size)).to.have.length(731);
  });

  it('belong to the range that their line begins in, each to one', async () => {
    const paths = Array.from({ length: 9 }, (_, i) => `simple/${'x'.repeat(i + 1)}/a`);
    await writeRows(
      file,
      paths.map((path) => row(path)),
    );
    const { size } = await stat(file);
    for (let cut = 0; cut <= size; cut++) expect(readRanges(0, cut, size)).to.deep.equal(paths);
  });

  it('may be longer than what is read at once', async () => {
    const paths = Array.from({ length: 20_000 }, (_, i) =>
      `packages/${'p'.repeat(i % 200)}/f-${i}.whl`.replace('//', '/p/'),
    );
    await writeRows(
      file,
      paths.map((path) => row(path)),
    );
    const { size } = await stat(file);
    expect(size).to.be.greaterThan(3 * 1024 * 1024);
    expect(readRanges(0, Math.floor(size / 3), size)).to.deep.equal(paths);
  });

  for (const [what, line] of Object.entries({
    'a path that leaves its folder': `a/../b\t1\t${SHA256}\t2026-01-31T12:00:00Z`,
    'a quote in a path': `a/"b\t1\t${SHA256}\t2026-01-31T12:00:00Z`,
    'a path beyond ASCII': `a/\u00e4\t1\t${SHA256}\t2026-01-31T12:00:00Z`,
    'a path that is too long': `a/${'b'.repeat(511)}\t1\t${SHA256}\t2026-01-31T12:00:00Z`,
    'a length with a leading zero': `a/b\t01\t${SHA256}\t2026-01-31T12:00:00Z`,
    'a length beyond 2^53-1': `a/b\t9007199254740992\t${SHA256}\t2026-01-31T12:00:00Z`,
    'a negative length': `a/b\t-1\t${SHA256}\t2026-01-31T12:00:00Z`,
    'a hash in upper case': `a/b\t1\t${SHA256.toUpperCase()}\t2026-01-31T12:00:00Z`,
    'a short hash': `a/b\t1\t${SHA256.slice(1)}\t2026-01-31T12:00:00Z`,
    'a day that the calendar lacks': `a/b\t1\t${SHA256}\t2026-02-30T12:00:00Z`,
    'an hour that the day lacks': `a/b\t1\t${SHA256}\t2026-01-31T24:00:00Z`,
    'an offset': `a/b\t1\t${SHA256}\t2026-01-31T12:00:00+00:00`,
    'three fields': `a/b\t1\t${SHA256}`,
    'five fields': `a/b\t1\t${SHA256}\t2026-01-31T12:00:00Z\t`,
    'an empty line': '',
    'a carriage return': `a/b\t1\t${SHA256}\t2026-01-31T12:00:00Z\r`,
  })) {
    it(`are refused with ${what}`, async () => {
      expect(() => parseRow(line)).to.throw(InputError);
      await writeFile(file, `packages/foo/foo-1.0.tar.gz\t1\t${SHA256}\t2026-01-31T12:00:00Z\n${line}\n`, 'latin1');
      const descriptor = openSync(file, 'r');
      const bad = readRows(descriptor, 0, (await stat(file)).size, () => undefined);
      closeSync(descriptor);
      expect(bad).to.deep.equal({ line });
    });
  }

  it('are refused when the last one is cut off', async () => {
    const whole = `a/b\t1\t${SHA256}\t2026-01-31T12:00:00Z`;
    await writeFile(file, `${whole}\n${whole}`);
    const descriptor = openSync(file, 'r');
    const bad = readRows(descriptor, 0, (await stat(file)).size, () => undefined);
    closeSync(descriptor);
    expect(bad).to.deep.equal({ line: whole });
  });

  it('are not written when they could not be read', async () => {
    let thrown: unknown;
    await writeRows(file, [row('a/b\tc')]).catch((error: unknown) => {
      thrown = error;
    });
    expect(thrown).to.be.instanceOf(InputError);
  });
});
