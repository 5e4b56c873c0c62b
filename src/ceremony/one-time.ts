import { generateKeyPairSync, sign } from 'node:crypto';
import { keyFromPublic, keyidOf } from '../tuf/keys.ts';
import type { Key, Signature } from '../tuf/model.ts';

/**
 * Keys that are made, used and gone in one sitting (PEP 458, "Managing offline keys"): they live in this process alone, and
 * nothing ever writes their private halves. What they have signed cannot be signed again by anybody.
 */
export class OneTimeKey {
  readonly key: Key;
  readonly keyid: string;
  private secret: ReturnType<typeof generateKeyPairSync>['privateKey'] | undefined;

  constructor() {
    const { publicKey, privateKey } = generateKeyPairSync('ed25519');
    this.key = keyFromPublic(publicKey);
    this.keyid = keyidOf(this.key);
    this.secret = privateKey;
  }

  /** Signs, and never again. */
  use(payload: Uint8Array): Signature {
    if (this.secret === undefined) throw new Error('this one-time key was used already');
    const sig = sign(null, payload, this.secret).toString('hex');
    this.secret = undefined;
    return { keyid: this.keyid, sig };
  }
}

/** PEP 458 recommends 2 of 2: nobody can lose one of them. */
export const ONE_TIME_KEYS = 2;
