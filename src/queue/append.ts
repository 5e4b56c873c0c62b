import { isDeepStrictEqual } from 'node:util';
import { ConflictError } from '../errors.ts';
import { isTooLong } from '../stores/body.ts';
import type { Store } from '../stores/port.ts';
import { UnknownAnswer } from '../stores/port.ts';
import { parseQueueKey, queueKey } from '../tuf/layout.ts';
import type { Waiting } from './drain.ts';
import type { Entry } from './envelope.ts';
import { MAX_ENTRY } from './envelope.ts';
import type { Journal, JournalEntry } from './journal.ts';

/**
 * Appends an entry: the first free number above the live mark, create-only. An unknown answer is settled with the same
 * number and the same bytes, because a second entry with the same change could undo somebody's in between.
 */

export interface Appending {
  readonly store: Store;
  /** Key prefix: `queue/`. */
  readonly queue: string;
  /** `x-tufa-queue` of the live snapshot. */
  readonly mark: number;
  readonly journal: Journal;
  /** The envelope for a number, signed. */
  seal(number: number): Promise<Uint8Array>;
}

const MAX_NUMBERS = 256;

/**
 * The entry that waits already and says the same: a command that was killed after its put, or is typed twice, adds none.
 *
 * @returns its number; undefined when there is none, or a later one changes one of its paths again
 */
export function waitingNumber(
  waiting: readonly Waiting[],
  wanted: Pick<Entry, 'uploader' | 'kind' | 'changes' | 'after'>,
): number | undefined {
  const later = new Set<string>();
  for (const one of waiting.toReversed()) {
    if (!('entry' in one)) continue;
    const { uploader, kind, changes, after } = one.entry;
    const same = isDeepStrictEqual({ uploader, kind, changes, after }, wanted);
    if (same && !changes.some(({ path }) => later.has(path))) return one.number;
    for (const { path } of changes) later.add(path);
  }
  return undefined;
}

/** @returns the number under which the entry stands */
export async function append(appending: Appending, planned: JournalEntry): Promise<number> {
  const { store, queue, mark, journal } = appending;
  let sealed = planned.sealed;
  for (let tried = 0; tried < MAX_NUMBERS; tried++) {
    if (sealed === undefined) {
      const number = await firstFree(store, queue, mark);
      sealed = { number, bytes: await appending.seal(number) };
      // If we crash after this, the command run again sends these very bytes under this very number.
      await journal.save({ ...planned, sealed });
    }
    const key = queueKey(sealed.number, queue);
    // At or below the mark nothing is put any more: ours was folded, or another entry was and ours goes on.
    if (await (sealed.number > mark ? settle : isThere)(store, key, sealed.bytes)) {
      await journal.finish(planned.intent);
      return sealed.number;
    }
    sealed = undefined;
  }
  throw new ConflictError('no free number in the queue', {
    object: queueKey(mark + 1, queue),
    expected: `one of ${MAX_NUMBERS}`,
    found: 'all taken meanwhile',
    hint: 'run the command again',
  });
}

/** Whether these bytes stand under this key; false: other bytes do. */
async function settle(store: Store, key: string, bytes: Uint8Array): Promise<boolean> {
  for (let look = 0; look < 5; look++) {
    try {
      if ((await store.create(key, bytes)) === 'created') return true;
      const there = await isThere(store, key, bytes);
      if (there !== undefined) return there;
    } catch (error) {
      if (!(error instanceof UnknownAnswer) || look === 4) throw error;
    }
  }
  throw new ConflictError('neither free nor taken', {
    object: key,
    hint: 'run the command again: it sends the same entry',
  });
}

/** undefined: nothing is. */
async function isThere(store: Store, key: string, bytes: Uint8Array): Promise<boolean | undefined> {
  try {
    const object = await store.get(key, { maxLength: MAX_ENTRY });
    return object && Buffer.compare(object.bytes, bytes) === 0;
  } catch (error) {
    if (isTooLong(error)) return false;
    throw error;
  }
}

/** Holes are filled first: what is behind a hole waits for it. */
async function firstFree(store: Store, queue: string, mark: number): Promise<number> {
  let free = mark + 1;
  for await (const { key } of store.list(queue, { after: queueKey(mark, queue) })) {
    const number = parseQueueKey(key, queue);
    if (number === undefined) continue;
    if (number > free) break;
    free = number + 1;
  }
  return free;
}
