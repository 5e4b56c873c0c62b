import type { Uploader } from '../queue/envelope.ts';
import type { Store } from '../stores/port.ts';
import type { TrustedState } from '../trusted/state.ts';
import type { Client } from '../tuf/clients.ts';
import type { Verify } from '../tuf/evidence.ts';
import type { Key, RoleKeys, Root, Signature, Verified } from '../tuf/model.ts';

/** What a transaction works with. Time and randomness come from here only. */
export interface Context {
  readonly store: Store;
  readonly trusted: TrustedState;
  readonly keyring: Keyring;
  readonly settings: Settings;
  readonly clock: () => Date;
  /** From 0 to 1. */
  readonly random: () => number;
  /** Milliseconds. */
  readonly sleep: (ms: number) => Promise<void>;
  /** Something is wrong and the work goes on: what a person should look at. */
  readonly warn: (message: string) => void;
}

/** Of tufa.yaml, what the transaction needs. All times are milliseconds. */
export interface Settings {
  /** uuid. */
  readonly repository: string;
  /** Key prefix of the queue in the store: `queue/`. */
  readonly queue: string;
  readonly expires: { readonly snapshot: number; readonly timestamp: number; readonly leaves: number };
  /** Renewed with less than this left. */
  readonly renew: { readonly snapshot: number; readonly timestamp: number; readonly leaves: number };
  readonly grace: number;
  /** An entry that removes more rows than this is held. */
  readonly hold: number;
  /** How often a lost race starts again. */
  readonly tries: number;
  readonly clients: readonly Client[];
  readonly uploaders: readonly Uploader[];
}

/** A role whose threshold has to sign: who may, and with which keys. */
export interface SigningSet {
  readonly keys: ReadonlyMap<string, Key>;
  readonly role: RoleKeys;
}

/** The online keys that this job can open. */
export interface Keyring {
  /** Whether a threshold of the role's keys can be opened here. Opens nothing. */
  canSign(set: SigningSet): boolean;
  /**
   * Signatures that satisfy each set, each keyid once, each verified.
   * @param verify remembers what it has verified: the rehearsal asks again
   * @throws SignerError naming the role and the keys that are missing
   */
  sign(sets: readonly SigningSet[], payload: Uint8Array, subject: string, verify: Verify): Promise<Signature[]>;
}

/** The set of a top-level role in a root. */
export function topLevelSet(root: Verified<Root>, role: 'timestamp' | 'snapshot'): SigningSet {
  return { keys: root.signed.keys, role: root.signed.roles[role] };
}
