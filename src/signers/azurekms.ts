import { derOfRaw } from './ecdsa.ts';
import { azureToken } from './kms/azure-token.ts';
import { ServiceFailure, type Vendor } from './kms/failure.ts';
import { type Answer, ask, at, bytesAt, refused, textAt } from './kms/http.ts';
import { asLongAsModulus, digestOf, keyOfJwk } from './kms/keys.ts';
import { type KeyService, kmsSigners, type RemoteKey } from './kms/provider.ts';
import { endpointUrl, parseKeyUri, queryText } from './kms/uri.ts';
import type { OpenOptions, SignerProvider } from './port.ts';

/**
 * Keys in Azure Key Vault and Managed HSM, by their REST interface (7.4):
 *
 *     azurekms://VAULT.vault.azure.net/keys/NAME/VERSION
 *
 * Without a version it is the newest one, and `key import` keeps that. Credentials, in this order: `AZURE_TENANT_ID`,
 * `AZURE_CLIENT_ID` and `AZURE_CLIENT_SECRET` of an application; the managed identity of the machine (of several, the
 * one that `AZURE_CLIENT_ID` names). Needs the permissions keys/get and keys/sign. Kinds: EC P-256, RSA.
 */
const VENDOR: Vendor = {
  name: 'Azure Key Vault',
  permissions: 'the permissions keys/get and keys/sign (role Key Vault Crypto User)',
  credentials: 'AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET, or a managed identity of this machine',
};

export const azureSigners: SignerProvider = kmsSigners('azurekms', VENDOR, connect);

const FORM = {
  scheme: 'azurekms',
  path: /^\/\/([a-z0-9-]+\.(?:vault\.azure\.net|vault\.azure\.cn|vault\.usgovcloudapi\.net|managedhsm\.azure\.net))\/keys\/([A-Za-z0-9-]{1,127})(?:\/([0-9a-f]{32}))?$/,
  query: ['endpoint'],
  example: 'azurekms://VAULT.vault.azure.net/keys/NAME/VERSION',
};

const VERSION = '?api-version=7.4';

async function connect(uri: string, options: OpenOptions): Promise<KeyService> {
  const { parts, query, shown } = parseKeyUri(uri, FORM);
  const [host = '', name = '', version] = parts;
  const endpoint = endpointUrl(query.get('endpoint') ?? `https://${host}`, 'endpoint of azurekms:');
  const token = azureToken(options, host.slice(host.indexOf('.') + 1));

  async function call(path: string, json: object | undefined, signal: AbortSignal): Promise<unknown> {
    const method = json === undefined ? 'GET' : 'POST';
    const url = `${endpoint}${path}${VERSION}`;
    const answer = await token.use(signal, (bearer) =>
      ask({ method, url, headers: { authorization: `Bearer ${bearer}` }, ...(json && { json }) }, signal),
    );
    if (answer.status !== 200) throw failure(answer);
    return answer.body;
  }

  return {
    shown,
    find: async (signal) => {
      const body = await call(`/keys/${name}${version === undefined ? '' : `/${version}`}`, undefined, signal);
      const found = versionOf(textAt(body, 'key', 'kid'), host, name, version);
      const kept = `azurekms://${host}/keys/${name}/${found}${queryText([['endpoint', query.get('endpoint')]])}`;
      return remoteKey(body, kept, found);
    },
    sign: async ({ id, key }, payload, signal) => {
      const json = { alg: key.keytype === 'rsa' ? 'PS256' : 'ES256', value: digestOf(payload).toString('base64url') };
      const body = await call(`/keys/${name}/${id}/sign`, json, signal);
      versionOf(textAt(body, 'kid'), host, name, id);
      const signature = bytesAt(body, 'value');
      if (key.keytype === 'rsa') return asLongAsModulus(signature, key);
      // r and s side by side, as JSON Web Signatures have them (RFC 7518, section 3.4).
      if (signature.length !== 64) throw new ServiceFailure('answer', `a signature of ${signature.length} bytes`);
      return derOfRaw(signature);
    },
    close: () => undefined,
  };
}

/** The version that an answer is about. @throws ServiceFailure where it is about another key than was asked for */
function versionOf(kid: string, host: string, name: string, version: string | undefined): string {
  const [, of, key, found] = /^https:\/\/([^/]+)\/keys\/([^/]+)\/([0-9a-f]{32})$/.exec(kid) ?? [];
  const expected = `https://${host}/keys/${name}/${version ?? 'VERSION'}`;
  if (of !== host || key?.toLowerCase() !== name.toLowerCase() || found === undefined)
    throw new ServiceFailure('wrong-key', kid, { expected });
  if (version !== undefined && found !== version) throw new ServiceFailure('wrong-key', kid, { expected });
  return found;
}

function remoteKey(body: unknown, uri: string, id: string): RemoteKey {
  if (at(body, 'attributes', 'enabled') === false) throw new ServiceFailure('disabled', 'enabled: false');
  const operations = at(body, 'key', 'key_ops');
  if (Array.isArray(operations) && !operations.includes('sign'))
    throw new ServiceFailure('usage', 'key_ops without sign');
  const field = (name: string): string => textAt(body, 'key', name);
  // `EC-HSM` and `RSA-HSM` are keys of the same kinds that never leave the module.
  const kind = field('kty').replace(/-HSM$/, '');
  if (kind === 'EC' && field('crv') === 'P-256')
    return { uri, id, key: keyOfJwk({ kty: 'EC', crv: 'P-256', x: field('x'), y: field('y') }) };
  if (kind === 'RSA') return { uri, id, key: keyOfJwk({ kty: 'RSA', n: field('n'), e: field('e') }) };
  throw new ServiceFailure('usage', kind === 'EC' ? field('crv') : kind);
}

/** `{"error": {"code": "Forbidden", "message": "...", "innererror": {"code": "KeyDisabled"}}}` */
function failure(answer: Answer): ServiceFailure {
  const inner = at(answer.body, 'error', 'innererror', 'code');
  const code = typeof inner === 'string' ? inner : at(answer.body, 'error', 'code');
  if (code === 'KeyDisabled' || code === 'KeyNotYetValid' || code === 'KeyExpired')
    return new ServiceFailure('disabled', code);
  return refused(answer, code);
}
