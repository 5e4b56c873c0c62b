import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { importKey, openSigner, pinUri } from '../../../src/signers/registry.ts';
import { type Asked, type Reply, serviceKey } from '../../support/kms/stand-in.ts';
import { startVault, VAULT_TOKEN, type VaultStandIn, vaultError } from '../../support/kms/vault.ts';
import { describeSignerContract } from '../contract.ts';
import { expectWords, kmsOptions, refusal } from './expect.ts';

describe('hv', () => {
  let vault: VaultStandIn;
  const key = serviceKey('p-256');
  const env = () => ({ VAULT_ADDR: vault.url, VAULT_TOKEN });
  const isSign = ({ url }: Asked) => url.includes('/sign/');

  before(async () => {
    vault = await startVault();
  });
  beforeEach(() => {
    vault.keys.splice(0, vault.keys.length, key);
    Object.assign(vault, { mount: 'transit', namespace: undefined, derived: false });
    vault.asked.length = 0;
    vault.trouble = () => undefined;
  });
  after(() => vault.stop());

  const sign = async (environment: Record<string, string> = env(), uri = 'hv:online/1', deadlineMs = 5_000) => {
    const signer = await openSigner(uri, key.key, kmsOptions(environment, { deadlineMs }));
    return signer.sign({ payload: Buffer.from('payload'), subject: 'timestamp 7' });
  };

  describe('contract', () => {
    const running: VaultStandIn[] = [];
    after(() => Promise.all(running.map((one) => one.stop())));
    for (const kind of ['p-256', 'rsa-2048', 'ed25519'] as const) {
      describeSignerContract(`hv, ${kind}`, async () => {
        const made = serviceKey(kind);
        const server = await startVault([made]);
        running.push(server);
        return { uri: 'hv:online/1', key: made.key, options: kmsOptions({ VAULT_ADDR: server.url, VAULT_TOKEN }) };
      });
    }
  });

  it('sends the digest, the version and the form of the signature', async () => {
    await sign();
    const { json, headers } = vault.asked.at(-1)!;
    const { input, ...rest } = json as { input: string };
    expect(Buffer.from(input, 'base64')).to.have.length(32);
    expect(rest).to.deep.equal({
      prehashed: true,
      hash_algorithm: 'sha2-256',
      marshaling_algorithm: 'asn1',
      key_version: 1,
    });
    expect(headers).to.include({ 'x-vault-token': VAULT_TOKEN, 'x-vault-request': 'true' });
  });

  it('asks for a salt as long as the hash: tough reads no other', async () => {
    const rsa = serviceKey('rsa-2048');
    vault.keys.splice(0, 1, rsa);
    const signer = await openSigner('hv:online/1', rsa.key, kmsOptions(env()));
    await signer.sign({ payload: Buffer.from('payload'), subject: 'timestamp 7' });
    expect(vault.asked.at(-1)?.json).to.include({ signature_algorithm: 'pss', salt_length: 'hash' });
  });

  it('sends an Ed25519 message whole', async () => {
    const ed25519 = serviceKey('ed25519');
    vault.keys.splice(0, 1, ed25519);
    const signer = await openSigner('hv:online/1', ed25519.key, kmsOptions(env()));
    await signer.sign({ payload: Buffer.alloc(100_000, 'x'), subject: 'snapshot 7' });
    expect(vault.asked.at(-1)?.json).to.deep.equal({
      input: Buffer.alloc(100_000, 'x').toString('base64'),
      key_version: 1,
    });
  });

  it('keeps the newest version, and signs with that one after a rotation', async () => {
    expect(await pinUri('hv:online', kmsOptions(env()))).to.equal('hv:online/1');
    vault.keys.push(serviceKey('p-256'));
    expect(await pinUri('hv:online', kmsOptions(env()))).to.equal('hv:online/2');
    expect(await pinUri('hv:online/1', kmsOptions(env()))).to.equal('hv:online/1');
    expect(await sign()).to.match(/^30/);
  });

  it('finds another mount and namespace', async () => {
    Object.assign(vault, { mount: 'teams/transit', namespace: 'admin/index' });
    const uri = 'hv:online/1?mount=teams/transit';
    expect(await sign({ ...env(), VAULT_NAMESPACE: 'admin/index' }, uri)).to.match(/^30/);
    expect(await pinUri(uri, kmsOptions({ ...env(), VAULT_NAMESPACE: 'admin/index' }))).to.equal(uri);
    expect(await refusal(sign(env(), uri))).to.include({ code: 'signer.kms-not-found' });
  });

  it('refuses a signature of another version', async () => {
    const body = { data: { signature: 'vault:v2:MEUCIQ==' } };
    vault.trouble = (asked) => (isSign(asked) ? { status: 200, body } : undefined);
    const error = await refusal(sign());
    expect(error).to.include({ code: 'signer.wrong-key', exitCode: 6 });
    expectWords(error, /^timestamp 7: /, 'expected version 1, found version 2');
  });

  for (const [name, change, found] of [
    ['derived', () => Object.assign(vault, { derived: true }), 'derived: true'],
    ['P-384', () => vault.keys.splice(0, 1, serviceKey('p-384')), 'ecdsa-p384'],
  ] as const) {
    it(`refuses a key that is ${name}`, async () => {
      change();
      const error = await refusal(importKey('hv:online/1', kmsOptions(env())));
      expect(error).to.include({ code: 'signer.kms-usage', exitCode: 6 });
      expectWords(error, `found ${found}`);
    });
  }

  it('says that there is no such version', async () => {
    const error = await refusal(importKey('hv:online/3', kmsOptions(env())));
    expect(error).to.include({ code: 'signer.kms-not-found' });
    expectWords(error, 'no version 3');
  });

  const answers: [name: string, reply: Reply, code: string, found: string][] = [
    ['permission denied', vaultError(403, 'permission denied'), 'access', 'HTTP 403'],
    ['no route', vaultError(404, 'no handler for route'), 'not-found', 'HTTP 404'],
    ['a wrong request', vaultError(400, 'invalid'), 'request', 'HTTP 400'],
    ['a limit', vaultError(429, 'rate limit quota exceeded'), 'throttled', 'HTTP 429'],
    ['a seal', vaultError(503, 'Vault is sealed'), 'busy', 'sealed-or-standby'],
    ['a broken answer', { status: 200, body: { data: { signature: 'MEUC' } } }, 'answer', 'no signature of its form'],
  ];
  for (const [name, reply, code, found] of answers) {
    it(`says what ${name} means`, async () => {
      vault.trouble = (asked) => (isSign(asked) ? reply : undefined);
      const error = await refusal(sign(env(), 'hv:online/1', 1_000));
      expect(error).to.include({ code: `signer.kms-${code}`, exitCode: 6 });
      expectWords(error, `found ${found}`);
    });
  }

  describe('the token', () => {
    let home: string;
    before(async () => {
      home = await mkdtemp(join(tmpdir(), 'tufa-vault-'));
      await writeFile(join(home, '.vault-token'), VAULT_TOKEN, { mode: 0o600 });
      await writeFile(join(home, 'other'), `${VAULT_TOKEN}\n`, { mode: 0o600 });
    });
    after(() => rm(home, { recursive: true }));

    it('is that of the environment, of a file, or the one that `vault login` left', async () => {
      const address = { VAULT_ADDR: vault.url };
      expect(await sign({ ...address, VAULT_TOKEN, HOME: '/nowhere' })).to.match(/^30/);
      expect(await sign({ ...address, TUFA_VAULT_TOKEN_FILE: join(home, 'other'), HOME: '/nowhere' })).to.match(/^30/);
      expect(await sign({ ...address, HOME: home })).to.match(/^30/);
    });

    it('is asked for where there is none', async () => {
      const error = await refusal(sign({ VAULT_ADDR: vault.url, HOME: '/nowhere' }));
      expect(error).to.include({ code: 'configuration.private-file', exitCode: 3 });
      expectWords(error, 'VAULT_TOKEN');
    });

    it('is in no error, although the server repeats it', async () => {
      const error = await refusal(sign({ VAULT_ADDR: vault.url, VAULT_TOKEN: 'hvs.hunter2' }));
      expect(error).to.include({ code: 'signer.kms-access', exitCode: 6 });
      expect(JSON.stringify([error.message, error.hint, error.details, `${error.cause}`])).not.to.contain('hunter2');
    });

    it('is not sent to another machine without TLS, nor after a redirect', async () => {
      for (const address of [
        'http://vault.example.org:8200',
        'ftp://127.0.0.1',
        'https://user:pass@vault.example.org',
      ]) {
        const error = await refusal(sign({ ...env(), VAULT_ADDR: address }));
        expect(error).to.include({ code: 'configuration.endpoint', exitCode: 3 });
        expect(error.message).not.to.contain('pass');
      }
      vault.trouble = () => ({ status: 307, body: '', headers: { location: `${vault.url}/elsewhere` } });
      expect(await refusal(sign())).to.include({ code: 'signer.kms-answer' });
      expect(vault.asked.map(({ url }) => url)).not.to.include('/elsewhere');
    });

    it('is not sent to a server whose certificate nobody vouches for', async () => {
      const pem = join(home, 'pem');
      const args = [
        '-x509',
        '-newkey',
        'rsa:2048',
        '-nodes',
        '-subj',
        '/CN=127.0.0.1',
        '-keyout',
        `${pem}.key`,
        '-out',
        pem,
      ];
      execFileSync('openssl', ['req', ...args, '-batch'], { stdio: 'ignore' });
      const [cert, privateKey] = await Promise.all([readFile(pem), readFile(`${pem}.key`)]);
      let asked = 0;
      const server = createServer({ cert, key: privateKey }, () => asked++).listen(0, '127.0.0.1');
      await once(server, 'listening');
      const { port } = server.address() as AddressInfo;
      const error = await refusal(sign({ ...env(), VAULT_ADDR: `https://127.0.0.1:${port}` }));
      server.close();
      expect(error).to.include({ code: 'signer.kms-untrusted', exitCode: 6 });
      expectWords(error, 'DEPTH_ZERO_SELF_SIGNED_CERT');
      expect(error.hint).to.contain('NODE_EXTRA_CA_CERTS');
      expect(asked).to.equal(0);
    });

    it('needs an address', async () => {
      expect(await refusal(sign({ VAULT_TOKEN }))).to.include({ code: 'configuration.endpoint', exitCode: 3 });
    });
  });
});
