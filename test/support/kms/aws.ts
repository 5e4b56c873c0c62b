/** AWS KMS (JSON 1.1): only for what no server of others does: throttling, silence, wrong keys, limits. */
import { sign } from 'node:crypto';
import { ecdsaDer, pss } from './prehashed.ts';
import { type Asked, type Reply, type ServiceKey, type StandIn, standIn } from './stand-in.ts';

export interface AwsStandIn extends StandIn {
  /** By key id. */
  readonly keys: Map<string, ServiceKey>;
  /** By name: `alias/online`. */
  readonly aliases: Map<string, string>;
  readonly disabled: Set<string>;
}

const ARN = 'arn:aws:kms:eu-west-1:111122223333:key/';

export function arnOf(id: string): string {
  return `${ARN}${id}`;
}

export async function startAws(): Promise<AwsStandIn> {
  const state = {
    keys: new Map<string, ServiceKey>(),
    aliases: new Map<string, string>(),
    disabled: new Set<string>(),
  };
  return Object.assign(await standIn((asked) => answer(state, asked)), state);
}

export const operationOf = ({ headers }: Asked): string => (headers['x-amz-target'] ?? '').replace('TrentService.', '');

/** An error as Amazon writes it. */
export function awsError(name: string, status = 400, message = 'as it was asked for'): Reply {
  return { status, body: { __type: name, message }, headers: { 'content-type': 'application/x-amz-json-1.1' } };
}

type State = Pick<AwsStandIn, 'keys' | 'aliases' | 'disabled'>;

interface SignRequest {
  readonly KeyId: string;
  readonly Message: string;
  readonly MessageType?: string;
  readonly SigningAlgorithm?: string;
}

function answer({ keys, aliases, disabled }: State, asked: Asked): Reply {
  const { KeyId: name, ...request } = asked.json as SignRequest;
  const id = aliases.get(name) ?? name.replace(ARN, '');
  const key = keys.get(id);
  if (key === undefined) return awsError('NotFoundException');
  if (disabled.has(id)) return awsError('DisabledException');
  if (operationOf(asked) === 'GetPublicKey') return publicKeyOf(id, key);
  return signed(id, key, request);
}

const SPECS = {
  'p-256': 'ECC_NIST_P256',
  'p-384': 'ECC_NIST_P384',
  'rsa-2048': 'RSA_2048',
  ed25519: 'ECC_NIST_EDWARDS25519',
};

function publicKeyOf(id: string, { kind, publicKey }: ServiceKey): Reply {
  const spki = publicKey.export({ type: 'spki', format: 'der' }).toString('base64');
  return { status: 200, body: { KeyId: arnOf(id), KeySpec: SPECS[kind], KeyUsage: 'SIGN_VERIFY', PublicKey: spki } };
}

function signed(id: string, { kind, privateKey }: ServiceKey, request: Omit<SignRequest, 'KeyId'>): Reply {
  const { Message, MessageType = 'RAW', SigningAlgorithm } = request;
  const message = Buffer.from(Message, 'base64');
  if (message.length > 4096) return awsError('ValidationException', 400, 'length less than or equal to 4096');
  if (MessageType === 'DIGEST' && message.length !== 32) return awsError('ValidationException');
  const made = (bytes: Buffer): Reply => ({
    status: 200,
    body: { KeyId: arnOf(id), Signature: bytes.toString('base64'), SigningAlgorithm },
  });
  if (kind === 'ed25519')
    return MessageType === 'RAW' ? made(sign(null, message, privateKey)) : awsError('ValidationException');
  if (MessageType !== 'DIGEST') return awsError('ValidationException', 400, 'tufa sends digests');
  if (kind === 'p-256' && SigningAlgorithm === 'ECDSA_SHA_256') return made(ecdsaDer(privateKey, message));
  if (kind === 'rsa-2048' && SigningAlgorithm === 'RSASSA_PSS_SHA_256') return made(pss(privateKey, message));
  return awsError('InvalidKeyUsageException');
}

/** Credentials of nobody: what the library finds in the environment, and nowhere else. */
export const AWS_ENVIRONMENT = {
  AWS_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE',
  AWS_SECRET_ACCESS_KEY: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
  AWS_REGION: 'us-east-1',
  AWS_EC2_METADATA_DISABLED: 'true',
  AWS_CONFIG_FILE: '/dev/null',
  AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
} as const;

/** The environment of this process, for the time of a suite: the library looks nowhere else. Call it inside `describe`. */
export function useAwsEnvironment(environment: Readonly<Record<string, string | undefined>> = AWS_ENVIRONMENT): void {
  const before = new Map<string, string | undefined>();
  const set = (name: string, value: string | undefined): void => {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  };
  globalThis.before(() => {
    for (const [name, value] of Object.entries({ ...AWS_ENVIRONMENT, ...environment })) {
      before.set(name, process.env[name]);
      set(name, value);
    }
  });
  after(() => {
    for (const [name, value] of before) set(name, value);
  });
}
