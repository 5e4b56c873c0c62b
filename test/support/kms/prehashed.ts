/** Signatures over a digest that is there already, which node:crypto cannot make: for stand-ins of key services. */
import { constants, createHash, type KeyObject, privateEncrypt, randomBytes } from 'node:crypto';
import { signDigest } from '../ready-digest.ts';

/** ECDSA P-256, in DER. */
export const ecdsaDer = signDigest;

/** r and s of ECDSA P-256, 32 bytes each. */
export function ecdsaRaw(privateKey: KeyObject, digest: Uint8Array): Buffer {
  const der = signDigest(privateKey, digest);
  // SEQUENCE of two INTEGERs, each with its length in one byte.
  const r = der.subarray(4, 4 + der[3]!);
  const s = der.subarray(4 + der[3]! + 2);
  return Buffer.concat([r, s].map((integer) => Buffer.concat([Buffer.alloc(32), integer]).subarray(-32)));
}

/** RSASSA-PSS with SHA-256 (RFC 8017, section 8.1.1). @param saltLength bytes */
export function pss(privateKey: KeyObject, digest: Uint8Array, saltLength = 32): Buffer {
  const bits = privateKey.asymmetricKeyDetails?.modulusLength ?? 0;
  const length = Math.ceil((bits - 1) / 8);
  const salt = randomBytes(saltLength);
  const h = sha256(Buffer.alloc(8), digest, salt);
  const db = Buffer.concat([Buffer.alloc(length - saltLength - 34), Buffer.of(1), salt]);
  const mask = mgf1(h, db.length);
  const masked = db.map((byte, i) => byte ^ mask[i]!);
  masked[0]! &= 0xff >> (8 * length - (bits - 1));
  const encoded = Buffer.concat([masked, h, Buffer.of(0xbc)]);
  const padded = Buffer.concat([Buffer.alloc(Math.ceil(bits / 8) - length), encoded]);
  return privateEncrypt({ key: privateKey, padding: constants.RSA_NO_PADDING }, padded);
}

function mgf1(seed: Buffer, length: number): Buffer {
  const blocks = Array.from({ length: Math.ceil(length / 32) }, (_, i) => {
    const counter = Buffer.alloc(4);
    counter.writeUInt32BE(i);
    return sha256(seed, counter);
  });
  return Buffer.concat(blocks).subarray(0, length);
}

function sha256(...parts: readonly Uint8Array[]): Buffer {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
}
