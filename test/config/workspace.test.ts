import { generateKeyPairSync } from 'node:crypto';
import { chmod, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { fill } from '../../src/config/create.ts';
import { type Holder, parseHolder, Workspace, writeHolder } from '../../src/config/workspace.ts';
import { TufaError } from '../../src/errors.ts';
import { keyFromPublic, keyidOf } from '../../src/tuf/keys.ts';
import { layDown, temporaryFolders } from '../support/workspace.ts';

function holder(name: string): Holder {
  const key = keyFromPublic(generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).publicKey);
  return { name, keyid: keyidOf(key), key };
}

async function refused(work: Promise<unknown>): Promise<TufaError> {
  const error = await work.then(
    () => undefined,
    (cause: unknown) => cause,
  );
  expect(error).to.be.instanceOf(TufaError);
  return error as TufaError;
}

describe('workspace', () => {
  const folder = temporaryFolders();

  describe('laid down', () => {
    it('has its folders, and private is for its owner alone', async () => {
      const dir = await folder();
      await layDown(dir);
      expect((await readdir(dir)).sort()).to.deep.equal(['.gitignore', 'ceremony', 'holders', 'private', 'tufa.yaml']);
      expect((await stat(join(dir, 'private'))).mode & 0o777).to.equal(0o700);
      expect(await readFile(join(dir, '.gitignore'), 'utf8')).to.match(/^private\/$/m);
    });

    it('is never written over', async () => {
      const dir = await folder();
      await writeFile(join(dir, 'tufa.yaml'), 'mine');
      const error = await refused(layDown(dir));
      expect([error.exitCode, error.code]).to.deep.equal([3, 'configuration.workspace-exists']);
      expect(await readdir(dir)).to.deep.equal(['tufa.yaml']);
      expect(await readFile(join(dir, 'tufa.yaml'), 'utf8')).to.equal('mine');
    });

    it('is repaired where private was open to others, and refused where it is a link', async () => {
      const dir = await folder();
      await mkdir(join(dir, 'private'));
      await chmod(join(dir, 'private'), 0o755);
      await layDown(dir);
      expect((await stat(join(dir, 'private'))).mode & 0o777).to.equal(0o700);
      const other = await folder();
      await symlink(dir, join(other, 'private'));
      expect((await refused(layDown(other))).message).to.contain('private: not a folder of our own');
      expect(await readdir(other)).not.to.include('tufa.yaml');
    });

    it('keeps a .gitignore and adds to it what is missing, once', async () => {
      const dir = await folder();
      await writeFile(join(dir, '.gitignore'), 'node_modules/');
      await layDown(dir);
      const text = await readFile(join(dir, '.gitignore'), 'utf8');
      expect(text).to.match(/^node_modules\/\n/);
      expect(text.match(/^private\/$/gm)).to.have.length(1);
    });

    for (const name of ['a b', '', '../x', 'x\nprofile: company', 'é']) {
      it(`is not called ${JSON.stringify(name)}`, async () => {
        const dir = await folder();
        expect((await refused(layDown(dir, { name }))).exitCode).to.equal(2);
        expect(await readdir(dir)).to.deep.equal([]);
      });
    }

    it('may be called true or 007', async () => {
      for (const name of ['true', '007']) {
        const dir = await folder();
        await layDown(dir, { name });
        expect((await Workspace.open(dir)).config.repository.name).to.equal(name);
      }
    });

    it('drops a line that a value leaves empty, and no other', () => {
      expect(fill('a: {{x}}\n  {{y}}\n\nb', { x: '1', y: '' })).to.equal('a: 1\n\nb');
    });
  });

  describe('holders', () => {
    it('are written once and read back', async () => {
      const dir = await folder();
      await layDown(dir);
      const alice = { ...holder('alice'), uri: 'file:private/alice.pem' };
      await writeHolder(dir, alice);
      await writeHolder(dir, holder('bob'));
      const workspace = await Workspace.open(dir);
      expect([...(await workspace.holders()).keys()]).to.deep.equal(['alice', 'bob']);
      expect(await workspace.holder('alice')).to.deep.equal(alice);
      const again = await refused(writeHolder(dir, holder('alice')));
      expect(again.exitCode).to.equal(7);
      expect((await readdir(join(dir, 'holders'))).sort()).to.deep.equal(['alice.json', 'bob.json']);
      expect(await (await Workspace.open(dir)).holder('alice')).to.deep.equal(alice);
    });

    it('are read again after reload', async () => {
      const dir = await folder();
      await layDown(dir);
      const workspace = await Workspace.open(dir);
      expect((await workspace.holders()).size).to.equal(0);
      await writeHolder(dir, holder('alice'));
      await workspace.reload();
      expect((await workspace.holders()).size).to.equal(1);
    });

    it('nobody of a name, or without a private key here', async () => {
      const dir = await folder();
      await layDown(dir);
      await writeHolder(dir, holder('bob'));
      const workspace = await Workspace.open(dir);
      expect((await refused(workspace.signer('eve'))).exitCode).to.equal(3);
      expect((await refused(workspace.signer('bob'))).code).to.equal('signer.elsewhere');
    });

    const wrong: [name: string, change: (text: string) => string, found: RegExp][] = [
      ['no JSON', () => '{', /holders\/alice\.json:1:2: wrong form/],
      ['a key twice', (text) => text.replace('"name"', '"name":"x","name"'), /"name" again/],
      [
        'an unknown field',
        (text) => text.replace('"name"', '"note":"x","name"'),
        /expected only name, keyid, key, uri, found "note"/,
      ],
      [
        'a private field in the key',
        (text) => text.replace('"public"', '"private":"x","public"'),
        /expected only public/,
      ],
      [
        'another keyid',
        (text) => text.replace(/"keyid": "./, '"keyid": "x'),
        /holders\/alice\.json: keyid: wrong form: expected [0-9a-f]{64}, which is the key's, found x/,
      ],
      ['another name', (text) => text.replace('"alice"', '"mallory"'), /expected alice, found mallory/],
      ['a scheme of its own', (text) => text.replace('ecdsa-sha2-nistp256', 'md5'), /holders\/alice\.json/],
    ];
    for (const [name, change, found] of wrong) {
      it(`with ${name} are refused`, async () => {
        const dir = await folder();
        await layDown(dir);
        await writeHolder(dir, holder('alice'));
        const path = join(dir, 'holders', 'alice.json');
        const text = await readFile(path, 'utf8');
        await writeFile(path, change(text));
        expect(change(text)).not.to.equal(text);
        const error = await refused((await Workspace.open(dir)).holders());
        expect(error.exitCode).to.equal(3);
        expect(error.message).to.match(found);
      });
    }

    it('with one key under two names are refused', async () => {
      const dir = await folder();
      await layDown(dir);
      const alice = holder('alice');
      await writeHolder(dir, alice);
      await writeHolder(dir, { ...alice, name: 'bob' });
      const error = await refused((await Workspace.open(dir)).holders());
      expect(error.message).to.equal('holders/bob.json: wrong form: expected a key of its own, found the key of alice');
    });

    it('are never written with a name that leaves the folder', async () => {
      const dir = await folder();
      await layDown(dir);
      expect((await refused(writeHolder(dir, holder('../eve')))).exitCode).to.equal(5);
      expect(await readdir(dir)).not.to.include('eve.json');
      expect(
        (await refused((await Workspace.open(dir)).generateKey('../eve', { scheme: 'ed25519', plain: true }))).exitCode,
      ).to.equal(2);
    });

    it('sent by somebody are parsed as strictly', () => {
      const { name, keyid, key } = holder('alice');
      const text = JSON.stringify({ name, keyid, key });
      expect(parseHolder(Buffer.from(text), 'mail').keyid).to.equal(keyid);
      expect(() => parseHolder(Buffer.from(text.replace(keyid, '0'.repeat(64))), 'mail')).to.throw(
        TufaError,
        'mail: keyid',
      );
    });
  });

  it('makes key files, plain or with a passphrase, and opens them as signers', async () => {
    const dir = await folder();
    await layDown(dir);
    const secrets = { get: async () => Buffer.from('correct horse') };
    const workspace = await Workspace.open(dir, { secrets });
    for (const [name, plain] of [
      ['alice', false],
      ['bob', true],
    ] as const) {
      await writeHolder(dir, await workspace.generateKey(name, { scheme: 'ecdsa-sha2-nistp256', plain }));
      const signer = await workspace.signer(name);
      expect(await workspace.signer(name)).to.equal(signer);
      expect(await signer.sign({ payload: Buffer.from('x'), subject: 'test' })).to.match(/^30[0-9a-f]+$/);
      expect((await workspace.importKey((await workspace.holder(name)).uri ?? '')).keyval.public).to.contain(
        'PUBLIC KEY',
      );
      await workspace.reload();
    }
    await workspace.close();
    const silent = await Workspace.open(dir);
    expect((await refused(silent.generateKey('carol', { scheme: 'ed25519', plain: false }))).code).to.equal(
      'configuration.passphrase',
    );
    expect((await readdir(join(dir, 'private'))).sort()).to.deep.equal(['alice.pem', 'bob.pem']);
  });
});
