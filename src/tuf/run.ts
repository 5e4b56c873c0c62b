import { InputError } from '../errors.ts';
import type { Encodable } from './encode.ts';
import { canonicalText } from './encode.ts';
import type { Run } from './model.ts';
import type { Positions } from './positions.ts';
import { compareRanges, NotCanonical, scanRun } from './scan.ts';
import { type KnownRun, sharedLength } from './shared.ts';

/**
 * A run is the inside of a large JSON object (the targets of a bin, the roles of a snapshot) as canonical bytes:
 * `"a":{...},"b":{...}`, sorted by key. Looking up, adding and removing entries works on these bytes, so the cost of a
 * change is a copy and memory holds no object per entry (design: "Data at PyPI's size"). A run never changes in place.
 *
 * Bytes from outside go through `scanFields` or `checkRun` once; the other functions rely on their form.
 */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;

/** Checks that `run` is a run. @throws NotCanonical */
export function checkRun(run: Run): void {
  scanRun(run);
}

/** Where the entries of a run begin: one number each, not one object. */
interface Index {
  readonly starts: Uint32Array;
  /** Whether the order of the keys' bytes is theirs: foreign keys may have escapes, and stand where their characters belong. */
  readonly sorted: boolean;
  /** Whether the strict reader has read it. */
  readonly strict: boolean;
}

const indexes = new WeakMap<Run, Index>();

/**
 * Remembers where the entries of a run begin, which the strict reader has seen.
 * @param positions in the bytes that it has read, in which the run begins at `offset`
 */
export function rememberStarts(run: Run, positions: Positions, offset: number): void {
  indexes.set(run, { starts: positions.from(offset), sorted: true, strict: true });
}

/** A run whose bytes the strict reader has seen before, and where their entries begin. */
export function recallStarts(run: Run, starts: Uint32Array): Run {
  indexes.set(run, { starts, sorted: true, strict: true });
  return run;
}

/** For the strict reader: a run that it has read; undefined for one that was encoded or spliced. */
export function knownRun(run: Run): KnownRun | undefined {
  const index = indexes.get(run);
  return index?.strict ? { run, starts: index.starts } : undefined;
}

/** Made when it is needed first, by one walk. */
function indexOf(run: Run): Index {
  const known = indexes.get(run);
  if (known !== undefined) return known;
  const starts: number[] = [];
  let sorted = true;
  const at = new Cursor(run);
  while (at.next()) {
    starts.push(at.keyStart - 1);
    if (sorted && at.key().includes(BACKSLASH)) sorted = false;
  }
  const index = { starts: Uint32Array.from(starts), sorted, strict: false };
  indexes.set(run, index);
  return index;
}

