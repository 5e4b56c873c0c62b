import type { ErrorDetails } from '../errors.ts';
import { StorageError, TufaError } from '../errors.ts';
import { isRootKey } from '../tuf/layout.ts';

/** Bytes to be written: in memory, or a file that is read while it is sent (`length` and what is read must agree). */
export type Body = Uint8Array | StreamBody;

export interface StreamBody {
  readonly length: number;
  /** A fresh stream from the first byte, each time it is called. */
  open(): AsyncIterable<Uint8Array>;
}

export interface StoredObject {
  readonly bytes: Uint8Array;
  /** Opaque: compared by the store only, never parsed. */
  readonly etag: string;
  /** The store's own clock. */
  readonly modified: Date;
}

/** Without an etag: what is swapped is small and read by `get`; a folder would have to read the file twice to know it. */
export interface OpenObject {
  readonly length: number;
  readonly modified: Date;
  /** To be read once, or not at all: nothing is held open before the first byte is asked for. */
  readonly stream: AsyncIterable<Uint8Array>;
}

export interface Listed {
  readonly key: string;
  readonly length: number;
  readonly modified: Date;
}

/**
 * A place that keeps objects by key (`metadata/timestamp.json`). It is not trusted: whoever reads from it verifies.
 * Keys are relative, `/`-separated, printable ASCII without empty, `.` and `..` segments.
 *
 * Every method throws `StorageError` (nothing happened) or `UnknownAnswer` (a write may have landed, may land later, or
 * never). An absent object is not an error.
 */
export interface Store {
  /** Without secrets, fit for a message. */
  readonly uri: string;
  /** undefined: there is no such object. Longer than `maxLength`: `StorageError` with code `storage.too-long`. */
  get(key: string, options: { maxLength: number }): Promise<StoredObject | undefined>;
  /** The same as a stream, for files that do not fit into memory. */
  open(key: string): Promise<OpenObject | undefined>;
  /** Create-only: exactly one of any number of racing calls is answered `created`; nothing is ever overwritten. */
  create(key: string, body: Body): Promise<'created' | 'exists'>;
  /**
   * Compare-and-swap: replaces the object only if its etag is still `etag` (undefined: only if there is none).
   * `moved`: the object is another one by now, nothing was written. Visible to every reader whole or not at all.
   */
  swap(key: string, bytes: Uint8Array, etag: string | undefined): Promise<{ etag: string } | 'moved'>;
  /** Objects below `prefix` in ascending order of their keys (bytes), those greater than `after` only. */
  list(prefix: string, options?: { after?: string }): AsyncIterable<Listed>;
  /** Removing what is absent is not an error. @throws StorageError for a version of root */
  remove(key: string): Promise<void>;
}

/** The request was sent and no answer came back: the write may have landed, may land later, or never. */
export class UnknownAnswer extends TufaError {
  constructor(what: string, details?: ErrorDetails) {
    super('storage.unknown-answer', 8, what, { committed: 'unknown', ...details });
  }
}

export interface StoreProvider {
  /** URI schemes, without the colon: `file`. */
  readonly schemes: readonly string[];
  open(uri: string, options: { base: string }): Promise<Store>;
}

const SEGMENT = /^[\x21-\x7e]+$/;

export function isKey(key: string): boolean {
  if (key.length > 1024 || key.includes('\\')) return false;
  return key.split('/').every((segment) => SEGMENT.test(segment) && segment !== '.' && segment !== '..');
}

/** Refuses a key that could leave the store, or that two stores would read differently. */
export function assertKey(key: string): void {
  if (!isKey(key)) throw new StorageError('not a key of a store', { object: JSON.stringify(key), code: 'storage.key' });
}

/**
 * Every version of root stays for ever (section 6.2.1; PEP 458, Cleaning up old metadata): a client that was away for years
 * walks them one by one. So no store removes one, whoever asks.
 */
export function assertRemovable(key: string): void {
  assertKey(key);
  if (isRootKey(key))
    throw new StorageError('a root is kept for ever', {
      object: key,
      code: 'storage.root',
      expected: 'another object',
    });
}

/** Ascending order of bytes: keys are ASCII, so that of their code units is the same. */
export function compareKeys(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
