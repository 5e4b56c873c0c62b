import { entropyToMnemonic } from '@scure/bip39';
import { wordlist } from '@scure/bip39/wordlists/english.js';

/**
 * A sha256 in words, to be read over the telephone: 24 of BIP 39's list, whose first four letters are enough; the last word
 * holds a checksum. Loaded only where a digest is shown to people.
 */
export function digestWords(hex: string): string[] {
  return entropyToMnemonic(Buffer.from(hex, 'hex'), wordlist).split(' ');
}
