import { createPublicKey, hash, type JsonWebKey, type KeyObject } from 'node:crypto';
import { ConfigurationError } from '../../errors.ts';
import { isSupportedScheme, keyFromPublic, publicKeyOf } from '../../tuf/keys.ts';
import type { Key } from '../../tuf/model.ts';
import { ServiceFailure } from './failure.ts';

/** Public keys in the forms of key services, and what is signed with them. */

/** @param der SubjectPublicKeyInfo */
export function keyOfSpki(der: Uint8Array): Key {
  return published(() => createPublicKey({ key: Buffer.from(der), format: 'der', type: 'spki' }));
}

/** Whatever the label says: the block holds a SubjectPublicKeyInfo (HashiCorp Vault once labelled it `RSA PUBLIC KEY`). */
export function keyOfPem(pem: string): Key {
  const body = /^-----BEGIN [A-Z ]+-----([A-Za-z0-9+/=\s]+)-----END [A-Z ]+-----\s*$/.exec(pem.trim())?.[1];
  if (body === undefined) throw new ServiceFailure('answer', 'no public key in PEM');
  return keyOfSpki(Buffer.from(body, 'base64'));
}

export function keyOfJwk(jwk: JsonWebKey): Key {
  return published(() => createPublicKey({ key: jwk, format: 'jwk' }));
}

function published(read: () => KeyObject): Key {
  const publicKey = readable(read);
  try {
    const key = keyFromPublic(publicKey);
    if (isSupportedScheme(key.scheme)) return key;
  } catch {
    // Of the same kind as the keys that are readable and not published: the words below are for both.
  }
  const { namedCurve } = publicKey.asymmetricKeyDetails ?? {};
  throw new ServiceFailure('usage', namedCurve ?? publicKey.asymmetricKeyType ?? 'another kind of key');
}

function readable(read: () => KeyObject): KeyObject {
  try {
    return read();
  } catch {
    throw new ServiceFailure('answer', 'no public key');
  }
}

/** What is sent to be signed: never the payload, which may be longer than a service takes. */
export function digestOf(payload: Uint8Array): Buffer {
  return hash('sha256', payload, 'buffer');
}

/** RSA signatures are numbers to some services: zeros in front are put back, up to the length of the modulus. */
export function asLongAsModulus(signature: Uint8Array, key: Key): Uint8Array {
  const length = Math.ceil((publicKeyOf(key).asymmetricKeyDetails?.modulusLength ?? 0) / 8);
  return signature.length >= length ? signature : Buffer.concat([Buffer.alloc(length - signature.length), signature]);
}

/**
 * Ed25519 signs the message itself, not its digest, and services that take messages take short ones: a snapshot or a root
 * grows past them on some later day, when nobody is there to make another key.
 */
export function tooShortForMetadata(object: string, vendor: string, limit: string): ConfigurationError {
  return new ConfigurationError(`${vendor} signs no metadata with Ed25519`, {
    object,
    code: 'configuration.kms-ed25519',
    expected: 'a key of the kind ECDSA P-256, whose messages are sent as digests',
    found: `Ed25519, whose messages are sent whole: ${limit}, and metadata grows`,
    hint: 'make a key of the kind P-256 for signing there, then import that one: `tufa key import URI --holder NAME`',
  });
}
