import { Positions } from './positions.ts';
import { type KnownRun, Shared } from './shared.ts';

/**
 * The strict reader of canonical JSON as bytes, which builds nothing: sorted and unique keys, no space, no escapes but `\"`
 * and `\\` in values, integers of at most 16 digits, printable ASCII. Whatever else is JSON is read by `json.ts`.
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
 * Reads one canonical value.
 * @returns the position after it
 * @throws NotCanonical
 */
export function scanValue(bytes: Uint8Array, at: number, depth = 0): number {
  const c = bytes[at];
  if (c === QUOTE) return scanString(bytes, at);
  if (c === OPEN_BRACE) return scanBraces(bytes, at, depth + 1);
  if (c === OPEN_BRACKET) return scanArray(bytes, at, depth + 1);
  if (c === MINUS || (c !== undefined && c >= ZERO && c <= NINE)) return scanInteger(bytes, at);
  for (const word of WORDS) {
    if (word.every((w, i) => bytes[at + i] === w)) return at + word.length;
  }
  throw new NotCanonical(at);
}

const WORDS = ['true', 'false', 'null'].map((w) => Buffer.from(w));

export function scanObject(bytes: Uint8Array, at: number, depth = 1): number {
  return scanBraces(bytes, at, depth);
}

/** One member of an object. */
export interface Member {
  readonly name: string;
  readonly valueStart: number;
  readonly valueEnd: number;
  /** Where the members of a value begin that is an object itself. */
  readonly starts: Positions | undefined;
}

/**
 * Reads an object whose members are wanted: where each is, and where its own members begin. All of it is read once.
 * @param known a run that was read before, and that one of the members may have much in common with
 * @returns the position after it, and its members
 * @throws NotCanonical
 */
export function scanFields(
  bytes: Uint8Array,
  at: number,
  known?: KnownRun,
): { readonly end: number; readonly members: Member[] } {
  const keys = new Positions();
  const values: { end: number; starts: Positions | undefined }[] = [];
  const end = scanBraces(bytes, at, 1, keys, (valueStart, depth) => {
    const starts = bytes[valueStart] === OPEN_BRACE ? new Positions() : undefined;
    const shared = known && new Shared(known);
    const valueEnd =
      starts === undefined
        ? scanValue(bytes, valueStart, depth)
        : scanBraces(bytes, valueStart, depth + 1, starts, undefined, shared);
    values.push({ end: valueEnd, starts });
    return valueEnd;
  });
  const members = Array.from(keys.from(0), (start, i): Member => {
    const keyEnd = scanKey(bytes, start, -1, -1);
    const { end: valueEnd, starts } = values[i]!;
    return { name: latin1(bytes, start + 1, keyEnd), valueStart: keyEnd + 2, valueEnd, starts };
  });
  return { end, members };
}

/** Reads the members of an object without its braces. @throws NotCanonical */
export function scanRun(bytes: Uint8Array): void {
  if (bytes.length === 0) return;
  const end = scanMembers(bytes, 0, 1);
  if (end !== bytes.length) throw new NotCanonical(end);
}

type ScanValue = (at: number, depth: number) => number;

function scanBraces(
  bytes: Uint8Array,
  at: number,
  depth: number,
  starts?: Positions,
  value?: ScanValue,
  shared?: Shared,
): number {
  if (bytes[at] !== OPEN_BRACE || depth > MAX_DEPTH) throw new NotCanonical(at);
  const end = bytes[at + 1] === CLOSE_BRACE ? at + 1 : scanMembers(bytes, at + 1, depth, starts, value, shared);
  if (bytes[end] !== CLOSE_BRACE) throw new NotCanonical(end);
  return end + 1;
}

/**
 * The members of an object from `at` on; returns the position after the last one.
 * @param starts gets the position of each member
 * @param value reads the values, in the place of `scanValue`
 * @param shared knows members already
 */
function scanMembers(
  bytes: Uint8Array,
  at: number,
  depth: number,
  starts?: Positions,
  value?: ScanValue,
  shared?: Shared,
): number {
  let previous = -1;
  let previousEnd = -1;
  let previousValueEnd = -1;
  let pos = at;
  for (;;) {
    const keyEnd = scanKey(bytes, pos, previous, previousEnd);
    if (bytes[pos + 1] === UNDERSCORE && PROTO.equals(bytes.subarray(pos, keyEnd + 1))) throw new NotCanonical(pos);
    starts?.push(pos);
    if (bytes[keyEnd + 1] !== COLON) throw new NotCanonical(keyEnd + 1);
    let valueEnd = previous < 0 ? -1 : sameValue(bytes, previousEnd + 2, previousValueEnd, keyEnd + 2);
    if (value !== undefined) valueEnd = value(keyEnd + 2, depth);
    else if (valueEnd < 0) valueEnd = scanValue(bytes, keyEnd + 2, depth);
    previous = pos;
    previousEnd = keyEnd;
    previousValueEnd = valueEnd;
    pos = valueEnd;
    if (bytes[pos] !== COMMA) return pos;
    pos++;
    if (shared === undefined || starts === undefined) continue;
    const next = shared.skip(bytes, pos, starts);
    if (next === pos) continue;
    scanKey(bytes, pos, previous, previousEnd);
    // The last one that was known, with the comma behind it.
    previous = starts.last();
    previousEnd = scanKey(bytes, previous, -1, -1);
    previousValueEnd = next - 1;
    pos = next;
  }
}

/**
 * Most roles of a snapshot have the version of their neighbour, and the same bytes need no second look.
 * @returns where the value at `at` ends when it is that from `start` to `end`; -1: it is another
 */
function sameValue(bytes: Uint8Array, start: number, end: number, at: number): number {
  let pos = at;
  for (let before = start; before < end; before++) if (bytes[pos++] !== bytes[before]) return -1;
  // An integer may go on where the one before ended.
  return bytes[pos] === COMMA || bytes[pos] === CLOSE_BRACE ? pos : -1;
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

/**
 * A key without escapes, which would sort by another character than they stand for.
 * @param previous the key before it, to where its last quote is; -1: it is the first one
 * @returns where its last quote is
 */
function scanKey(bytes: Uint8Array, at: number, previous: number, previousEnd: number): number {
  if (bytes[at] !== QUOTE) throw new NotCanonical(at);
  let pos = at + 1;
  if (previous >= 0) {
    // What it has in common with the key before needs no look: that one was read.
    let before = previous + 1;
    while (before < previousEnd && bytes[pos] === bytes[before]) {
      pos++;
      before++;
    }
    const c = bytes[pos]!;
    if (c === QUOTE || (before < previousEnd && c < bytes[before]!)) throw new NotCanonical(at);
  }
  while (SPECIAL[bytes[pos]!] === 0) pos++;
  if (bytes[pos] !== QUOTE) throw new NotCanonical(pos);
  return pos;
}

function scanString(bytes: Uint8Array, at: number): number {
  if (bytes[at] !== QUOTE) throw new NotCanonical(at);
  let pos = at + 1;
  for (;;) {
    while (SPECIAL[bytes[pos]!] === 0) pos++;
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

/** As Buffer.compare, of two ranges. */
export function compareRanges(
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

function latin1(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('latin1');
}
