import { InputError } from '../errors.ts';
import type { Encodable } from './encode.ts';
import { canonicalText } from './encode.ts';
import type { Run } from './model.ts';

/**
 * A run is the inside of a large JSON object (the targets of a bin, the roles of a snapshot) as canonical bytes:
 * `"a":{...},"b":{...}`, sorted by key. Looking up, adding and removing entries works on these bytes, so the cost of a
 * change is a copy and memory holds no object per entry (design: "Data at PyPI's size").
 *
 * Bytes from outside go through `scanObject` or `checkRun` once; the other functions rely on their form.
 */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const UNDERSCORE = 0x5f;
const COLON = 0x3a;
const MINUS = 0x2d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const ZERO = 0x30;
const NINE = 0x39;
const MAX_DEPTH = 32;
/** What ends the fast part of a string: quote, backslash, control characters, everything beyond ASCII. */
const SPECIAL = new Uint8Array(256);
for (let c = 0; c < 256; c++) SPECIAL[c] = c < 0x20 || c > 0x7e || c === QUOTE || c === BACKSLASH ? 1 : 0;

/** Refused by `parseJson` too: the slow way says why. */
const PROTO = Buffer.from('"__proto__"');

/** Position where `bytes` stops to be canonical JSON of printable ASCII. */
export class NotCanonical extends Error {
  readonly at: number;
  constructor(at: number) {
    super(`not canonical at byte ${at}`);
    this.at = at;
  }
}

/**
 * Reads one canonical value of printable ASCII strictly: sorted and unique keys, no space, no escapes but `\"` and `\\`,
 * integers of at most 16 digits.
 * @returns the position after it
 * @throws NotCanonical
 */
export function scanValue(bytes: Uint8Array, at: number, depth = 0): number {
  const c = bytes[at];
  if (c === QUOTE) return scanString(bytes, at);
  if (c === OPEN_BRACE) return scanObject(bytes, at, depth + 1);
  if (c === OPEN_BRACKET) return scanArray(bytes, at, depth + 1);
  if (c === MINUS || (c !== undefined && c >= ZERO && c <= NINE)) return scanInteger(bytes, at);
  for (const word of WORDS) {
    if (word.every((w, i) => bytes[at + i] === w)) return at + word.length;
  }
  throw new NotCanonical(at);
}

const WORDS = ['true', 'false', 'null'].map((w) => Buffer.from(w));

export function scanObject(bytes: Uint8Array, at: number, depth = 1): number {
  if (bytes[at] !== OPEN_BRACE || depth > MAX_DEPTH) throw new NotCanonical(at);
  const end = bytes[at + 1] === CLOSE_BRACE ? at + 1 : scanMembers(bytes, at + 1, depth);
  if (bytes[end] !== CLOSE_BRACE) throw new NotCanonical(end);
  return end + 1;
}

/** The members of an object from `at` on; returns the position after the last one. */
function scanMembers(bytes: Uint8Array, at: number, depth: number): number {
  let previous = -1;
  let previousEnd = -1;
  let pos = at;
  for (;;) {
    const keyEnd = scanKey(bytes, pos);
    if (bytes[pos + 1] === UNDERSCORE && PROTO.equals(bytes.subarray(pos, keyEnd + 1))) throw new NotCanonical(pos);
    if (previous >= 0 && compareRanges(bytes, previous, previousEnd, bytes, pos, keyEnd) >= 0)
      throw new NotCanonical(pos);
    previous = pos;
    previousEnd = keyEnd;
    if (bytes[keyEnd + 1] !== COLON) throw new NotCanonical(keyEnd + 1);
    pos = scanValue(bytes, keyEnd + 2, depth);
    if (bytes[pos] !== COMMA) return pos;
    pos++;
  }
}

function scanArray(bytes: Uint8Array, at: number, depth: number): number {
  if (depth > MAX_DEPTH) throw new NotCanonical(at);
  let pos = at + 1;
  if (bytes[pos] === CLOSE_BRACKET) return pos + 1;
  for (;;) {
    pos = scanValue(bytes, pos, depth);
    if (bytes[pos] === CLOSE_BRACKET) return pos + 1;
    if (bytes[pos] !== COMMA) throw new NotCanonical(pos);
    pos++;
  }
}

/** A key without escapes, which would sort by another character than they stand for; returns where its last quote is. */
function scanKey(bytes: Uint8Array, at: number): number {
  if (bytes[at] !== QUOTE) throw new NotCanonical(at);
  let pos = at + 1;
  while (SPECIAL[bytes[pos] ?? 0] === 0) pos++;
  if (bytes[pos] !== QUOTE) throw new NotCanonical(pos);
  return pos;
}

