import { cp, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { preload } from '../faults/support/crash.ts';
import { attempt, done, emptyFolder, NAME } from '../support/published.ts';
import { type Run, tufa } from '../support/run.ts';
import { EVIL, strike } from '../support/thief.ts';
import { RECOVER, replaceAndOpen, stolen } from './stolen.ts';

/** Writes of the run that carries the drafts out, at which it is killed: the name of each is in its log. */
const POINTS: readonly [what: string, operation: RegExp][] = [
  ['the claim', /store create public\/\.tufa\/claims\//],
  ['a leaf', /store create public\/metadata\/\d+\.bin4-0\.json/],
  ['the commit', /store swap public\/metadata\/timestamp\.json/],
  ['the new root', /store create public\/metadata\/2\.root\.json/],
  ['the trusted state', /store swap private\/trusted\/state\.json/],
  ['the note that it is done', /store swap private\/journal\/recovery\.json/],
];

describe('recover compromise, killed while it writes', function () {
  this.timeout(180_000);
  let ready: string;
  let operations: string[];

  before(async () => {
    ready = await stolen();
    await strike(ready);
    await replaceAndOpen(ready);
    await done(ready, ['sign', '--confirm', NAME]);
    const clean = await copy();
    const run = await killAt(clean, undefined);
    expect(run.exitCode, run.stderr).to.equal(0);
    operations = (await log(clean)).filter((line) => /^\d/.test(line));
  });

  for (const [what, operation] of POINTS) {
    for (const when of ['before', 'after']) {
      it(`${when} ${what}: the same command ends with the change, once`, async () => {
        const line = operations.find((one) => operation.test(one));
        expect(line, operations.join('\n')).not.to.equal(undefined);
        const dir = await copy();
        const killed = await killAt(dir, `${Number.parseInt(line!, 10)}:${when}`);
        expect(killed.exitCode, killed.stderr).to.equal(null);
        expect((await log(dir)).at(-1)).to.match(/^reached/);

        const again = await attempt(dir, RECOVER);
        expect(again.exitCode, again.stderr).to.equal(0);
        const evil = await attempt(dir, ['get', EVIL.path, '--out', join(dir, 'evil')]);
        expect([evil.exitCode, evil.stderr.includes('not in the index')]).to.deep.equal([5, true]);
        await done(dir, ['get', 'six', '--out', join(dir, 'good')]);
        const names = await readdir(join(dir, 'public', 'metadata'));
        expect(names.filter((name) => name.endsWith('.root.json')).sort()).to.deep.equal([
          '1.root.json',
          '2.root.json',
        ]);
        const timestamp = JSON.parse(await readFile(join(dir, 'public', 'metadata', 'timestamp.json'), 'utf8'));
        expect(timestamp.signed['x-tufa-root']).to.include({ version: 2 });
        expect(await done(dir, ['refresh'])).to.have.property('exitCode', 0);
      });
    }
  }

  it('while it draws: the same command draws the rest, and waits for signatures', async () => {
    const dir = await stolen();
    await strike(dir);
    await done(dir, ['key', 'replace', 'timestamp', 'snapshot', 'bins', '--insecure-plain-key']);
    const clean = await copy(dir);
    expect((await killAt(clean, undefined)).exitCode).to.equal(12);
    const line = (await log(clean)).find((one) => /store swap ceremony\/root-2\/draft\.json/.test(one));
    expect((await killAt(dir, `${Number.parseInt(line!, 10)}:after`)).exitCode).to.equal(null);
    const again = await attempt(dir, RECOVER);
    expect(again.exitCode, again.stderr).to.equal(12);
    await done(dir, ['sign', '--confirm', NAME]);
    await done(dir, RECOVER);
    await done(dir, ['verify']);
  });

  async function copy(from = ready): Promise<string> {
    const dir = await emptyFolder();
    await cp(from, dir, { recursive: true });
    return dir;
  }
});

/** @param point `3:before`; undefined: it is not killed, and its operations are counted */
async function killAt(dir: string, point: string | undefined): Promise<Run> {
  await writeFile(`${dir}.log`, '');
  const env = { NODE_OPTIONS: preload('kill.mjs'), TUFA_FAULT_LOG: `${dir}.log` };
  return tufa([...RECOVER], { cwd: dir, env: { ...env, ...(point === undefined ? {} : { TUFA_FAULT_AT: point }) } });
}

async function log(dir: string): Promise<string[]> {
  return (await readFile(`${dir}.log`, 'utf8')).split('\n').filter((line) => line !== '');
}
