import { constants, createPublicKey, verify } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { canonicalize } from '@tufjs/canonical-json';
import { expect } from 'chai';
import { editDraft, type Loose, live, liveRoles, load, metadataFiles, sha256 } from '../support/planted.ts';
import { done, NAME, workspaceAt } from '../support/published.ts';
import { refused } from '../support/refused.ts';

describe('what is published: formats', function () {
  this.timeout(180_000);

  it('standards 1: keyid is the sha256 of the canonical key, and a key is never edited under its keyid', async () => {
    const dir = await workspaceAt('published');
    const { signed } = await live(dir, 'root');
    for (const [keyid, key] of Object.entries(signed['keys'] as Loose))
      expect(sha256(canonicalize(key))).to.equal(keyid);
    const path = join(dir, 'holders', 'alice.json');
    await writeFile(
      path,
      (await readFile(path, 'utf8'))
        .replace('"scheme":"ed25519"', '"scheme":"ed25519 "')
        .replace('"scheme": "ed25519"', '"scheme": "ed25519 "'),
    );
    await refused(dir, ['key', 'list'], { exitCode: 3, object: 'holders/alice.json', says: /keyid/ });
  });

  it('standards 3: every expires is YYYY-MM-DDTHH:MM:SSZ', async () => {
    const dir = await workspaceAt('published');
    for (const name of await metadataFiles(dir)) {
      const { signed } = await load(join(dir, 'public', 'metadata', name));
      expect(signed['expires'], name).to.match(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    }
  });

  it('standards 4: a field that we do not know is signed and published as it was drawn', async () => {
    const dir = await workspaceAt('keys');
    await editDraft(dir, 'root', (signed) => {
      signed['x-note'] = { b: 1, a: ['kept'] };
    });
    await done(dir, ['sign', '--confirm', NAME]);
    await done(dir, ['publish']);
    expect((await live(dir, 'root')).signed['x-note']).to.deep.equal({ b: 1, a: ['kept'] });
  });

  it('standards 5: no keyid twice in a role or in signatures, and no public key under two names', async () => {
    const dir = await workspaceAt('published');
    for (const name of await metadataFiles(dir)) {
      const { signatures } = await load(join(dir, 'public', 'metadata', name));
      expect(new Set(signatures.map((s) => s['keyid'])).size, name).to.equal(signatures.length);
    }
    const alice = JSON.parse(await readFile(join(dir, 'holders', 'alice.json'), 'utf8')) as Loose;
    await writeFile(join(dir, 'holders', 'bob.json'), JSON.stringify({ ...alice, name: 'bob' }));
    await refused(dir, ['key', 'list'], { exitCode: 3, object: 'holders/bob.json', says: /the key of alice/ });
  });

  it('standards 6: root has consistent_snapshot and exactly the four top-level roles', async () => {
    const { signed } = await live(await workspaceAt('published'), 'root');
    expect(signed['consistent_snapshot']).to.equal(true);
    expect(Object.keys(signed['roles'] as Loose).sort((a, b) => (a < b ? -1 : 1))).to.deep.equal([
      'root',
      'snapshot',
      'targets',
      'timestamp',
    ]);
  });

  it('standards 9: RSA-PSS has a salt of 32 and at least 2048 bits', async () => {
    const dir = await workspaceAt('published', { type: 'rsa-pss' });
    const root = await live(dir, 'root');
    const { bytes, signatures } = await live(dir, 'timestamp');
    const key = createPublicKey((root.signed['keys'] as Loose)[signatures[0]!['keyid']].keyval.public);
    expect(key.asymmetricKeyDetails?.modulusLength).to.be.at.least(2048);
    const text = bytes.toString('utf8');
    const payload = Buffer.from(text.slice(text.indexOf('"signed":') + '"signed":'.length, -1));
    const options = { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 };
    expect(verify('sha256', payload, options, Buffer.from(signatures[0]!['sig'], 'hex'))).to.equal(true);
  });

  it('standards 10: every target lists sha256 in lower case', async () => {
    const dir = await workspaceAt('published');
    const targets = Object.values(await liveRoles(dir)).flatMap((role) =>
      Object.values((role['targets'] ?? {}) as Loose),
    );
    expect(targets).to.have.length.greaterThan(6);
    for (const target of targets as Loose[])
      expect(target['hashes'])
        .to.have.property('sha256')
        .that.matches(/^[0-9a-f]{64}$/);
  });
});
