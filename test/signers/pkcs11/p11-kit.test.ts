import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import type { OpenOptions } from '../../../src/signers/port.ts';
import { importKey, openSigner } from '../../../src/signers/registry.ts';
import { describeSignerContract } from '../contract.ts';
import { answering, privateFolder } from '../folder.ts';
import { moduleFor } from './install.ts';
import { type Server, startServer } from './support/servers.ts';
import { PIN, softHsm } from './support/softhsm.ts';

/** A token of another process, as p11-kit brings it into a container or over ssh. */
describe('p11-kit server and client', () => {
  const folder = privateFolder();
  let options: OpenOptions;
  let server: Server | undefined;

  before(async function () {
    const hsm = await softHsm(folder(), await moduleFor(this, 'softhsm'));
    const client = await moduleFor(this, 'p11-kit');
    await hsm.token('far away');
    await hsm.key('far away', { type: 'EC:prime256v1', label: 'ec', id: '01' });
    await hsm.key('far away', { type: 'rsa:2048', label: 'rsa', id: '02' });
    await hsm.key('far away', { type: 'EC:edwards25519', label: 'ed', id: '03' });
    const socket = join(folder(), 'socket');
    const args = ['server', '-f', '-n', socket, '--provider', hsm.module, 'pkcs11:token=far%20away'];
    server = await startServer('p11-kit', args, {
      env: { ...hsm.env, XDG_RUNTIME_DIR: folder() },
      ready: () => existsSync(socket),
    });
    const env = { P11_KIT_SERVER_ADDRESS: `unix:path=${socket}`, XDG_RUNTIME_DIR: folder() };
    options = { secrets: answering(PIN), base: folder(), modules: { far: { path: client, env } } };
  });

  after(() => server?.stop());

  const uri = (label: string): string => `pkcs11:token=far%20away;object=${label}`;

  // It does not pass on the combined mechanism of RSA-PSS: the second way is the one that works.
  for (const label of ['ec', 'rsa']) {
    describeSignerContract(`p11-kit, ${label}`, async () => {
      const key = await importKey(uri(label), options);
      return { uri: uri(label), key, options };
    });
  }

  it('does not pass Ed25519 on, and says so', async () => {
    const key = await importKey(uri('ed'), options);
    const signer = await openSigner(uri('ed'), key, options);
    const error = await signer
      .sign({ payload: Buffer.from('x'), subject: 'root 2' })
      .catch((reason: unknown) => reason);
    await signer.close();
    expect(error).to.have.property('code', 'signer.key-unusable');
    expect(error).to.have.property('message').that.contains('CKR_MECHANISM_INVALID');
  });

  describe('when its server has gone', () => {
    it('says that the token is not there', async () => {
      const key = await importKey(uri('ec'), options);
      await server?.stop();
      const error = await openSigner(uri('ec'), key, options).catch((reason: unknown) => reason);
      expect(error).to.have.property('code', 'signer.token-missing');
      expect(error).to.have.property('message').that.contains(uri('ec'));
    });
  });
});
