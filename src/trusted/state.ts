import { ConflictError, InputError, TrustError } from '../errors.ts';
import type { Store, StoredObject } from '../stores/port.ts';
import type { Trusted } from '../tuf/checks.ts';
import { afterRootChange, newSnapshot, newTimestamp, trustRoot } from '../tuf/checks.ts';
import { sha256Hex } from '../tuf/digest.ts';
import { canonical } from '../tuf/encode.ts';
import { Evidence } from '../tuf/evidence.ts';
import { map, natural, positive, sha256, text } from '../tuf/fields.ts';
import { parseJson } from '../tuf/json.ts';
import type { JsonMap, Root, Snapshot, Timestamp, Verified } from '../tuf/model.ts';
import { isNoted, noteEntries, recallEntries } from './entries.ts';

/**
 * Trusted state: what a TUF client keeps (newest root, timestamp, snapshot, as verified bytes), used alike by publisher,
 * signer, installer and monitor. It lives outside of the store that is published, because it is what a rolled back store
 * is compared with. Made by `trust add` or by the ceremony of root 1, never by publishing.
 */

const STATE = 'state.json';
/** Bytes: a root, a timestamp and what names the snapshot, as text inside JSON. */
const MAX_STATE = 4 * 1024 * 1024;
const MAX_SNAPSHOT = 256 * 1024 * 1024;
const MAX_ENTRIES = 64 * 1024 * 1024;

export interface Kept extends Trusted {
  /** Of the state object; what `advance` swaps on. */
  readonly etag: string;
}

export class TrustedState {
  private readonly store: Store;

  constructor(store: Store) {
    this.store = store;
  }

  get uri(): string {
    return this.store.uri;
  }

  /** undefined: there is none. What does not verify any more is an error: this place is the one that is trusted. */
  async load(evidence = new Evidence()): Promise<Kept | undefined> {
    let object = await this.read();
    while (object !== undefined) {
      try {
        return await this.decode(object, evidence);
      } catch (cause) {
        // A disk that cannot be read says nothing about what is on it.
        if (!(cause instanceof TrustError || cause instanceof InputError)) throw cause;
        const now = await this.read();
        if (now === undefined || now.etag === object.etag) throw this.damaged(cause);
        // Between our two reads, somebody has moved the state and taken away the snapshot that the old one named.
        object = now;
      }
    }
    return undefined;
  }

  private read(): Promise<StoredObject | undefined> {
    return this.store.get(STATE, { maxLength: MAX_STATE });
  }

  private async decode({ bytes, etag }: StoredObject, evidence: Evidence): Promise<Kept> {
    const state = map(parseJson(bytes, { what: STATE }), STATE);
    const root = trustRoot(Buffer.from(text(state.get('root'), 'root')));
    const timestamp = state.has('timestamp')
      ? keptTimestamp(root, text(state.get('timestamp'), 'timestamp'), evidence)
      : undefined;
    const snapshot =
      timestamp && state.has('snapshot')
        ? await this.keptSnapshot(root, timestamp, map(state.get('snapshot'), 'snapshot'), evidence)
        : undefined;
    return { root, timestamp, snapshot, etag };
  }

  private damaged(cause: Error): TrustError {
    return new TrustError('the trusted state is damaged', {
      object: this.uri,
      code: 'trust.state',
      expected: 'a root, a timestamp and a snapshot that verify',
      found: cause.message,
      hint: 'restore it from a backup, or start again with `tufa trust add URL --root-sha256 DIGEST`',
      cause,
    });
  }

  /** As `load`, for whoever cannot go on without it. */
  async require(evidence = new Evidence()): Promise<Kept> {
    const kept = await this.load(evidence);
    if (kept !== undefined) return kept;
    throw new TrustError('there is no trusted state', {
      object: this.uri,
      code: 'trust.no-state',
      expected: 'the state made by the ceremony of root 1 or by `trust add`',
      found: 'nothing',
      hint: 'complete the ceremony with `tufa sign`, or type `tufa trust add URL --root-sha256 DIGEST`',
    });
  }

  /** Starts to trust a root that a person has vouched for. An existing state is never replaced. */
  async begin(root: Verified<Root>): Promise<void> {
    if (
      (await this.store.swap(
        STATE,
        encode({ root, timestamp: undefined, snapshot: undefined }, undefined, new Evidence()),
        undefined,
      )) !== 'moved'
    )
      return;
    const kept = await this.require();
    if (Buffer.compare(kept.root.signedBytes, root.signedBytes) === 0 || kept.root.signed.version > root.signed.version)
      return;
    throw new ConflictError('a trusted state is there already', {
      object: this.uri,
      expected: `root ${sha256Hex(root.bytes)}`,
      found: `root ${sha256Hex(kept.root.bytes)}`,
    });
  }

