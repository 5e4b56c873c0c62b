import type { GetPublicKeyCommandOutput, SignCommandOutput } from '@aws-sdk/client-kms';
import { awsFailure } from './kms/aws-failure.ts';
import { ServiceFailure, type Vendor } from './kms/failure.ts';
import { asLongAsModulus, digestOf, keyOfSpki, tooShortForMetadata } from './kms/keys.ts';
import { type KeyService, kmsSigners, type RemoteKey } from './kms/provider.ts';
import { endpointUrl, type KeyUri, parseKeyUri, queryText } from './kms/uri.ts';
import type { OpenOptions, SignerProvider } from './port.ts';

/**
 * Keys in AWS KMS, through Amazon's own library:
 *
 *     awskms:arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab
 *     awskms:alias/tufa-online?region=eu-west-1&profile=index
 *     awskms:alias/tufa-online?endpoint=http://127.0.0.1:4566
 *
 * An alias may be moved to another key, so `key import` keeps the ARN that it stands for. Region and credentials are
 * looked for where the library always looks: `AWS_REGION`, `AWS_PROFILE`, `~/.aws`, the role of the machine or the pod.
 * Needs the permissions kms:GetPublicKey and kms:Sign. Kinds: ECC_NIST_P256, RSA_2048 to RSA_4096.
 */
const VENDOR: Vendor = {
  name: 'AWS KMS',
  permissions: 'the permissions kms:GetPublicKey and kms:Sign',
  credentials: 'some where Amazon has them: AWS_PROFILE, AWS_ACCESS_KEY_ID, ~/.aws, the role of this machine',
};

export const awsSigners: SignerProvider = kmsSigners('awskms', VENDOR, connect);

const FORM = {
  scheme: 'awskms',
  path: /^(arn:aws[a-z-]*:kms:([a-z0-9-]+):\d{12}:(?:key|alias)\/[A-Za-z0-9/_-]+|alias\/[A-Za-z0-9/_-]+|[A-Za-z0-9-]+)$/,
  query: ['region', 'profile', 'endpoint'],
  example: 'awskms:arn:aws:kms:REGION:ACCOUNT:key/ID or awskms:alias/NAME',
};

/** What is used of the library. */
interface Kms {
  getPublicKey(keyId: string, signal: AbortSignal): Promise<GetPublicKeyCommandOutput>;
  sign(keyId: string, digest: Uint8Array, algorithm: Algorithm, signal: AbortSignal): Promise<SignCommandOutput>;
  close(): void;
}

type Algorithm = 'ECDSA_SHA_256' | 'RSASSA_PSS_SHA_256';

async function connect(uri: string, _options: OpenOptions): Promise<KeyService> {
  const parsed = parseKeyUri(uri, FORM);
  const [asked = '', region] = parsed.parts;
  const kms = await client(parsed, region);
  const { shown } = parsed;
  return {
    shown,
    find: async (signal) => remoteKey(parsed, asked, await kms.getPublicKey(asked, signal).catch(rethrow)),
    sign: async ({ id, key }, payload, signal) => {
      const algorithm = key.scheme === 'rsassa-pss-sha256' ? 'RSASSA_PSS_SHA_256' : 'ECDSA_SHA_256';
      const answer = await kms.sign(id, digestOf(payload), algorithm, signal).catch(rethrow);
      if (answer.Signature === undefined) throw new ServiceFailure('answer', 'no Signature');
      if (answer.KeyId === undefined || !isSame(id, answer.KeyId))
        throw new ServiceFailure('wrong-key', answer.KeyId ?? 'no KeyId', { expected: id });
      return key.keytype === 'rsa' ? asLongAsModulus(answer.Signature, key) : answer.Signature;
    },
    close: () => kms.close(),
  };
}

function remoteKey({ shown, query }: KeyUri, asked: string, answer: GetPublicKeyCommandOutput): RemoteKey {
  const { KeyId: id, PublicKey: spki, KeyUsage: usage } = answer;
  if (id === undefined || spki === undefined) throw new ServiceFailure('answer', 'no KeyId or no PublicKey');
  const isAlias = /^(?:arn:[^/]*:)?alias\//.test(asked);
  if (!isAlias && !isSame(asked, id)) throw new ServiceFailure('wrong-key', id, { expected: asked });
  if (usage !== undefined && usage !== 'SIGN_VERIFY') throw new ServiceFailure('usage', usage);
  const key = keyOfSpki(spki);
  if (key.keytype === 'ed25519') throw tooShortForMetadata(shown, 'AWS KMS', 'of 4,096 bytes at most');
  const region = /^arn:/.test(id) ? undefined : query.get('region');
  const kept = queryText([
    ['region', region],
    ['profile', query.get('profile')],
    ['endpoint', query.get('endpoint')],
  ]);
  return { uri: `awskms:${id}${kept}`, id, key };
}

/** Whether two of Amazon's names mean one key. Stand-ins leave the ARN away in one answer and give it in another. */
function isSame(one: string, other: string): boolean {
  const arns = one.startsWith('arn:') && other.startsWith('arn:');
  const bare = (name: string): string => name.slice(name.lastIndexOf('/') + 1);
  return arns ? one === other : bare(one) === bare(other);
}

async function client({ query }: KeyUri, regionOfArn: string | undefined): Promise<Kms> {
  const { GetPublicKeyCommand, KMSClient, SignCommand } = await import('@aws-sdk/client-kms');
  const [region, profile, endpoint] = [query.get('region') ?? regionOfArn, query.get('profile'), query.get('endpoint')];
  const kms = new KMSClient({
    ...(region === undefined ? {} : { region }),
    ...(profile === undefined ? {} : { profile }),
    ...(endpoint === undefined ? {} : { endpoint: endpointUrl(endpoint, 'endpoint of awskms:') }),
    // `patiently` tries again, and knows the deadline.
    maxAttempts: 1,
    // Without the last one, a silent server is waited for until the end of days, with a warning.
    requestHandler: { connectionTimeout: 3_000, requestTimeout: 5_000, throwOnRequestTimeout: true },
  });
  return {
    getPublicKey: (KeyId, abortSignal) => kms.send(new GetPublicKeyCommand({ KeyId }), { abortSignal }),
    sign: (KeyId, Message, SigningAlgorithm, abortSignal) =>
      kms.send(new SignCommand({ KeyId, Message, MessageType: 'DIGEST', SigningAlgorithm }), { abortSignal }),
    close: () => kms.destroy(),
  };
}

function rethrow(error: unknown): never {
  throw awsFailure(error);
}
