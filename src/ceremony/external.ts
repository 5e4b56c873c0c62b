import { InputError, TrustError } from '../errors.ts';
import { verifySignature } from '../tuf/keys.ts';
import type { Key } from '../tuf/model.ts';
import type { Draft } from './drafts.ts';
import { draftName } from './drafts.ts';

/**
 * A signature that another program has made over the exact bytes of draft.json: openssl, the console of an HSM.
 *
 *     openssl pkeyutl -sign -rawin -inkey alice.pem -in draft.json -out SIG                              (Ed25519)
 *     openssl dgst -sha256 -sign alice.pem -out SIG draft.json                                            (P-256)
 *     openssl dgst -sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:32 -sign ... -out SIG ...   (RSA)
 *
 * @param bytes the signature as it is, or as hexadecimal or base64 text
 * @returns lower-case hex, verified
 * @throws TrustError when it is not this key's over these bytes
 */
export function externalSignature(bytes: Uint8Array, key: Key, draft: Draft, holder: string): string {
  if (bytes.length === 0 || bytes.length > 8192) {
    throw new InputError('not a signature', {
      object: `signature of ${holder}`,
      expected: '64 to 1,024 bytes, or their text in hexadecimal or base64',
      found: `${bytes.length} bytes`,
    });
  }
  const readings = [Buffer.from(bytes), ...textReadings(bytes)];
  const valid = readings.map((one) => one.toString('hex')).find((hex) => verifySignature(key, draft.bytes, hex));
  if (valid !== undefined) return valid;
  const raw = readings.some((one) => one.length === 64) && key.scheme.startsWith('ecdsa');
  throw new TrustError('not a signature of this key over this draft', {
    object: `${draftName(draft)}, signature of ${holder}`,
    code: 'trust.signature',
    expected: `${EXPECTED[key.scheme] ?? key.scheme} over the exact bytes of draft.json`,
    found: raw ? '64 bytes, r and s without their DER form' : 'one that does not verify',
    hint: raw
      ? 'let the token write DER: pkcs11-tool --signature-format openssl'
      : (HINTS[key.scheme] ?? 'sign draft.json itself, not its digest'),
  });
}

const EXPECTED: Readonly<Record<string, string>> = {
  ed25519: '64 bytes (Ed25519)',
  'ecdsa-sha2-nistp256': 'a DER signature (ECDSA P-256, SHA-256)',
  'rsassa-pss-sha256': 'an RSA-PSS signature (SHA-256, salt of 32 bytes)',
};

const HINTS: Readonly<Record<string, string>> = {
  ed25519: 'openssl pkeyutl -sign -rawin -inkey KEY.pem -in draft.json -out SIG',
  'ecdsa-sha2-nistp256': 'openssl dgst -sha256 -sign KEY.pem -out SIG draft.json',
  'rsassa-pss-sha256':
    'openssl dgst -sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:32 -sign KEY.pem -out SIG draft.json',
};

/** What the bytes are as text, where they are text. */
function textReadings(bytes: Uint8Array): Buffer[] {
  const text = Buffer.from(bytes).toString('latin1').replace(/\s/g, '');
  const readings: Buffer[] = [];
  if (/^(?:[0-9a-fA-F]{2})+$/.test(text)) readings.push(Buffer.from(text, 'hex'));
  if (/^[A-Za-z0-9+/]+={0,2}$/.test(text)) readings.push(Buffer.from(text, 'base64'));
  return readings;
}
