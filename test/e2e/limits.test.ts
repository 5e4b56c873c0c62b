import { readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Failure } from '../../src/cli/failure.ts';
import { buildWheel } from '../../src/packaging/wheel.ts';
import { fingerprint } from '../faults/support/fingerprint.ts';
import { entryPath, type Loose, live, plant, plantEntry } from '../support/planted.ts';
import { attempt, type Clocked, done, workspaceAt, written } from '../support/published.ts';

interface Cost {
  readonly memory: number;
  readonly cpu: number;
  readonly prototype: string[];
}

const MB = 1e6;

/** Fills the live bin, as somebody with its key could, until it has about so many bytes. */
async function fillBin(dir: string, bytes: number): Promise<void> {
  const { length } = (await live(dir, 'bin0')).bytes;
  const entry = { custom: { listed: '2026-11-25T12:00:00Z' }, hashes: { sha256: 'f'.repeat(64) }, length: 1 };
  const paths = Array.from({ length: bytes / 200 }, (_, i) => `packages/zz/zz-${String(i).padStart(60, '0')}.zip`);
  const size = JSON.stringify({ [paths[0]!]: entry }).length - 1;
  const added = Object.fromEntries(paths.slice(0, (bytes - length) / size).map((path) => [path, entry]));
  await plant(dir, { change: { bin0: (signed: Loose) => Object.assign(signed['targets'], added) } });
}

/** The number is claimed before anything is planned (design, section 5). */
async function withoutClaims(dir: string): Promise<string> {
  return (await written(dir)).replace(/^.*\.tufa\/claims\/.*\n?/gm, '');
}

describe('what is too large', function () {
  this.timeout(240_000);

  it('reliability 27: warns of a bin from half of the smallest limit on, with size, limit and clients', async () => {
    const dir = await workspaceAt('published');
    await fillBin(dir, 2.6 * MB);
    await done(dir, ['target', 'remove', 'decorator']);
    const { stderr } = await done(dir, ['publish']);
    const { length } = (await live(dir, 'bin0')).bytes;
    expect(stderr).to.include('3.bin0.json: more than half of what can be read').and.to.include(`${length}`);
    expect(stderr)
      .to.include('at most 5000000 bytes')
      .and.to.match(/python-tuf, tuf-js, go-tuf/);
  });

  it('reliability 27: refuses a bin that clients would cut off before any of it is uploaded', async () => {
    const dir = await workspaceAt('published');
    await fillBin(dir, 5 * MB - 200);
    const { filename, bytes } = buildWheel({ name: 'straw', version: '1.0' });
    await writeFile(join(dir, filename), bytes);
    await done(dir, ['target', 'add', filename]);
    const before = await withoutClaims(dir);
    const run = await attempt(dir, ['publish', '--json']);
    expect(run.exitCode, run.stderr + run.stdout).to.equal(5);
    const { error } = run.json<{ error: Failure }>();
    expect(error).to.include({ object: '3.bin0.json', code: 'input.limit.size', committed: 'no' });
    expect(error.message).to.match(
      /too long for python-tuf, tuf-js, go-tuf: expected at most 5000000 bytes, found 50\d{5}/,
    );
    expect(await withoutClaims(dir)).to.equal(before);
  });

  it('standards 25: refuses a timestamp that clients would cut off, and warns of half of it', async () => {
    const dir = await workspaceAt('published');
    const note = (length: number) => ({
      timestamp: (signed: Loose) => Object.assign(signed, { 'x-note': 'x'.repeat(length) }),
    });
    await plant(dir, { change: note(9_000) });
    const { stderr } = await done(dir, ['refresh'], { ahead: 4 * 864e5 });
    expect(stderr).to.match(/timestamp\.json: more than half of what can be read .*at most 16384 bytes/);
    await plant(dir, { change: note(16_000) });
    const run = await attempt(dir, ['publish', '--json'], { ahead: 4 * 864e5 });
    expect(run.exitCode, run.stdout).to.equal(8);
    expect(run.json<{ error: Failure }>().error.message).to.include('timestamp.json');
  });

  it('reliability 4: what is too long or too deep costs neither time nor memory', async () => {
    const dir = await workspaceAt('published');
    const cost = join(dir, 'cost.json');
    const spent = async (args: readonly string[], exitCode: number, env: Clocked = {}): Promise<Cost> => {
      const run = await attempt(dir, args, { cost, ...env });
      expect(run.exitCode, run.stderr + run.stdout).to.equal(exitCode);
      const read = JSON.parse(await readFile(cost, 'utf8')) as Cost;
      expect(read.prototype).to.deep.equal([]);
      return read;
    };
    const usual = await spent(['publish'], 0);
    const cheap = ({ memory, cpu }: Cost, what: string): void => {
      expect(memory - usual.memory, `${what}: bytes`).to.be.lessThan(20 * MB);
      expect(cpu - usual.cpu, `${what}: seconds`).to.be.lessThan(1);
    };
    const config = join(dir, 'tufa.yaml');
    const good = await readFile(config, 'utf8');
    await truncate(config, 300 * MB);
    cheap(await spent(['publish'], 3), '300 MB of tufa.yaml');
    await writeFile(config, good);

    await plantEntry(dir, 2, {}, (text) => text.replace('"after"', `"x":${'['.repeat(33)}${']'.repeat(33)},"after"`));
    await plantEntry(dir, 3, {});
    await truncate(entryPath(dir, 3), 300 * MB);
    cheap(await spent(['publish'], 5), '300 MB in the queue');

    const timestamp = join(dir, 'public', 'metadata', 'timestamp.json');
    const before = await readFile(timestamp);
    await truncate(timestamp, 300 * MB);
    const state = await fingerprint(join(dir, 'private', 'trusted'));
    const long = await attempt(dir, ['publish', '--json'], { cost });
    expect(long.exitCode, long.stdout).to.equal(8);
    expect(long.json<{ error: Failure }>().error.message).to.include('timestamp.json');
    cheap(JSON.parse(await readFile(cost, 'utf8')) as Cost, '300 MB of timestamp.json');
    expect(await fingerprint(join(dir, 'private', 'trusted'))).to.equal(state);
    await writeFile(timestamp, before);
  });
});
