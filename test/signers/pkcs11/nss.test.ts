import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import type { OpenOptions } from '../../../src/signers/port.ts';
import { generateKeyOn, importKey, listTokens, openSigner } from '../../../src/signers/registry.ts';
import type { Key } from '../../../src/tuf/model.ts';
import { runTool } from '../../interop/support/tools.ts';
import { describeSignerContract } from '../contract.ts';
import { answering, privateFolder } from '../folder.ts';
import { moduleFor } from './install.ts';
import { PIN } from './support/softhsm.ts';

const SCHEMES = ['ecdsa-sha2-nistp256', 'rsassa-pss-sha256'] as const;
const TOKEN = 'pkcs11:token=tuf%20nss%20db';

describe('NSS softokn', () => {
  const folder = privateFolder();
  let module: string;
  let options: OpenOptions;
  const made = new Map<string, { uri: string; key: Key }>();

  before(async function () {
    module = await moduleFor(this, 'nss');
    const db = join(folder(), 'db');
    await mkdir(db);
    await writeFile(join(folder(), 'password'), `${PIN}\n`);
    await runTool('certutil', ['-N', '-d', `sql:${db}`, '-f', join(folder(), 'password')], { timeout: 60_000 });
    options = { secrets: answering(PIN), base: folder(), modules: { nss: { path: module, initArgs: initArgs(db) } } };
    for (const scheme of SCHEMES)
      made.set(scheme, await generateKeyOn(TOKEN, { name: `key-${scheme}`, scheme }, options));
  });

  for (const scheme of SCHEMES) {
    describeSignerContract(`NSS softokn, ${scheme}`, async () => ({ ...made.get(scheme)!, options }));
  }

  it('shows its keys, which have no serial to name them by', async () => {
    const tokens = await listTokens(undefined, options);
    const token = tokens.find(({ label }) => label === 'tuf nss db');
    expect(token?.uri).to.equal(`${TOKEN}?module-name=nss`);
    expect(token?.keys.map(({ scheme }) => scheme)).to.include('ecdsa-sha2-nistp256');
  });

  it('makes no Ed25519 key, and says so', async () => {
    const making = generateKeyOn(TOKEN, { name: 'ed', scheme: 'ed25519' }, options);
    const error = await making.catch((reason: unknown) => reason);
    expect(error)
      .to.have.property('code')
      .that.matches(/^signer\./);
    expect(error).to.have.property('exitCode', 6);
  });

  it('cannot be started without its arguments, and the error says where they go', async () => {
    const bare = { ...options, modules: { nss: { path: module } } };
    const error = await importKey(`${TOKEN};object=x`, bare).catch((reason: unknown) => reason);
    expect(error).to.have.property('code', 'configuration.pkcs11-module');
    expect(error).to.have.property('hint').that.contains('pkcs11.modules.NAME.initArgs');
  });

  it('asks for no PIN where the token wants none', async () => {
    const db = join(folder(), 'open');
    await mkdir(db);
    await runTool('certutil', ['-N', '-d', `sql:${db}`, '--empty-password'], { timeout: 60_000 });
    const secrets = answering(undefined);
    const modules = { nss: { path: module, initArgs: initArgs(db) } };
    const open = await generateKeyOn(
      TOKEN,
      { name: 'open', scheme: 'ecdsa-sha2-nistp256' },
      { ...options, secrets, modules },
    );
    expect([open.key.scheme, secrets.asked]).to.deep.equal(['ecdsa-sha2-nistp256', []]);
  });

  it('signs with two keys by turns', async () => {
    const signers = await Promise.all([...made.values()].map(({ uri, key }) => openSigner(uri, key, options)));
    for (let i = 0; i < 4; i++) await signers[i % 2]!.sign({ payload: Buffer.from('x'), subject: 'root 2' });
    await Promise.all(signers.map((signer) => signer.close()));
  });
});

/** The last character, which pkcs11js would cut off, is the one that ends the last argument. */
function initArgs(db: string): string {
  return `configdir='sql:${db}' certPrefix='' keyPrefix='' secmod='secmod.db' dbTokenDescription='tuf nss db'`;
}
