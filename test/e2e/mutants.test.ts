import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Failure } from '../../src/cli/failure.ts';
import { buildWheel } from '../../src/packaging/wheel.ts';
import { attempt, type Clocked, done, workspaceAt, written } from '../support/published.ts';

type Mutant = Required<Clocked>['mutant'] & { readonly title: string; readonly says: RegExp };

/** tufa with a mistake in it: its own walk, as a client, finds it before anything is uploaded. */
const MUTANTS: readonly Mutant[] = [
  {
    title: 'a bin by another hash',
    file: 'tuf/bins.js',
    from: "hash('sha256', path",
    to: "hash('sha512', path",
    says: /a second opinion disagrees/,
  },
  {
    title: 'a change that is left out',
    file: 'transaction/plan.js',
    from: 'edits.size === 0 ? old',
    to: 'edits.size >= 0 ? old',
    says: /does not show the change/,
  },
  {
    title: 'a bin that has expired already',
    file: 'transaction/plan.js',
    from: 'now.getTime() + lifetime(leaf',
    to: 'now.getTime() - lifetime(leaf',
    says: /bin4-. 2: expired/,
  },
  {
    title: 'a timestamp that lists another length',
    file: 'transaction/build.js',
    from: 'length: snapshot.bytes.length',
    to: 'length: snapshot.bytes.length + 1',
    says: /snapshot/,
  },
  {
    title: 'a snapshot that lists another digest',
    file: 'transaction/plan.js',
    from: 'return listsHash(role.name) ? sha256Hex(role.bytes)',
    to: 'return listsHash(role.name) ? sha256Hex(role.name)',
    says: /bin4-./,
  },
];

describe('what our own walk finds', function () {
  this.timeout(120_000);

  for (const { title, says, ...mutant } of MUTANTS) {
    it(`standards 51: ${title} is not published`, async () => {
      const dir = await workspaceAt('published', { profile: 'company' });
      const { filename, bytes } = buildWheel({ name: 'straw', version: '1.0' });
      await writeFile(join(dir, filename), bytes);
      await done(dir, ['target', 'add', filename]);
      const timestamp = await readFile(join(dir, 'public', 'metadata', 'timestamp.json'));
      const before = await written(dir);
      const run = await attempt(dir, ['publish', '--json'], { mutant });
      expect(run.exitCode, run.stderr + run.stdout).to.equal(4);
      const { error } = run.json<{ error: Failure }>();
      expect(error.message).to.match(says);
      expect(error.committed).to.equal('no');
      expect(await readFile(join(dir, 'public', 'metadata', 'timestamp.json'))).to.deep.equal(timestamp);
      const after = (await written(dir)).split('\n').filter((line) => !line.includes('.tufa/claims/2'));
      expect(after).to.deep.equal(before.split('\n'));
    });
  }
});
