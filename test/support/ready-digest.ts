import { createECDH, type KeyObject, randomBytes } from 'node:crypto';
import { integer, sequence } from './der.ts';

/** Orders of the curves. */
const CURVES = {
  prime256v1: 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n,
  secp384r1: 0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973n,
} as const;

/**
 * ECDSA over a digest that is there already, in DER. Cards do that, and Node does not. For tests alone: its time tells the
 * key.
 */
export function signDigest(privateKey: KeyObject, digest: Uint8Array): Buffer {
  const curve = privateKey.asymmetricKeyDetails?.namedCurve as keyof typeof CURVES;
  const n = CURVES[curve];
  const size = curve === 'prime256v1' ? 32 : 48;
  const d = toNumber(Buffer.from(privateKey.export({ format: 'jwk' }).d!, 'base64url'));
  const e = toNumber(digest.subarray(0, size));
  for (;;) {
    const k = toNumber(randomBytes(size)) % n;
    if (k === 0n) continue;
    const ecdh = createECDH(curve);
    ecdh.setPrivateKey(toBytes(k, size));
    const r = toNumber(ecdh.getPublicKey().subarray(1, 1 + size)) % n;
    const s = (inverse(k, n) * (e + r * d)) % n;
    if (r !== 0n && s !== 0n) return sequence(integer(toBytes(r, size)), integer(toBytes(s, size)));
  }
}

/** By Fermat: n is prime. */
function inverse(value: bigint, n: bigint): bigint {
  let [result, base] = [1n, value % n];
  for (let exponent = n - 2n; exponent > 0n; exponent >>= 1n) {
    if ((exponent & 1n) === 1n) result = (result * base) % n;
    base = (base * base) % n;
  }
  return result;
}

function toNumber(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
}

function toBytes(value: bigint, size: number): Buffer {
  return Buffer.from(value.toString(16).padStart(2 * size, '0'), 'hex');
}
