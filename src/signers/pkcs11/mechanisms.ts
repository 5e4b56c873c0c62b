import { createHash, randomBytes } from 'node:crypto';
import { CKG_MGF1_SHA256, CKM, CKR, PARAMS_RSA_PSS } from './constants.ts';
import type { Mechanism } from './cryptoki.ts';

/**
 * Ways to have a token sign. They are tried one after the other: what C_GetMechanismList says is not to be relied on (a
 * TPM leaves out what it can do, and only one of the two forms of PSS may exist).
 */
export interface Way {
  readonly mechanism: Mechanism;
  /** What the token gets for a payload. @param size bits of the RSA modulus */
  input(payload: Uint8Array, size: number): Buffer;
}

const PSS = { type: PARAMS_RSA_PSS, hashAlg: CKM.SHA256, mgf: CKG_MGF1_SHA256, saltLen: 32 };

const whole = (payload: Uint8Array): Buffer => Buffer.from(payload.buffer, payload.byteOffset, payload.length);
const digest = (payload: Uint8Array): Buffer => createHash('sha256').update(payload).digest();

const WAYS: Readonly<Record<string, readonly Way[]>> = {
  ed25519: [{ mechanism: { mechanism: CKM.EDDSA }, input: whole }],
  'ecdsa-sha2-nistp256': [
    { mechanism: { mechanism: CKM.ECDSA }, input: digest },
    { mechanism: { mechanism: CKM.ECDSA_SHA256 }, input: whole },
  ],
  'rsassa-pss-sha256': [
    { mechanism: { mechanism: CKM.SHA256_RSA_PKCS_PSS, parameter: PSS }, input: whole },
    { mechanism: { mechanism: CKM.RSA_PKCS_PSS, parameter: PSS }, input: digest },
    {
      mechanism: { mechanism: CKM.RSA_X_509 },
      input: (payload, size) => emsaPss(digest(payload), randomBytes(32), size),
    },
  ],
};

export function waysOf(scheme: string): readonly Way[] {
  return WAYS[scheme] ?? [];
}

/** After one of these the next way may work; after any other it may not. */
export function mayTryNext(code: number): boolean {
  return NEXT.has(code);
}

const NEXT: ReadonlySet<number> = new Set([
  CKR.MECHANISM_INVALID,
  CKR.MECHANISM_PARAM_INVALID,
  CKR.FUNCTION_NOT_SUPPORTED,
  CKR.KEY_FUNCTION_NOT_PERMITTED,
]);

/**
 * EMSA-PSS-ENCODE of RFC 8017, section 9.1.1, with SHA-256 and MGF1, for tokens that only know plain RSA.
 *
 * @param hash sha256 of the message
 * @param bits of the modulus
 * @returns as long as the modulus
 */
export function emsaPss(hash: Uint8Array, salt: Uint8Array, bits: number): Buffer {
  const emBits = bits - 1;
  const emLength = Math.ceil(emBits / 8);
  const h = createHash('sha256').update(Buffer.alloc(8)).update(hash).update(salt).digest();
  const block = Buffer.alloc(emLength - h.length - 1);
  block[block.length - salt.length - 1] = 0x01;
  block.set(salt, block.length - salt.length);
  const mask = mgf1(h, block.length);
  for (let i = 0; i < block.length; i++) block[i]! ^= mask[i]!;
  block[0]! &= 0xff >> (8 * emLength - emBits);
  const encoded = Buffer.concat([block, h, Buffer.of(0xbc)]);
  return Buffer.concat([Buffer.alloc(Math.ceil(bits / 8) - emLength), encoded]);
}

function mgf1(seed: Uint8Array, length: number): Buffer {
  const blocks: Buffer[] = [];
  for (let i = 0; i * 32 < length; i++) {
    const counter = Buffer.alloc(4);
    counter.writeUInt32BE(i);
    blocks.push(createHash('sha256').update(seed).update(counter).digest());
  }
  return Buffer.concat(blocks).subarray(0, length);
}
