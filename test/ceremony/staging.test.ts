import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { parse } from 'yaml';
import { fingerprint } from '../faults/support/fingerprint.ts';
import { attempt, done, emptyFolder, NAME, workspaceAt } from '../support/published.ts';
import { plainEnvironment, RUN_JS, tufa } from '../support/run.ts';
import { changeDraft, draftPath, refused, rewrite, rootTwo, setHolders, signAs, signedBy } from './folders.ts';

/** Everything that can be tried out before it is done for real: staging copies, rehearsals; and who may lose a key. */
describe('before a ceremony', function () {
  this.timeout(300_000);

  describe('init', () => {
    const rows: [title: string, flags: string[], says: string][] = [
      ['n = t', ['--holder', 'ann', '--holder', 'ben'], 'expected at least 3 holders, found 2: ann, ben'],
      ['n = t, by the threshold', ['--threshold', '3'], 'expected at least 4 holders, found 3: alice, bob, spare'],
      ['a threshold of one', ['--threshold', '1'], 'one key alone would rule'],
      ['a holder twice', ['--holder', 'ann', '--holder', 'ben', '--holder', 'ann'], 'found ann twice'],
    ];
    for (const [title, flags, says] of rows) {
      it(`refuses ${title}`, async () => {
        const dir = await emptyFolder();
        const run = await attempt(dir, ['init', ...flags]);
        expect(run.exitCode, run.stderr).to.equal(2);
        expect(run.stderr).to.contain(says);
        expect(await readdir(dir)).to.deep.equal([]);
      });
    }

    it('offers two people and a sealed spare', async () => {
      const run = await done(await emptyFolder(), ['init']);
      expect(run.stdout).to.contain('offline roles: 2 of alice, bob, spare; keep one of these keys sealed');
    });

    it('gives one set of holders every offline role', async () => {
      const dir = await emptyFolder();
      const holders = ['ann', 'ben', 'cy', 'dee'];
      const flags = holders.flatMap((name) => ['--holder', name]);
      await done(dir, ['init', '--profile', 'company', '--threshold', '3', ...flags]);
      const { roles } = parse(await readFile(join(dir, 'tufa.yaml'), 'utf8'));
      expect(Object.keys(roles)).to.deep.equal(['root', 'targets', 'trust', 'claimed', 'bins']);
      for (const role of Object.values(roles)) expect(role).to.deep.equal({ threshold: 3, holders });
    });
  });

  describe('init --staging-of', () => {
    it('copies structure and names, and nothing else', async () => {
      const dir = await workspaceAt('published', { profile: 'company', type: 'p-256' });
      const before = await fingerprint(dir);
      const staging = join(dirname(dir), 'staging');
      const run = await done(dir, ['init', staging, '--staging-of', '.', '--json']);
      const { name, uuid, stagingOf } = run.json<{ name: string; uuid: string; stagingOf: { uuid: string } }>();
      expect(name).to.equal('corp-staging');
      expect(uuid).not.to.equal(stagingOf.uuid);
      const [ours, theirs] = await Promise.all(
        [staging, dir].map(async (one) => parse(await readFile(join(one, 'tufa.yaml'), 'utf8'))),
      );
      expect({ ...ours, repository: 0 }).to.deep.equal({ ...theirs, repository: 0 });
      // Other keys, of the same kinds, under the same names.
      const holders = await readdir(join(dir, 'holders'));
      expect(await readdir(join(staging, 'holders'))).to.deep.equal(holders);
      for (const file of holders) {
        const [one, other] = await Promise.all([staging, dir].map((at) => readHolder(at, file)));
        expect(one!.key.scheme).to.equal(other!.key.scheme);
        expect(one!.keyid).not.to.equal(other!.keyid);
      }
      await done(staging, ['sign', '--confirm', 'corp-staging']);
      await done(staging, ['publish']);
      await done(staging, ['verify']);
      expect(await fingerprint(dir)).to.equal(before);
    });

    it('finishes what was killed, and never writes over another workspace', async () => {
      const dir = await workspaceAt('keys');
      const staging = join(dirname(dir), 'staging');
      const command = ['init', staging, '--staging-of', '.'];
      await done(dir, command);
      // Killed between a key file and its holder.
      await rm(join(staging, 'holders', 'spare.json'));
      await done(dir, command);
      const again = await attempt(dir, command);
      expect([again.exitCode, again.stderr]).to.satisfy(
        ([code, text]: [number, string]) => code === 3 && /all its keys/.test(text),
      );
      const other = await attempt(staging, ['init', dir, '--staging-of', '.']);
      expect(other.exitCode, other.stderr).to.equal(3);
      expect((await attempt(dir, ['init', staging, '--staging-of', await emptyFolder()])).exitCode).to.equal(3);
      expect((await attempt(dir, [...command, '--threshold', '2'])).exitCode).to.equal(2);
    });
  });

  describe('a signature made for staging is refused in production', () => {
    let dir: string;
    let staging: string;
    let bundle: string;

    before(async () => {
      dir = await rootTwo();
      staging = join(dirname(dir), 'staging');
      await done(dir, ['init', staging, '--staging-of', '.']);
      const confirm = ['--confirm', 'corp-staging'];
      await done(staging, ['sign', ...confirm]);
      await done(staging, ['publish']);
      await done(staging, ['ceremony', 'open', 'root']);
      await done(staging, ['sign', ...confirm, '--holder', 'alice', '--holder', 'bob']);
      bundle = join(dirname(dir), 'staging.json');
      await done(staging, ['ceremony', 'export', bundle]);
    });

    it('as the file that was exported', async () => {
      const run = await refused(dir, ['ceremony', 'import', bundle], 4);
      expect(run.stderr).to.contain('a ceremony of another repository');
    });

    it('as that file under the name of production', async () => {
      const json = JSON.parse(await readFile(bundle, 'utf8'));
      json.repository = await repositoryOf(dir);
      const forged = join(dirname(dir), 'forged.json');
      await writeFile(forged, JSON.stringify(json));
      const run = await refused(dir, ['ceremony', 'import', forged], 4);
      expect(run.stderr).to.contain('root');
    });

    it('as a detached signature, by the key that has the same name', async () => {
      const signature = join(dirname(dir), 'alice.sig');
      const { sig } = await signedBy(staging, 'alice', await readFile(draftPath(dir, 'root-2')));
      await writeFile(signature, sig);
      const flags = ['--signature', signature, '--holder', 'alice', '--draft', 'root-2'];
      const run = await refused(dir, ['ceremony', 'import', ...flags], 4);
      expect(run.stderr).to.contain('signature of alice');
    });

    it('also where somebody has used the real key for staging', async () => {
      const [copy, draft] = [join(dirname(dir), 'copy'), draftPath(dir, 'root-2')];
      await cp(dir, copy, { recursive: true });
      const { uuid } = await repositoryOf(staging);
      // The same draft as staging would have it, signed by the real keys.
      const bytes = await changeDraft(copy, 'root-2', (signed) => {
        signed['x-tufa-repository'] = uuid;
      });
      const signature = join(dirname(dir), 'real.sig');
      await writeFile(signature, (await signedBy(dir, 'alice', bytes)).sig);
      const flags = ['--signature', signature, '--holder', 'alice', '--draft', 'root-2'];
      await refused(dir, ['ceremony', 'import', ...flags], 4);
      // And the draft itself, laid into the folder, is signed by nobody.
      await cp(draftPath(copy, 'root-2'), draft);
      const run = await refused(dir, ['sign', '--confirm', NAME], 4);
      expect(run.stderr).to.contain('a draft for another repository').and.to.contain(uuid);
    });

    it('and its complete root leads no client away', async () => {
      const metadata = (at: string): string => join(at, 'public', 'metadata', '2.root.json');
      await done(staging, ['ceremony', 'publish']);
      await cp(metadata(staging), metadata(dir));
      const run = await attempt(dir, ['verify']);
      expect(run.exitCode, run.stderr).to.equal(4);
      expect(run.stderr).to.contain('2.root.json');
    });
  });

  describe('ceremony rehearse', () => {
    it('plays everything, says what it did and checked, and leaves nothing behind', async () => {
      const dir = await workspaceAt('published');
      const before = [await fingerprint(dir), await readdir(dir, { recursive: true })];
      const scratch = join(dirname(dir), 'tmp');
      await mkdir(scratch);
      const run = await tufa(['ceremony', 'rehearse'], { cwd: dir, env: { TMPDIR: scratch }, timeout: 240_000 });
      expect(run.exitCode, run.stderr).to.equal(0);
      expect(run.stdout).to.contain('drew root 1, targets 1, claimed 1, trust 1');
      for (const holder of ['alice', 'bob', 'spare', 'alice-2'])
        expect(run.stdout).to.match(new RegExp(`^ {3}${holder} signed root`, 'm'));
      for (const line of [
        'ok: with the first signature alone nothing can be published',
        'ok: root 3 went live without a signature of alice',
        'ok: the client of the first day follows to root 3',
        'ok: root 1 of corp refuses root 3 of the rehearsal',
        'all 5 steps went well',
      ])
        expect(run.stdout).to.contain(line);
      expect(await readdir(scratch)).to.deep.equal([]);
      expect([await fingerprint(dir), await readdir(dir, { recursive: true })]).to.deep.equal(before);
    });

    it('leaves nothing behind when it is interrupted', async () => {
      const dir = await workspaceAt('keys');
      const scratch = join(dirname(dir), 'tmp');
      await mkdir(scratch);
      const env = plainEnvironment({ TMPDIR: scratch });
      const child = spawn(process.execPath, [RUN_JS, 'ceremony', 'rehearse'], { cwd: dir, env, stdio: 'ignore' });
      const ended = once(child, 'exit');
      const begun = async (): Promise<boolean> =>
        (await readdir(scratch, { recursive: true })).some((name) => name.endsWith('spare.pem'));
      while (child.exitCode === null && !(await begun())) await sleep(20);
      child.kill('SIGINT');
      expect(await ended).to.deep.equal([130, null]);
      expect(await readdir(scratch)).to.deep.equal([]);
    });

    it('needs no key of the real workspace, and says where nobody may lose one', async () => {
      const dir = await emptyFolder();
      await done(dir, ['init', '--name', NAME]);
      await rewrite(join(dir, 'tufa.yaml'), (text) =>
        text.replace(/^( {2}trust: ).*$/m, '$1{ threshold: 3, holders: [alice, bob, spare] }'),
      );
      const run = await attempt(dir, ['ceremony', 'rehearse', '--json']);
      expect(run.exitCode, run.stdout).to.equal(12);
      expect(run.json()).to.have.nested.property('error.code', 'person.no-spare');
    });
  });

  describe('status', () => {
    it('says whether root could be changed if one more key were lost', async () => {
      const dir = await workspaceAt('published');
      const sound = await done(dir, ['status']);
      expect(sound.stdout).to.contain(
        'root needs 2 of alice, bob, spare: it could still be changed if one more key were lost',
      );
      // Alice has lost hers, and is taken out of tufa.yaml.
      await setHolders(dir, 'alice2', 'bob', 'spare');
      const last = await done(dir, ['status']);
      expect(last.stdout).to.contain(
        '! root needs 2 of bob, spare: if one more key were lost, it could never be changed',
      );
      expect((await done(dir, ['status', '--json'])).json()['reserve']).to.deep.equal({
        threshold: 2,
        holders: ['bob', 'spare'],
        afterOneMoreLoss: false,
      });
      await setHolders(dir, 'alice2', 'bob2', 'spare');
      const gone = await done(dir, ['status']);
      expect(gone.stdout).to.contain('! root needs 2, and tufa.yaml counts on spare alone');
    });

    it('says of a draft that was completed elsewhere that it is over', async () => {
      const dir = await rootTwo();
      const other = await emptyFolder();
      await cp(dir, other, { recursive: true });
      await rewrite(join(other, 'tufa.yaml'), (text) =>
        text.replace(/^store: \S+/m, `store: file:${join(dir, 'public')}`),
      );
      const open = await done(dir, ['status']);
      expect(open.stdout).to.contain('draft root 2: 0 of 2 signatures; next: tufa sign');
      await signAs(other, 'alice', 'bob');
      await done(other, ['ceremony', 'publish']);
      const over = await done(dir, ['status']);
      expect(over.stdout).to.contain('draft root 2: over, this version was completed elsewhere and is live');
      expect(over.stdout).not.to.contain('next: tufa sign');
    });
  });
});

async function readHolder(dir: string, file: string): Promise<{ keyid: string; key: { scheme: string } }> {
  return JSON.parse(await readFile(join(dir, 'holders', file), 'utf8'));
}

async function repositoryOf(dir: string): Promise<{ name: string; uuid: string }> {
  return parse(await readFile(join(dir, 'tufa.yaml'), 'utf8')).repository;
}
