/** The transit engine of HashiCorp Vault and OpenBao, with one key `online`. */
import { sign } from 'node:crypto';
import { ecdsaDer, ecdsaRaw, pss } from './prehashed.ts';
import { type Asked, type Kind, type Reply, type ServiceKey, type StandIn, standIn } from './stand-in.ts';

export interface VaultStandIn extends StandIn {
  /** Versions, from 1 on. */
  readonly keys: ServiceKey[];
  mount: string;
  namespace: string | undefined;
  derived: boolean;
}

export const VAULT_TOKEN = 'hvs.CAESIJ-a-token-of-vault';

export async function startVault(keys: readonly ServiceKey[] = []): Promise<VaultStandIn> {
  const server: VaultStandIn = Object.assign(await standIn((asked) => answer(server, asked)), {
    keys: [...keys],
    mount: 'transit',
    namespace: undefined,
    derived: false,
  });
  return server;
}

export function vaultError(status: number, ...errors: string[]): Reply {
  return { status, body: { errors } };
}

function answer({ keys, mount, namespace, derived }: VaultStandIn, { method, url, headers, json }: Asked): Reply {
  if (headers['x-vault-token'] !== VAULT_TOKEN)
    return vaultError(403, `permission denied: ${headers['x-vault-token']}`);
  if (headers['x-vault-namespace'] !== namespace) return vaultError(404);
  if (method === 'GET' && url === `/v1/${mount}/keys/online`) return described(keys, derived);
  if (method === 'POST' && url === `/v1/${mount}/sign/online`) return signed(keys, json as SignRequest);
  return vaultError(404, `no handler for route "${url}"`);
}

const TYPES: Readonly<Record<Kind, string>> = {
  'p-256': 'ecdsa-p256',
  'p-384': 'ecdsa-p384',
  'rsa-2048': 'rsa-2048',
  ed25519: 'ed25519',
};

function described(keys: readonly ServiceKey[], derived: boolean): Reply {
  const versions = keys.map(({ kind, publicKey }, i) => [
    i + 1,
    {
      certificate_chain: '',
      creation_time: '2026-11-25T10:00:00.123456789Z',
      name: kind === 'p-256' ? 'P-256' : TYPES[kind],
      public_key:
        kind === 'ed25519'
          ? Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url').toString('base64')
          : publicKey.export({ type: 'spki', format: 'pem' }),
    },
  ]);
  const type = TYPES[keys[0]!.kind];
  const data = {
    derived,
    exportable: false,
    latest_version: keys.length,
    name: 'online',
    supports_signing: true,
    type,
  };
  return { status: 200, body: envelope({ ...data, keys: Object.fromEntries(versions), min_encryption_version: 0 }) };
}

interface SignRequest {
  readonly input: string;
  readonly key_version?: number;
  readonly prehashed?: boolean;
  readonly hash_algorithm?: string;
  readonly marshaling_algorithm?: string;
  readonly signature_algorithm?: string;
  readonly salt_length?: string;
}

function signed(keys: readonly ServiceKey[], request: SignRequest): Reply {
  const version = request.key_version ?? keys.length;
  const key = keys[version - 1];
  if (key === undefined) return vaultError(400, 'cannot sign: version is too new');
  const bytes = signature(key, request);
  if (bytes === undefined) return vaultError(400, 'input of another length than the digest');
  const text = `vault:v${version}:${bytes.toString('base64')}`;
  return { status: 200, body: envelope({ signature: text, key_version: version }) };
}

function signature({ kind, privateKey }: ServiceKey, request: SignRequest): Buffer | undefined {
  const { prehashed = false, hash_algorithm: hash = 'sha2-256', marshaling_algorithm: form = 'asn1' } = request;
  const input = Buffer.from(request.input, 'base64');
  if (kind === 'ed25519') return prehashed ? undefined : sign(null, input, privateKey);
  if (!prehashed || hash !== 'sha2-256' || input.length !== 32) return undefined;
  // Without salt_length the salt is as long as it can be, as in Go.
  const longest = (privateKey.asymmetricKeyDetails?.modulusLength ?? 0) / 8 - 34;
  if (kind === 'rsa-2048') return pss(privateKey, input, request.salt_length === 'hash' ? 32 : longest);
  return form === 'asn1' ? ecdsaDer(privateKey, input) : ecdsaRaw(privateKey, input);
}

function envelope(data: object): object {
  const rest = { lease_id: '', renewable: false, lease_duration: 0, wrap_info: null, warnings: null, auth: null };
  return { request_id: '0c7f1a5e-8f0f-2d3e-9d0a-6a1f6a0b3c55', ...rest, data };
}
