import { crc32c } from './kms/crc32c.ts';
import { ServiceFailure, type Vendor } from './kms/failure.ts';
import { gcpToken } from './kms/gcp-token.ts';
import { type Answer, ask, at, bytesAt, refused, textAt } from './kms/http.ts';
import { digestOf, keyOfPem, tooShortForMetadata } from './kms/keys.ts';
import { type KeyService, kmsSigners, type RemoteKey } from './kms/provider.ts';
import { endpointUrl, type KeyUri, parseKeyUri, queryText } from './kms/uri.ts';
import type { OpenOptions, SignerProvider } from './port.ts';

/**
 * Keys in Google Cloud KMS, by its REST interface (v1):
 *
 *     gcpkms:projects/P/locations/L/keyRings/R/cryptoKeys/K/cryptoKeyVersions/1
 *
 * Credentials, in this order: `TUFA_GCP_TOKEN_FILE` (a file that holds an access token), the service account in
 * `GOOGLE_APPLICATION_CREDENTIALS`, the metadata server of the machine. Both files have mode 0600. Needs the permissions
 * cloudkms.cryptoKeyVersions.viewPublicKey and .useToSign. Kinds: EC_SIGN_P256_SHA256, RSA_SIGN_PSS_*_SHA256.
 */
const VENDOR: Vendor = {
  name: 'Google Cloud KMS',
  permissions: 'the permissions cloudkms.cryptoKeyVersions.viewPublicKey and .useToSign',
  credentials: 'TUFA_GCP_TOKEN_FILE, GOOGLE_APPLICATION_CREDENTIALS of a service account, or the metadata server',
};

export const gcpSigners: SignerProvider = kmsSigners('gcpkms', VENDOR, connect);

const FORM = {
  scheme: 'gcpkms',
  path: /^(projects\/[A-Za-z0-9:._-]+\/locations\/[A-Za-z0-9-]+\/keyRings\/[A-Za-z0-9_-]+\/cryptoKeys\/[A-Za-z0-9_-]+\/cryptoKeyVersions\/[1-9]\d*)$/,
  query: ['endpoint'],
  example: 'gcpkms:projects/P/locations/L/keyRings/R/cryptoKeys/K/cryptoKeyVersions/1',
};

const ALGORITHM = /^(?:EC_SIGN_P256_SHA256|RSA_SIGN_PSS_\d+_SHA256)$/;

async function connect(uri: string, options: OpenOptions): Promise<KeyService> {
  const parsed = parseKeyUri(uri, FORM);
  const [name = ''] = parsed.parts;
  const endpoint = endpointUrl(
    parsed.query.get('endpoint') ?? 'https://cloudkms.googleapis.com',
    'endpoint of gcpkms:',
  );
  const token = gcpToken(options);

  async function call(question: { path: string; json?: object }, signal: AbortSignal): Promise<unknown> {
    const { path, json } = question;
    const method = json === undefined ? 'GET' : 'POST';
    const url = `${endpoint}/v1/${name}${path}`;
    const answer = await token.use(signal, (bearer) =>
      ask({ method, url, headers: { authorization: `Bearer ${bearer}` }, ...(json && { json }) }, signal),
    );
    if (answer.status !== 200) throw failure(answer);
    const found = textAt(answer.body, 'name');
    if (found !== name) throw new ServiceFailure('wrong-key', found, { expected: name });
    return answer.body;
  }

  return {
    shown: parsed.shown,
    find: async (signal) => remoteKey(parsed, name, await call({ path: '/publicKey' }, signal)),
    sign: async (_key, payload, signal) => {
      const digest = digestOf(payload);
      const json = { digest: { sha256: digest.toString('base64') }, digestCrc32c: `${crc32c(digest)}` };
      const body = await call({ path: ':asymmetricSign', json }, signal);
      if (at(body, 'verifiedDigestCrc32c') !== true) throw new ServiceFailure('damaged', 'an unchecked digest');
      const signature = bytesAt(body, 'signature');
      assertChecksum(body, 'signatureCrc32c', signature);
      return signature;
    },
    close: () => undefined,
  };
}

function remoteKey({ shown, query }: KeyUri, name: string, body: unknown): RemoteKey {
  const pem = textAt(body, 'pem');
  assertChecksum(body, 'pemCrc32c', Buffer.from(pem));
  const algorithm = textAt(body, 'algorithm');
  if (algorithm === 'EC_SIGN_ED25519')
    throw tooShortForMetadata(shown, 'Google Cloud KMS', 'up to a length that its documentation does not say');
  if (!ALGORITHM.test(algorithm)) throw new ServiceFailure('usage', algorithm);
  return { uri: `gcpkms:${name}${queryText([['endpoint', query.get('endpoint')]])}`, id: name, key: keyOfPem(pem) };
}

function assertChecksum(body: unknown, field: string, bytes: Uint8Array): void {
  const found = textAt(body, field);
  const expected = `${crc32c(bytes)}`;
  if (found !== expected) throw new ServiceFailure('damaged', `${field} ${found}`, { expected });
}

/** `{"error": {"code": 403, "message": "...", "status": "PERMISSION_DENIED"}}` */
function failure(answer: Answer): ServiceFailure {
  const status = at(answer.body, 'error', 'status');
  // A version that is disabled, destroyed or still being made.
  if (status === 'FAILED_PRECONDITION') return new ServiceFailure('disabled', status);
  return refused(answer, status);
}
