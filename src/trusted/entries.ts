import type { Run, Snapshot, Verified } from '../tuf/model.ts';
import { knownRun, recallStarts } from '../tuf/run.ts';

/**
 * A note of where the entries of a kept snapshot begin: the strict reader has found them when it came, and the next job
 * need not look for them again in half a megabyte. It lies beside the snapshot, in the place that is trusted; the state
 * names the digests of both, so that it counts for these bytes alone. Without it they are read like any others.
 */

/** Below it the reader is as quick as the note. */
const MANY = 1000;
/** Where the entries begin and how long they are together, in bytes; then each, from there. */
const HEAD = 2;
const QUOTE = 0x22;
const COMMA = 0x2c;

/** Not when there are few, or the snapshot is not in our own form. */
export function isNoted({ bytes, signed: { meta } }: Verified<Snapshot>): boolean {
  return meta.buffer === bytes.buffer && (knownRun(meta)?.starts.length ?? 0) >= MANY;
}

/** Of a snapshot that `isNoted`. */
export function noteEntries({ bytes, signed: { meta } }: Verified<Snapshot>): Buffer {
  const { starts } = knownRun(meta)!;
  const note = new Uint32Array(HEAD + starts.length);
  note.set([meta.byteOffset - bytes.byteOffset, meta.length]);
  note.set(starts, HEAD);
  return Buffer.from(note.buffer);
}

/** @param note as `noteEntries` has made it of the same bytes, whose digests the caller has compared */
export function recallEntries(bytes: Uint8Array, note: Uint8Array): Run | undefined {
  const numbers = new Uint32Array(new Uint8Array(note).buffer);
  const [start = 0, length = 0] = numbers;
  const starts = numbers.subarray(HEAD);
  const run = bytes.subarray(start, start + length);
  // Of a machine with the other order of bytes, nothing is where it says.
  if (
    starts.length === 0 ||
    !starts.every((at, i) => run[at] === QUOTE && (i === 0 ? at === 0 : run[at - 1] === COMMA))
  )
    return undefined;
  return recallStarts(run, starts);
}