function scanString(bytes: Uint8Array, at: number): number {
  if (bytes[at] !== QUOTE) throw new NotCanonical(at);
  let pos = at + 1;
  for (;;) {
    while (SPECIAL[bytes[pos] ?? 0] === 0) pos++;
    const c = bytes[pos];
    if (c === QUOTE) return pos + 1;
    const escaped = bytes[pos + 1];
    if (c !== BACKSLASH || (escaped !== QUOTE && escaped !== BACKSLASH)) throw new NotCanonical(pos);
    pos += 2;
  }
}

function scanInteger(bytes: Uint8Array, at: number): number {
  const start = bytes[at] === MINUS ? at + 1 : at;
  let pos = start;
  while (pos < bytes.length && bytes[pos]! >= ZERO && bytes[pos]! <= NINE) pos++;
  const digits = pos - start;
  const leadingZero = bytes[start] === ZERO && (digits > 1 || start > at);
  if (digits === 0 || digits > 16 || leadingZero) throw new NotCanonical(at);
  if (digits === 16 && !Number.isSafeInteger(Number(latin1(bytes, start, pos)))) throw new NotCanonical(at);
  return pos;
}

/** Checks that `run` is a run. @throws NotCanonical */
export function checkRun(run: Run): void {
  if (run.length === 0) return;
  const end = scanMembers(run, 0, 1);
  if (end !== run.length) throw new NotCanonical(end);
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
  const wanted = keyBytes(key);
  const at = new Cursor(run);
  while (at.next()) {
    const order = at.compare(wanted);
    if (order === 0) return at.value();
    // A foreign key with an escape stands where its character belongs, not where its bytes do.
    if (order > 0 && !at.key().includes(BACKSLASH)) return undefined;
  }
  return undefined;
}

/** A change of a run: the new value, or undefined to remove the entry. */
export type Edits = ReadonlyMap<string, Encodable | undefined>;

/** The run with `edits` applied, in one pass. Removing what is absent changes nothing. */
export function splice(run: Run, edits: Edits): Run {
  const parts: Uint8Array[] = [];
  const at = new Cursor(run);
  let more = at.next();
  let kept = 0;
  for (const [key, value] of [...edits].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const wanted = keyBytes(key);
    while (more && at.compare(wanted) < 0) more = at.next();
    const entryStart = more ? at.keyStart - 1 : run.length + 1;
    if (entryStart - 1 > kept) parts.push(run.subarray(kept, entryStart - 1));
    kept = entryStart;
    if (more && at.compare(wanted) === 0) {
      kept = at.valueEnd + 1;
      more = at.next();
    }
    if (value !== undefined) parts.push(entry(key, value));
  }
  if (kept < run.length) parts.push(run.subarray(kept));
  return join(parts);
}

/** Fragments that are in order already, joined by commas. */
export function join(parts: readonly Uint8Array[]): Run {
  const comma = Buffer.from(',');
  return Buffer.concat(parts.flatMap((part, i) => (i === 0 ? [part] : [comma, part])));
}

/** One entry as it stands in a run: `"key":value`. */
export function entry(key: string, value: Encodable): Buffer {
  return Buffer.from(`"${key}":${canonicalText(value)}`, 'utf8');
}

/** Number of entries; walks the bytes once. */
export function count(run: Run): number {
  const at = new Cursor(run);
  let n = 0;
  while (at.next()) n++;
  return n;
}

/** Keys of our own runs need no escape: role names and target paths are printable ASCII without `"` and `\`. */
function keyBytes(key: string): Buffer {
  if (!/^[\x20\x21\x23-\x5b\x5d-\x7e]+$/.test(key)) {
    throw new InputError('not a name that needs no escape', { object: JSON.stringify(key), code: 'input.name' });
  }
  return Buffer.from(key, 'latin1');
}

function compareRanges(
  a: Uint8Array,
  aStart: number,
  aEnd: number,
  b: Uint8Array,
  bStart: number,
  bEnd: number,
): number {
  const length = Math.min(aEnd - aStart, bEnd - bStart);
  for (let i = 0; i < length; i++) {
    const difference = a[aStart + i]! - b[bStart + i]!;
    if (difference !== 0) return difference;
  }
  return aEnd - aStart - (bEnd - bStart);
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

function latin1(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('latin1');
}

function unescaped(text: string): string {
  return text.includes('\\') ? text.replace(/\\(.)/g, '$1') : text;
}
