import { cp, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { canonicalize } from '@tufjs/canonical-json';
import { expect } from 'chai';
import { type Loose, sha256 } from '../support/planted.ts';
import { done, emptyFolder, NAME, workspaceAt } from '../support/published.ts';
import {
  changeDraft,
  clientsFollow,
  draftPath,
  liveRoot,
  privateFiles,
  publishAll,
  readDraftJson,
  refused,
  rewrite,
  rootTwo,
  setHolders,
  shortenGrace,
  signAs,
  signedBy,
  withoutKeys,
} from './folders.ts';

/** Acceptance statements about ceremonies (standards, section 6), through bin/run.js. */

const SIGN = ['sign', '--confirm', NAME];

describe('standards of ceremonies', function () {
  this.timeout(240_000);

  describe('standards 35: a root needs two signatures at least, and one key more than that', () => {
    const rows: [string, string, string[], string][] = [
      ['1 of 3', 'threshold: 1', ['alice', 'bob', 'spare'], 'at least 2'],
      ['2 of 2', 'threshold: 2', ['alice', 'bob'], 'at least 3 for a threshold of 2'],
    ];
    for (const [title, threshold, holders, message] of rows) {
      it(`${title} in tufa.yaml is refused with 3`, async () => {
        const dir = await workspaceAt('published');
        await rewrite(join(dir, 'tufa.yaml'), (text) =>
          text.replace(/root: \{.*?\}/, `root: { ${threshold}, holders: [${holders.join(', ')}] }`),
        );
        const run = await refused(dir, ['ceremony', 'open', 'root'], 3);
        expect(run.stderr).to.contain(message);
      });

      it(`${title} in a draft is refused with 5`, async () => {
        const dir = await rootTwo();
        await withoutKeys(dir);
        await changeDraft(dir, 'root-2', ({ roles }) => {
          roles.root.threshold = Number(threshold.slice(-1));
          roles.root.keyids = roles.root.keyids.slice(0, holders.length);
        });
        const run = await refused(dir, SIGN, 5);
        expect(run.stderr).to.contain('keys of root');
      });
    }
  });

  it('standards 36: root N+1 is exactly that, signed by both thresholds, and who is missing is shown for each', async () => {
    const dir = await workspaceAt('published');
    await shortenGrace(dir);
    await done(dir, ['key', 'generate', '--holder', 'carol', '--holder', 'dave', '--insecure-plain-key']);
    await setHolders(dir, 'alice', 'carol', 'dave');
    await done(dir, ['ceremony', 'open', 'root']);
    expect((await readDraftJson(draftPath(dir, 'root-2')))['version']).to.equal(2);
    const one = await signAs(dir, 'alice');
    expect(one.stdout).to.contain('old root 1: 1 of 2 signatures; can still sign: bob, spare');
    expect(one.stdout).to.contain('new root 2: 1 of 2 signatures; can still sign: carol, dave');
    await signAs(dir, 'bob');
    await signAs(dir, 'dave');
    await done(dir, ['ceremony', 'publish']);
    await clientsFollow(dir, await emptyFolder(), 2);
  });

  it('standards 38: holders sign one staged root on their own, and merging never touches what was signed', async () => {
    const dir = await rootTwo();
    const bytes = await readFile(draftPath(dir, 'root-2'));
    const folders = [await emptyFolder(), await emptyFolder()];
    for (const [i, folder] of folders.entries()) {
      await cp(dir, folder, { recursive: true });
      await signAs(folder, i === 0 ? 'alice' : 'spare');
      const file = join(dirname(folder), 'out.json');
      await done(folder, ['ceremony', 'export', file]);
      await done(dir, ['ceremony', 'import', file]);
    }
    const complete = await readFile(join(dir, 'ceremony', 'root-2', '2.root.json'));
    expect(complete.includes(bytes)).to.equal(true);
    expect((await readFile(draftPath(dir, 'root-2'))).equals(bytes)).to.equal(true);
    expect(JSON.parse(complete.toString('utf8')).signatures).to.have.lengthOf(2);
  });

  describe('standards 39: keys of targets are apart from online keys, and may be one-time keys', () => {
    it('a key that is online and offline is flagged', async () => {
      const dir = await rootTwo();
      await changeDraft(dir, 'root-2', ({ roles }) => roles.targets.keyids.push(roles.timestamp.keyids[0]));
      const run = await done(dir, ['ceremony', 'show']);
      expect(run.stdout).to.match(/! key [0-9a-f]{64} of online is used by targets, snapshot, timestamp/);
    });

    it('two of two one-time keys sign targets and are gone; the next ones follow them, and then people again', async () => {
      const dir = await workspaceAt('published');
      await shortenGrace(dir);
      const scratch = await emptyFolder();
      const before = await privateFiles(dir);
      for (const version of [2, 3]) {
        const opened = await done(dir, ['ceremony', 'open', 'targets', '--one-time', '--json']);
        const { destroyed } = opened.json<{ destroyed: string[] }>();
        expect(destroyed).to.have.lengthOf(2);
        expect(await privateFiles(dir)).to.deep.equal(before);
        await signAs(dir, 'alice', 'bob');
        await publishAll(dir);
        const live = await liveRoot(dir, version);
        expect(live['roles'].targets.threshold).to.equal(2);
        expect(live['roles'].targets.keyids).to.include.members(destroyed);
        await clientsFollow(dir, scratch, version);
      }
      // A root of its own leaves them alone.
      await done(dir, ['ceremony', 'open', 'root']);
      const kept = (await readDraftJson(draftPath(dir, 'root-4')))['roles'].targets;
      expect(kept).to.deep.equal((await liveRoot(dir, 3))['roles'].targets);
      await done(dir, ['ceremony', 'abandon', 'root', '--confirm', NAME]);
      await done(dir, ['ceremony', 'open', 'targets', 'root']);
      await signAs(dir, 'alice', 'bob');
      await publishAll(dir);
      await clientsFollow(dir, scratch, 4);
    });
  });

  it('standards 40: two backups, neither with a plain secret, and a sheet of digests to be printed', async () => {
    const dir = await emptyFolder();
    const secret = join(dir, '..', 'secret');
    await writeFile(secret, 'S3cr3t-of-the-ceremony\n', { mode: 0o600 });
    const asked = ['--passphrase-file', secret];
    await done(dir, ['init', '--name', NAME]);
    await done(dir, [
      'key',
      'generate',
      '--holder',
      'alice',
      '--holder',
      'bob',
      '--holder',
      'spare',
      '--online',
      ...asked,
    ]);
    await done(dir, [...SIGN, ...asked]);
    const sheet = await done(dir, ['ceremony', 'show', '--sheet']);
    const root = await readFile(join(dir, 'ceremony', 'root-1', '1.root.json'));
    expect(sheet.stdout.replaceAll(' ', '')).to.contain(sha256(root));
    for (const [kind, names] of [
      ['all', ['alice', 'bob', 'online', 'operator', 'spare']],
      ['online', ['online', 'operator']],
    ] as const) {
      const file = join(dir, '..', `${kind}.json`);
      const run = await done(dir, ['ceremony', 'backup', `--${kind}`, file]);
      expect(run.stdout).to.contain(names.join(', '));
      const text = await readFile(file, 'utf8');
      expect((await stat(file)).mode & 0o777).to.equal(0o600);
      expect(text).not.to.contain('S3cr3t').and.not.to.contain('BEGIN PRIVATE KEY');
      const backup = JSON.parse(text);
      expect(backup.keys.map((key: Loose) => key['name'])).to.have.members([...names]);
      expect(backup.metadata.map((one: Loose) => one['path'])).to.include.members(['1.root.json', '1.targets.json']);
    }
    const plain = await refused(
      await workspaceAt('signed'),
      ['ceremony', 'backup', '--all', join(dir, '..', 'no.json')],
      3,
    );
    expect(plain.stderr).to.contain('a plain key does not go into a backup');
  });

  it('standards 41: more than 200 roots since the first are warned of', async () => {
    const dir = await rootTwo();
    let signed = await liveRoot(dir);
    for (let version = 2; version <= 201; version++) {
      signed = { ...signed, version };
      const bytes = Buffer.from(canonicalize(signed));
      const signatures = await Promise.all(['alice', 'bob'].map((name) => signedBy(dir, name, bytes)));
      await writeFile(join(dir, 'ceremony', 'base', `${version}.root.json`), JSON.stringify({ signatures, signed }));
    }
    await mkdir(join(dir, 'ceremony', 'root-202'));
    await writeFile(draftPath(dir, 'root-202'), canonicalize({ ...signed, version: 202 }));
    const run = await done(dir, SIGN);
    expect(run.stderr).to.contain('202.root.json: soon out of reach from root 1');
  });
});