/** The first entry from `from` on whose key is not below `wanted`, by its number; the number of entries: there is none. */
function seek(run: Run, { starts, sorted }: Index, wanted: Uint8Array, from: number): number {
  if (!sorted) {
    for (let i = from; i < starts.length; i++) if (compareAt(run, starts[i]!, wanted) >= 0) return i;
    return starts.length;
  }
  let low = from;
  let high = starts.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareAt(run, starts[middle]!, wanted) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The key of the entry that begins at `start` against `wanted`. */
function compareAt(run: Run, start: number, wanted: Uint8Array): number {
  return compareRanges(run, start + 1, skipString(run, start) - 1, wanted, 0, wanted.length);
}

/** Walks a run entry by entry, as ranges of its bytes. `next()` is false past the last entry. */
export class Cursor {
  readonly run: Run;
  /** The key without its quotes. */
  keyStart = 0;
  keyEnd = 0;
  valueStart = 0;
  valueEnd = -1;

  constructor(run: Run) {
    this.run = run;
  }

  next(): boolean {
    const start = this.valueEnd + 1;
    if (start >= this.run.length) return false;
    this.keyStart = start + 1;
    this.keyEnd = skipString(this.run, start) - 1;
    this.valueStart = this.keyEnd + 2;
    this.valueEnd = skipValue(this.run, this.valueStart);
    return true;
  }

  /** As Buffer.compare: the current key against `key`. */
  compare(key: Uint8Array): number {
    return compareRanges(this.run, this.keyStart, this.keyEnd, key, 0, key.length);
  }

  /** The current key against another cursor's, without an object for either. */
  compareKey(other: Cursor): number {
    return compareRanges(this.run, this.keyStart, this.keyEnd, other.run, other.keyStart, other.keyEnd);
  }

  /** Whether both values are the same bytes. */
  sameValue(other: Cursor): boolean {
    return compareRanges(this.run, this.valueStart, this.valueEnd, other.run, other.valueStart, other.valueEnd) === 0;
  }

  /** Goes back or forward: the next entry is the one that begins at `start`. */
  seek(start: number): void {
    this.valueEnd = start - 1;
  }

  key(): Uint8Array {
    return this.run.subarray(this.keyStart, this.keyEnd);
  }

  value(): Uint8Array {
    return this.run.subarray(this.valueStart, this.valueEnd);
  }
}

/** Keys in order. One string each: for listings and walks over a bin, not for the snapshot of a large index. */
export function* keysOf(run: Run): Generator<string> {
  const at = new Cursor(run);
  while (at.next()) yield unescaped(Buffer.from(at.key()).toString('utf8'));
}

/** The value of `key` as canonical bytes; undefined when the run lacks it. */
export function lookup(run: Run, key: string): Uint8Array | undefined {
  // Foreign names may need an escape, or be no ASCII; the run has them in canonical form.
  const wanted = Buffer.from(key.replace(/["\\]/g, '\\$&'), 'utf8');
  const index = indexOf(run);
  for (let i = seek(run, index, wanted, 0); i < index.starts.length; i++) {
    const start = index.starts[i]!;
    if (compareAt(run, start, wanted) === 0) return run.subarray(skipString(run, start) + 1, endOf(run, index, i));
    // A key with an escape may stand before the one that is looked for, though its bytes are above it.
    if (index.sorted) return undefined;
  }
  return undefined;
}

/** Position behind entry `i`. */
function endOf(run: Run, { starts }: Index, i: number): number {
  return i + 1 < starts.length ? starts[i + 1]! - 1 : run.length;
}

/** A change of a run: the new value, or undefined to remove the entry. */
export type Edits = ReadonlyMap<string, Encodable | undefined>;

/** The run with `edits` applied; what lies between them is copied as it is. Removing what is absent changes nothing. */
export function splice(run: Run, edits: Edits): Run {
  return Buffer.concat(spliceParts(run, edits));
}

/** The same in pieces, slices of the run and new entries with commas between them, for whoever puts more around it. */
export function spliceParts(run: Run, edits: Edits): Uint8Array[] {
  const parts: Uint8Array[] = [];
  const index = indexOf(run);
  const { starts } = index;
  let kept = 0;
  const keep = (until: number): void => {
    if (until > kept) parts.push(run.subarray(starts[kept]!, endOf(run, index, until - 1)));
  };
  for (const [key, value] of [...edits].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const wanted = keyBytes(key);
    const at = seek(run, index, wanted, kept);
    keep(at);
    kept = at < starts.length && compareAt(run, starts[at]!, wanted) === 0 ? at + 1 : at;
    if (value !== undefined) parts.push(entry(key, value));
  }
  keep(starts.length);
  return withCommas(parts);
}

/**
 * Moves both cursors over the entries that follow in both, byte for byte: two snapshots have nearly all in common. Each
 * cursor is before an entry.
 */
export function skipShared(a: Cursor, b: Cursor): void {
  const [from, other] = [a.valueEnd + 1, b.valueEnd + 1];
  const same = sharedLength(a.run, from, b.run, other);
  const { starts } = indexOf(a.run);
  // The last entry that begins within what is the same: all before it are the same, with the comma behind them.
  let low = 0;
  let high = starts.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (starts[middle]! <= from + same) low = middle + 1;
    else high = middle;
  }
  const start = low === 0 ? from : starts[low - 1]!;
  if (start <= from) return;
  a.seek(start);
  b.seek(other + start - from);
}

/** Fragments that are in order already, joined by commas. */
export function join(parts: readonly Uint8Array[]): Run {
  return Buffer.concat(withCommas(parts));
}

function withCommas(parts: readonly Uint8Array[]): Uint8Array[] {
  const comma = Buffer.from(',');
  return parts.flatMap((part, i) => (i === 0 ? [part] : [comma, part]));
}

/** One entry as it stands in a run: `"key":value`. */
export function entry(key: string, value: Encodable): Buffer {
  return Buffer.from(`"${key}":${canonicalText(value)}`, 'utf8');
}

/** Number of entries. */
export function count(run: Run): number {
  return indexOf(run).starts.length;
}

/** Keys of our own runs need no escape: role names and target paths are printable ASCII without `"` and `\`. */
function keyBytes(key: string): Buffer {
  if (!/^[\x20\x21\x23-\x5b\x5d-\x7e]+$/.test(key)) {
    throw new InputError('not a name that needs no escape', { object: JSON.stringify(key), code: 'input.name' });
  }
  return Buffer.from(key, 'latin1');
}

function skipString(bytes: Uint8Array, at: number): number {
  let pos = at + 1;
  for (;;) {
    const c = bytes[pos];
    if (c === QUOTE) return pos + 1;
    if (c === undefined) throw new NotCanonical(pos);
    pos += c === BACKSLASH ? 2 : 1;
  }
}

function skipValue(bytes: Uint8Array, at: number): number {
  let pos = at;
  let depth = 0;
  for (;;) {
    const c = bytes[pos];
    if (c === undefined) {
      if (depth === 0) return pos;
      throw new NotCanonical(pos);
    }
    if (c === QUOTE) {
      pos = skipString(bytes, pos);
      continue;
    }
    if (c === OPEN_BRACE || c === OPEN_BRACKET) depth++;
    else if (c === CLOSE_BRACE || c === CLOSE_BRACKET) depth--;
    else if (c === COMMA && depth === 0) return pos;
    pos++;
  }
}

function unescaped(text: string): string {
  return text.includes('\\') ? text.replace(/\\(.)/g, '$1') : text;
}
