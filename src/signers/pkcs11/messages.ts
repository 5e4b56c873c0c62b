/**
 * What the process that signs and the one that holds a PKCS#11 module say to each other. One question at a time, one
 * answer to each. A PIN travels here and in no other way.
 */

export type Question =
  /** The first one. */
  | { readonly ask: 'load'; readonly path: string; readonly initArgs: string | undefined }
  | { readonly ask: 'tokens' }
  | { readonly ask: 'login'; readonly slot: string; readonly pin: Uint8Array }
  | { readonly ask: 'objects'; readonly slot: string; readonly kind: ObjectKind; readonly match: ObjectQuery }
  | SignQuestion
  | GenerateQuestion
  /** Lets go of the token and ends the process. */
  | { readonly ask: 'end' };

export interface SignQuestion {
  readonly ask: 'sign';
  readonly slot: string;
  readonly key: ObjectQuery;
  readonly scheme: string;
  readonly payload: Uint8Array;
  /** Of a key that wants the PIN before each signature (CKA_ALWAYS_AUTHENTICATE). */
  readonly pin: Uint8Array | undefined;
}

export interface GenerateQuestion {
  readonly ask: 'generate';
  readonly slot: string;
  readonly scheme: string;
  readonly label: string;
  readonly id: Uint8Array;
}

export type ObjectKind = 'private' | 'public' | 'certificate';

/** Both have to be the same where both are given. */
export interface ObjectQuery {
  readonly label?: string;
  readonly id?: Uint8Array;
}

export interface Answers {
  readonly load: undefined;
  readonly tokens: readonly TokenReport[];
  readonly login: undefined;
  readonly objects: readonly ObjectReport[];
  /** As PKCS#11 has it: r||s, 64 bytes, or as long as the modulus. */
  readonly sign: Uint8Array;
  readonly generate: undefined;
  readonly end: undefined;
}

export type AnswerTo<Q extends Question> = Answers[Q['ask']];

export interface TokenReport {
  /** Names the slot in later questions: its handle in hex. */
  readonly slot: string;
  /** Decimal. */
  readonly slotId: string;
  readonly label: string;
  readonly serial: string;
  readonly manufacturer: string;
  readonly model: string;
  readonly libraryManufacturer: string;
  /** CK_TOKEN_INFO's. */
  readonly flags: number;
}

export interface ObjectReport {
  readonly label: string;
  readonly id: Uint8Array;
  /** Undefined for a certificate. */
  readonly keyType: number | undefined;
  readonly ecParams: Uint8Array | undefined;
  readonly ecPoint: Uint8Array | undefined;
  readonly modulus: Uint8Array | undefined;
  readonly publicExponent: Uint8Array | undefined;
  /** DER, of a certificate. */
  readonly value: Uint8Array | undefined;
  readonly alwaysAuthenticate: boolean;
}

export type Reply = { readonly answer: Answers[Question['ask']] } | { readonly failure: ReportedFailure };

export type ReportedFailure =
  /** A call did not return CKR_OK. */
  | { readonly kind: 'ckr'; readonly code: number; readonly name: string; readonly call: string }
  /** pkcs11js is not installed, or was not built. */
  | { readonly kind: 'addon'; readonly message: string }
  /** The module cannot be loaded: the loader's words. */
  | { readonly kind: 'module'; readonly message: string }
  /** Not exactly one key where one is needed. */
  | { readonly kind: 'keys'; readonly found: number }
  | { readonly kind: 'bug'; readonly message: string };
