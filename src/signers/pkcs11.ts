import { ConfigurationError, SignerError } from '../errors.ts';
import { isSupportedScheme, keyidOf } from '../tuf/keys.ts';
import type { Key } from '../tuf/model.ts';
import { openDevice } from './pkcs11/devices.ts';
import { generateTokenKey } from './pkcs11/generate.ts';
import { fromHsmUri } from './pkcs11/hsm-uri.ts';
import { assertTrusted, findKey, findPublicKey, signWith, type Wanted } from './pkcs11/key.ts';
import { type Pkcs11Uri, parsePkcs11Uri } from './pkcs11/uri.ts';
import type { OpenOptions, Signer, SignerProvider } from './port.ts';

/**
 * Private keys in HSMs, smart cards and TPMs, through any PKCS#11 module:
 *
 *     pkcs11:token=corp%20root;object=alice
 *     pkcs11:serial=12345678;id=%02?module-path=/usr/lib/x86_64-linux-gnu/libykcs11.so
 *     pkcs11:token=online;object=timestamp?module-name=softhsm&pin-source=file:/run/secrets/pin
 *     hsm:2?label=YubiKey+PIV+%2312345678         as securesystemslib and tuf-on-ci write it
 */
export const pkcs11Signers: SignerProvider = {
  schemes: ['pkcs11', 'hsm'],
  open,
  importKey,
  pin: async (uri) => canonical(uri).uri,
  generate: generateTokenKey,
};

async function open(given: string, key: Key, options: OpenOptions): Promise<Signer> {
  const { uri, parsed } = canonical(given);
  assertSigns(uri, parsed, options);
  if (!isSupportedScheme(key.scheme)) throw unusableKind(uri, key.scheme);
  const { device, close } = await openDevice(parsed.module, options);
  const wanted: Wanted = { uri, parsed, device, options };
  try {
    let found = await device.exclusive(async () => {
      const first = await findKey(wanted);
      assertTrusted(uri, key, first);
      return first;
    });
    return {
      keyid: keyidOf(key),
      key,
      uri,
      sign: (request) =>
        device.exclusive(async () => {
          const signed = await signWith(wanted, key, found, request);
          found = signed.found;
          return signed.signature;
        }),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function importKey(given: string, options: OpenOptions): Promise<Key> {
  const { uri, parsed } = canonical(given);
  assertSigns(uri, parsed, options);
  const { device, close } = await openDevice(parsed.module, options);
  try {
    const key = await device.exclusive(() => findPublicKey({ uri, parsed, device, options }));
    if (key !== undefined) return key;
    throw unusableKind(uri, 'another kind, or no public key beside the private one');
  } finally {
    await close();
  }
}

function unusableKind(uri: string, found: string): SignerError {
  return new SignerError('metadata cannot hold a key of this kind', {
    object: uri,
    code: 'signer.key-kind',
    expected: 'P-256, RSA of 2048 to 8192 bits, or Ed25519',
    found,
    hint: 'make one on the token: `tufa key generate --holder NAME --on pkcs11:token=LABEL`',
  });
}

/** @throws ConfigurationError */
function canonical(given: string): { uri: string; parsed: Pkcs11Uri } {
  const uri = fromHsmUri(given);
  return { uri, parsed: parsePkcs11Uri(uri) };
}

function assertSigns(uri: string, { type, object, ignored }: Pkcs11Uri, { warn }: OpenOptions): void {
  for (const name of ignored) warn?.(`${uri}: ${name} means nothing here`);
  if (type === 'private' && (object.label !== undefined || object.id !== undefined)) return;
  throw new ConfigurationError('does not name a private key', {
    object: uri,
    code: 'configuration.pkcs11-uri',
    expected: type === 'private' ? 'object=LABEL or id=%XX' : 'type=private',
    found: type === 'private' ? 'neither' : `type=${type}`,
    hint: 'see the uris of all keys: `tufa key list --module PATH`',
  });
}
