import { cp, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { attempt, done, emptyFolder, NAME } from '../../support/published.ts';
import { tufa } from '../../support/run.ts';
import { KEPT_WHEELS } from '../../support/wheels.ts';
import { privateFolder } from '../folder.ts';
import { moduleFor } from './install.ts';
import { tokenIndex, workspaceWith } from './support/index.ts';
import { PIN, type SoftHsm, softHsm } from './support/softhsm.ts';

interface Listed {
  readonly keys: readonly { name: string; keyid: string; uri?: string; scheme: string }[];
  readonly tokens: readonly {
    uri: string;
    label: string;
    keys: readonly { uri: string; label: string; keyid: string; scheme: string; holder?: string }[];
  }[];
}

const ROOT = join(import.meta.dirname, '../../..');

describe('commands with a token', () => {
  const folder = privateFolder();
  let hsm: SoftHsm;
  let pin: readonly string[];

  before(async function () {
    hsm = await softHsm(folder(), await moduleFor(this, 'softhsm'));
    await hsm.token('corp root');
    await hsm.key('corp root', { type: 'EC:prime256v1', label: 'by hand', id: '7330' });
    await writeFile(join(folder(), 'pin'), `${PIN}\n`, { mode: 0o600 });
    pin = ['--pin-file', join(folder(), 'pin')];
  });

  const list = async (dir: string, ...more: string[]): Promise<Listed> =>
    (await done(dir, ['key', 'list', '--json', ...more])).json<Listed>();

  it('key list shows tokens, and uris that key import takes', async () => {
    const dir = await workspaceWith(hsm.settings);
    const [token] = (await list(dir)).tokens;
    expect(token?.uri).to.match(/^pkcs11:token=corp%20root;serial=[0-9a-f]{16}\?module-name=hsm$/);
    const key = token?.keys.find(({ label }) => label === 'by hand');
    expect(key?.uri).to.match(/;id=%73%30\?module-name=hsm$/);
    await done(dir, ['key', 'import', key!.uri, '--holder', 'alice']);
    const holder = JSON.parse(await readFile(join(dir, 'holders', 'alice.json'), 'utf8'));
    expect(holder).to.deep.include({ name: 'alice', keyid: key?.keyid, uri: key?.uri });
    const again = (await list(dir)).tokens[0]?.keys.find(({ keyid }) => keyid === key?.keyid);
    expect(again?.holder).to.equal('alice');
    const text = (await done(dir, ['key', 'list'])).stdout;
    expect(text).to.contain('token "corp root", serial').and.to.contain(key!.uri);
  });

  it('key list looks through the module that it is told, and warns of one that does not work', async () => {
    const dir = await workspaceWith({ path: '/nonexistent/module.so' });
    const { exitCode, stdout, stderr } = await attempt(dir, ['key', 'list']);
    expect([exitCode, stdout]).to.deep.equal([0, 'NAME  SCHEME  KEYID  ROLES  PRIVATE KEY\n']);
    expect(stderr).to.contain('PKCS#11 module /nonexistent/module.so: cannot be opened');
    const env = { SOFTHSM2_CONF: hsm.env['SOFTHSM2_CONF'] };
    const listed = await tufa(['key', 'list', '--json', '--module', hsm.module], { cwd: dir, env });
    expect(listed.json<Listed>().tokens[0]?.uri).to.contain(`?module-path=${hsm.module}`);
    const bad = await attempt(dir, ['key', 'list', '--module', '/nonexistent/module.so']);
    expect(bad.exitCode).to.equal(3);
    const other = { ...env, TUFA_PKCS11_MODULE: hsm.module };
    const bare = await emptyFolder();
    await done(bare, ['init', '--profile', 'hobby', '--name', NAME]);
    const found = await tufa(['key', 'list', '--json'], { cwd: bare, env: other });
    expect(found.json<Listed>().tokens.map(({ label }) => label)).to.deep.equal(['corp root']);
  });

  it('key generate --on makes P-256 keys on the token, once', async () => {
    const dir = await workspaceWith(hsm.settings);
    const args = ['key', 'generate', '--holder', 'bob', '--on', 'pkcs11:token=corp%20root', ...pin];
    await done(dir, args);
    const [bob] = (await list(dir)).keys;
    expect(bob).to.deep.include({
      name: 'bob',
      scheme: 'ecdsa-sha2-nistp256',
      uri: 'pkcs11:token=corp%20root;object=bob',
    });
    expect((await list(dir)).tokens[0]?.keys.find(({ label }) => label === 'bob')).to.deep.include({
      keyid: bob?.keyid,
      holder: 'bob',
    });
    // The same again has nothing left to do; another workspace does not get this key by accident.
    await done(dir, args);
    expect((await list(dir)).keys[0]?.keyid).to.equal(bob?.keyid);
    const other = await workspaceWith(hsm.settings);
    const taken = await attempt(other, args);
    expect(taken.exitCode).to.equal(7);
    const command = /tufa (key import '\S+' --holder bob)/.exec(taken.stderr)?.[1] ?? '';
    await done(other, command.replaceAll("'", '').split(' '));
    expect((await list(other)).keys[0]?.keyid).to.equal(bob?.keyid);
    expect(await readdir(join(dir, 'private'))).to.deep.equal([]);
  });

  it('key generate --on wants a token, and key import a key', async () => {
    const dir = await workspaceWith(hsm.settings);
    for (const [args, exitCode, said] of [
      [['generate', '--holder', 'bob', '--on', 'pkcs11:token=corp%20root;object=x'], 3, 'names a key'],
      [['generate', '--holder', 'bob', '--on', 'file:private/bob.pem'], 3, 'keys are not made there'],
      [['generate', '--holder', 'bob', '--on', 'pkcs11:token=nobody'], 6, 'the token is not there'],
      [['import', 'pkcs11:token=corp%20root', '--holder', 'bob'], 3, 'does not name a private key'],
      [['import', 'pkcs11:token=corp%20root;object=x;type=public', '--holder', 'bob'], 3, 'expected type=private'],
      [['import', 'pkcs11:token=corp%20root;id=7330', '--holder', 'bob'], 6, 'id=%73%30'],
      [['import', 'pkcs11:token=corp%20root?module-name=none;object=x', '--holder', 'bob'], 3, 'percent-encoded'],
    ] as const) {
      const run = await attempt(dir, ['key', ...args, ...pin]);
      expect([run.exitCode, run.stdout], run.stderr).to.deep.equal([exitCode, '']);
      expect(run.stderr).to.contain(said);
    }
    expect(await readdir(join(dir, 'holders'))).to.deep.equal([]);
  });

  it('an index all of whose keys are on a token is signed, published and read', async () => {
    await hsm.token('corp');
    const place = { on: 'pkcs11:token=corp', pin: PIN, pinFile: join(folder(), 'pin-corp') };
    const index = await tokenIndex(hsm.settings, place);
    const dir = await index.copy();
    expect((await done(dir, ['verify'])).exitCode).to.equal(0);
    const { keys } = await list(dir);
    expect(keys.map(({ scheme }) => scheme)).to.deep.equal(keys.map(() => 'ecdsa-sha2-nistp256'));
    const out = await emptyFolder();
    await done(dir, ['get', 'six==1.17.0', '--out', out]);
    expect(await readdir(out)).to.deep.equal(['six-1.17.0-py2.py3-none-any.whl']);
    // A PIN in a file that each uri names needs no option; here that of the uploader is one.
    const holder = join(dir, 'holders', 'operator.json');
    const json = await readFile(holder, 'utf8');
    await writeFile(holder, json.replace('object=operator', `object=operator?pin-source=file:${place.pinFile}`));
    await done(dir, ['target', 'add', join(KEPT_WHEELS, 'six-1.17.0-py2.py3-none-any.whl')]);
  });

  it('a PIN in a holder’s uri is refused by every command, and not shown', async () => {
    const dir = await workspaceWith(hsm.settings);
    await done(dir, ['key', 'import', 'pkcs11:token=corp%20root;id=%73%30', '--holder', 'alice']);
    const path = join(dir, 'holders', 'alice.json');
    const json = await readFile(path, 'utf8');
    await writeFile(path, json.replace('id=%73%30', 'id=%73%30?pin-value=S3cr3t-1'));
    for (const args of [
      ['key', 'list'],
      ['sign', '--confirm', NAME],
      ['key', 'list', '--json'],
    ]) {
      const { exitCode, stdout, stderr } = await attempt(dir, args);
      expect(exitCode).to.equal(3);
      expect(stdout + stderr)
        .to.contain('no PIN in it')
        .and.not.to.contain('S3cr3t-1');
    }
  });

  it('without its addon, tufa says which command installs it', async () => {
    const dir = await workspaceWith(hsm.settings);
    // A checkout of its own, in which npm has left the addon out.
    const root = await emptyFolder('checkout');
    for (const name of ['bin', 'dist', 'package.json'])
      await cp(join(ROOT, name), join(root, name), { recursive: true });
    await mkdir(join(root, 'node_modules'));
    for (const name of await readdir(join(ROOT, 'node_modules')))
      if (name !== 'pkcs11js') await symlink(join(ROOT, 'node_modules', name), join(root, 'node_modules', name));
    const program = join(root, 'bin', 'run.js');
    const listed = await tufa(['key', 'list', '--module', hsm.module], { cwd: dir, program });
    expect(listed.exitCode).to.equal(3);
    expect(listed.stderr).to.contain('tokens need the npm package pkcs11js');
    expect(listed.stderr).to.match(/^hint: .*type: npm install --include=optional$/m);
    // It is there, and was not built.
    await mkdir(join(root, 'node_modules', 'pkcs11js'));
    for (const name of ['index.js', 'package.json'])
      await cp(join(ROOT, 'node_modules', 'pkcs11js', name), join(root, 'node_modules', 'pkcs11js', name));
    const unbuilt = await tufa(['key', 'list', '--module', hsm.module], { cwd: dir, program });
    expect(unbuilt.stderr).to.match(/^hint: .*type: npm rebuild pkcs11js$/m);
  });
});
