import { createPublicKey, type KeyObject, X509Certificate } from 'node:crypto';
import { keyFromPublic } from '../../tuf/keys.ts';
import type { Key } from '../../tuf/model.ts';
import { CKK } from './constants.ts';
import type { ObjectReport } from './messages.ts';

/**
 * The public key that an object on a token shows: a public key, a certificate, or a private key that has its public half
 * beside it. In the form that all clients read: tokens may give the curve's parameters one by one, and the point bare, in
 * an OCTET STRING or in a BIT STRING.
 *
 * @returns undefined where the object does not show it, or metadata cannot hold it
 */
export function publicKeyIn(object: ObjectReport): Key | undefined {
  try {
    const key = read(object);
    return key === undefined ? undefined : keyFromPublic(key);
  } catch {
    return undefined;
  }
}

function read({ keyType, value, modulus, publicExponent, ecParams, ecPoint }: ObjectReport): KeyObject | undefined {
  if (keyType === undefined) return value === undefined ? undefined : new X509Certificate(value).publicKey;
  if (keyType === CKK.RSA && modulus !== undefined && publicExponent !== undefined) {
    const jwk = { kty: 'RSA', n: base64url(modulus), e: base64url(publicExponent) };
    return createPublicKey({ key: jwk, format: 'jwk' });
  }
  if (ecPoint === undefined) return undefined;
  // What CKA_EC_PARAMS says of Ed25519 is whatever the generator wrote.
  if (keyType === CKK.EC_EDWARDS) return spki(ED25519, ecPoint.length === 32 ? ecPoint : unwrapped(ecPoint, 32));
  if (keyType === CKK.EC && ecParams !== undefined)
    return spki(sequence(EC_PUBLIC_KEY, ecParams), BARE.has(ecPoint.length) ? ecPoint : unwrapped(ecPoint));
  return undefined;
}

/** Lengths of a point on P-256 and P-384 (SEC 1, section 2.3.3), compressed or not; a header of DER makes it 2 or 3 longer. */
const BARE: ReadonlySet<number> = new Set([33, 49, 65, 97]);

/** AlgorithmIdentifier of RFC 8410, and the object identifier of RFC 5480. */
const ED25519 = Buffer.from('300506032b6570', 'hex');
const EC_PUBLIC_KEY = Buffer.from('06072a8648ce3d0201', 'hex');

function spki(algorithm: Uint8Array, point: Uint8Array): KeyObject {
  const key = sequence(algorithm, tagged(0x03, Buffer.of(0), point));
  return createPublicKey({ key, format: 'der', type: 'spki' });
}

/** What is in an OCTET STRING, or in a BIT STRING without unused bits. */
function unwrapped(der: Uint8Array, length?: number): Uint8Array {
  const long = der[1] === 0x81;
  const content = der.subarray(long ? 3 : 2);
  const said = long ? der[2] : der[1];
  const bits = der[0] === 0x03 && content[0] === 0;
  const inner = bits ? content.subarray(1) : content;
  if ((der[0] !== 0x04 && !bits) || said !== content.length || (length !== undefined && inner.length !== length))
    throw new Error('no point');
  return inner;
}

function sequence(...parts: Uint8Array[]): Buffer {
  return tagged(0x30, ...parts);
}

/** DER: tag, the shortest form of the length (up to 65,535), content. */
function tagged(tag: number, ...parts: Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.of(tag, ...size), content]);
}

function base64url(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64url');
}
