/** Google Cloud KMS, its token endpoint and the metadata server of its machines. */
import { verify } from 'node:crypto';
import { crc32c } from '../../../src/signers/kms/crc32c.ts';
import { ecdsaDer, pss } from './prehashed.ts';
import { type Asked, type Reply, type ServiceKey, type StandIn, serviceKey, standIn } from './stand-in.ts';

export interface GcpStandIn extends StandIn {
  /** By resource name. */
  readonly keys: Map<string, ServiceKey>;
  /** Tokens that are accepted. */
  readonly tokens: Set<string>;
  /** Its key file, without `token_uri`. */
  readonly account: Readonly<Record<string, string>>;
}

export function versionName(version: number): string {
  return `projects/index/locations/europe-west1/keyRings/tufa/cryptoKeys/online/cryptoKeyVersions/${version}`;
}

export function gcpError(code: number, status: string): Reply {
  return { status: code, body: { error: { code, message: 'as it was asked for', status } } };
}

export async function startGcp(): Promise<GcpStandIn> {
  const account = serviceKey('rsa-2048');
  const state = {
    keys: new Map<string, ServiceKey>(),
    tokens: new Set<string>(['ya29.from-a-file']),
    account: {
      type: 'service_account',
      client_email: 'tufa@index.iam.gserviceaccount.com',
      private_key_id: '0123456789abcdef',
      private_key: account.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    },
  };
  const server = await standIn((asked) => {
    if (asked.url === '/token') return issued(state, account, asked, `${server.url}/token`);
    if (asked.url.startsWith('/computeMetadata/')) return ofMachine(state, asked);
    return answer(state, asked);
  });
  return Object.assign(server, state);
}

type State = Pick<GcpStandIn, 'keys' | 'tokens' | 'account'>;

function answer({ keys, tokens }: State, { method, url, headers, json }: Asked): Reply {
  if (!tokens.has((headers['authorization'] ?? '').replace(/^Bearer /, ''))) return gcpError(401, 'UNAUTHENTICATED');
  const [, name = '', action = ''] = /^\/v1\/(projects\/.*\/cryptoKeyVersions\/\d+)(.*)$/.exec(url) ?? [];
  const key = keys.get(name);
  if (key === undefined) return gcpError(404, 'NOT_FOUND');
  if (method === 'GET' && action === '/publicKey') return publicKeyOf(name, key);
  if (method === 'POST' && action === ':asymmetricSign') return signed(name, key, json as SignRequest);
  return gcpError(400, 'INVALID_ARGUMENT');
}

const ALGORITHMS = {
  'p-256': 'EC_SIGN_P256_SHA256',
  'p-384': 'EC_SIGN_P384_SHA384',
  'rsa-2048': 'RSA_SIGN_PSS_2048_SHA256',
  ed25519: 'EC_SIGN_ED25519',
};

function publicKeyOf(name: string, { kind, publicKey }: ServiceKey): Reply {
  const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
  const checksum = { pemCrc32c: `${crc32c(Buffer.from(pem))}` };
  return { status: 200, body: { pem, algorithm: ALGORITHMS[kind], ...checksum, name, protectionLevel: 'HSM' } };
}

interface SignRequest {
  readonly digest: { readonly sha256: string };
  readonly digestCrc32c?: string;
}

function signed(name: string, { kind, privateKey }: ServiceKey, request: SignRequest): Reply {
  const digest = Buffer.from(request.digest.sha256, 'base64');
  const verified = request.digestCrc32c === `${crc32c(digest)}`;
  if (digest.length !== 32 || (request.digestCrc32c !== undefined && !verified))
    return gcpError(400, 'INVALID_ARGUMENT');
  const signature = kind === 'rsa-2048' ? pss(privateKey, digest) : ecdsaDer(privateKey, digest);
  const sums = { signatureCrc32c: `${crc32c(signature)}`, verifiedDigestCrc32c: verified };
  return { status: 200, body: { signature: signature.toString('base64'), ...sums, name, protectionLevel: 'HSM' } };
}

/** What Google checks of an assertion (RFC 7523): its form, who made it, for whom, for how long. */
function issued({ tokens, account }: State, { publicKey }: ServiceKey, { text }: Asked, audience: string): Reply {
  const form = new URLSearchParams(text);
  const [header = '', claims = '', signature = ''] = (form.get('assertion') ?? '').split('.');
  const { alg, kid } = decoded(header);
  const { iss, scope, aud, iat, exp } = decoded(claims);
  const fits =
    form.get('grant_type') === 'urn:ietf:params:oauth:grant-type:jwt-bearer' &&
    alg === 'RS256' &&
    kid === account['private_key_id'] &&
    iss === account['client_email'] &&
    aud === audience &&
    scope === 'https://www.googleapis.com/auth/cloudkms' &&
    Number(exp) - Number(iat) === 3600 &&
    verify('sha256', Buffer.from(`${header}.${claims}`), publicKey, Buffer.from(signature, 'base64url'));
  if (!fits) return { status: 400, body: { error: 'invalid_grant', error_description: 'Invalid JWT Signature.' } };
  return token(tokens, 'ya29.of-an-account');
}

function ofMachine({ tokens }: State, { url, headers }: Asked): Reply {
  const path = '/computeMetadata/v1/instance/service-accounts/default/token';
  if (url !== path || headers['metadata-flavor'] !== 'Google') return { status: 403, body: 'Missing Metadata-Flavor' };
  return token(tokens, 'ya29.of-a-machine');
}

function token(tokens: Set<string>, text: string): Reply {
  tokens.add(text);
  return { status: 200, body: { access_token: text, expires_in: 3599, token_type: 'Bearer' } };
}

function decoded(part: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(part, 'base64url').toString());
}
