import { execFileSync } from 'node:child_process';
import { cp, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { canonicalize } from '@tufjs/canonical-json';
import { expect } from 'chai';
import { parseJson } from '../../src/tuf/json.ts';
import { sha256 } from '../support/planted.ts';
import { attempt, done, emptyFolder, NAME, workspaceAt } from '../support/published.ts';
import {
  clientsFollow,
  draftPath,
  readDraftJson,
  refused,
  rewrite,
  setHolders,
  shortenGrace,
  signAs,
  signedBy,
} from './folders.ts';

describe('the commands of a ceremony', function () {
  this.timeout(240_000);

  async function opened(...roles: string[]): Promise<string> {
    const dir = await workspaceAt('published');
    await shortenGrace(dir);
    await done(dir, ['ceremony', 'open', ...roles]);
    return dir;
  }

  const file = (dir: string, name: string): string => join(dir, 'public', 'metadata', name);

  it('open, sign and publish renew one role through the queue', async () => {
    const dir = await opened('claimed');
    const shown = await done(dir, ['ceremony', 'show']);
    expect(shown.stdout).to.contain('claimed 1 -> 2').and.to.contain('nothing else changes');
    await signAs(dir, 'alice', 'spare');
    const run = await done(dir, ['ceremony', 'publish']);
    expect(run.stdout).to.match(/^claimed 2 is live/);
    expect((await readDraftJson(draftPath(dir, 'claimed-2')))['x-tufa-base']).to.equal(1);
    const again = await done(dir, ['ceremony', 'publish']);
    expect(again.stdout).to.contain('nothing to publish');
    await clientsFollow(dir, await emptyFolder(), 1);
  });

  it('publish says 7 for a draft whose base has moved, and rebase draws it again', async () => {
    const dir = await opened('trust');
    const copy = await emptyFolder();
    await cp(dir, copy, { recursive: true });
    await rewrite(join(copy, 'tufa.yaml'), (text) =>
      text.replace(/^store: \S+/m, `store: file:${join(dir, 'public')}`),
    );
    await signAs(copy, 'alice', 'bob');
    await signAs(dir, 'alice', 'bob');
    await done(dir, ['ceremony', 'publish']);
    await done(dir, ['ceremony', 'open', 'trust']);
    await signAs(dir, 'alice', 'bob');
    await done(dir, ['ceremony', 'publish']);
    // The copy has the first of both drafts, with its own signatures.
    await done(copy, ['ceremony', 'abandon', 'trust', '--confirm', NAME]);
    const drawn = await done(copy, ['ceremony', 'open', 'trust']);
    expect(drawn.stdout).to.contain('drew trust 4 on trust 3');
    await signAs(copy, 'alice', 'bob');
    await done(dir, ['ceremony', 'open', 'trust', '--expires', '100d']);
    await signAs(dir, 'alice', 'bob');
    await done(dir, ['ceremony', 'publish']);
    const placed = await readFile(file(dir, '4.trust.json'));
    // Two files under one version: an alarm, and the first one stays.
    const other = await refused(copy, ['ceremony', 'publish'], 4);
    expect(other.stderr).to.contain('another file stands under this version').and.to.contain(sha256(placed));
    const rebased = await done(copy, ['ceremony', 'rebase', 'trust']);
    expect(rebased.stdout).to.contain('gave up trust 4').and.to.contain('drew trust 5 on trust 4');
    await signAs(copy, 'alice', 'bob');
    await done(copy, ['ceremony', 'publish']);
    expect((await readFile(file(dir, '4.trust.json'))).equals(placed)).to.equal(true);
  });

  it('a stale draft is refused by name, with the way out', async () => {
    const dir = await opened('trust');
    await signAs(dir, 'alice');
    // Somebody else has published version 2 meanwhile: what this folder is told to build on.
    await writeFile(join(dir, 'ceremony', 'base', '2.trust.json'), await signedTrust(dir, 2));
    const run = await refused(dir, ['sign', '--confirm', NAME, '--holder', 'bob'], 7);
    expect(run.stderr).to.contain('trust 2: the draft is stale').and.to.contain('tufa ceremony rebase trust');
  });

  it('at most one draft of a role is open, and one with signatures is given up only when that is confirmed', async () => {
    const dir = await opened('root');
    await done(dir, ['ceremony', 'open', 'root', '--expires', '100d']);
    await signAs(dir, 'alice');
    const run = await refused(dir, ['ceremony', 'open', 'root'], 7);
    expect(run.stderr).to.contain('root 2: a ceremony of this role is open');
    await refused(dir, ['ceremony', 'abandon', 'root'], 12);
    await refused(dir, ['ceremony', 'abandon', 'root', '--confirm', 'other'], 2);
    await done(dir, ['ceremony', 'abandon', 'root', '--confirm', NAME]);
    await refused(dir, ['ceremony', 'abandon', 'root', '--confirm', NAME], 5);
    await done(dir, ['ceremony', 'open', 'root']);
  });

  it('a version that somebody has signed is never drawn again', async () => {
    const dir = await opened('claimed');
    await signAs(dir, 'alice');
    await done(dir, ['ceremony', 'abandon', 'claimed', '--confirm', NAME]);
    const run = await done(dir, ['ceremony', 'open', 'claimed']);
    expect(run.stdout).to.contain('drew claimed 3 on claimed 1');
    await signAs(dir, 'alice', 'bob');
    await done(dir, ['ceremony', 'publish']);
  });

  it('a root that takes the keys of targets away waits for targets that both have signed', async () => {
    const dir = await workspaceAt('published');
    await shortenGrace(dir);
    await done(dir, ['key', 'generate', '--holder', 'carol', '--holder', 'dave', '--insecure-plain-key']);
    await setHolders(dir, 'alice', 'carol', 'dave');
    await done(dir, ['ceremony', 'open', 'root']);
    await done(dir, ['ceremony', 'abandon', 'targets', 'trust', 'claimed', '--confirm', NAME]);
    await signAs(dir, 'alice', 'bob', 'carol');
    const run = await refused(dir, ['ceremony', 'publish'], 12);
    expect(run.stderr).to.contain('root 2: another draft has to go first: expected targets');
  });

  it('a role that tufa.yaml has no more, before anybody has signed, leaves no draft behind', async () => {
    const dir = await workspaceAt('signed', { profile: 'company', bits: { bins: 0, recent: 0 } });
    const drafts = (await readdir(join(dir, 'ceremony'), { recursive: true })).filter((path) => path.includes('draft'));
    expect(drafts.map((path) => dirname(path))).to.have.members(['root-1', 'targets-1', 'trust-1', 'claimed-1']);
  });

  it('online keys change over the bridge, and the job signs with the new ones', async () => {
    const dir = await workspaceAt('published');
    await shortenGrace(dir);
    await rewrite(join(dir, 'tufa.yaml'), (text) =>
      text.replace(/^( {2}(?:timestamp|snapshot): \{ key: )online/gm, '$1fresh'),
    );
    await done(dir, ['key', 'generate', '--holder', 'fresh', '--insecure-plain-key']);
    const run = await done(dir, ['ceremony', 'open', 'root']);
    expect(run.stdout).not.to.contain('targets');
    const signed = await signAs(dir, 'alice', 'bob');
    expect(signed.stderr).to.contain('of fresh\n        for snapshot, timestamp');
    await done(dir, ['ceremony', 'publish']);
    const status = await done(dir, ['status']);
    expect(status.stdout).to.match(/timestamp .* 1 of fresh/);
    await clientsFollow(dir, await emptyFolder(), 2);
  });

  it('the keys of deny and bins change in two steps, and at once after a compromise; publish signs with the new ones', async () => {
    const dir = await workspaceAt('published');
    await rewrite(join(dir, 'tufa.yaml'), (text) => text.replace(/^( {2}(deny|bins): \{ key: )online/gm, '$1$2'));
    await done(dir, ['key', 'generate', '--online', '--insecure-plain-key']);
    const denyKeys = async (draft: string): Promise<number> => {
      const { delegations } = await readDraftJson(draftPath(dir, draft));
      return delegations.roles.find((role: { name: string }) => role.name === 'deny').keyids.length;
    };
    await done(dir, ['ceremony', 'open', 'targets']);
    expect(await denyKeys('targets-2')).to.equal(2);
    await signAs(dir, 'alice', 'bob');
    await done(dir, ['ceremony', 'publish']);
    await done(dir, ['ceremony', 'open', 'targets']);
    expect(await denyKeys('targets-3')).to.equal(1);
    await signAs(dir, 'alice', 'bob');
    const early = await attempt(dir, ['ceremony', 'publish']);
    expect(early.exitCode, early.stderr).to.equal(7);
    expect(early.stderr).to.contain('signed by the old key alone');
    await done(dir, ['ceremony', 'publish', '--urgent']);
    const live = JSON.parse(await readFile(file(dir, '3.targets.json'), 'utf8'));
    expect(live.signed.delegations.roles[1].keyids).to.have.lengthOf(1);
    await clientsFollow(dir, await emptyFolder(), 1);
    await done(dir, ['target', 'remove', 'decorator']);
    await done(dir, ['publish']);
    await clientsFollow(dir, await emptyFolder(), 1);
  });

  it('a signature of openssl comes in after it was verified', async () => {
    const dir = await opened('root');
    await signAs(dir, 'alice');
    const [draft, sig] = [draftPath(dir, 'root-2'), join(dirname(dir), 'bob.sig')];
    const key = join(dir, 'private', 'bob.pem');
    execFileSync('openssl', ['pkeyutl', '-sign', '-rawin', '-inkey', key, '-in', draft, '-out', sig]);
    const flags = ['ceremony', 'import', '--signature', sig, '--draft', 'root-2'];
    const wrong = await refused(dir, [...flags, '--holder', 'spare'], 4);
    expect(wrong.stderr).to.contain('signature of spare');
    await refused(dir, [...flags, '--holder', 'mallory'], 5);
    const run = await done(dir, [...flags, '--holder', 'bob']);
    expect(run.stdout).to.contain('added the signature of bob on root 2').and.to.contain('root 2: complete');
    await done(dir, ['ceremony', 'publish']);
  });

  it('another draft under the same version is not taken in over signatures', async () => {
    const [dir, other] = [await opened('root'), await emptyFolder()];
    await cp(dir, other, { recursive: true });
    await done(other, ['ceremony', 'open', 'root', '--expires', '10d']);
    const stick = join(dirname(other), 'other.json');
    await done(other, ['ceremony', 'export', stick]);
    await signAs(dir, 'alice');
    const run = await refused(dir, ['ceremony', 'import', stick], 7);
    expect(run.stderr).to.contain('root 2: another draft of this version has signatures here');
    await refused(dir, ['ceremony', 'export', stick], 7);
  });

  it('a file of another repository, or of nothing, is refused', async () => {
    const dir = await opened('root');
    const stick = join(dirname(dir), 'mine.json');
    await done(dir, ['ceremony', 'export', stick]);
    const text = await readFile(stick, 'utf8');
    expect(() => parseJson(text)).not.to.throw();
    const bad = join(dirname(dir), 'bad.json');
    const rows: [string, number][] = [
      [
        text.replaceAll(
          /[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}/g,
          '00000000-0000-4000-8000-000000000000',
        ),
        4,
      ],
      [text.replace('"tufa-ceremony"', '"other"'), 5],
      [text.replace('"1.root.json"', '"../1.root.json"'), 5],
      [text.replace('"role": "root"', '"role": "../root"'), 5],
      ['{', 5],
    ];
    for (const [content, exitCode] of rows) {
      await writeFile(bad, content);
      await refused(dir, ['ceremony', 'import', bad], exitCode);
    }
    await refused(dir, ['ceremony', 'import', join(dir, 'nothing.json')], 5);
    await refused(dir, ['ceremony', 'import'], 2);
  });

  it('only an offline role of the repository is opened, and nothing while keys are missing', async () => {
    const dir = await workspaceAt('published');
    const run = await refused(dir, ['ceremony', 'open', 'bins'], 5);
    expect(run.stderr).to.contain(
      'bins: no offline role of this repository: expected one of root, targets, trust, claimed',
    );
    await refused(dir, ['ceremony', 'open', 'timestamp'], 5);
    await refused(dir, ['ceremony', 'open', 'root', '--expires', 'soon'], 2);
    await setHolders(dir, 'alice', 'bob', 'zoe');
    const missing = await refused(dir, ['ceremony', 'open', 'root'], 12);
    expect(missing.stderr).to.contain('expected keys of zoe in holders/');
    const unpublished = await refused(await workspaceAt('signed'), ['ceremony', 'open', 'root'], 12);
    expect(unpublished.stderr).to.contain('nothing is published yet');
  });

  async function signedTrust(dir: string, version: number): Promise<string> {
    const live = JSON.parse(await readFile(file(dir, '1.trust.json'), 'utf8')).signed;
    const signed = { ...live, version, 'x-tufa-base': 1 };
    const bytes = Buffer.from(canonicalize(signed));
    const signatures = await Promise.all(['alice', 'bob'].map((name) => signedBy(dir, name, bytes)));
    return JSON.stringify({ signatures, signed });
  }
});
