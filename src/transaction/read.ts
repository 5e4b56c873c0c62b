import { ConfigurationError, InputError, TrustError } from '../errors.ts';
import type { Waiting } from '../queue/drain.ts';
import { MAX_ENTRY, openEntry } from '../queue/envelope.ts';
import { isRoleEntry, openRoleEntry } from '../queue/role-entry.ts';
import { isTooLong } from '../stores/body.ts';
import type { Store } from '../stores/port.ts';
import type { Kept } from '../trusted/state.ts';
import type { Trusted } from '../tuf/checks.ts';
import { afterRootChange, newSnapshot, newTimestamp, nextRoot, trustRoot } from '../tuf/checks.ts';
import { formatDate } from '../tuf/encode.ts';
import { Evidence } from '../tuf/evidence.ts';
import { parseJson } from '../tuf/json.ts';
import { metadataKey, metadataName, parseQueueKey, queueKey, rootKey, TIMESTAMP_KEY } from '../tuf/layout.ts';
import type { Root, Snapshot, Timestamp, Verified } from '../tuf/model.ts';
import { MAX_LENGTH } from '../tuf/walk.ts';
import type { PendingRoot } from './bridge.ts';
import type { Context } from './context.ts';
import { fetchPending, verifyPending } from './pending.ts';

/**
 * read: the live state, all of it verified, and compared with the trusted state. Storage is not trusted: it may be rolled
 * back, mixed, or show one job what it hides from another.
 */

export interface Live {
  readonly kept: Kept;
  /** From one below the newest root at least, where there is one; ascending, the newest last. */
  readonly chain: readonly Verified<Root>[];
  /** undefined before the first publication. */
  readonly timestamp: Verified<Timestamp> | undefined;
  /** Of `timestamp.json`; undefined when it does not exist. */
  readonly etag: string | undefined;
  readonly snapshot: Verified<Snapshot> | undefined;
  /** The root by whose keys the timestamp verifies: the newest one, but for a root that came without its bridge. */
  readonly verifiedBy: Verified<Root> | undefined;
  readonly pending: readonly PendingRoot[];
  readonly waiting: readonly Waiting[];
  /** What this attempt knows of the bytes that it has read. */
  readonly evidence: Evidence;
}

/** Entries that one transaction folds at most; the next one folds the rest. */
const MAX_WAITING = 1000;
/** Milliseconds that this clock may be behind the newest timestamp. */
const MAX_CLOCK_BEHIND = 60_000;

export async function read(context: Context): Promise<Live> {
  const { store, trusted, settings } = context;
  const evidence = new Evidence();
  const kept = await trusted.require(evidence);
  const known = kept.snapshot?.signed.queue ?? 0;
  const [object, chain, pendingFiles, early] = await Promise.all([
    store.get(TIMESTAMP_KEY, { maxLength: MAX_LENGTH.timestamp }),
    readChain(store, kept.root),
    fetchPending(context, kept.root.signed.version),
    readQueue(context, known),
  ]);
  if (object === undefined) {
    if (kept.timestamp !== undefined)
      throw rolledBack(`version ${kept.timestamp.signed.version} or more, as seen before`, 'no timestamp.json');
    return {
      kept,
      chain,
      timestamp: undefined,
      etag: undefined,
      snapshot: undefined,
      verifiedBy: undefined,
      pending: [],
      waiting: early,
      evidence,
    };
  }
  const live = await verifyLive(store, kept, chain, object.bytes, evidence);
  assertClock(live.timestamp, context.clock());
  const pending = verifyPending(context, live.chain.at(-1)!, pendingFiles);
  const mark = live.snapshot.signed.queue ?? 0;
  // Listed from the mark that this job knew; where others have folded more since, from theirs.
  const waiting = mark === known ? early : await readQueue(context, mark);
  if (live.timestamp.signed.repository !== undefined && live.timestamp.signed.repository !== settings.repository) {
    throw new ConfigurationError('tufa.yaml is of another repository', {
      object: store.uri,
      expected: settings.repository,
      found: live.timestamp.signed.repository,
    });
  }
  return { kept, ...live, etag: object.etag, pending, waiting, evidence };
}

type Verification = Required<Pick<Live, 'chain'>> & {
  timestamp: Verified<Timestamp>;
  snapshot: Verified<Snapshot>;
  verifiedBy: Verified<Root>;
};

/**
 * What does not verify is an alarm only after the root chain was walked again: between our reads of chain and timestamp
 * the root may have moved (transaction model, E7).
 */
async function verifyLive(
  store: Store,
  kept: Kept,
  chain: readonly Verified<Root>[],
  bytes: Uint8Array,
  evidence: Evidence,
): Promise<Verification> {
  try {
    return await verifyWith(store, kept, chain, bytes, evidence);
  } catch (error) {
    if (!(error instanceof TrustError)) throw error;
    const again = await readChain(store, kept.root);
    if (again.length > chain.length) return verifyWith(store, kept, again, bytes, evidence);
    throw error;
  }
}

