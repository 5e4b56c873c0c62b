import type { Verify } from '../tuf/evidence.ts';
import type { SupportedScheme } from '../tuf/keys.ts';
import type { Key } from '../tuf/model.ts';

export interface SignatureRequest {
  /** The exact bytes to be signed: the canonical form of a `signed` part, or of a queue entry's body. */
  readonly payload: Uint8Array;
  /** Shown to people and in errors: `root 2`, `queue entry 42`. */
  readonly subject: string;
  /** Verifies the signature; without it `verifySignature`. A transaction gives one that remembers. */
  readonly verify?: Verify | undefined;
}

/** One private key that can sign now. What it returns has been verified with `key` already. */
export interface Signer {
  /** Lower-case hex sha256 of the canonical form of `key`. */
  readonly keyid: string;
  /** The trusted public key (from metadata or `holders/`), not what the device says. */
  readonly key: Key;
  /** Where the private key is; without secrets. */
  readonly uri: string;
  /** Lower-case hex: DER (ECDSA), 64 bytes (Ed25519), as long as the modulus (RSA-PSS). */
  sign(request: SignatureRequest): Promise<string>;
  close(): Promise<void>;
}

/** Where a passphrase or a PIN comes from: a terminal, a file descriptor, a file; never argv. */
export interface SecretSource {
  /** undefined: there is none; the provider says so in its own words. The caller wipes the bytes after use. */
  get(question: SecretQuestion): Promise<Uint8Array | undefined>;
  /** Whether a person says that the last try before a token locks itself may be used. Default: nobody does. */
  confirmFinalTry?(subject: string): Promise<boolean>;
}

export interface SecretQuestion {
  readonly kind: 'passphrase' | 'pin';
  /** What is opened: `key "alice" (private/alice.pem)`. */
  readonly subject: string;
  /** What a credential that holds the secret is called, without its kind: `alice`. */
  readonly name?: string;
  readonly reason: 'decrypt' | 'encrypt' | 'login' | 'context';
  readonly finalTry?: boolean;
}

export interface OpenOptions {
  readonly secrets: SecretSource;
  /** Folder that relative `file:` URIs start from. */
  readonly base: string;
  readonly deadlineMs?: number;
  /** Where key services and their credentials are said: the environment of the process; default empty. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** For credentials that are valid for a while. */
  readonly clock?: () => Date;
  /** PKCS#11 modules by their names in tufa.yaml. */
  readonly modules?: Readonly<Record<string, ModuleSettings>>;
  /** What a person should look at while the work goes on. */
  readonly warn?: (message: string) => void;
}

export interface ModuleSettings {
  /** Absolute, of a shared library. */
  readonly path: string;
  /** Of C_Initialize, for modules that want some (NSS). */
  readonly initArgs?: string | undefined;
  /** Added to the environment that the module sees. */
  readonly env?: Readonly<Record<string, string>> | undefined;
}

export interface SignerProvider {
  /** URI schemes, without the colon: `file`. */
  readonly schemes: readonly string[];
  /** Refuses (`SignerError`) when the private key does not belong to `key`. */
  open(uri: string, key: Key, options: OpenOptions): Promise<Signer>;
  /** The public key behind a URI, for `key import`. */
  importKey(uri: string, options: OpenOptions): Promise<Key>;
  /** The URI to be kept, where others may lead to another key tomorrow: without aliases, with the key's version. */
  pin?(uri: string, options: OpenOptions): Promise<string>;
  /** Makes a key in the place that `on` names, and returns its URI with it. */
  generate?(on: string, key: NewKey, options: OpenOptions): Promise<{ key: Key; uri: string }>;
}

export interface NewKey {
  readonly name: string;
  readonly scheme: SupportedScheme;
}
