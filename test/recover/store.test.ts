import { copyFile, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Recovery } from '../../src/jobs/recover/report.ts';
import { attempt, done, NAME, workspaceAt, written } from '../support/published.ts';
import { EVIL, forgeRecord, HUGE, strike } from '../support/thief.ts';
import { code, digestOf, published, RECOVER, recover, replaceAndOpen, stolen } from './stolen.ts';

/** The store is the thief's, too: what it shows may be forged, taken, or come back. */
describe('recover compromise, whatever the store says', function () {
  this.timeout(180_000);

  it('a poisoned publisher takes the good state from a digest, and only from the right one', async () => {
    const dir = await stolen();
    const [timestamp, snapshot] = [await digestOf(dir, 'timestamp.json'), await digestOf(dir, '1.snapshot.json')];
    // Nobody has read the good timestamp since, so it lies where the thief has overwritten it.
    await copyFile(join(dir, 'public/metadata/timestamp.json'), join(dir, 'public/metadata/1.timestamp.json'));
    await strike(dir, { ahead: 0 });
    await done(dir, ['refresh']);
    await done(dir, ['key', 'replace', 'timestamp', 'snapshot', 'bins', '--insecure-plain-key']);
    const before = await written(dir);
    const unproven = await attempt(dir, [...RECOVER, '--json']);
    expect([unproven.exitCode, code(unproven)]).to.deep.equal([12, 'person.good-unproven']);
    expect(unproven.stdout).to.include(timestamp).and.to.include(snapshot);
    const wrong = await attempt(dir, [...RECOVER, '--good-sha256', '0'.repeat(64), '--json']);
    expect([wrong.exitCode, code(wrong)]).to.deep.equal([4, 'trust.good-forged']);
    await copyFile(join(dir, 'public/metadata/1.timestamp.json'), join(dir, 'kept.json'));
    await forgeRecord(dir, 1);
    const altered = await written(dir);
    const forged = await attempt(dir, [...RECOVER, '--good-sha256', timestamp, '--json']);
    expect([forged.exitCode, code(forged)]).to.deep.equal([4, 'trust.good-forged']);
    expect(await written(dir)).to.equal(altered);
    await copyFile(join(dir, 'kept.json'), join(dir, 'public/metadata/1.timestamp.json'));
    expect(await written(dir)).to.equal(before);

    // The right snapshot, and a time that is years ahead: by the snapshot's digest, nothing of that word is taken over.
    await forgeRecord(dir, 1, 'x-tufa-made');
    expect((await attempt(dir, [...RECOVER, '--good-sha256', snapshot])).exitCode).to.equal(12);
    await done(dir, ['sign', '--confirm', NAME]);
    expect((await recover(dir)).state).to.equal('recovered');
    const live = await published(dir, 'timestamp.json');
    expect(Date.parse(live.signed['x-tufa-made'])).to.be.below(Date.now() + 60_000);
    await done(dir, ['verify']);
    expect((await attempt(dir, ['get', EVIL.path, '--out', join(dir, 'evil')])).exitCode).to.equal(5);
    await done(dir, ['get', 'six', '--out', join(dir, 'good')]);
    await done(dir, ['refresh']);
  });

  it('a thief who still can write is refused by every job, and the same command puts the good state back', async () => {
    const dir = await stolen();
    // The trusted state has the right one.
    await forgeRecord(dir, 1);
    await strike(dir);
    expect((await replaceAndOpen(dir)).good.provenBy).to.equal('trusted state');
    const signed = await done(dir, ['sign', '--confirm', NAME]);
    expect(signed.stdout).to.include('next, where the store can be written: tufa recover compromise --role bins');
    await recover(dir);
    const good = await digestOf(dir, 'timestamp.json');
    await strike(dir, { ahead: 0, version: HUGE + 1 });
    for (const args of [['refresh'], ['publish'], ['get', 'six', '--out', join(dir, 'no')]]) {
      const run = await attempt(dir, [...args, '--json']);
      expect([run.exitCode, code(run)], args.join(' ')).to.deep.equal([4, 'trust.threshold']);
    }
    const again = await done(dir, RECOVER);
    expect(again.stderr).to.include('is back');
    expect(await digestOf(dir, 'timestamp.json')).to.equal(good);
    await done(dir, ['refresh']);
    await done(dir, ['get', 'six', '--out', join(dir, 'good')]);
  });

  it('draws a draft again whose name was taken while it was signed', async () => {
    const dir = await stolen();
    await strike(dir);
    await replaceAndOpen(dir);
    await done(dir, ['sign', '--confirm', NAME]);
    await writeFile(join(dir, 'public', 'metadata', '2.bins.json'), 'mine');
    const before = await written(dir);
    const taken = await attempt(dir, [...RECOVER, '--json']);
    expect([taken.exitCode, code(taken)]).to.deep.equal([7, 'conflict.taken']);
    expect(taken.stdout).to.include('tufa ceremony abandon bins');
    expect(await written(dir)).to.equal(before);
    await done(dir, ['ceremony', 'abandon', 'bins', '--confirm', NAME]);
    const again = await attempt(dir, [...RECOVER, '--json']);
    expect(again.exitCode, again.stderr).to.equal(12);
    expect(again.json<Recovery>().drafts).to.deep.equal([
      { role: 'root', version: 2 },
      { role: 'bins', version: 3 },
    ]);
    await done(dir, ['sign', '--confirm', NAME]);
    expect((await recover(dir)).state).to.equal('recovered');
    await done(dir, ['verify']);
  });

  it('holders of an offline role are replaced with what they have signed', async () => {
    const dir = await stolen();
    const args = ['recover', 'compromise', '--role', 'targets', '--good', '1', '--confirm', NAME, '--json'];
    await done(dir, ['key', 'replace', 'timestamp', 'snapshot', '--insecure-plain-key']);
    const same = await attempt(dir, args);
    expect([same.exitCode, code(same)]).to.deep.equal([3, 'configuration.stolen-key']);
    expect(same.stdout).to.include('roles.targets.holders');
    await done(dir, [
      'key',
      'generate',
      '--holder',
      'dora',
      '--holder',
      'emil',
      '--holder',
      'sealed',
      '--insecure-plain-key',
    ]);
    const path = join(dir, 'tufa.yaml');
    const text = await readFile(path, 'utf8');
    await writeFile(path, text.replace(/^( {2}targets: \{ threshold: 2, holders: )\[.*\]/m, '$1[dora, emil, sealed]'));
    const opened = await attempt(dir, args);
    expect(opened.exitCode, opened.stderr + opened.stdout).to.equal(12);
    expect(opened.json<Recovery>().drafts.map(({ role }) => role)).to.deep.equal(['root', 'targets']);
    await done(dir, ['sign', '--confirm', NAME]);
    expect((await done(dir, args)).json<Recovery>().state).to.equal('recovered');
    await done(dir, ['verify']);
    await done(dir, ['get', 'six', '--out', join(dir, 'good')]);
  });

  it('folds again what uploaders have signed since the good snapshot', async () => {
    const dir = await workspaceAt('published', { profile: 'company' });
    await done(dir, ['target', 'remove', 'six']);
    await done(dir, ['publish']);
    const good = await digestOf(dir, '1.timestamp.json');
    await strike(dir);
    expect((await replaceAndOpen(dir, '--good-sha256', good)).good.provenBy).to.equal('digest');
    await done(dir, ['sign', '--confirm', NAME]);
    const recovered = await recover(dir);
    expect(recovered.entries.map(({ number, result }) => [number, result])).to.deep.equal([[2, 'done']]);
    expect((await done(dir, ['target', 'list', 'six'])).stdout).not.to.include('packages/');
    await done(dir, ['get', 'decorator', '--out', join(dir, 'good')]);
  });

  it('replaces every role that shares the stolen key', async () => {
    const dir = await workspaceAt('published', { profile: 'hobby' });
    const args = ['recover', 'compromise', '--role', 'timestamp', '--good', '1', '--confirm', NAME, '--json'];
    const same = await attempt(dir, args);
    expect([same.exitCode, code(same)]).to.deep.equal([3, 'configuration.stolen-key']);
    expect(same.stdout).to.include('tufa key replace timestamp snapshot bins recent deny');
    await done(dir, ['key', 'replace', 'timestamp', 'snapshot', 'bins', 'recent', 'deny', '--insecure-plain-key']);
    const opened = await attempt(dir, args);
    expect(opened.exitCode, opened.stderr).to.equal(12);
    expect(opened.json<Recovery>().drafts.map(({ role }) => role)).to.deep.equal(['root', 'targets']);
    await rm(join(dir, 'private', 'online.pem'));
    await done(dir, ['sign', '--confirm', NAME]);
    // The old key is gone: nothing is signed with it any more.
    expect((await done(dir, args)).json<Recovery>().state).to.equal('recovered');
    await done(dir, ['get', 'six', '--out', join(dir, 'good')]);
  });
});
