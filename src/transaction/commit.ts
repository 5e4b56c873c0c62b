import { UnknownOutcomeError } from '../errors.ts';
import type { StoredObject } from '../stores/port.ts';
import { UnknownAnswer } from '../stores/port.ts';
import { recordKey, TIMESTAMP_KEY } from '../tuf/layout.ts';
import { MAX_LENGTH } from '../tuf/walk.ts';
import type { Context } from './context.ts';
import type { Outcome, OutcomeView } from './outcome.ts';
import { outcome } from './outcome.ts';

/** How often an unknown answer is looked at, and the same bytes sent again, before a person has to. */
const LOOKS = 5;

/**
 * commit: the swap of timestamp.json, which makes everything visible at once. If we crash before it, nothing happened; if
 * we crash after it, the change is live and the next job writes our record.
 * @throws UnknownOutcomeError (exit 9) when it cannot be found out; the swap may still land
 */
export async function commit(
  context: Context,
  version: number,
  bytes: Uint8Array,
  etag: string | undefined,
): Promise<'committed' | 'lost'> {
  for (let look = 0; look < LOOKS; look++) {
    if (look > 0) await context.sleep(100 * 2 ** look);
    const answer = await swap(context, bytes, etag);
    const verdict = answer === 'committed' ? 'committed' : await lookAgain(context, version, bytes, etag, answer);
    if (verdict === 'committed' || verdict === 'lost') return verdict;
  }
  throw new UnknownOutcomeError(`timestamp ${version} may or may not be live`, {
    object: context.store.uri,
    hint: 'type `tufa status`, then run the command again: it finishes what is unfinished and repeats nothing',
  });
}

async function swap({ store }: Context, bytes: Uint8Array, etag: string | undefined): Promise<OutcomeView['answer']> {
  try {
    return (await store.swap(TIMESTAMP_KEY, bytes, etag)) === 'moved' ? 'moved' : 'committed';
  } catch (error) {
    if (error instanceof UnknownAnswer) return 'unknown';
    throw error;
  }
}

async function lookAgain(
  { store }: Context,
  version: number,
  bytes: Uint8Array,
  etag: string | undefined,
  answer: OutcomeView['answer'],
): Promise<Outcome> {
  const live = await tryToRead(() => store.get(TIMESTAMP_KEY, { maxLength: MAX_LENGTH.timestamp }));
  // Read after the live timestamp: a record is older than whatever has replaced the timestamp that it records.
  const record = await tryToRead(() => store.get(recordKey(version), { maxLength: MAX_LENGTH.timestamp }));
  return outcome({
    answer,
    liveIsOurs: live === 'unread' ? undefined : same(live, bytes),
    etagUnchanged: live === 'unread' ? undefined : live?.etag === etag,
    record: record === 'unread' ? 'unread' : record === undefined ? 'absent' : same(record, bytes) ? 'ours' : 'other',
  });
}

function same(object: StoredObject | undefined, bytes: Uint8Array): boolean {
  return object !== undefined && Buffer.compare(object.bytes, bytes) === 0;
}

async function tryToRead(get: () => Promise<StoredObject | undefined>): Promise<StoredObject | undefined | 'unread'> {
  try {
    return await get();
  } catch {
    // That it could not be read is an answer here: the outcome is unknown.
    return 'unread';
  }
}
