import { keyidOf } from '../../tuf/keys.ts';
import type { Key } from '../../tuf/model.ts';
import type { OpenOptions, SignatureRequest, Signer, SignerProvider } from '../port.ts';
import { assertSameKey } from '../wrong-key.ts';
import type { Vendor } from './failure.ts';
import { type Asked, DEADLINE, patiently } from './patience.ts';

/** A key at a key service. */
export interface RemoteKey {
  /** Without aliases, with the key's version: leads to this key for ever, or nowhere. */
  readonly uri: string;
  /** The service's own name for it, as its answers repeat it. */
  readonly id: string;
  readonly key: Key;
}

/** One vendor's interface, for one key. Attempts throw `ServiceFailure`. */
export interface KeyService {
  /** Scheme and path of the URI, fit for a message. */
  readonly shown: string;
  /** The key behind the URI now. @throws ConfigurationError for one that must not be used here */
  find(signal: AbortSignal): Promise<RemoteKey>;
  /** A signature as TUF has it: DER, or as long as the modulus, or 64 bytes. */
  sign(key: RemoteKey, payload: Uint8Array, signal: AbortSignal): Promise<Uint8Array>;
  close(): void;
}

export type Connect = (uri: string, options: OpenOptions) => Promise<KeyService>;

/** What all key services have in common: the deadline, the check of the public key, one name for one key. */
export function kmsSigners(scheme: string, vendor: Vendor, connect: Connect): SignerProvider {
  async function open(uri: string, key: Key, options: OpenOptions): Promise<Signer> {
    const service = await connect(uri, options);
    try {
      const remote = await find(service, vendor, options);
      assertSameKey(service.shown, key, remote.key);
      const sign = async ({ payload, subject }: SignatureRequest): Promise<string> => {
        const asked = about(service, vendor, options, subject);
        const signature = await patiently(asked, (signal) => service.sign(remote, payload, signal));
        return Buffer.from(signature).toString('hex');
      };
      return { keyid: keyidOf(key), key, uri, sign, close: async () => service.close() };
    } catch (error) {
      service.close();
      throw error;
    }
  }

  async function once(uri: string, options: OpenOptions): Promise<RemoteKey> {
    const service = await connect(uri, options);
    try {
      return await find(service, vendor, options);
    } finally {
      service.close();
    }
  }

  return {
    schemes: [scheme],
    open,
    importKey: async (uri, options) => (await once(uri, options)).key,
    pin: async (uri, options) => (await once(uri, options)).uri,
  };
}

function find(service: KeyService, vendor: Vendor, options: OpenOptions): Promise<RemoteKey> {
  return patiently(about(service, vendor, options, service.shown), (signal) => service.find(signal));
}

function about({ shown }: KeyService, vendor: Vendor, { deadlineMs = DEADLINE }: OpenOptions, object: string): Asked {
  return { vendor, object, key: shown, deadlineMs };
}
