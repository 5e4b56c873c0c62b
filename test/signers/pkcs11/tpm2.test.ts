import { mkdir } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { expect } from 'chai';
import type { OpenOptions } from '../../../src/signers/port.ts';
import { generateKeyOn, listTokens, openSigner } from '../../../src/signers/registry.ts';
import type { Key } from '../../../src/tuf/model.ts';
import { runTool } from '../../interop/support/tools.ts';
import { describeSignerContract } from '../contract.ts';
import { answering, privateFolder } from '../folder.ts';
import { moduleFor } from './install.ts';
import { freePorts, type Server, startServer } from './support/servers.ts';
import { PIN } from './support/softhsm.ts';

const TOKEN = 'pkcs11:token=tpm';
const KEYS = [
  ['first', 'ecdsa-sha2-nistp256'],
  ['second', 'ecdsa-sha2-nistp256'],
  ['third', 'ecdsa-sha2-nistp256'],
  ['rsa', 'rsassa-pss-sha256'],
] as const;

/** A TPM made of software, reached without a daemon. */
describe('tpm2-pkcs11 over swtpm', () => {
  const folder = privateFolder();
  let options: OpenOptions;
  let server: Server | undefined;
  const made = new Map<string, { uri: string; key: Key }>();

  before(async function () {
    const module = await moduleFor(this, 'tpm2');
    const [state, store] = [join(folder(), 'state'), join(folder(), 'store')];
    for (const path of [state, store]) await mkdir(path);
    await runTool('swtpm_setup', ['--tpm2', '--tpmstate', state, '--create-ek-cert'], { timeout: 60_000 });
    const port = await freePorts();
    // The library looks for the control port behind the other one.
    const control = port + 1;
    const args = ['socket', '--tpm2', '--tpmstate', `dir=${state}`, '--flags', 'not-need-init,startup-clear'];
    const listen = (n: number): string => `type=tcp,port=${n},bindaddr=127.0.0.1`;
    server = await startServer('swtpm', [...args, '--ctrl', listen(control), '--server', listen(port)], {
      ready: () => answers(control),
    });
    const env = {
      TPM2_PKCS11_TCTI: `swtpm:host=127.0.0.1,port=${port}`,
      TPM2_PKCS11_STORE: store,
      TSS2_LOG: 'all+NONE',
    };
    const tool = (...words: string[]): Promise<string> =>
      runTool('pkcs11-tool', ['--module', module, '--slot-index', '0', ...words], { timeout: 60_000, env });
    await tool('--init-token', '--label', 'tpm', '--so-pin', '87654321');
    await tool('--init-pin', '--login-type', 'so', '--login', '--so-pin', '87654321', '--pin', PIN);
    options = { secrets: answering(PIN), base: folder(), modules: { tpm: { path: module, env } } };
    for (const [name, scheme] of KEYS) made.set(name, await generateKeyOn(TOKEN, { name, scheme }, options));
  });

  after(() => server?.stop());

  // It has the combined mechanism of RSA-PSS only, and lists neither.
  for (const name of ['first', 'rsa']) {
    describeSignerContract(`tpm2-pkcs11, ${name}`, async () => ({ ...made.get(name)!, options }));
  }

  it('signs with more keys by turns than it has room for', async () => {
    const signers = await Promise.all([...made.values()].map(({ uri, key }) => openSigner(uri, key, options)));
    for (let i = 0; i < 2 * signers.length; i++)
      await signers[i % signers.length]!.sign({ payload: Buffer.from(`${i}`), subject: 'root 2' });
    await Promise.all(signers.map((signer) => signer.close()));
  });

  it('shows its keys, which have no serial to name them by', async () => {
    const [token] = await listTokens(undefined, options);
    expect(token?.uri).to.equal(`${TOKEN}?module-name=tpm`);
    expect(token?.keys.map(({ label }) => label)).to.have.members(KEYS.map(([name]) => name));
  });
});

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const done = (there: boolean) => () => {
      socket.destroy();
      resolve(there);
    };
    socket.once('connect', done(true)).once('error', done(false));
  });
}
