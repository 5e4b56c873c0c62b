import { generateKeyPairSync } from 'node:crypto';
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { canonicalize } from '@tufjs/canonical-json';
import { expect } from 'chai';
import { keyFromPublic, keyidOf } from '../../src/tuf/keys.ts';
import { type Loose, sha256 } from '../support/planted.ts';
import { attempt, done, emptyFolder, NAME, workspaceAt } from '../support/published.ts';
import {
  changeDraft,
  draftPath,
  liveRoot,
  refused,
  rewrite,
  rootTwo,
  shortenGrace,
  signAs,
  signedBy,
  signedPart,
  withoutKeys,
} from './folders.ts';

/** Acceptance statements about ceremonies (reliability, section 5), through bin/run.js. */

const SIGN = ['sign', '--confirm', NAME];

describe('reliability of ceremonies', function () {
  this.timeout(240_000);

  it('reliability 15: a draft that is not canonical is refused with 4, and no key is touched', async () => {
    const dir = await workspaceAt('keys');
    await withoutKeys(dir);
    await rewrite(draftPath(dir, 'root-1'), (text) => text.replace('{"_type"', '{ "_type"'));
    const run = await refused(dir, SIGN, 4);
    expect(run.stderr).to.contain('root 1: draft is not canonical: refuse to sign');
  });

  describe('reliability 16: what this signer never saw is refused with 4 and both digests, and no key is touched', () => {
    it('a root that skips a version', async () => {
      const dir = await rootTwo();
      await withoutKeys(dir);
      await done(dir, ['ceremony', 'abandon', 'root', '--confirm', NAME]);
      await mkdir(join(dir, 'ceremony', 'root-3'));
      const draft = Buffer.from(canonicalize({ ...(await liveRoot(dir)), version: 3 }));
      await writeFile(draftPath(dir, 'root-3'), draft);
      const run = await refused(dir, SIGN, 4);
      expect(run.stderr).to.contain('root 3: drawn on what this signer never saw');
      expect(run.stderr).to.contain(sha256(draft));
      expect(run.stderr).to.contain(sha256(await signedPart(dir)));
    });

    it('a draft of another repository', async () => {
      const dir = await rootTwo();
      await withoutKeys(dir);
      const draft = await changeDraft(dir, 'root-2', (signed) => {
        signed['x-tufa-repository'] = '00000000-0000-4000-8000-000000000000';
      });
      const run = await refused(dir, SIGN, 4);
      expect(run.stderr).to.contain('a draft for another repository').and.to.contain(sha256(draft));
      expect(run.stderr).to.contain(sha256(await signedPart(dir)));
    });

    it('a draft that builds on a root that it never saw', async () => {
      const dir = await rootTwo();
      const own = await signedPart(dir);
      const other = Buffer.from(canonicalize({ ...(await liveRoot(dir)), expires: '2030-01-01T00:00:00Z' }));
      const signatures = await Promise.all(['alice', 'bob'].map((name) => signedBy(dir, name, other)));
      const base = join(dir, 'ceremony', 'base', '1.root.json');
      await writeFile(base, `{"signatures":${JSON.stringify(signatures)},"signed":${other.toString('utf8')}}`);
      await withoutKeys(dir);
      const run = await refused(dir, SIGN, 4);
      expect(run.stderr).to.contain('drawn on a root that this signer never saw');
      for (const one of [own, other]) expect(run.stderr).to.contain(sha256(one));
    });

    it('a signer who has seen nothing at all, until somebody tells the digest', async () => {
      const dir = await rootTwo();
      const stick = join(await emptyFolder(), 'drafts.json');
      await done(dir, ['ceremony', 'export', stick]);
      const fresh = await emptyFolder();
      await done(fresh, ['ceremony', 'import', stick]);
      await done(fresh, ['key', 'list']);
      const digest = sha256(await readFile(join(dir, 'public', 'metadata', '1.root.json')));
      const run = await refused(fresh, SIGN, 4);
      expect(run.stderr).to.contain('this signer has seen no root').and.to.contain(digest);
      const wrong = await refused(fresh, [...SIGN, '--root-sha256', 'f'.repeat(64)], 4);
      expect(wrong.stderr).to.contain(digest);
      const told = await attempt(fresh, [...SIGN, '--root-sha256', digest]);
      expect(told.exitCode, told.stderr).to.equal(12);
      expect(told.stderr).to.contain('no key on this machine can sign');
    });
  });

  const broken: [string, (signed: Loose) => void, string][] = [
    [
      'one public key under two keyids',
      (signed) => {
        const [first] = Object.values(signed['keys']) as Loose[];
        signed['keys']['f'.repeat(64)] = first;
        signed['roles'].root.keyids.push('f'.repeat(64));
      },
      'the sha256 of the key as its keyid',
    ],
    ['a threshold of 0', (signed) => Object.assign(signed['roles'].root, { threshold: 0 }), 'an integer from 1'],
    ['a threshold above the keys', (signed) => Object.assign(signed['roles'].root, { threshold: 4 }), 'found'],
    [
      'a keyid that is not the hash of its key',
      (signed) => {
        const [keyid = ''] = Object.keys(signed['keys']);
        signed['keys'][keyid]['keyval']['public'] = 'a'.repeat(64);
      },
      'the sha256 of the key as its keyid',
    ],
  ];
  for (const [title, change, message] of broken) {
    it(`reliability 17: ${title} is refused with 5 in a draft`, async () => {
      const dir = await rootTwo();
      await withoutKeys(dir);
      await changeDraft(dir, 'root-2', change);
      const run = await refused(dir, SIGN, 5);
      expect(run.stderr).to.contain(message);
    });
  }

  describe('reliability 18: a root that lacks a signature of the old or the new threshold', () => {
    const lacking: [string, string[], string[], string][] = [
      ['the old', ['alice', 'carol', 'dave'], ['alice', 'dave'], 'old root 1: 1 of 2 (missing bob, spare)'],
      ['the new', ['alice', 'carol', 'dave'], ['alice', 'bob'], 'new root 2: 1 of 2 (missing carol, dave)'],
    ];
    for (const [which, holders, signers, message] of lacking) {
      it(`${which}: 12 as a draft, 4 where it claims to be complete`, async () => {
        const dir = await workspaceAt('published');
        await shortenGrace(dir);
        await done(dir, ['key', 'generate', '--holder', 'carol', '--holder', 'dave', '--insecure-plain-key']);
        // Root alone changes hands: one draft.
        await rewrite(join(dir, 'tufa.yaml'), (text) =>
          text.replace(
            /root: \{ threshold: 2, holders: \[.*?\]/,
            `root: { threshold: 2, holders: [${holders.join(', ')}]`,
          ),
        );
        await done(dir, ['ceremony', 'open', 'root']);
        await signAs(dir, ...signers);
        const draft = await refused(dir, ['ceremony', 'publish'], 12);
        expect(draft.stderr).to.contain(message);

        const bytes = await readFile(draftPath(dir, 'root-2'));
        const signatures = await Promise.all(signers.map((name) => signedBy(dir, name, bytes)));
        const complete = `{"signatures":${JSON.stringify(signatures)},"signed":${bytes.toString('utf8')}}`;
        await writeFile(join(dir, 'ceremony', 'root-2', '2.root.json'), complete);
        const claimed = await refused(dir, ['ceremony', 'publish'], 4);
        expect(claimed.stderr).to.contain('claims to be complete').and.to.contain(message);
      });
    }
  });

  it('reliability 19: a root that a served client could not read is refused with 5, unless that client is named', async () => {
    const dir = await workspaceAt('published');
    await shortenGrace(dir);
    await rewrite(join(dir, 'tufa.yaml'), (text) =>
      text.replace(/^clients: \[.*?\]/m, 'clients: [python-tuf, tuf-js, go-tuf, tough]'),
    );
    await done(dir, ['ceremony', 'open', 'root']);
    const key = keyFromPublic(generateKeyPairSync('ec', { namedCurve: 'secp384r1' }).publicKey);
    await changeDraft(dir, 'root-2', (signed) => {
      signed['keys'][keyidOf(key)] = key;
      signed['roles'].root.keyids.push(keyidOf(key));
    });
    const run = await refused(dir, SIGN, 5);
    expect(run.stderr).to.contain('not readable for tough').and.to.contain('--break-clients tough');
    await refused(dir, [...SIGN, '--break-clients', 'go-tuf'], 5);
    const signed = await done(dir, [...SIGN, '--break-clients', 'tough']);
    expect(signed.stdout).to.contain('complete: root 2');
    const published = await refused(dir, ['ceremony', 'publish'], 5);
    expect(published.stderr).to.contain('not readable for tough');
    const named = await done(dir, ['ceremony', 'publish', '--break-clients', 'tough']);
    expect(named.stdout).to.contain('root 2 is live').and.to.contain('for tough');
  });

  it('reliability 20: of two ceremonies for root 2 the first is published, the second is refused with 7', async () => {
    const [first, second] = [await rootTwo(), await emptyFolder()];
    await cp(first, second, { recursive: true });
    await rewrite(join(second, 'tufa.yaml'), (text) =>
      text.replace(/^store: \S+/m, `store: file:${join(first, 'public')}`),
    );
    await done(second, ['ceremony', 'abandon', 'root', '--confirm', NAME]);
    await done(second, ['ceremony', 'open', 'root', '--expires', '200d']);
    for (const dir of [first, second]) await signAs(dir, 'alice', 'bob');
    await done(first, ['ceremony', 'publish']);
    const placed = join(first, 'public', 'metadata', '2.root.json');
    const bytes = await readFile(placed);
    const run = await attempt(second, ['ceremony', 'publish']);
    expect(run.exitCode, run.stderr).to.equal(7);
    expect(run.stderr).to.contain('another root was first').and.to.contain(sha256(bytes));
    expect((await readFile(placed)).equals(bytes)).to.equal(true);
    // The way out: the next root is drawn on the one that won.
    const rebased = await done(second, ['ceremony', 'rebase']);
    expect(rebased.stdout).to.contain('gave up root 2').and.to.contain('drew root 3 on root 2');
  });
});
