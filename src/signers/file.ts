import { createPrivateKey, createPublicKey, generateKeyPair, type KeyObject, sign } from 'node:crypto';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { ConfigurationError, InputError, PersonError, SignerError } from '../errors.ts';
import {
  keyFromPublic,
  keyidOf,
  publicKeyOf,
  SUPPORTED_SCHEMES,
  type SupportedScheme,
  schemeParameters,
  verifySignature,
} from '../tuf/keys.ts';
import type { Key } from '../tuf/model.ts';
import { encryptPkcs8 } from './pkcs8.ts';
import type { OpenOptions, SecretQuestion, SecretSource, Signer, SignerProvider } from './port.ts';
import { createPrivateFile, readPrivateFile } from './private-file.ts';
import { assertSameKey } from './wrong-key.ts';

/**
 * Private keys in files: PKCS#8 PEM, encrypted, mode 0600.
 *
 *     file:private/online.pem                     relative to the workspace
 *     file:/etc/tufa/online.pem
 *     file:private/online.pem?encryption=none     a plain one, for a machine that protects it in another way
 */
export const fileSigners: SignerProvider = { schemes: ['file'], open, importKey };

async function open(uri: string, key: Key, options: OpenOptions): Promise<Signer> {
  // A key that can verify nothing is refused before anybody is asked for a passphrase.
  publicKeyOf(key);
  const { privateKey, publicHalf } = await load(uri, options);
  assertSameKey(uri, key, publicHalf);
  return {
    keyid: keyidOf(key),
    key,
    uri,
    sign: async ({ payload }) => signWith(privateKey, key, payload),
    close: async () => undefined,
  };
}

async function importKey(uri: string, options: OpenOptions): Promise<Key> {
  return (await load(uri, options)).publicHalf;
}

/** A key file as it stands, for a backup: encrypted, or not at all. @throws ConfigurationError for a plain one */
export async function readSealedFile(uri: string, base: string): Promise<string> {
  const file = locate(uri, base);
  if (file.plain) {
    throw new ConfigurationError('a plain key does not go into a backup', {
      object: `key file ${file.path}`,
      code: 'configuration.key-encryption',
      expected: 'an encrypted one',
      found: '?encryption=none',
      hint: `openssl pkcs8 -topk8 -scrypt -in ${file.absolute} -out NEW.pem, and take ?encryption=none out of the uri`,
    });
  }
  const pem = await readPrivateFile({ path: file.absolute, what: `key file ${file.path}`, kind: 'key' });
  try {
    assertEncryption(file, pem);
    return pem.toString('latin1');
  } finally {
    pem.fill(0);
  }
}

function signWith(privateKey: KeyObject, key: Key, payload: Uint8Array): string {
  const { digest, options } = schemeParameters(key);
  return sign(digest, payload, { key: privateKey, ...options }).toString('hex');
}

/** What to ask when the key file `path` is opened or made; `path` as it stands in the URI. */
export function passphraseQuestion(path: string, reason: 'decrypt' | 'encrypt'): SecretQuestion {
  const name = /([^/]*?)(?:\.[^./]*)?$/.exec(path)?.[1] ?? path;
  return { kind: 'passphrase', subject: `key "${name}" (${path})`, name, reason };
}

export interface NewKeyFile {
  readonly path: string;
  readonly scheme: SupportedScheme;
  /** undefined: the file is not encrypted, and its URI needs `?encryption=none`. The caller wipes it. */
  readonly passphrase: Uint8Array | undefined;
}

/**
 * Makes a key and the file that holds it.
 *
 * @returns the public key
 * @throws InputError when the file exists, ConfigurationError when others can reach its folder; then nothing is written
 */
export async function generateKeyFile({ path, scheme, passphrase }: NewKeyFile): Promise<Key> {
  if (passphrase?.length === 0) throw new InputError('an empty passphrase protects nothing', { object: path });
  const { publicKey, privateKey } = await GENERATE[scheme]();
  const pem = passphrase === undefined ? plainPem(privateKey) : await encryptedPem(privateKey, passphrase);
  await createPrivateFile(path, pem);
  return keyFromPublic(publicKey);
}

const newKeyPair = promisify(generateKeyPair);
const GENERATE = {
  ed25519: () => newKeyPair('ed25519'),
  'ecdsa-sha2-nistp256': () => newKeyPair('ec', { namedCurve: 'P-256' }),
  'rsassa-pss-sha256': () => newKeyPair('rsa', { modulusLength: 3072 }),
} satisfies Record<SupportedScheme, () => Promise<{ publicKey: KeyObject; privateKey: KeyObject }>>;

