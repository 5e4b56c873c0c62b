import { join } from 'node:path';
import { ConfigurationError } from '../errors.ts';
import { ServiceFailure, type Vendor } from './kms/failure.ts';
import { type Answer, ask, at, refused, textAt } from './kms/http.ts';
import { asLongAsModulus, digestOf, keyOfJwk, keyOfPem } from './kms/keys.ts';
import { type KeyService, kmsSigners, type RemoteKey } from './kms/provider.ts';
import { AccessToken, secretText } from './kms/token.ts';
import { endpointUrl, parseKeyUri, queryText } from './kms/uri.ts';
import type { OpenOptions, SignerProvider } from './port.ts';

/**
 * Keys in the transit engine of HashiCorp Vault and OpenBao, by their HTTP interface (v1):
 *
 *     hv:NAME/VERSION
 *     hv:NAME/VERSION?mount=transit-tufa
 *
 * Without a version it is the newest one, and `key import` keeps that. `VAULT_ADDR` says where the server is,
 * `VAULT_NAMESPACE` the namespace. The token, in this order: `VAULT_TOKEN`; the file that `TUFA_VAULT_TOKEN_FILE` names;
 * `~/.vault-token`, where `vault login` leaves it; files have mode 0600. Needs to read MOUNT/keys/NAME and to update
 * MOUNT/sign/NAME. Kinds: ecdsa-p256, ed25519 (messages are sent whole, of any length), rsa-2048 to rsa-4096.
 */
const VENDOR: Vendor = {
  name: 'Vault',
  permissions: 'a policy with "read" on MOUNT/keys/NAME and "update" on MOUNT/sign/NAME, and a valid token',
  credentials: 'VAULT_TOKEN, TUFA_VAULT_TOKEN_FILE or ~/.vault-token',
};

export const vaultSigners: SignerProvider = kmsSigners('hv', VENDOR, connect);

const FORM = {
  scheme: 'hv',
  path: /^([A-Za-z0-9][A-Za-z0-9._-]*)(?:\/([1-9]\d*))?$/,
  query: ['mount'],
  example: 'hv:NAME/VERSION',
};

async function connect(uri: string, options: OpenOptions): Promise<KeyService> {
  const { parts, query, shown } = parseKeyUri(uri, FORM);
  const [name = '', version] = parts;
  const mount = (query.get('mount') ?? 'transit').split('/').map(encodeURIComponent).join('/');
  const { env = {} } = options;
  const server = address(env['VAULT_ADDR']);
  const token = new AccessToken(() => vaultToken(env));
  const namespace = env['VAULT_NAMESPACE'];

  async function call(path: string, json: object | undefined, signal: AbortSignal): Promise<unknown> {
    const method = json === undefined ? 'GET' : 'POST';
    const url = `${server}/v1/${mount}/${path}/${name}`;
    const answer = await token.use(signal, (secret) => {
      const headers = {
        'x-vault-token': secret,
        'x-vault-request': 'true',
        ...(namespace && { 'x-vault-namespace': namespace }),
      };
      return ask({ method, url, headers, ...(json && { json }) }, signal);
    });
    if (answer.status !== 200) throw failure(answer);
    return at(answer.body, 'data');
  }

  return {
    shown,
    find: async (signal) => {
      const data = await call('keys', undefined, signal);
      const other = textAt(data, 'name');
      if (other !== name) throw new ServiceFailure('wrong-key', other, { expected: name });
      const found = version ?? `${at(data, 'latest_version')}`;
      return remoteKey(data, found, `hv:${name}/${found}${queryText([['mount', query.get('mount')]])}`);
    },
    sign: async ({ id, key }, payload, signal) => {
      const data = await call('sign', { ...input(key.scheme, payload), key_version: Number(id) }, signal);
      const signature = signatureOf(textAt(data, 'signature'), id);
      return key.keytype === 'rsa' ? asLongAsModulus(signature, key) : signature;
    },
    close: () => undefined,
  };
}

/** Ed25519 has no digest to be sent. Without `salt_length` the salt is as long as it can be, which tough refuses. */
function input(scheme: string, payload: Uint8Array): object {
  if (scheme === 'ed25519') return { input: Buffer.from(payload).toString('base64') };
  const hashed = { input: digestOf(payload).toString('base64'), prehashed: true, hash_algorithm: 'sha2-256' };
  if (scheme === 'rsassa-pss-sha256') return { ...hashed, signature_algorithm: 'pss', salt_length: 'hash' };
  return { ...hashed, marshaling_algorithm: 'asn1' };
}

function remoteKey(data: unknown, version: string, uri: string): RemoteKey {
  const type = textAt(data, 'type');
  if (!/^(?:ecdsa-p256|ed25519|rsa-(?:2048|3072|4096))$/.test(type)) throw new ServiceFailure('usage', type);
  // Each message would be signed with a key of its own.
  if (at(data, 'derived') === true) throw new ServiceFailure('usage', 'derived: true');
  const text = at(data, 'keys', version, 'public_key');
  if (typeof text !== 'string' || text === '') throw new ServiceFailure('not-found', `no version ${version}`);
  // The 32 bytes themselves for Ed25519, PEM for the others.
  const x = Buffer.from(text, 'base64').toString('base64url');
  return { uri, id: version, key: type === 'ed25519' ? keyOfJwk({ kty: 'OKP', crv: 'Ed25519', x }) : keyOfPem(text) };
}

/** `vault:v1:MEUCIQ...` */
function signatureOf(text: string, version: string): Buffer {
  const [, found, base64] = /^vault:v(\d+):([A-Za-z0-9+/]+={0,2})$/.exec(text) ?? [];
  if (found === undefined || base64 === undefined) throw new ServiceFailure('answer', 'no signature of its form');
  if (found !== version) throw new ServiceFailure('wrong-key', `version ${found}`, { expected: `version ${version}` });
  return Buffer.from(base64, 'base64');
}

/** `{"errors": ["permission denied"]}`: sentences, which are not passed on. */
function failure(answer: Answer): ServiceFailure {
  const sealed = answer.status === 503 ? 'sealed-or-standby' : undefined;
  return refused(answer, sealed);
}

async function vaultToken(env: NonNullable<OpenOptions['env']>): Promise<string> {
  const [given, file, home] = [env['VAULT_TOKEN'], env['TUFA_VAULT_TOKEN_FILE'], env['HOME']];
  if (given) return given;
  if (file) return secretText(file, `TUFA_VAULT_TOKEN_FILE (${file})`);
  const left = join(home ?? '/', '.vault-token');
  return secretText(left, `~/.vault-token, as there is no VAULT_TOKEN`);
}

function address(given: string | undefined): string {
  if (given) return endpointUrl(given, 'VAULT_ADDR');
  throw new ConfigurationError('nobody says where Vault is', {
    object: 'VAULT_ADDR',
    code: 'configuration.endpoint',
    expected: 'https://HOST:8200',
    found: 'nothing',
    hint: 'export VAULT_ADDR=https://HOST:8200',
  });
}
