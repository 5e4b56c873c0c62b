import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { importKey, openSigner } from '../../../src/signers/registry.ts';
import { APPLICATION, startAzure } from '../../support/kms/azure.ts';
import { startGcp, versionName } from '../../support/kms/gcp.ts';
import { type Asked, type ServiceKey, type StandIn, serviceKey } from '../../support/kms/stand-in.ts';
import { startVault, VAULT_TOKEN } from '../../support/kms/vault.ts';
import { temporaryFolders } from '../../support/workspace.ts';
import { expectWords, kmsOptions, refusal } from './expect.ts';

/**
 * Google's, Azure's and HashiCorp's services were never seen by these tests. What stands in for them is held against
 * what their vendors have published (test/fixtures/kms): our requests have the published form and no other field, the
 * stand-in's answers have the published form, and the published answers themselves are read.
 */
interface Fixture {
  readonly document: string;
  /** Bodies hold the names of types, because the document has no example. */
  readonly types?: boolean;
  readonly request: {
    readonly method: string;
    readonly path: string;
    readonly headers?: Readonly<Record<string, string>>;
    readonly body?: object;
    readonly form?: Readonly<Record<string, string>>;
    readonly claims?: object;
  };
  readonly answer: { readonly status: number; readonly body: object };
  readonly failure?: { readonly status: number; readonly body: object };
  readonly version?: object;
}

const FOLDER = fileURLToPath(new URL('../../fixtures/kms/', import.meta.url));

async function fixture(name: string): Promise<Fixture> {
  return JSON.parse(await readFile(`${FOLDER}${name}.json`, 'utf8'));
}

/** That each field of `ours` is published, with a value of that type. */
function expectForm(ours: unknown, published: unknown, types: boolean, path = 'body'): void {
  if (typeof published !== 'object' || published === null) {
    const expected = types && typeof published === 'string' ? published : typeof published;
    expect(typeof ours, path).to.equal(expected);
    return;
  }
  if (Array.isArray(published)) {
    expect(ours, path).to.be.an('array');
    return;
  }
  for (const [name, value] of Object.entries(ours as object)) {
    expect(published, path).to.have.property(name);
    expectForm(value, (published as Record<string, unknown>)[name], types, `${path}.${name}`);
  }
}

/** Method, path, headers and body of a request as it was sent. @param path of ours, written as the document writes its own */
function expectRequest(asked: Asked, { request, types = false }: Fixture, path: string): void {
  expect(asked.method).to.equal(request.method);
  expect(path).to.equal(request.path);
  for (const [name, value] of Object.entries(request.headers ?? {})) {
    if (value === '...') expect(asked.headers).to.have.property(name);
    else expect(asked.headers).to.have.property(name, value);
  }
  if (request.body !== undefined) expectForm(asked.json, request.body, types);
  if (request.form !== undefined)
    expect([...new URLSearchParams(asked.text).keys()]).to.have.members(Object.keys(request.form));
}

/** What a stand-in answers to a request that was sent to it. */
async function answerTo(server: StandIn, { method, url, headers, text }: Asked): Promise<object> {
  const kept = ['authorization', 'content-type', 'metadata', 'metadata-flavor', 'x-vault-token'];
  const same = kept.flatMap((name): [string, string][] => (headers[name] === undefined ? [] : [[name, headers[name]]]));
  const response = await fetch(server.url + url, { method, headers: same, ...(text && { body: text }) });
  return (await response.json()) as object;
}

const payload = Buffer.from('payload');
const subject = 'timestamp 7';
const open = async (uri: string, key: ServiceKey, env: Record<string, string>) =>
  openSigner(uri, key.key, kmsOptions(env));

