import pLimit from 'p-limit';
import { StorageError, TrustError } from '../errors.ts';
import type { Content } from '../queue/envelope.ts';
import { hashStream, isTooLong } from '../stores/body.ts';
import type { Body, Store } from '../stores/port.ts';
import { UnknownAnswer } from '../stores/port.ts';

/** What a create-only put found in its place. */
export type Put = 'there' | 'other';

/** One object of a transaction. */
export interface Upload {
  readonly key: string;
  readonly bytes: Uint8Array;
}

/** Writes at once. */
const CONCURRENCY = 16;
const TRIES = 3;

/**
 * upload: everything create-only, in parallel; the barrier is that this promise waits for every answer. If we crash
 * here, nothing is visible: the timestamp names none of it, and the number was claimed, so nobody else writes these names.
 * @returns the keys where other bytes stand
 */
export async function upload(store: Store, uploads: readonly Upload[]): Promise<Upload[]> {
  const limit = pLimit(CONCURRENCY);
  const answers = await Promise.all(uploads.map((one) => limit(async () => ({ one, put: await put(store, one) }))));
  return answers.filter(({ put }) => put === 'other').map(({ one }) => one);
}

/** Create-only, until it is known what stands there: an unknown answer is asked again, and what is there is compared. */
export async function put(store: Store, { key, bytes }: Upload): Promise<Put> {
  for (let attempt = 1; ; attempt++) {
    try {
      if ((await store.create(key, bytes)) === 'created') return 'there';
      const object = await store.get(key, { maxLength: bytes.length });
      if (object !== undefined) return Buffer.compare(object.bytes, bytes) === 0 ? 'there' : 'other';
    } catch (error) {
      if (isTooLong(error)) return 'other';
      if (!(error instanceof UnknownAnswer) || attempt === TRIES) throw error;
    }
    if (attempt === TRIES)
      throw new StorageError('neither created nor there', { object: key, hint: 'run the command again' });
  }
}

/**
 * Puts a target file under its hash-prefixed name. What is there already is compared: its name promises its content.
 * @throws TrustError when something else stands there
 */
export async function putFile(store: Store, key: string, body: Body, content: Content): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      if ((await store.create(key, body)) === 'created' || (await hasContent(store, key, content))) return;
      throw new TrustError('another content stands under this name', {
        object: key,
        expected: `sha256 ${content.sha256}`,
        found: 'another',
        hint: 'look at who else writes to this store',
      });
    } catch (error) {
      if (!(error instanceof UnknownAnswer) || attempt === TRIES) throw error;
    }
  }
}

/** Whether the store has these bytes under this key. */
export async function hasContent(store: Store, key: string, content: Content): Promise<boolean> {
  const object = await store.open(key);
  if (object === undefined || object.length !== content.length) return false;
  const found = await hashStream(object.stream);
  return found.sha256 === content.sha256 && found.length === content.length;
}
