import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Failure } from '../../src/cli/failure.ts';
import type { Demo } from '../../src/jobs/demo/demo.ts';
import { attempt, done, emptyFolder } from '../support/published.ts';

const ATTACKS = [
  'changed-wheel',
  'replayed-timestamp',
  'root-with-one-signature',
  'forged-page',
  'bin-of-another-snapshot',
];

describe('tufa demo', function () {
  this.timeout(120_000);

  it('shows a tree, the deadlines and five attacks, each with the check that refused it, and leaves nothing', async () => {
    const dir = await emptyFolder();
    const { stdout } = await done(dir, ['demo']);
    for (const name of ['root', 'targets', 'bins', 'claimed', 'timestamp']) expect(stdout).to.include(name);
    expect(stdout.match(/REFUSED by check 5\.\d/g)).to.have.length(ATTACKS.length);
    expect(await readdir(dir)).to.deep.equal([]);

    const { attacks, folder, kept } = (await done(dir, ['demo', '--json'])).json<Demo>();
    expect(kept).to.equal(false);
    expect(attacks.map(({ name }) => name)).to.deep.equal(ATTACKS);
    for (const { verdict, check, name } of attacks) {
      expect(verdict, name).to.equal('refused');
      expect(check, name).to.match(/^5\.\d+(\.\d+)*$/);
    }
    expect(await stat(folder).catch(() => 'gone')).to.equal('gone');
  });

  it('leaves repositories that the ordinary get reads: the good one, and each attack, refused by the same check', async () => {
    const dir = await emptyFolder();
    const { attacks } = (await done(dir, ['demo', '--keep', 'kept', '--json'])).json<Demo>();
    const at = (folder: string, more: readonly string[]): string[] => [
      ...['get', 'aardvark==1.1', '--repository', folder, '--root', join(folder, 'root.json'), ...more, '--json'],
    ];
    for (const folder of ['good', ...ATTACKS])
      expect(await readdir(join(dir, 'kept', folder))).to.include.members(['metadata', 'targets', 'root.json']);
    await done(dir, at(join('kept', 'good'), ['--trusted', 'fresh', '-o', 'got']));
    expect((await readFile(join(dir, 'got', 'aardvark-1.1-py3-none-any.whl'))).length).to.be.greaterThan(100);

    for (const { name, check, folder } of attacks) {
      expect(folder).to.equal(join(dir, 'kept', name));
      // The client that was here before: its state is beside the repository.
      const run = await attempt(dir, at(folder, ['--trusted', join(folder, 'client'), '-o', 'refused']));
      expect(run.exitCode, name).to.equal(4);
      expect(run.json<{ error: Failure }>().error.check, name).to.equal(check);
    }
    expect(await readdir(join(dir, 'refused')).catch(() => [])).to.deep.equal([]);

    const again = await attempt(dir, ['demo', '--keep', 'kept', '--json']);
    expect(again.exitCode).to.equal(2);
    expect(again.json<{ error: Failure }>().error.message).to.include('kept');
  });
});
