import { createPrivateKey, sign } from 'node:crypto';
import { ConfigurationError } from '../../errors.ts';
import type { OpenOptions } from '../port.ts';
import { ServiceFailure } from './failure.ts';
import { type Answer, ask, at, refused, textAt } from './http.ts';
import { AccessToken, secretText } from './token.ts';
import { endpointUrl } from './uri.ts';

const SCOPE = 'https://www.googleapis.com/auth/cloudkms';
/** Seconds; the longest that Google takes. */
const VALID = 3600;

/** Application default credentials, as far as jobs need them. */
export function gcpToken({ env = {}, clock }: OpenOptions): AccessToken {
  const [file, account] = [env['TUFA_GCP_TOKEN_FILE'], env['GOOGLE_APPLICATION_CREDENTIALS']];
  if (file !== undefined && file !== '')
    return new AccessToken(() => secretText(file, `TUFA_GCP_TOKEN_FILE (${file})`));
  if (account !== undefined && account !== '') return new AccessToken((signal) => ofAccount(account, clock, signal));
  return new AccessToken((signal) => ofMachine(env['GCE_METADATA_HOST'], signal));
}

/** A JSON web token, signed by the service account's own key, for an access token (RFC 7523). */
async function ofAccount(path: string, clock: OpenOptions['clock'], signal: AbortSignal): Promise<string> {
  const what = `GOOGLE_APPLICATION_CREDENTIALS (${path})`;
  const account = parsed(await secretText(path, what), what);
  if (clock === undefined) throw new Error('a service account signs the time');
  const address = endpointUrl(account.token_uri, `token_uri of ${what}`);
  const now = Math.floor(clock().getTime() / 1000);
  const header = { alg: 'RS256', typ: 'JWT', kid: account.private_key_id };
  const claims = { iss: account.client_email, scope: SCOPE, aud: account.token_uri, iat: now, exp: now + VALID };
  const text = `${base64url(header)}.${base64url(claims)}`;
  const signature = sign('sha256', Buffer.from(text), privateKey(account.private_key, what)).toString('base64url');
  const form = { grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion: `${text}.${signature}` };
  return accessToken(await ask({ method: 'POST', url: address, form }, signal));
}

async function ofMachine(host = 'metadata.google.internal', signal: AbortSignal): Promise<string> {
  const url = `http://${host}/computeMetadata/v1/instance/service-accounts/default/token`;
  const headers = { 'metadata-flavor': 'Google' };
  const answer = await ask({ method: 'GET', url, headers }, signal).catch(() => {
    // Not a machine of Google's, most of the time: nobody answers, however often one asks.
    throw new ServiceFailure('credentials', 'neither variable, and no metadata server');
  });
  return accessToken(answer);
}

function accessToken(answer: Answer): string {
  if (answer.status === 200) return textAt(answer.body, 'access_token');
  const failure = refused(answer, at(answer.body, 'error'));
  throw failure.passes ? failure : new ServiceFailure('credentials', failure.found);
}

const FIELDS = ['client_email', 'private_key', 'private_key_id', 'token_uri'] as const;

function parsed(text: string, what: string): Record<(typeof FIELDS)[number], string> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // What JSON.parse says quotes the text.
  }
  const fields = FIELDS.map((name) => [name, at(value, name)] as const);
  const missing = fields.find(([, field]) => typeof field !== 'string' || field === '');
  const type = at(value, 'type');
  if (type === 'service_account' && missing === undefined)
    return Object.fromEntries(fields) as Record<(typeof FIELDS)[number], string>;
  throw new ConfigurationError('not the key file of a service account', {
    object: what,
    code: 'configuration.kms-credentials',
    expected: `JSON with "type": "service_account" and ${FIELDS.join(', ')}`,
    found: type === 'service_account' ? `no ${missing?.[0]}` : 'another type of credentials',
    hint: 'with other credentials: gcloud auth print-access-token > FILE, mode 0600, and TUFA_GCP_TOKEN_FILE=FILE',
  });
}

function privateKey(pem: string, what: string) {
  try {
    return createPrivateKey(pem);
  } catch {
    throw new ConfigurationError('the private key of the service account cannot be read', {
      object: what,
      code: 'configuration.kms-credentials',
      expected: '"private_key" in PEM',
      found: 'something else',
      hint: 'download the key file of the service account again',
    });
  }
}

function base64url(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
