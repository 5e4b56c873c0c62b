import { SignerError } from '../../errors.ts';

/**
 * Why a key service did not do what it was asked for. Adapters say it in these words, whatever the vendor's are; what a
 * person reads is written here alone. Vendors' sentences are not passed on: some of them repeat what was sent.
 */
export type FailureKind =
  | 'throttled'
  | 'unreachable'
  | 'busy'
  | 'damaged'
  | 'untrusted'
  | 'access'
  | 'credentials'
  | 'expired'
  | 'not-found'
  | 'disabled'
  | 'region'
  | 'usage'
  | 'request'
  | 'answer'
  | 'wrong-key';

/** What one attempt ended with. */
export class ServiceFailure extends Error {
  readonly kind: FailureKind;
  /** The vendor's word for it: `ThrottlingException`, `HTTP 503`. Never a sentence, never a secret. */
  readonly found: string;
  readonly expected: string | undefined;
  /** Milliseconds that the service asks to wait before the next attempt. */
  readonly retryAfterMs: number;

  constructor(kind: FailureKind, found: string, more: { expected?: string; retryAfterMs?: number | undefined } = {}) {
    super(`${kind}: ${found}`);
    this.name = 'ServiceFailure';
    this.kind = kind;
    this.found = found;
    this.expected = more.expected;
    this.retryAfterMs = more.retryAfterMs ?? 0;
  }

  /** Whether the next attempt may end in another way. */
  get passes(): boolean {
    return PASSING.has(this.kind);
  }
}

const PASSING: ReadonlySet<FailureKind> = new Set(['throttled', 'unreachable', 'busy', 'damaged']);

/** A vendor's word for an error, such as `ThrottlingException`; what is no word may repeat what was sent. */
export function wordOr(otherwise: string, word: unknown): string {
  return typeof word === 'string' && /^[A-Za-z][A-Za-z0-9_.-]{0,63}$/.test(word) ? word : otherwise;
}

/** What a person has to see to, in the vendor's terms. */
export interface Vendor {
  /** `AWS KMS` */
  readonly name: string;
  /** What the job's identity must be allowed to do. */
  readonly permissions: string;
  /** Where credentials are looked for, in this order. */
  readonly credentials: string;
}

interface Wording {
  readonly what: string;
  readonly expected: string;
  readonly hint: string;
}

/**
 * @param asked.object what the request was for: `timestamp 7`, or the key's URI
 * @param asked.tries attempts that were made, all of them with this end or a similar one
 */
export function explain(
  { kind, found, expected, passes }: ServiceFailure,
  vendor: Vendor,
  asked: { object: string; key: string; tries: number; deadlineMs: number },
): SignerError {
  const wording = WORDING[kind](vendor, asked.key);
  const times = passes ? ` (${asked.tries} ${asked.tries === 1 ? 'try' : 'tries'})` : '';
  const within = passes ? ` within ${asked.deadlineMs / 1000} s` : '';
  return new SignerError(wording.what, {
    object: asked.object,
    code: kind === 'wrong-key' ? 'signer.wrong-key' : `signer.kms-${kind}`,
    expected: `${expected ?? wording.expected}${within}`,
    found: `${found}${times}`,
    hint: wording.hint,
  });
}

const WORDING: Readonly<Record<FailureKind, (vendor: Vendor, key: string) => Wording>> = {
  throttled: ({ name }) => ({
    what: `${name} asks to slow down`,
    expected: 'an answer',
    hint: 'nothing was written; run the command again later, or raise the quota of the key service',
  }),
  unreachable: ({ name }) => ({
    what: `${name} cannot be reached`,
    expected: 'an answer',
    hint: 'nothing was written; see whether this machine reaches the key service, then run the command again',
  }),
  busy: ({ name }) => ({
    what: `${name} fails`,
    expected: 'an answer',
    hint: 'nothing was written; run the command again later',
  }),
  damaged: ({ name }) => ({
    what: `what ${name} and this machine say to each other is damaged on its way`,
    expected: 'checksums that fit',
    hint: 'nothing was written; run the command again, and look for a proxy in between',
  }),
  untrusted: ({ name }) => ({
    what: `the certificate of ${name} is not trusted`,
    expected: 'a certificate that this machine trusts',
    hint: 'name the file of your own certificate authority: NODE_EXTRA_CA_CERTS=FILE',
  }),
  access: ({ name, permissions }, key) => ({
    what: `${name} does not allow it`,
    expected: permissions,
    hint: `allow it for the identity of this job, on the key ${key}`,
  }),
  credentials: ({ name, credentials }) => ({
    what: `no credentials that ${name} accepts`,
    expected: credentials,
    hint: 'see who this job is for the key service: `tufa doctor signers` tries each key',
  }),
  expired: ({ name, credentials }) => ({
    what: `the credentials for ${name} have expired`,
    expected: credentials,
    hint: 'nothing was written; renew them, then run the command again',
  }),
  'not-found': ({ name }, key) => ({
    what: `${name} has no such key`,
    expected: key,
    hint: 'compare the "uri" in holders/ with what the key service lists: region, project, version',
  }),
  disabled: ({ name }, key) => ({
    what: `the key is disabled, or about to be deleted`,
    expected: `an enabled key at ${name}`,
    hint: `enable ${key}, or let another key take its place`,
  }),
  region: ({ name }) => ({
    what: `nobody says in which region of ${name} the key is`,
    expected: 'a key ARN, ?region=..., or AWS_REGION',
    hint: 'import the key by its ARN: `tufa key import awskms:arn:aws:kms:... --holder NAME`',
  }),
  usage: ({ name }) => ({
    what: `the key at ${name} cannot sign what TUF clients read`,
    expected: 'ECDSA P-256 with SHA-256, or RSA-PSS with SHA-256',
    hint: 'make a key of the kind P-256 for signing, then import that one',
  }),
  request: ({ name }, key) => ({
    what: `${name} does not understand the request`,
    expected: 'a key that can sign',
    hint: `see whether ${key} is written as the key service writes it`,
  }),
  answer: ({ name }) => ({
    what: `${name} answers in a form that is not its own`,
    expected: 'an answer as its documentation has it',
    hint: 'nothing was written; see who answers at that address: a proxy, a stand-in',
  }),
  'wrong-key': ({ name }, key) => ({
    what: `${name} used another key`,
    expected: key,
    hint: 'nothing was written; see which key is behind each uri: `tufa key list`',
  }),
};
