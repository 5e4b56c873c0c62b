import { cp, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Got } from '../../src/jobs/get.ts';
import type { Queued } from '../../src/jobs/targets.ts';
import type { Verification } from '../../src/jobs/verify.ts';
import type { TransactionResult } from '../../src/transaction/transact.ts';
import { sha256 } from '../support/planted.ts';
import { done, emptyFolder, NAME } from '../support/published.ts';
import { fetchWheels, KEPT_WHEELS, type LockedFile, lockedFiles } from '../support/wheels.ts';

/** What follows `next: ` on stdout, without the word `tufa`: the first command, as it could be typed. */
function next(stdout: string): string {
  const [, typed = ''] = /^next: tufa ([^,\n]+)/m.exec(stdout) ?? [];
  return typed;
}

describe('a first index', function () {
  this.timeout(240_000);
  let dir: string;

  before(async () => {
    dir = await emptyFolder(NAME);
    await cp(KEPT_WHEELS, join(dir, 'dist'), { recursive: true });
  });

  it('needs six commands from an empty folder to a verified file, each of which says the next one', async () => {
    let typed = 'init --profile hobby';
    const commands: string[] = [];
    while (commands.length < 6) {
      const args = typed.replace('NAME', 'six==1.17.0').replace('FILES', 'dist').split(' ');
      // In the place of a person, who would type a passphrase and the name of the repository.
      const person = { key: ['--insecure-plain-key'], sign: ['--confirm', NAME] }[args[0] ?? ''] ?? [];
      typed = next((await done(dir, [...args, ...person])).stdout);
      commands.push(args[0]!);
    }
    expect(commands).to.deep.equal(['init', 'key', 'sign', 'target', 'publish', 'get']);
    const wheel = 'six-1.17.0-py2.py3-none-any.whl';
    expect(await readFile(join(dir, wheel))).to.deep.equal(await readFile(join(KEPT_WHEELS, wheel)));
  });

  it('takes fifty real wheels and sdists, and gives each of them back by name and version', async () => {
    const locked = await lockedFiles();
    const { rows, already } = (await done(dir, ['target', 'add', await fetchWheels(), '--json'])).json<Queued>();
    expect([rows.length, already.length]).to.deep.equal([44, 6]);
    const { entries } = (await done(dir, ['publish', '--json'])).json<TransactionResult>();
    expect(entries.map(({ result }) => result)).to.deep.equal(['done']);
    const wanted = locked.map(({ name, version }) => `${name}==${version}`);
    const { files } = (await done(dir, ['get', '-o', 'got', '--json', ...wanted])).json<Got>();
    const byName = (a: { filename: string }, b: { filename: string }): number => (a.filename < b.filename ? -1 : 1);
    const got = files.map(({ file, sha256: digest, length: size }) => ({
      filename: file.slice(4),
      sha256: digest,
      size,
    }));
    const expected = locked.map(({ filename, sha256: digest, size }: LockedFile) => ({
      filename,
      sha256: digest,
      size,
    }));
    expect(got.sort(byName)).to.deep.equal(expected.sort(byName));
    for (const { filename, sha256: digest } of expected)
      expect(sha256(await readFile(join(dir, 'got', filename))), filename).to.equal(digest);
    expect(await readdir(join(dir, 'got'))).to.have.length(50);
  });

  it('is verified whole: every role, every file, with a second opinion', async () => {
    const { targets, files, secondOpinion } = (await done(dir, ['verify', '--json'])).json<Verification>();
    // Each of fifty projects has one file and two pages.
    expect([targets, files]).to.deep.equal([150, 150]);
    expect(secondOpinion).to.deep.equal(['@tufjs/models', 'tuf-js']);
  });
});
