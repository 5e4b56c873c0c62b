import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { attempt, done, emptyFolder } from '../support/published.ts';
import { KEPT_WHEELS } from '../support/wheels.ts';
import { clientsFollow, setHolders, shortenGrace } from './folders.ts';

/**
 * Three holders in three folders that share nothing but the files that they hand to each other: root 1, then two of three
 * keys replaced, and every client follows from root 1.
 */
describe('a ceremony of three holders who share nothing but files', function () {
  this.timeout(240_000);
  const PLAIN = '--insecure-plain-key';
  const CONFIRM = ['--confirm', 'corp'];
  let alice: string;
  let bob: string;
  let carol: string;
  let stick: string;

  before(async () => {
    alice = await emptyFolder();
    [bob, carol, stick] = [join(alice, '..', 'bob'), join(alice, '..', 'carol'), join(alice, '..', 'stick')];
    for (const dir of [bob, carol, stick]) await mkdir(dir);
  });

  async function hand(from: string, to: string, name: string): Promise<void> {
    const file = join(stick, name);
    await done(from, ['ceremony', 'export', file]);
    const run = await done(to, ['ceremony', 'import', file]);
    expect(run.stderr).to.equal('');
  }

  async function newKey(dir: string, name: string): Promise<void> {
    await done(dir, ['key', 'generate', '--holder', name, PLAIN]);
    await cp(join(dir, 'holders', `${name}.json`), join(stick, `${name}.json`));
    await done(alice, ['key', 'import', join(stick, `${name}.json`), '--holder', name]);
  }

  it('begins in one folder, and the others are laid down by a file', async () => {
    await done(alice, ['init', '--name', 'corp']);
    await setHolders(alice, 'alice', 'bob', 'carol');
    await shortenGrace(alice);
    await done(alice, ['key', 'generate', '--holder', 'alice', '--online', PLAIN]);
    const setup = join(stick, 'setup.json');
    const exported = await done(alice, ['ceremony', 'export', setup]);
    expect(exported.stdout).to.contain('wait for keys');
    for (const dir of [bob, carol]) {
      const run = await done(dir, ['ceremony', 'import', setup]);
      expect(run.stdout).to.contain('laid down a workspace').and.to.contain('next: tufa key generate');
    }
    await newKey(bob, 'bob');
    await newKey(carol, 'carol');
    // The private halves never leave their folders.
    for (const name of ['setup.json', 'bob.json', 'carol.json'])
      expect(await readFile(join(stick, name), 'utf8')).not.to.contain('PRIVATE KEY');
  });

  it('signs root 1 in any order, each holder in the own folder', async () => {
    await hand(alice, carol, 'drafts.json');
    await hand(alice, bob, 'drafts-again.json');
    await done(carol, ['sign', ...CONFIRM]);
    await hand(carol, alice, 'carol-1.json');
    const mine = await done(bob, ['sign', ...CONFIRM]);
    expect(mine.stdout).to.contain('root 1: 1 of 2 signatures; can still sign: alice, carol');
    await hand(bob, alice, 'bob-1.json');
    const run = await done(alice, ['sign', ...CONFIRM, '--json']);
    expect(run.json()['root']).to.have.property('version', 1);
    await done(alice, ['target', 'add', KEPT_WHEELS]);
    await done(alice, ['publish']);
    await clientsFollow(alice, stick, 1);
  });

  it('replaces two of three keys, for every role that they hold', async () => {
    await newKey(bob, 'bob2');
    await newKey(carol, 'carol2');
    await setHolders(alice, 'alice', 'bob2', 'carol2');
    const opened = await done(alice, ['ceremony', 'open', 'root', '--json']);
    const drafts = opened.json<{ drafts: { role: string; version: number; follows: boolean }[] }>().drafts;
    expect(drafts.map(({ role, version, follows }) => `${role} ${version} ${follows}`)).to.deep.equal([
      'root 2 false',
      'targets 2 true',
      'trust 2 true',
      'claimed 2 true',
    ]);
    await hand(alice, bob, 'drafts-2.json');
    const run = await done(bob, ['sign', ...CONFIRM]);
    expect(run.stderr).to.contain('root 1 -> 2').and.to.contain('of bob2\n        for root, targets');
    expect(run.stdout).to.contain(
      'root 2:\n  old root 1: 1 of 2 signatures; can still sign: alice, carol\n  new root 2: 1 of 2 signatures; can still sign: alice, carol2',
    );
    await hand(bob, carol, 'bob-2.json');
    const last = await done(carol, ['sign', ...CONFIRM]);
    expect(last.stdout).to.contain('complete: root 2, targets 2, claimed 2, trust 2');
    await hand(carol, alice, 'carol-2.json');
    const published = await done(alice, ['ceremony', 'publish', '--json']);
    const states = published.json<{ published: { draft: string; state: string }[] }>().published;
    expect(states.map(({ draft, state }) => `${draft} ${state}`)).to.deep.equal([
      'claimed 2 live',
      'trust 2 live',
      'targets 2 live',
      'root 2 live',
    ]);
    await clientsFollow(alice, stick, 2);
  });

  it('replaces the first key as well, without the holders of before', async () => {
    await done(alice, ['key', 'generate', '--holder', 'alice2', PLAIN]);
    await setHolders(alice, 'alice2', 'bob2', 'carol2');
    await done(alice, ['ceremony', 'open', 'root']);
    await done(alice, ['sign', ...CONFIRM]);
    await hand(alice, bob, 'drafts-3.json');
    await done(bob, ['sign', ...CONFIRM]);
    await hand(bob, alice, 'bob-3.json');
    await done(alice, ['ceremony', 'publish']);
    await clientsFollow(alice, stick, 3);
    const status = await done(alice, ['status']);
    expect(status.stdout).to.contain('root 3,').and.to.contain('2 of bob2, carol2, alice2');
  });

  it('says what happened, in public', async () => {
    const text = await readFile(join(alice, 'ceremony', 'root-2', 'transcript.md'), 'utf8');
    expect(text).to.contain('Replaces: root 1').and.to.contain('(live)');
    for (const holder of ['bob', 'bob2', 'carol', 'carol2']) expect(text).to.match(new RegExp(`^- ${holder}, 20`, 'm'));
    const json = JSON.parse(await readFile(join(alice, 'ceremony', 'root-2', 'transcript.json'), 'utf8'));
    expect(json['changes'].length).to.be.above(5);
    expect(json['complete']['file']).to.equal('2.root.json');
  });

  it('refuses a signature that was changed on the way, and one by a stranger', async () => {
    await done(alice, ['ceremony', 'open', 'trust']);
    await done(alice, ['sign', ...CONFIRM]);
    const file = join(stick, 'trust-3.json');
    await done(alice, ['ceremony', 'export', file]);
    const bundle = JSON.parse(await readFile(file, 'utf8'));
    const before = await readFile(file, 'utf8');
    const tampered = async (change: (signature: Record<string, string>) => void, exitCode: number): Promise<string> => {
      const copy = structuredClone(bundle);
      change(copy.drafts[0].signatures[0]);
      const path = join(stick, 'tampered.json');
      await writeFile(path, JSON.stringify(copy));
      const run = await attempt(bob, ['ceremony', 'import', path]);
      expect(run.exitCode, run.stderr).to.equal(exitCode);
      return run.stderr;
    };
    expect(await tampered((one) => Object.assign(one, { sig: `00${one['sig']!.slice(2)}` }), 4)).to.contain(
      'does not verify',
    );
    expect(await tampered((one) => Object.assign(one, { keyid: 'f'.repeat(64) }), 5)).to.contain(
      'a key that does not sign',
    );
    expect(await readFile(file, 'utf8')).to.equal(before);
  });
});
