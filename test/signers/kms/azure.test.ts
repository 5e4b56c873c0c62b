import { expect } from 'chai';
import { importKey, openSigner, pinUri } from '../../../src/signers/registry.ts';
import { keyidOf } from '../../../src/tuf/keys.ts';
import { APPLICATION, type AzureStandIn, azureError, startAzure, VAULT } from '../../support/kms/azure.ts';
import { type Asked, type Reply, serviceKey } from '../../support/kms/stand-in.ts';
import { describeSignerContract } from '../contract.ts';
import { expectWords, kmsOptions, refusal } from './expect.ts';

const version = (n: number) => `${n}`.padStart(32, '0');

describe('azurekms', () => {
  let azure: AzureStandIn;
  const key = serviceKey('p-256');
  const at = (name: string) => `azurekms://${VAULT}/keys/${name}?endpoint=${azure.url}`;
  const one = () => at(`online/${version(1)}`);
  const env = () => ({ ...APPLICATION, AZURE_AUTHORITY_HOST: azure.url });
  const isSign = ({ url }: Asked) => url.includes('/sign?');

  before(async () => {
    azure = await startAzure();
  });
  beforeEach(() => {
    azure.keys.set(version(1), key);
    azure.disabled.clear();
    azure.tokens.clear();
    azure.asked.length = 0;
    azure.trouble = () => undefined;
  });
  after(() => azure.stop());

  const sign = async (deadlineMs = 5_000, environment: Record<string, string> = env()) => {
    const signer = await openSigner(one(), key.key, kmsOptions(environment, { deadlineMs }));
    return signer.sign({ payload: Buffer.from('payload'), subject: 'timestamp 7' });
  };

  describe('contract', () => {
    let other: AzureStandIn;
    before(async () => {
      other = await startAzure();
    });
    after(() => other.stop());
    for (const kind of ['p-256', 'rsa-2048'] as const) {
      describeSignerContract(`azurekms, ${kind}`, async () => {
        const made = serviceKey(kind);
        other.keys.set(version(7), made);
        const uri = `azurekms://${VAULT}/keys/online/${version(7)}?endpoint=${other.url}`;
        return { uri, key: made.key, options: kmsOptions({ ...APPLICATION, AZURE_AUTHORITY_HOST: other.url }) };
      });
    }
  });

  it('sends the digest in base64url, and makes DER of r and s', async () => {
    for (let i = 0; i < 30; i++) expect(await sign()).to.match(/^30(?:4[4-8])02/);
    const { json } = azure.asked.at(-1)!;
    expect(json).to.have.all.keys('alg', 'value');
    expect(json).to.have.property('alg', 'ES256');
    expect((json as { value: string }).value).to.match(/^[A-Za-z0-9_-]{43}$/);
  });

  it('keeps the version of the newest key', async () => {
    azure.keys.delete(version(9));
    azure.keys.set(version(9), serviceKey('p-256'));
    expect(await pinUri(at('online'), kmsOptions(env()))).to.equal(at(`online/${version(9)}`));
    expect(await pinUri(one(), kmsOptions(env()))).to.equal(one());
    azure.keys.delete(version(9));
  });

  it('refuses an answer about another version, key or vault', async () => {
    for (const kid of [
      `https://${VAULT}/keys/online/${version(2)}`,
      `https://${VAULT}/keys/offline/${version(1)}`,
      `https://thief.vault.azure.net/keys/online/${version(1)}`,
    ]) {
      azure.trouble = (asked) => (isSign(asked) ? { status: 200, body: { kid, value: 'AAAA' } } : undefined);
      const error = await refusal(sign());
      expect(error).to.include({ code: 'signer.wrong-key', exitCode: 6 });
      expectWords(error, /^timestamp 7: /, `found ${kid}`);
    }
  });

  it('refuses r and s of another length', async () => {
    const kid = `https://${VAULT}/keys/online/${version(1)}`;
    azure.trouble = (asked) => (isSign(asked) ? { status: 200, body: { kid, value: 'AAAA' } } : undefined);
    const error = await refusal(sign());
    expect(error).to.include({ code: 'signer.kms-answer' });
    expectWords(error, 'found a signature of 3 bytes');
  });

  it('refuses a disabled key when it is opened, and when it signs', async () => {
    const signer = await openSigner(one(), key.key, kmsOptions(env()));
    azure.disabled.add(version(1));
    expect(await refusal(sign())).to.include({ code: 'signer.kms-disabled' });
    const error = await refusal(signer.sign({ payload: Buffer.from('payload'), subject: 'timestamp 7' }));
    expect(error).to.include({ code: 'signer.kms-disabled' });
    expectWords(error, 'found KeyDisabled');
  });

  for (const [name, jwk, found] of [
    ['P-384', { kty: 'EC', crv: 'P-384', x: 'AA', y: 'AA' }, 'P-384'],
    ['a symmetric key', { kty: 'oct-HSM' }, 'oct'],
    ['a key that is not for signing', { kty: 'EC', crv: 'P-256', key_ops: ['wrapKey'] }, 'key_ops without sign'],
  ] as const) {
    it(`refuses ${name}`, async () => {
      const body = { key: { kid: `https://${VAULT}/keys/online/${version(1)}`, ...jwk } };
      azure.trouble = ({ url }) => (url.startsWith('/keys/') ? { status: 200, body } : undefined);
      const error = await refusal(importKey(one(), kmsOptions(env())));
      expect(error).to.include({ code: 'signer.kms-usage' });
      expectWords(error, `found ${found}`);
    });
  }

  const answers: [name: string, reply: Reply, code: string][] = [
    ['Unauthorized', azureError(401, 'Unauthorized'), 'signer.kms-credentials'],
    ['ForbiddenByRbac', azureError(403, 'Forbidden', 'ForbiddenByRbac'), 'signer.kms-access'],
    ['KeyNotFound', azureError(404, 'KeyNotFound'), 'signer.kms-not-found'],
    ['KeyNotYetValid', azureError(403, 'Forbidden', 'KeyNotYetValid'), 'signer.kms-disabled'],
    ['BadParameter', azureError(400, 'BadParameter'), 'signer.kms-request'],
    ['Throttled', azureError(429, 'Throttled'), 'signer.kms-throttled'],
    ['HTTP 500', { status: 500, body: 'an error page with words' }, 'signer.kms-busy'],
  ];
  for (const [name, reply, code] of answers) {
    it(`says what ${name} means`, async () => {
      azure.trouble = (asked) => (isSign(asked) ? reply : undefined);
      const error = await refusal(sign(1_000));
      expect(error).to.include({ code, exitCode: 6 });
      expectWords(error, name);
    });
  }

  it('takes the credentials of an application, once', async () => {
    await sign();
    expect(azure.asked.map(({ url }) => url.split('?')[0])).to.deep.equal([
      `/${APPLICATION.AZURE_TENANT_ID}/oauth2/v2.0/token`,
      `/keys/online/${version(1)}`,
      `/keys/online/${version(1)}/sign`,
    ]);
  });

  it('takes the managed identity of the machine', async () => {
    expect(await sign(5_000, { AZURE_POD_IDENTITY_AUTHORITY_HOST: azure.url })).to.match(/^30/);
    const [first] = azure.asked;
    expect(first?.url)
      .to.match(/^\/metadata\/identity\/oauth2\/token\?/)
      .and.not.to.contain('client_id');
    await sign(5_000, { AZURE_POD_IDENTITY_AUTHORITY_HOST: azure.url, AZURE_CLIENT_ID: 'one-of-several' });
    expect(azure.asked.some(({ url }) => url.includes('client_id=one-of-several'))).to.equal(true);
  });

  it('asks for credentials where there are none, and repeats nothing of those that are refused', async () => {
    const none = await refusal(sign(5_000, { AZURE_POD_IDENTITY_AUTHORITY_HOST: 'http://127.0.0.1:9' }));
    expect(none).to.include({ code: 'signer.kms-credentials', exitCode: 6 });
    expectWords(none, 'AZURE_CLIENT_SECRET', 'no managed identity');
    // The stand-in repeats the whole form in its answer.
    const wrong = await refusal(sign(5_000, { ...env(), AZURE_CLIENT_SECRET: 'hunter2' }));
    expect(wrong).to.include({ code: 'signer.kms-credentials', exitCode: 6 });
    expectWords(wrong, 'found invalid_client');
    expect(JSON.stringify([wrong.message, wrong.hint, wrong.details, `${wrong.cause}`])).not.to.contain('hunter2');
  });

  for (const text of [
    'azurekms://vault.example.org/keys/online',
    'azurekms://index.vault.azure.net/secrets/online',
    'azurekms://index.vault.azure.net/keys/online/1',
    'azurekms:index.vault.azure.net/keys/online',
  ]) {
    it(`cannot read ${text}`, async () => {
      expect(await refusal(importKey(text, kmsOptions(env())))).to.include({
        code: 'configuration.key-uri',
        exitCode: 3,
      });
    });
  }

  it('names both keys when the version holds another one', async () => {
    azure.keys.set(version(1), serviceKey('p-256'));
    const error = await refusal(sign());
    expect(error).to.include({ code: 'signer.wrong-key' });
    expectWords(error, keyidOf(key.key));
  });
});
