/** Azure Key Vault, the token endpoint of Microsoft Entra and the metadata service of Azure's machines. */
import { ecdsaRaw, pss } from './prehashed.ts';
import { type Asked, type Reply, type ServiceKey, type StandIn, standIn } from './stand-in.ts';

export interface AzureStandIn extends StandIn {
  /** By version. All of them are versions of the key `online`; the last one is the newest. */
  readonly keys: Map<string, ServiceKey>;
  readonly disabled: Set<string>;
  readonly tokens: Set<string>;
}

export const VAULT = 'index.vault.azure.net';
export const APPLICATION = {
  AZURE_TENANT_ID: '7a9c3a6e-0000-4000-8000-000000000001',
  AZURE_CLIENT_ID: '535fb089-9ff3-47b6-9bfb-4f1264799865',
  AZURE_CLIENT_SECRET: 'qWg~dYAmab0YSkuL1qKv5bPX',
};

export function azureError(status: number, code: string, inner?: string): Reply {
  const innererror = inner === undefined ? {} : { innererror: { code: inner } };
  return { status, body: { error: { code, message: 'as it was asked for', ...innererror } } };
}

export async function startAzure(): Promise<AzureStandIn> {
  const state = { keys: new Map<string, ServiceKey>(), disabled: new Set<string>(), tokens: new Set<string>() };
  const server = await standIn((asked) => {
    if (asked.url === `/${APPLICATION.AZURE_TENANT_ID}/oauth2/v2.0/token`) return ofApplication(state, asked);
    if (asked.url.startsWith('/metadata/identity/oauth2/token?')) return ofMachine(state, asked);
    return answer(state, asked);
  });
  return Object.assign(server, state);
}

type State = Pick<AzureStandIn, 'keys' | 'disabled' | 'tokens'>;

function answer({ keys, disabled, tokens }: State, { method, url, headers, json }: Asked): Reply {
  if (!tokens.has((headers['authorization'] ?? '').replace(/^Bearer /, ''))) return azureError(401, 'Unauthorized');
  const { pathname, searchParams } = new URL(url, 'http://stand-in');
  if (searchParams.get('api-version') !== '7.4') return azureError(400, 'BadParameter');
  const [, name, given, action] = /^\/keys\/([^/]+)(?:\/([0-9a-f]{32}))?(?:\/(sign))?$/.exec(pathname) ?? [];
  const version = given ?? [...keys.keys()].at(-1) ?? '';
  const key = keys.get(version);
  if (name !== 'online' || key === undefined) return azureError(404, 'KeyNotFound');
  const kid = `https://${VAULT}/keys/online/${version}`;
  if (method === 'GET' && action === undefined) return bundle(kid, key, !disabled.has(version));
  if (method !== 'POST' || action !== 'sign') return azureError(405, 'MethodNotAllowed');
  if (disabled.has(version)) return azureError(403, 'Forbidden', 'KeyDisabled');
  return signed(kid, key, json as { alg: string; value: string });
}

function bundle(kid: string, { kind, publicKey }: ServiceKey, enabled: boolean): Reply {
  const jwk = publicKey.export({ format: 'jwk' });
  const kty = kind === 'rsa-2048' ? 'RSA-HSM' : jwk.kty;
  const key = { kid, ...jwk, kty, key_ops: ['sign', 'verify'] };
  return { status: 200, body: { key, attributes: { enabled, created: 1493942451, updated: 1493942451 } } };
}

function signed(kid: string, { kind, privateKey }: ServiceKey, { alg, value }: { alg: string; value: string }): Reply {
  const digest = Buffer.from(value, 'base64url');
  // base64url without padding, or it is another text than was sent.
  if (digest.length !== 32 || digest.toString('base64url') !== value) return azureError(400, 'BadParameter');
  const made = (bytes: Buffer): Reply => ({ status: 200, body: { kid, value: bytes.toString('base64url') } });
  if (kind === 'p-256' && alg === 'ES256') return made(ecdsaRaw(privateKey, digest));
  if (kind === 'rsa-2048' && alg === 'PS256') return made(pss(privateKey, digest));
  return azureError(400, 'BadParameter');
}

function ofApplication({ tokens }: State, { method, text }: Asked): Reply {
  const form = new URLSearchParams(text);
  const fits =
    method === 'POST' &&
    form.get('grant_type') === 'client_credentials' &&
    form.get('client_id') === APPLICATION.AZURE_CLIENT_ID &&
    form.get('client_secret') === APPLICATION.AZURE_CLIENT_SECRET &&
    form.get('scope') === 'https://vault.azure.net/.default';
  if (!fits) return { status: 401, body: { error: 'invalid_client', error_description: `AADSTS7000215: ${text}` } };
  tokens.add('eyJ0.of-an-application');
  return { status: 200, body: { token_type: 'Bearer', expires_in: 3599, access_token: 'eyJ0.of-an-application' } };
}

function ofMachine({ tokens }: State, { url, headers }: Asked): Reply {
  const { searchParams } = new URL(url, 'http://stand-in');
  const fits =
    searchParams.get('api-version') === '2018-02-01' && searchParams.get('resource') === 'https://vault.azure.net';
  if (headers['metadata'] !== 'true' || !fits) return { status: 400, body: { error: 'invalid_request' } };
  tokens.add('eyJ0.of-a-machine');
  return { status: 200, body: { access_token: 'eyJ0.of-a-machine', expires_in: '3599', token_type: 'Bearer' } };
}