describe('what vendors have published', () => {
  it('is kept with the name of its document', async () => {
    const names = await readdir(FOLDER);
    expect(names).to.have.length(9);
    for (const name of names) expect((await fixture(name.replace('.json', ''))).document).to.match(/^.{20,}$/);
  });

  describe('Azure', () => {
    const version = '9885aa558e8d448789683188f8c194b0';
    const key = serviceKey('rsa-2048');
    let azure: Awaited<ReturnType<typeof startAzure>>;
    let env: Record<string, string>;
    const uri = () => `azurekms://index.vault.azure.net/keys/online/${version}?endpoint=${azure.url}`;
    const asked = (part: string) => azure.asked.find(({ url }) => url.includes(part))!;

    before(async () => {
      azure = await startAzure();
      env = { ...APPLICATION, AZURE_AUTHORITY_HOST: azure.url };
      azure.keys.set(version, key);
      await (await open(uri(), key, env)).sign({ payload, subject });
    });
    after(() => azure.stop());

    it('sign', async () => {
      const published = await fixture('azure-sign');
      const request = asked('/sign');
      expectRequest(request, published, request.url.replace('/online/', '/testkey/'));
      expectForm(await answerTo(azure, request), published.answer.body, false);
      // The published answer is a signature of somebody else: it is read, and refused as such.
      const kid = `https://index.vault.azure.net/keys/online/${version}`;
      azure.trouble = ({ url }) =>
        url.includes('/sign') ? { status: 200, body: { ...published.answer.body, kid } } : undefined;
      const error = await refusal((await open(uri(), key, env)).sign({ payload, subject }));
      expect(error).to.have.property('code', 'signer.invalid-signature');
      azure.trouble = () => undefined;
    });

    it('get a key', async () => {
      const published = await fixture('azure-get-key');
      const request = asked(`/keys/online/${version}?`);
      const path = request.url
        .replace('online', 'CreateSoftKeyTest')
        .replace(version, '78deebed173b48e48f55abf87ed4cf71');
      expectRequest(request, published, path);
      const answer = (await answerTo(azure, request)) as { key: object };
      expectForm({ ...answer, key: { ...answer.key, kty: 'RSA' } }, published.answer.body, false);
      azure.trouble = ({ url }) => (url.startsWith('/keys/') ? published.answer : undefined);
      const theirs = 'azurekms://myvault.vault.azure.net/keys/CreateSoftKeyTest/78deebed173b48e48f55abf87ed4cf71';
      const imported = await importKey(`${theirs}?endpoint=${azure.url}`, kmsOptions(env));
      expect(imported.scheme).to.equal('rsassa-pss-sha256');
      expect(imported.keyval.public.replaceAll('\n', '')).to.contain('2HJAE5fU3Cw2Rt9hEuq+F6XjINKGa');
      azure.trouble = () => undefined;
    });

    it('a token for an application, and a refusal', async () => {
      const published = await fixture('azure-token-of-application');
      const request = asked('/oauth2/v2.0/token');
      expectRequest(request, published, request.url.replace(APPLICATION.AZURE_TENANT_ID, '{tenant}'));
      expectForm(await answerTo(azure, request), published.answer.body, false);
      azure.trouble = ({ url }) => (url.includes('/token') ? published.failure : undefined);
      const error = await refusal(open(uri(), key, env));
      expect(error).to.have.property('code', 'signer.kms-credentials');
      expectWords(error, 'found invalid_scope');
      azure.trouble = ({ url, headers }) => {
        if (url.includes('/token')) return published.answer;
        const theirs = 'Bearer eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiIsIng1dCI6Ik1uQ19WWmNBVGZNNXBP...';
        return headers['authorization'] === theirs ? { status: 403, body: {} } : undefined;
      };
      expect(await refusal(open(uri(), key, env))).to.have.property('code', 'signer.kms-access');
      azure.trouble = () => undefined;
    });

    it('a token for a machine', async () => {
      const published = await fixture('azure-token-of-machine');
      await open(uri(), key, { AZURE_POD_IDENTITY_AUTHORITY_HOST: azure.url });
      const request = asked('/metadata/');
      const path = decodeURIComponent(request.url).replace('https://vault.azure.net', 'https://management.azure.com/');
      expectRequest(request, published, path);
      expectForm(await answerTo(azure, request), published.answer.body, false);
    });
  });

  describe('Google', () => {
    const folder = temporaryFolders();
    const key = serviceKey('p-256');
    let gcp: Awaited<ReturnType<typeof startGcp>>;
    const asked = (part: string) => gcp.asked.find(({ url }) => url.includes(part))!;
    const general = (url: string) =>
      url.replace(/(projects|locations|keyRings|cryptoKeys|cryptoKeyVersions)\/[^/:]+/g, '$1/*');

    before(async () => {
      gcp = await startGcp();
      gcp.keys.set(versionName(1), key);
      const uri = `gcpkms:${versionName(1)}?endpoint=${gcp.url}`;
      const signer = await open(uri, key, { GCE_METADATA_HOST: gcp.url.replace('http://', '') });
      await signer.sign({ payload, subject });
    });
    after(() => gcp.stop());

    for (const [name, part] of [
      ['gcp-asymmetric-sign', ':asymmetricSign'],
      ['gcp-get-public-key', '/publicKey'],
    ] as const) {
      it(name.replace('gcp-', '').replaceAll('-', ' '), async () => {
        const published = await fixture(name);
        expectRequest(asked(part), published, general(asked(part).url));
        expectForm(await answerTo(gcp, asked(part)), published.answer.body, true);
      });
    }

    it('a token for a service account', async () => {
      const published = await fixture('gcp-token-of-account');
      const path = join(await folder(), 'account.json');
      await writeFile(path, JSON.stringify({ ...gcp.account, token_uri: `${gcp.url}/token` }), { mode: 0o600 });
      await open(`gcpkms:${versionName(1)}?endpoint=${gcp.url}`, key, { GOOGLE_APPLICATION_CREDENTIALS: path });
      const request = gcp.asked.find(({ url }) => url === '/token')!;
      expectRequest(request, published, request.url);
      const [, claims = ''] = (new URLSearchParams(request.text).get('assertion') ?? '').split('.');
      const ours = JSON.parse(Buffer.from(claims, 'base64url').toString());
      expectForm(ours, published.request.claims, true);
      expect(ours).to.have.all.keys(published.request.claims ?? {});
      expectForm(await answerTo(gcp, request), published.answer.body, true);
    });
  });

  describe('HashiCorp Vault and OpenBao', () => {
    const key = serviceKey('p-256');
    let vault: Awaited<ReturnType<typeof startVault>>;
    let env: Record<string, string>;
    const asked = (part: string) => vault.asked.find(({ url }) => url.includes(part))!;

    before(async () => {
      vault = await startVault([key]);
      env = { VAULT_ADDR: vault.url, VAULT_TOKEN };
      await (await open('hv:online/1', key, env)).sign({ payload, subject });
    });
    after(() => vault.stop());

    it('sign', async () => {
      const published = await fixture('vault-sign');
      const request = asked('/sign/');
      expectRequest(request, published, request.url.replace('online', 'my-key'));
      const { data } = (await answerTo(vault, request)) as { data: { signature: string } };
      expect(data.signature).to.match(/^vault:v1:ME[UYQ]/);
      vault.trouble = ({ url }) => (url.includes('/sign/') ? published.answer : undefined);
      const error = await refusal((await open('hv:online/1', key, env)).sign({ payload, subject }));
      expect(error).to.have.property('code', 'signer.invalid-signature');
      vault.trouble = () => undefined;
    });

    it('read a key', async () => {
      const published = await fixture('vault-read-key');
      const request = asked('/keys/');
      expectRequest(request, published, request.url.replace('online', 'my-key'));
      const { data } = (await answerTo(vault, request)) as { data: { keys: object } };
      for (const version of Object.values(data.keys)) expectForm(version, published.version, false);
      vault.trouble = ({ url }) => (url.includes('/keys/') ? published.answer : undefined);
      expectWords(await refusal(importKey('hv:foo/1', kmsOptions(env))), 'found aes256-gcm96');
    });
  });
});