async function verifyWith(
  store: Store,
  kept: Kept,
  chain: readonly Verified<Root>[],
  bytes: Uint8Array,
  evidence: Evidence,
): Promise<Verification> {
  let first: unknown;
  // The chain outranks the timestamp: one that verifies by an older root of the chain is due, not forged. But where the
  // trusted root's keys have signed a timestamp, whoever signs without them has keys that were replaced.
  const oldest = kept.timestamp === undefined ? 0 : kept.root.signed.version;
  for (const root of chain.filter(({ signed }) => signed.version >= oldest).reverse()) {
    try {
      const before: Trusted = root === kept.root ? kept : afterRootChange({ ...kept, root }, evidence);
      const timestamp = newTimestamp(before, bytes, undefined, evidence);
      const snapshot = await readSnapshot(store, root, timestamp, before.snapshot, evidence);
      return { chain, timestamp, snapshot, verifiedBy: root };
    } catch (error) {
      if (!(error instanceof TrustError)) throw error;
      if (error.code !== 'trust.threshold') throw asRollback(error);
      first ??= error;
    }
  }
  throw first;
}

async function readSnapshot(
  store: Store,
  root: Verified<Root>,
  timestamp: Verified<Timestamp>,
  old: Verified<Snapshot> | undefined,
  evidence: Evidence,
): Promise<Verified<Snapshot>> {
  const meta = timestamp.signed.snapshot;
  const unchanged =
    old !== undefined && old.signed.version === meta.version && evidence.sha256(old.bytes) === meta.sha256;
  const key = metadataKey('snapshot', meta.version);
  const bytes = unchanged
    ? old.bytes
    : (await store.get(key, { maxLength: meta.length ?? MAX_LENGTH.snapshot }))?.bytes;
  if (bytes === undefined)
    throw new TrustError('not there', {
      object: key,
      expected: 'the snapshot that timestamp.json names',
      found: 'nothing',
      check: '5.5.1',
    });
  return newSnapshot(root, timestamp, old, bytes, undefined, evidence);
}

/** Roots from one below `from` (whose keys still sign during the grace) to the newest. */
export async function readChain(store: Store, from: Verified<Root>): Promise<Verified<Root>[]> {
  const chain = [from];
  const below = from.signed.version - 1;
  if (below >= 1) {
    const object = await store.get(rootKey(below), { maxLength: MAX_LENGTH.root });
    if (object !== undefined) chain.unshift(predecessor(object.bytes, from));
  }
  for (;;) {
    const newest = chain.at(-1)!;
    const object = await store.get(rootKey(newest.signed.version + 1), { maxLength: MAX_LENGTH.root });
    if (object === undefined) return chain;
    chain.push(nextRoot(newest, object.bytes));
  }
}

/** Root N-1, trusted backwards: complete by itself, and a threshold of its keys has signed root N. */
function predecessor(bytes: Uint8Array, root: Verified<Root>): Verified<Root> {
  const before = trustRoot(bytes, metadataName('root', root.signed.version - 1));
  nextRoot(before, root.bytes);
  return before;
}

/** What waits above a mark, without a hole. */
export async function readQueue(context: Context, mark: number): Promise<Waiting[]> {
  const { store, settings } = context;
  const numbers: number[] = [];
  for await (const { key } of store.list(settings.queue, { after: queueKey(mark, settings.queue) })) {
    const number = parseQueueKey(key, settings.queue);
    if (number === undefined) continue;
    // A drain stops at the first hole: what is behind it waits until the hole is filled.
    if (number !== mark + 1 + numbers.length || numbers.length === MAX_WAITING) break;
    numbers.push(number);
  }
  return Promise.all(numbers.map((number) => readEntry(context, number)));
}

async function readEntry({ store, settings }: Context, number: number): Promise<Waiting> {
  try {
    const object = await store.get(queueKey(number, settings.queue), { maxLength: MAX_ENTRY });
    if (object === undefined) return { number, refused: 'it was listed and is not there' };
    const value = parseJson(object.bytes, { what: `queue entry ${number}`, maxLength: MAX_ENTRY });
    if (isRoleEntry(value)) return { number, role: openRoleEntry(value, number) };
    return { number, entry: openEntry(value, number, settings.repository, settings.uploaders) };
  } catch (error) {
    if (error instanceof InputError || error instanceof TrustError || isTooLong(error))
      return { number, refused: error.message };
    throw error;
  }
}

/** Statement 34: a clock in the past would sign what expires too early, and break the order of `x-tufa-made`. */
function assertClock(timestamp: Verified<Timestamp>, now: Date): void {
  const made = timestamp.signed.made;
  if (made === undefined || now.getTime() >= made.getTime() - MAX_CLOCK_BEHIND) return;
  throw new ConfigurationError('this clock is behind', {
    code: 'configuration.clock',
    expected: `a time after ${formatDate(made)}, when timestamp ${timestamp.signed.version} was made`,
    found: formatDate(now),
    hint: 'set the clock, then run the command again',
  });
}

function rolledBack(expected: string, found: string): TrustError {
  return new TrustError('the storage is older than the trusted state', {
    object: TIMESTAMP_KEY,
    code: 'trust.rollback',
    check: '5.4.3.1',
    expected,
    found,
    hint: 'if the storage was restored from a backup, type `tufa restore`; nothing was signed',
  });
}

function asRollback(error: TrustError): TrustError {
  if (error.code !== 'trust.rollback') return error;
  return rolledBack(error.details.expected ?? '', error.details.found ?? '');
}

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}
