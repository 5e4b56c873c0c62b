import { constants, createPublicKey, type KeyObject, type SignKeyObjectInput, verify } from 'node:crypto';
import { InputError } from '../errors.ts';
import { CLIENTS, type Client, LIMITS } from './clients.ts';
import { sha256Hex } from './digest.ts';
import { canonical } from './encode.ts';
import type { Key } from './model.ts';

/**
 * Public keys and signatures (specification, section 4.2), read as strictly as the strictest client reads them: a
 * signature that one client accepts and another refuses is refused here, because we may have made it.
 */

/** The kinds that python-tuf, tuf-js, go-tuf and tough all read. Nothing else is made here. */
export const SUPPORTED_SCHEMES = ['ed25519', 'ecdsa-sha2-nistp256', 'rsassa-pss-sha256'] as const;
export type SupportedScheme = (typeof SUPPORTED_SCHEMES)[number];

export function isSupportedScheme(scheme: string): scheme is SupportedScheme {
  return (SUPPORTED_SCHEMES as readonly string[]).includes(scheme);
}

/** What node:crypto's `sign` and `verify` need to know about a scheme. */
export interface SchemeParameters {
  /** null: the scheme hashes by itself (Ed25519). */
  readonly digest: 'sha256' | 'sha384' | null;
  readonly options: { readonly padding?: number; readonly saltLength?: number };
}

interface Scheme extends SchemeParameters {
  /** The first one is what we write. */
  readonly keytypes: readonly string[];
  /** The public key that the text is, or undefined where it is not one of this scheme. May throw. */
  read(text: string): KeyObject | undefined;
  fits(signature: Buffer, publicKey: KeyObject): boolean;
}

const SCHEMES: ReadonlyMap<string, Scheme> = new Map([
  [
    'ed25519',
    { keytypes: ['ed25519'], digest: null, options: {}, read: readEd25519, fits: ({ length }) => length === 64 },
  ],
  [
    'ecdsa-sha2-nistp256',
    {
      keytypes: ['ecdsa', 'ecdsa-sha2-nistp256'],
      digest: 'sha256',
      options: {},
      read: (text) => readEc(text, 'prime256v1'),
      fits: (signature) => isCanonicalDer(signature, 32),
    },
  ],
  [
    // Of foreign repositories, and of people who have it on their tokens: tuf-js before 6 and tough refuse it.
    'ecdsa-sha2-nistp384',
    {
      keytypes: ['ecdsa', 'ecdsa-sha2-nistp384'],
      digest: 'sha384',
      options: {},
      read: (text) => readEc(text, 'secp384r1'),
      fits: (signature) => isCanonicalDer(signature, 48),
    },
  ],
  [
    'rsassa-pss-sha256',
    {
      keytypes: ['rsa'],
      digest: 'sha256',
      // tough accepts a salt of 32 bytes only, whatever others take.
      options: { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 },
      read: readRsa,
      fits: ({ length }, { asymmetricKeyDetails }) =>
        length === Math.ceil((asymmetricKeyDetails?.modulusLength ?? 0) / 8),
    },
  ],
] satisfies [string, Scheme][]);

/** Clients that cannot read a key of this kind. */
function clientsBlindTo({ scheme }: Key): Client[] {
  return isSupportedScheme(scheme) ? [] : CLIENTS.filter((client) => !LIMITS[client].schemes.includes(scheme));
}

/** Lower-case hex sha256 of the canonical form of `{keytype, scheme, keyval: {public}}` (section 4.2). */
export function keyidOf({ keytype, scheme, keyval }: Key): string {
  return sha256Hex(canonical({ keytype, scheme, keyval: { public: keyval.public } }));
}

/**
 * Whether `sigHex` is this key's signature over exactly these bytes. Never throws: a key that cannot be read verifies
 * nothing.
 *
 * @param sigHex lower-case hex: 64 bytes (Ed25519), canonical DER and never r||s (ECDSA), as long as the modulus with a
 * salt of 32 bytes (RSA-PSS)
 */
