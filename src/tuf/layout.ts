import type { Client } from './clients.ts';

/**
 * Every path rule of a repository, in one place, with the rule that reads it back (specification, section 6.2). Keys are
 * relative to the store; a name is what follows `metadata/`.
 *
 *     metadata/<version>.<role>.json        one for each role but timestamp, create-only
 *     metadata/timestamp.json               the only object that is ever replaced
 *     metadata/<version>.timestamp.json     its record: what was live under this version
 *     targets/<dir>/<sha256>.<file>         create-only
 *     targets/<sha256>.<dir>/<file>         the same again, where tough has to be served
 *     queue/<12 digits>.json                entries, numbered without holes
 *     .tufa/claims/<n>                      number n belongs to one attempt
 *     .tufa/receipts/<mark>-<n>.json        what became of the entries up to mark
 *     .tufa/pending/<version>-<sha256>.root.json   a complete root that is not in its place yet
 */

export const METADATA_PREFIX = 'metadata/';
export const TARGETS_PREFIX = 'targets/';
export const CLAIMS_PREFIX = '.tufa/claims/';
export const RECEIPTS_PREFIX = '.tufa/receipts/';
export const PENDING_PREFIX = '.tufa/pending/';
/** What `doctor store` writes and takes away again. */
export const PROBE_PREFIX = '.tufa/probe/';
/** `queue:` in tufa.yaml can name another one. */
export const QUEUE_PREFIX = 'queue/';

const NUMBER = '(0|[1-9]\\d*)';
const VERSIONED_NAME = new RegExp(`^${NUMBER}\\.(.+)\\.json$`);
const CLAIM_KEY = new RegExp(`^\\.tufa/claims/${NUMBER}$`);
const RECEIPT_KEY = new RegExp(`^\\.tufa/receipts/${NUMBER}-${NUMBER}\\.json$`);
const PENDING_KEY = new RegExp(`^\\.tufa/pending/${NUMBER}-([0-9a-f]{64})\\.root\\.json$`);
const TARGET_KEY = /^targets\/((?:[^/]+\/)*)([0-9a-f]{64})\.([^/]+)$/;
const QUEUE_DIGITS = 12;

/**
 * `3.bins.json`; without a version `timestamp.json`, as a client keeps it and as the live timestamp is called. A
 * foreign role's name is percent-encoded, as clients do: the result is one segment of a URL.
 */
export function metadataName(role: string, version?: number): string {
  return `${version === undefined ? '' : `${version}.`}${encodeURIComponent(role)}.json`;
}

/** undefined: not `<version>.<role>.json`. The live `timestamp.json` has no version. */
export function parseMetadataName(name: string): { role: string; version: number | undefined } | undefined {
  if (name === 'timestamp.json') return { role: 'timestamp', version: undefined };
  const [, digits, encoded] = VERSIONED_NAME.exec(name) ?? [];
  const version = toNumber(digits);
  const role = encoded === undefined ? undefined : decoded(encoded);
  return version === undefined || role === undefined ? undefined : { role, version };
}

export const TIMESTAMP_KEY = `${METADATA_PREFIX}timestamp.json`;

export function metadataKey(role: string, version: number): string {
  return METADATA_PREFIX + metadataName(role, version);
}

export function isRootKey(key: string): boolean {
  return key.startsWith(METADATA_PREFIX) && parseMetadataName(key.slice(METADATA_PREFIX.length))?.role === 'root';
}

export function rootKey(version: number): string {
  return metadataKey('root', version);
}

/** The record of a timestamp that was live. */
export function recordKey(version: number): string {
  return metadataKey('timestamp', version);
}

/** The hash stands before the file's name, not before the path (section 6.2.2). */
export function targetKey(path: string, sha256: string): string {
  const start = path.lastIndexOf('/') + 1;
  return `${TARGETS_PREFIX}${path.slice(0, start)}${sha256}.${path.slice(start)}`;
}

/**
 * Every name that the served clients ask for: tough puts the hash before the whole path, against section 6.2.2.
 *
 * @param clients `clients:` in tufa.yaml
 */
export function targetKeys(path: string, sha256: string, clients: readonly Client[]): string[] {
  const key = targetKey(path, sha256);
  return clients.includes('tough') && path.includes('/') ? [key, `${TARGETS_PREFIX}${sha256}.${path}`] : [key];
}

export function parseTargetKey(key: string): { path: string; sha256: string } | undefined {
  const [, folder, sha256, file] = TARGET_KEY.exec(key) ?? [];
  return sha256 === undefined ? undefined : { path: `${folder}${file}`, sha256 };
}

export function claimKey(number: number): string {
  return `${CLAIMS_PREFIX}${number}`;
}

export function parseClaimKey(key: string): number | undefined {
  return toNumber(CLAIM_KEY.exec(key)?.[1]);
}

/** Below it are the receipts of every attempt that folded the queue up to `mark`. */
export function receiptPrefix(mark: number): string {
  return `${RECEIPTS_PREFIX}${mark}-`;
}

export function receiptKey(mark: number, number: number): string {
  return `${receiptPrefix(mark)}${number}.json`;
}

export function parseReceiptKey(key: string): { mark: number; number: number } | undefined {
  const [, first, second] = RECEIPT_KEY.exec(key) ?? [];
  const mark = toNumber(first);
  const number = toNumber(second);
  return mark === undefined || number === undefined ? undefined : { mark, number };
}

/** @param sha256 of the root's file: two ceremonies for one version do not meet here */
export function pendingKey(version: number, sha256: string): string {
  return `${PENDING_PREFIX}${version}-${sha256}.root.json`;
}

export function parsePendingKey(key: string): { version: number; sha256: string } | undefined {
  const [, digits, sha256] = PENDING_KEY.exec(key) ?? [];
  const version = toNumber(digits);
  return version === undefined || sha256 === undefined ? undefined : { version, sha256 };
}

/** Twelve digits, so that the order of keys is the order of numbers. */
export function queueKey(number: number, prefix: string = QUEUE_PREFIX): string {
  return `${prefix}${String(number).padStart(QUEUE_DIGITS, '0')}.json`;
}

export function parseQueueKey(key: string, prefix: string = QUEUE_PREFIX): number | undefined {
  if (!key.startsWith(prefix) || !/^\d{12}\.json$/.test(key.slice(prefix.length))) return undefined;
  return Number(key.slice(prefix.length, prefix.length + QUEUE_DIGITS));
}

function toNumber(digits: string | undefined): number | undefined {
  const number = Number(digits);
  return digits !== undefined && Number.isSafeInteger(number) ? number : undefined;
}

function decoded(encoded: string): string | undefined {
  try {
    const role = decodeURIComponent(encoded);
    return encodeURIComponent(role) === encoded ? role : undefined;
  } catch {
    return undefined;
  }
}