  /**
   * Moves the state forward, by swap and never to a lower version: when somebody else moved it further, theirs stays.
   * The snapshot is put first, so a crash between the two leaves a file that nothing names.
   */
  async advance(kept: Kept, next: Trusted, evidence = new Evidence()): Promise<void> {
    let current = kept;
    const note = next.snapshot && isNoted(next.snapshot) ? noteEntries(next.snapshot) : undefined;
    for (let attempt = 0; attempt < 16; attempt++) {
      if (!isForward(current, next)) {
        // Somebody was first with a later state: the snapshot that we have put is named by nobody, now or later.
        if (attempt > 0) await this.forget(next, current, evidence);
        return;
      }
      if (next.snapshot !== undefined) {
        const key = snapshotKey(next.snapshot, evidence);
        if (note !== undefined) await this.store.create(entriesOf(key), note);
        await this.store.create(key, next.snapshot.bytes);
      }
      const answer = await this.store.swap(STATE, encode(next, note, evidence), current.etag);
      if (answer !== 'moved') {
        await this.forget(current, next, evidence);
        return;
      }
      current = await this.require();
    }
    throw new ConflictError('the trusted state keeps moving', { object: this.uri, hint: 'run the command again' });
  }

  /** A refresh of the timestamp alone names the same snapshot again. */
  private async forget(old: Trusted, live: Trusted, evidence: Evidence): Promise<void> {
    const [gone, named] = [old.snapshot, live.snapshot].map((file) => file && snapshotKey(file, evidence));
    if (gone === undefined || gone === named) return;
    await this.store.remove(gone);
    if (isNoted(old.snapshot!)) await this.store.remove(entriesOf(gone));
  }

  private async keptSnapshot(
    root: Verified<Root>,
    timestamp: Verified<Timestamp>,
    state: JsonMap,
    evidence: Evidence,
  ): Promise<Verified<Snapshot> | undefined> {
    const named = {
      version: positive(state.get('version'), 'version'),
      sha256: sha256(state.get('sha256'), 'sha256'),
      length: natural(state.get('length'), 'length'),
    };
    const key = snapshotFile(named.version, named.sha256);
    const [object, note] = await Promise.all([
      this.store.get(key, { maxLength: MAX_SNAPSHOT }),
      state.has('entries') ? this.store.get(entriesOf(key), { maxLength: MAX_ENTRIES }) : undefined,
    ]);
    // Losing the file costs a comparison with the snapshot before, so it is an error like a damaged state.
    if (object === undefined)
      throw new TrustError('not there', {
        object: key,
        expected: 'the kept snapshot',
        found: 'nothing',
      });
    // The digest of the snapshot is compared below, before anything is read.
    if (note !== undefined && sha256Hex(note.bytes) === sha256(state.get('entries'), 'entries')) {
      const entries = recallEntries(object.bytes, note.bytes);
      if (entries !== undefined) evidence.expect('snapshot.json', entries);
    }
    return newSnapshot(root, timestamp, undefined, object.bytes, undefined, evidence);
  }
}

function keptTimestamp(root: Verified<Root>, bytes: string, evidence: Evidence): Verified<Timestamp> | undefined {
  return newTimestamp({ root, timestamp: undefined, snapshot: undefined }, Buffer.from(bytes), undefined, evidence);
}

/** Never to a lower root or timestamp; the same versions are no step forward. */
function isForward(kept: Trusted, next: Trusted): boolean {
  const [oldRoot, newRoot] = [kept.root.signed.version, next.root.signed.version];
  if (newRoot !== oldRoot) return newRoot > oldRoot;
  return (next.timestamp?.signed.version ?? 0) > (kept.timestamp?.signed.version ?? 0);
}

function encode(state: Trusted, note: Uint8Array | undefined, evidence: Evidence): Buffer {
  // A timestamp that the new root does not verify is dropped here, as a client drops it (5.3.11).
  const { root, timestamp, snapshot } = afterRootChange(state, evidence);
  return canonical({
    root: Buffer.from(root.bytes).toString('utf8'),
    timestamp: timestamp && Buffer.from(timestamp.bytes).toString('utf8'),
    snapshot: timestamp &&
      snapshot && {
        entries: note && sha256Hex(note),
        length: snapshot.bytes.length,
        sha256: evidence.sha256(snapshot.bytes),
        version: snapshot.signed.version,
      },
  });
}

function snapshotKey(snapshot: Verified<Snapshot>, evidence: Evidence): string {
  return snapshotFile(snapshot.signed.version, evidence.sha256(snapshot.bytes));
}

function entriesOf(snapshotKey: string): string {
  return `${snapshotKey}-entries`;
}

function snapshotFile(version: number, digest: string): string {
  return `${version}-${digest}.snapshot`;
}