export function verifySignature(key: Key, bytes: Uint8Array, sigHex: string): boolean {
  const publicKey = parsed(key);
  const scheme = SCHEMES.get(key.scheme);
  if (publicKey === undefined || scheme === undefined || !/^(?:[0-9a-f]{2})+$/.test(sigHex)) return false;
  const signature = Buffer.from(sigHex, 'hex');
  return scheme.fits(signature, publicKey) && verify(scheme.digest, bytes, withOptions(publicKey, scheme), signature);
}

/** For signers whose private key is in this process. @throws InputError for a scheme that we do not know */
export function schemeParameters({ scheme }: Key): SchemeParameters {
  return SCHEMES.get(scheme) ?? unreadable(scheme);
}

/** A key with its scheme's options, as `sign` and `verify` take it. Without options the key alone: node:crypto is slow to unwrap it. */
export function withOptions(key: KeyObject, { options }: SchemeParameters): KeyObject | SignKeyObjectInput {
  return options.padding === undefined ? key : { key, ...options };
}

/** The public key, ready to verify with. @throws InputError where `verifySignature` would refuse everything */
export function publicKeyOf(key: Key): KeyObject {
  return parsed(key) ?? unreadable(`${key.keytype} with ${key.scheme}`);
}

/**
 * The key object for a public key, in the one form that all clients read: hex (Ed25519), SPKI PEM with a named curve and
 * a newline at its end (ECDSA, RSA). Tokens may give explicit curve parameters; they would change the keyid.
 *
 * @throws InputError for any other kind of key
 */
export function keyFromPublic(publicKey: KeyObject): Key {
  const [keytype, scheme, text] = describe(publicKey);
  const key: Key = { keytype, scheme, keyval: { public: text } };
  publicKeyOf(key);
  return key;
}

/**
 * Refuses a key that some client cannot read, or that has another form (and so another keyid) than the same key would
 * get from `keyFromPublic`.
 *
 * @param what names the key in the error: `key of alice`
 * @param breaks clients that somebody has named as those that will not be able to read it
 * @throws InputError
 */
export function assertPublishable(key: Key, what = `key ${keyidOf(key)}`, breaks: readonly string[] = []): void {
  const blind = clientsBlindTo(key);
  if (blind.some((client) => !breaks.includes(client)) || !SCHEMES.has(key.scheme)) {
    const others = CLIENTS.length > blind.length && SCHEMES.has(key.scheme);
    const flags = blind.map((client) => `--break-clients ${client}`).join(' ');
    throw new InputError('not a kind of key that every client reads', {
      object: what,
      code: 'input.key-kind',
      expected: SUPPORTED_SCHEMES.join(', '),
      found: `${key.scheme}, which ${blind.join(', ')} cannot read`,
      hint: `make another key: \`tufa key generate\`${others ? `; or leave ${blind.join(', ')} behind: ${flags}` : ''}`,
    });
  }
  if (keyFromPublic(publicKeyOf(key)).keyval.public !== key.keyval.public) {
    throw new InputError('public key is written in another form than the one its keyid is made of', {
      object: what,
      code: 'input.key-form',
      expected: 'SPKI PEM, uncompressed point, LF at the end of each line',
      found: JSON.stringify(key.keyval.public),
      hint: 'import the key anew: `tufa key import`',
    });
  }
}

function describe(publicKey: KeyObject): [keytype: string, scheme: string, text: string] {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = publicKey;
  const curve = details?.namedCurve;
  if (type === 'ed25519')
    return ['ed25519', 'ed25519', Buffer.from(publicKey.export(JWK).x!, 'base64url').toString('hex')];
  if (type === 'rsa') return ['rsa', 'rsassa-pss-sha256', spkiPem(publicKey)];
  if (curve === 'prime256v1') return ['ecdsa', 'ecdsa-sha2-nistp256', spkiPem(namedCurve(publicKey))];
  if (curve === 'secp384r1') return ['ecdsa', 'ecdsa-sha2-nistp384', spkiPem(namedCurve(publicKey))];
  return unreadable(curve ?? type ?? 'a secret key');
}

