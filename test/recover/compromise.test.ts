import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { resetKeys, type Stealable } from '../../src/ceremony/compromise.ts';
import type { Recovery } from '../../src/jobs/recover/report.ts';
import { attempt, done, NAME, written } from '../support/published.ts';
import { EVIL, HUGE, squat, strike } from '../support/thief.ts';
import { code, published, RECOVER, recover, replaceAndOpen, stolen } from './stolen.ts';

describe('recover compromise', function () {
  this.timeout(180_000);

  describe('standards 42: the five steps of PEP 458 as one staged change set', () => {
    let dir: string;
    let opened: Recovery;
    let recovered: Recovery;
    let touched: Awaited<ReturnType<typeof strike>>;

    before(async () => {
      dir = await stolen();
      // A client that was here before, and one that the thief has.
      await done(dir, ['get', 'six', '--out', join(dir, 'old'), '--trusted', join(dir, 'poisoned')]);
      touched = await strike(dir);
      await squat(dir, 2, ['2.bins.json']);
      await done(dir, ['get', EVIL.path, '--out', join(dir, 'evil'), '--trusted', join(dir, 'poisoned')]);
      opened = await replaceAndOpen(dir);
      await done(dir, ['sign', '--confirm', NAME]);
      recovered = (await done(dir, [...RECOVER, '--json'])).json<Recovery>();
    });

    it('lists the bins that differ from the good snapshot, one by one', () => {
      expect(opened.state).to.equal('open');
      expect(opened.live).to.include({ version: HUGE });
      const rows = opened.changed.flatMap((leaf) => leaf.rows.map(({ path, change }) => [path, change]));
      expect(new Map(rows as [string, string][])).to.deep.equal(
        new Map([
          [EVIL.path, 'added'],
          [touched.changed, 'changed'],
          [touched.removed, 'removed'],
        ]),
      );
      for (const { role, good, live } of opened.changed) {
        expect(role).to.match(/^bin4-[0-9a-f]$/);
        expect([good, live]).to.deep.equal([1, HUGE]);
      }
    });

    it('stages them with versions above every name that is taken', () => {
      expect(opened.drafts).to.deep.equal([
        { role: 'root', version: 2 },
        { role: 'bins', version: 3 },
      ]);
      expect(opened.steps.map(({ step }) => step)).to.deep.equal([1, 2, 3, 4, 5]);
    });

    it('carries all of it out in one snapshot, just above the good one', async () => {
      expect(recovered.state).to.equal('recovered');
      expect(recovered.version).to.be.within(2, 100);
      const { signed } = await published(dir, `${recovered.version}.snapshot.json`);
      const versions = Object.entries(signed.meta as Record<string, { version: number }>);
      expect(Object.fromEntries(versions.map(([name, { version }]) => [name, version]))['bins.json']).to.equal(3);
      const leaves = versions.filter(([name]) => /^(?:bin4-|recent0|deny)/.test(name));
      expect(leaves).to.have.length(18);
      for (const [name, { version }] of leaves) expect(version, name).to.equal(recovered.version);
      const leaf = await published(dir, `${recovered.version}.bin4-0.json`);
      expect(Date.parse(leaf.signed.expires) - Date.now()).to.be.greaterThan(29 * 864e5);
      const root = await published(dir, '2.root.json');
      const before = await published(dir, '1.root.json');
      for (const role of ['timestamp', 'snapshot'])
        for (const keyid of before.signed.roles[role].keyids)
          expect(root.signed.roles[role].keyids).not.to.include(keyid);
    });

    it('a poisoned installer and a fresh one end on the good tree', async () => {
      for (const state of ['poisoned', 'fresh']) {
        const trusted = ['--trusted', join(dir, state), ...(state === 'fresh' ? ['--root', first(dir)] : [])];
        const evil = await attempt(dir, ['get', EVIL.path, '--out', join(dir, `evil-${state}`), ...trusted]);
        expect(evil.exitCode, evil.stderr).to.equal(5);
        expect(evil.stderr).to.include('not in the index');
        const all = ['six', touched.changed, touched.removed];
        const good = await done(dir, ['get', ...all, '--out', join(dir, `good-${state}`), ...trusted, '--json']);
        expect(good.json<{ root: number; timestamp: number }>()).to.include({ root: 2 });
        expect(await readdir(join(dir, `good-${state}`))).to.have.length(3);
      }
    });

    it('the publisher goes on as before, and the same command again changes nothing', async () => {
      const before = await written(dir);
      expect((await recover(dir)).state).to.equal('already');
      expect(await written(dir)).to.equal(before);
      await done(dir, ['verify']);
      await done(dir, ['target', 'remove', 'six']);
      await done(dir, ['publish']);
    });
  });

  describe('standards 43: which keys a version reset takes', () => {
    const rows: [Stealable, string[]][] = [
      ['timestamp', ['timestamp']],
      ['snapshot', ['timestamp', 'snapshot']],
      ['bins', ['snapshot']],
      ['recent', ['snapshot']],
      ['deny', ['snapshot']],
      ['targets', ['snapshot']],
      ['bins-holders', ['snapshot']],
    ];
    for (const [role, keys] of rows)
      it(`${role}: ${keys.join(' and ')}`, () => expect(resetKeys(role)).to.deep.equal(keys));

    it('is refused while timestamp and snapshot keep their keys', async () => {
      const dir = await stolen();
      await done(dir, ['key', 'replace', 'bins', '--insecure-plain-key']);
      const before = await written(dir);
      const args = ['recover', 'compromise', '--role', 'bins', '--good', '1', '--confirm', NAME];
      const run = await attempt(dir, [...args, '--json']);
      expect(run.exitCode).to.equal(3);
      expect(run.stdout).to.include('timestamp (so that versions can go back');
      expect(run.stdout).to.include('tufa key replace timestamp snapshot');
      expect(await written(dir)).to.equal(before);
      await done(dir, ['key', 'replace', 'timestamp', 'snapshot', '--insecure-plain-key']);
      const opened = await attempt(dir, [...args, '--json']);
      expect(opened.exitCode, opened.stderr).to.equal(12);
      expect(opened.json<Recovery>().keys.map(({ role, why }) => [role, why])).to.deep.equal([
        ['timestamp', 'reset'],
        ['snapshot', 'reset'],
        ['bins', 'stolen'],
      ]);
    });
  });

  describe('is refused, and nothing is written', () => {
    let dir: string;

    before(async () => {
      dir = await stolen();
      await strike(dir);
    });

    const bad: [what: string, args: string[], exit: number, code: string, says: string][] = [
      [
        'an unknown role',
        ['--role', 'bin4-0', '--good', '1', '--confirm', NAME],
        2,
        'usage.role',
        'timestamp (the online',
      ],
      ['root', ['--role', 'root', '--good', '1', '--confirm', NAME], 2, 'usage.role', 'tufa ceremony open root'],
      [
        'a role that is not here',
        ['--role', 'recent-holders', '--good', '1', '--confirm', NAME],
        5,
        'input.role',
        'bins-holders',
      ],
      ['no such version', ['--role', 'bins', '--good', '7', '--confirm', NAME], 5, 'input.good', '7.timestamp.json'],
      [
        'no new keys',
        ['--role', 'bins', '--good', '1', '--confirm', NAME],
        3,
        'configuration.stolen-key',
        'tufa key replace',
      ],
      ['no confirmation', ['--role', 'bins', '--good', '1'], 12, 'person.confirmation', '--confirm corp'],
      ['another name', ['--role', 'bins', '--good', '1', '--confirm', 'other'], 2, 'usage.confirm', 'corp'],
      ['no digest', ['--role', 'bins', '--good', '1', '--good-sha256', 'ABC'], 2, 'usage', '64 lower-case'],
    ];
    for (const [what, args, exit, wanted, says] of bad) {
      it(what, async () => {
        const before = await written(dir);
        const run = await attempt(dir, ['recover', 'compromise', ...args, '--json']);
        expect([run.exitCode, code(run)]).to.deep.equal([exit, wanted]);
        expect(run.stdout).to.include(says);
        expect(await written(dir)).to.equal(before);
        expect(existsSync(join(dir, 'ceremony', 'root-2'))).to.equal(false);
      });
    }

    it('drafts that nobody has signed; and meanwhile nothing else takes over what is live', async () => {
      await replaceAndOpen(dir);
      const before = await written(dir);
      const unsigned = await attempt(dir, [...RECOVER, '--json']);
      expect([unsigned.exitCode, code(unsigned)]).to.deep.equal([12, 'person.signatures']);
      for (const args of [['refresh'], ['publish'], ['ceremony', 'publish', '--urgent'], ['target', 'remove', 'six']]) {
        const run = await attempt(dir, [...args, '--json']);
        expect([run.exitCode, code(run)], args.join(' ')).to.deep.equal([12, 'person.recovery']);
      }
      const other = ['recover', 'compromise', '--role', 'bins', '--good', '1', '--confirm', NAME, '--json'];
      const another = await attempt(dir, other);
      expect([another.exitCode, code(another)]).to.deep.equal([7, 'conflict.recovery']);
      expect(await written(dir)).to.equal(before);
    });
  });
});

function first(dir: string): string {
  return join(dir, 'public', 'metadata', '1.root.json');
}