function plainPem(privateKey: KeyObject): string {
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

async function encryptedPem(privateKey: KeyObject, passphrase: Uint8Array): Promise<string> {
  const der = privateKey.export({ type: 'pkcs8', format: 'der' });
  try {
    const pem = await encryptPkcs8(der, passphrase);
    // A file that OpenSSL cannot open again would be found out on the day when the key is needed.
    if (!decrypt(pem, passphrase).equals(privateKey)) throw new Error('encrypted key does not decrypt to itself');
    return pem;
  } finally {
    der.fill(0);
  }
}

interface KeyFile {
  readonly uri: string;
  /** As it stands in the URI. */
  readonly path: string;
  readonly absolute: string;
  readonly plain: boolean;
}

interface LoadedKey {
  readonly privateKey: KeyObject;
  readonly publicHalf: Key;
}

async function load(uri: string, { base, secrets }: OpenOptions): Promise<LoadedKey> {
  const file = locate(uri, base);
  const pem = await readPrivateFile({ path: file.absolute, what: `key file ${file.path}`, kind: 'key' });
  try {
    assertEncryption(file, pem);
    const privateKey = file.plain ? parse(file, pem) : await unlock(file, pem, secrets);
    const publicHalf = publicHalfOf(file, privateKey);
    // Neither CBC nor OpenSSL notices a flipped bit in a private key that has its public half stored beside it.
    if (!verifySignature(publicHalf, TRIAL, signWith(privateKey, publicHalf, TRIAL)))
      throw damaged(file, 'damaged file');
    return { privateKey, publicHalf };
  } finally {
    pem.fill(0);
  }
}

/** Not JSON, so that the signature over it is of no use to anybody. */
const TRIAL = Buffer.from('tufa: does the private key fit the public one?');

function publicHalfOf({ path }: KeyFile, privateKey: KeyObject): Key {
  try {
    return keyFromPublic(createPublicKey(privateKey));
  } catch (cause) {
    throw new SignerError('metadata cannot hold a key of this kind', {
      object: `key file ${path}`,
      code: 'signer.key-kind',
      expected: SUPPORTED_SCHEMES.join(', '),
      found: kindOf(privateKey),
      hint: 'make another key: `tufa key generate`',
      cause,
    });
  }
}

function kindOf({ asymmetricKeyType: type, asymmetricKeyDetails: details }: KeyObject): string {
  const { modulusLength: bits } = details ?? {};
  return bits === undefined ? (type ?? 'another kind') : `${type} of ${bits} bits`;
}

function parse(file: KeyFile, pem: Buffer): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch {
    throw damaged(file, 'damaged file');
  }
}

async function unlock(file: KeyFile, pem: Buffer, secrets: SecretSource): Promise<KeyObject> {
  const passphrase = await secrets.get(passphraseQuestion(file.path, 'decrypt'));
  if (passphrase === undefined) {
    throw new PersonError('the key is encrypted and there is no passphrase', {
      object: `key file ${file.path}`,
      code: 'person.secret',
      hint: 'give it with --passphrase-file FILE or --passphrase-fd N',
    });
  }
  try {
    return decrypt(pem, passphrase);
  } catch {
    // What OpenSSL says is left out: it depends on how the wrong passphrase is wrong.
    throw damaged(file, 'wrong passphrase or damaged file');
  } finally {
    passphrase.fill(0);
  }
}

function decrypt(pem: string | Buffer, passphrase: Uint8Array): KeyObject {
  const { buffer, byteOffset, length } = passphrase;
  return createPrivateKey({ key: pem, passphrase: Buffer.from(buffer, byteOffset, length) });
}

function locate(uri: string, base: string): KeyFile {
  const [, written = '', query] = /^file:(?:\/\/(?=\/))?([^?#]+)(?:\?([^#]*))?$/i.exec(uri) ?? [];
  const path = written.startsWith('//') ? undefined : percentDecoded(written);
  if (path === undefined || (query !== undefined && query !== 'encryption=none')) {
    throw new ConfigurationError('cannot be read as the uri of a key file', {
      object: uri,
      code: 'configuration.key-uri',
      expected: 'file:PATH or file:PATH?encryption=none',
      found: path === undefined ? 'no path on this machine' : `?${query}`,
      hint: 'write file:private/NAME.pem',
    });
  }
  return { uri, path, absolute: resolve(base, path), plain: query !== undefined };
}

function percentDecoded(text: string): string | undefined {
  try {
    const decoded = decodeURIComponent(text);
    return decoded === '' || decoded.includes('\0') ? undefined : decoded;
  } catch {
    return undefined;
  }
}

/** The label of the first PEM block says what OpenSSL will read. Other formats than PKCS#8 are refused by their names. */
function assertEncryption({ uri, path, absolute, plain }: KeyFile, pem: Buffer): void {
  const label = /^-----BEGIN ([A-Z0-9 ]+)-----/m.exec(pem.toString('latin1'))?.[1] ?? 'no PEM';
  const expected = plain ? 'PRIVATE KEY' : 'ENCRYPTED PRIVATE KEY';
  if (label === expected) return;
  const object = `key file ${path}`;
  const encrypt = `openssl pkcs8 -topk8 -scrypt -in ${absolute} -out NEW.pem`;
  if (label === 'ENCRYPTED PRIVATE KEY' || label === 'PRIVATE KEY') {
    throw new ConfigurationError(
      plain ? 'the key is encrypted, and its uri says that it is not' : 'key is not encrypted',
      {
        object,
        code: 'configuration.key-encryption',
        expected,
        found: label,
        hint: plain
          ? 'take ?encryption=none out of the uri'
          : `${encrypt}; or name it as it is: ${uri}?encryption=none`,
      },
    );
  }
  throw new SignerError('not a private key in PKCS#8', {
    object,
    code: 'signer.key-file',
    expected,
    found: label,
    hint: encrypt,
  });
}

function damaged({ path, absolute }: KeyFile, what: string): SignerError {
  return new SignerError(what, {
    object: `key file ${path}`,
    code: 'signer.key-file',
    hint: `try it by hand: openssl pkey -noout -text_pub -in ${absolute}`,
  });
}
