import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { buildWheel } from '../../src/packaging/wheel.ts';
import type { TransactionResult } from '../../src/transaction/transact.ts';
import { type Loose, live, plantEntry } from '../support/planted.ts';
import { attempt, done, emptyFolder, workspaceAt } from '../support/published.ts';
import { refused, refusedAlone } from '../support/refused.ts';

const CONTENT = { length: 1, sha256: 'ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb' };

/** Rows that add a file at each path, one entry for each, from entry 2 on. */
async function plantPaths(dir: string, paths: readonly string[]): Promise<Record<number, string>> {
  for (const [i, path] of paths.entries())
    await plantEntry(dir, i + 2, { after: 1, changes: [{ path, was: null, now: CONTENT }] });
  return Object.fromEntries(paths.map((path, i) => [i + 2, path]));
}

async function writeWheel(dir: string, name: string): Promise<string> {
  const { filename, bytes } = buildWheel({ name, version: '1.0', summary: 'a name that means something elsewhere' });
  await writeFile(join(dir, filename), bytes);
  return filename;
}

/** Names of projects and paths that clients, URLs, folders or people read in two ways. */
describe('names', function () {
  this.timeout(180_000);

  const paths = [
    '/packages/six/six-2.tar.gz',
    'packages/six/six-2.tar.gz/',
    'packages//six-2.tar.gz',
    'packages/./six-2.tar.gz',
    'packages/../six-2.tar.gz',
    'packages/six/six-2.tar.gz?x',
    'packages/six/six-2.tar.gz#x',
    'packages/six/six-2%2e.tar.gz',
    'packages/six/six 2.tar.gz',
    'packages/six/six-2\u0007.tar.gz',
    'packages/s\u00efx/six-2.tar.gz',
    // Whole paths that mean something elsewhere.
    '../x',
    'a//b',
    'constructor',
    '10',
    '1.root',
    'CON',
  ];

  it('standards 11: a queue entry that names a path which clients read in two ways is refused alone', async () => {
    const dir = await workspaceAt('published');
    const entries = await plantPaths(dir, paths);
    const reasons = Object.fromEntries(Object.keys(entries).map((number) => [number, /not a target path/]));
    await refusedAlone(dir, reasons);
    const { signed } = await live(dir, 'bin0');
    const listed = Object.keys(signed['targets'] as Loose);
    expect(paths.filter((path) => listed.includes(path))).to.deep.equal([]);
    expect((await live(dir, 'snapshot')).signed['x-tufa-queue']).to.equal(paths.length + 1);
    await done(dir, ['verify']);
  });

  it('standards 11: get and target remove refuse it before anything is opened', async () => {
    // There is no workspace here: what is refused before it is looked for has been refused first.
    const dir = await emptyFolder();
    for (const [i, path] of paths.filter((one) => one.includes('/')).entries()) {
      const run = await attempt(dir, [...(i % 2 === 0 ? ['get'] : ['target', 'remove']), '--json', '--', path]);
      const { error } = run.json<{ error: Loose }>();
      expect([run.exitCode, error['code']], path).to.deep.equal([5, 'input.target-path']);
    }
  });

  it('reliability 5: another spelling of a project is refused with both, a confusable letter with its code point', async () => {
    const dir = await workspaceAt('published');
    await done(dir, ['target', 'add', await writeWheel(dir, 'foo-bar')]);
    await done(dir, ['publish']);
    await refused(dir, ['target', 'remove', 'Foo.Bar'], {
      exitCode: 5,
      object: 'Foo.Bar',
      says: /expected foo-bar, found Foo\.Bar/,
    });
    await plantEntry(dir, 3, {
      after: 2,
      changes: [{ path: 'packages/Foo.Bar/Foo.Bar-2.0.tar.gz', was: null, now: CONTENT }],
    });
    await refusedAlone(dir, { 3: /Foo\.Bar is another spelling of foo-bar/ });
    await refused(dir, ['get', '\uff46oo-bar'], { exitCode: 5, object: 'not a project name', says: /U\+FF46/ });
    await refused(dir, ['target', 'remove', 'f\u043eo-bar'], {
      exitCode: 5,
      object: 'not a project name',
      says: /U\+043E/,
    });
  });

  it('reliability 6: as a segment of a path such names are ordinary projects', async () => {
    const dir = await workspaceAt('published');
    const names = ['constructor', 'con', 'root', 'snapshot', '0'];
    const files = await Promise.all(names.map((name) => writeWheel(dir, name)));
    await done(dir, ['target', 'add', ...files]);
    const { entries } = (await done(dir, ['publish', '--json'])).json<TransactionResult>();
    expect(entries.map((entry) => entry.result)).to.deep.equal(['done']);
    await done(dir, ['get', '-o', 'got', ...names]);
    for (const file of files)
      expect(await readFile(join(dir, 'got', file))).to.deep.equal(await readFile(join(dir, file)));
  });
});