const JWK = { format: 'jwk' } as const;
const SPKI = { type: 'spki', format: 'der' } as const;

function spkiPem(publicKey: KeyObject): string {
  return publicKey.export({ type: 'spki', format: 'pem' }).toString();
}

/** The same point with its curve by name and uncompressed: JWK has no room for anything else. */
function namedCurve(publicKey: KeyObject): KeyObject {
  return createPublicKey({ key: publicKey.export(JWK), format: 'jwk' });
}

/** Keys are parsed once, whatever metadata they are in. Of foreign ones there may be any number. */
const cache = new Map<string, KeyObject | undefined>();
const MAX_CACHED = 256;

function parsed(key: Key): KeyObject | undefined {
  const name = `${key.keytype} ${key.scheme} ${key.keyval.public}`;
  if (!cache.has(name)) {
    if (cache.size === MAX_CACHED) cache.clear();
    cache.set(name, parse(key));
  }
  return cache.get(name);
}

function parse({ keytype, scheme, keyval }: Key): KeyObject | undefined {
  const known = SCHEMES.get(scheme);
  if (known === undefined || !known.keytypes.includes(keytype)) return undefined;
  try {
    return known.read(keyval.public);
  } catch {
    // OpenSSL says in many ways that bytes are not a key (section 4.2 knows one: the key does not count).
    return undefined;
  }
}

function readEd25519(text: string): KeyObject | undefined {
  if (!/^[0-9a-f]{64}$/.test(text)) return undefined;
  const x = Buffer.from(text, 'hex').toString('base64url');
  return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
}

function readEc(text: string, curve: string): KeyObject | undefined {
  const [der, publicKey] = readSpki(text);
  const named = publicKey.asymmetricKeyType === 'ec' && publicKey.asymmetricKeyDetails?.namedCurve === curve;
  return named && namedCurve(publicKey).export(SPKI).equals(der) ? publicKey : undefined;
}

function readRsa(text: string): KeyObject | undefined {
  const [der, publicKey] = readSpki(text);
  const { modulusLength = 0, publicExponent = 0n } = publicKey.asymmetricKeyDetails ?? {};
  const sound = modulusLength >= 2048 && modulusLength <= 8192 && publicExponent >= 3n && publicExponent % 2n === 1n;
  return publicKey.asymmetricKeyType === 'rsa' && sound && publicKey.export(SPKI).equals(der) ? publicKey : undefined;
}

/** Only SPKI: `createPublicKey` alone would take certificates and private keys as well. */
function readSpki(text: string): [der: Buffer, publicKey: KeyObject] {
  const body = /^-----BEGIN PUBLIC KEY-----\r?\n([A-Za-z0-9+/=\r\n]+)-----END PUBLIC KEY-----\s*$/.exec(text)?.[1];
  const der = Buffer.from(body ?? '', 'base64');
  return [der, createPublicKey({ key: der, ...SPKI })];
}

/** SEQUENCE of two positive INTEGERs of at most `size` bytes, in their shortest form and with nothing after them. */
function isCanonicalDer(signature: Buffer, size: number): boolean {
  if (signature[0] !== 0x30 || signature[1] !== signature.length - 2) return false;
  return integerEnd(signature, integerEnd(signature, 2, size), size) === signature.length;
}

/** Where the INTEGER at `at` ends; NaN where there is none. */
function integerEnd(der: Buffer, at: number, size: number): number {
  const [tag, length = 0, first = 0x80, second = 0] = der.subarray(at, at + 4);
  const padded = first === 0;
  const shortest = first < 0x80 && (!padded || (length > 1 && second >= 0x80));
  return tag === 0x02 && length > 0 && length <= size + (padded ? 1 : 0) && shortest ? at + 2 + length : Number.NaN;
}

function unreadable(found: string): never {
  throw new InputError('not a public key that can be used here', {
    code: 'input.key',
    expected: `${SUPPORTED_SCHEMES.join(', ')} (RSA: 2048 to 8192 bits)`,
    found,
    hint: 'make another key: `tufa key generate`',
  });
}
