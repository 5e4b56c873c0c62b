import { createCipheriv, randomBytes, scrypt } from 'node:crypto';
import { promisify } from 'node:util';

/**
 * Encrypted PKCS#8 (RFC 5958, section 3) under PBES2 (RFC 8018) with scrypt (RFC 7914, section 7) and AES-256-CBC. Node
 * can write this format only with 2,048 rounds of PBKDF2, which a thief of the file undoes too quickly.
 */

/** The strongest that OpenSSL opens with its default limit of 32 MB. */
const COST = { N: 16_384, r: 8, p: 8 } as const;

const OID = {
  pbes2: '2a864886f70d01050d', // 1.2.840.113549.1.5.13
  scrypt: '2b06010401da47040b', // 1.3.6.1.4.1.11591.4.11
  aes256Cbc: '60864801650304012a', // 2.16.840.1.101.3.4.1.42
} as const;

/**
 * `-----BEGIN ENCRYPTED PRIVATE KEY-----` for a private key in PKCS#8 DER. Takes about 0.3 s, on purpose.
 *
 * @param privateKey is left as it is; the caller wipes it
 */
export async function encryptPkcs8(privateKey: Uint8Array, passphrase: Uint8Array): Promise<string> {
  const salt = randomBytes(16);
  const iv = randomBytes(16);
  const key = await derive(passphrase, salt);
  const cipher = createCipheriv('aes-256-cbc', key, iv);
  key.fill(0);
  const encrypted = Buffer.concat([cipher.update(privateKey), cipher.final()]);
  const scryptParameters = sequence(octets(salt), integer(COST.N), integer(COST.r), integer(COST.p));
  const derivation = sequence(oid(OID.scrypt), scryptParameters);
  const encryption = sequence(oid(OID.aes256Cbc), octets(iv));
  const algorithm = sequence(oid(OID.pbes2), sequence(derivation, encryption));
  return pem('ENCRYPTED PRIVATE KEY', sequence(algorithm, octets(encrypted)));
}

const derive = (passphrase: Uint8Array, salt: Uint8Array): Promise<Buffer> =>
  promisify<Uint8Array, Uint8Array, number, object, Buffer>(scrypt)(passphrase, salt, 32, COST);

function pem(label: string, der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n');
}

const sequence = (...parts: Buffer[]): Buffer => tagged(0x30, Buffer.concat(parts));
const octets = (bytes: Buffer): Buffer => tagged(0x04, bytes);
const oid = (hex: string): Buffer => tagged(0x06, Buffer.from(hex, 'hex'));

/** A positive integer below 2^31. */
function integer(value: number): Buffer {
  const hex = value.toString(16);
  const bytes = Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex');
  return tagged(0x02, bytes[0]! >= 0x80 ? Buffer.concat([Buffer.of(0), bytes]) : bytes);
}

/** DER: tag, the shortest form of the length (up to 65,535), content. */
function tagged(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.of(tag, ...size), content]);
}
