import { SignerError } from '../errors.ts';
import { keyFromPublic, keyidOf, publicKeyOf } from '../tuf/keys.ts';
import type { Key } from '../tuf/model.ts';

/**
 * Refuses a private key that is not the trusted one's.
 *
 * @param key the public key that metadata or `holders/` names
 * @param found the public half of what is behind `uri`, in the form of `keyFromPublic`
 * @throws SignerError
 */
export function assertSameKey(uri: string, key: Key, found: Key): void {
  // Not `KeyObject.equals`: for keys of two kinds it leaves an error behind that the next call of OpenSSL stumbles over.
  if (keyFromPublic(publicKeyOf(key)).keyval.public === found.keyval.public) return;
  throw new SignerError('the private key belongs to another public key', {
    object: uri,
    code: 'signer.wrong-key',
    expected: `keyid ${keyidOf(key)}`,
    found: `keyid ${keyidOf(found)}`,
    hint: 'see which key is behind each uri: `tufa key list`',
  });
}
