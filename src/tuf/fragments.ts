import type { Run } from './model.ts';

/**
 * Fragments: target entries as the canonical text that they are in a bin, `"path":{...}`. A bulk build makes each of them
 * once and moves it as bytes from there on: into the order of its bin, and into the bin's run (`run.ts`).
 */

const COMMA = 0x2c;

/**
 * The entry of a target, as `run.entry` and `compose.targetValue` write it.
 * @param path checked by `assertTargetPath`, so that it needs no escape
 * @param listed as `formatDate` writes it
 */
export function targetFragment(path: string, length: string, sha256: string, listed: string): string {
  return `"${path}":{"custom":{"listed":"${listed}"},"hashes":{"sha256":"${sha256}"},"length":${length}}`;
}

/** Fragments in one buffer, by their number: where each begins, where it ends, and how long its key is. */
export interface Fragments {
  readonly bytes: Buffer;
  readonly starts: Int32Array;
  readonly ends: Int32Array;
  readonly keyLengths: Int32Array;
}

/**
 * Brings the numbers of fragments into the order of their keys.
 * @returns the number of one whose key is there twice; undefined: each is there once
 */
export function sortFragments(fragments: Fragments, numbers: Int32Array): number | undefined {
  numbers.sort((a, b) => compareKeys(fragments, a, b));
  for (let i = 1; i < numbers.length; i++) {
    if (compareKeys(fragments, numbers[i - 1]!, numbers[i]!) === 0) return numbers[i];
  }
  return undefined;
}

/** The key of a fragment. */
export function keyOf({ bytes, starts, keyLengths }: Fragments, number: number): string {
  const start = starts[number]! + 1;
  return bytes.toString('latin1', start, start + keyLengths[number]!);
}

function compareKeys({ bytes, starts, keyLengths }: Fragments, a: number, b: number): number {
  const aStart = starts[a]! + 1;
  const bStart = starts[b]! + 1;
  const length = Math.min(keyLengths[a]!, keyLengths[b]!);
  for (let i = 0; i < length; i++) {
    const difference = bytes[aStart + i]! - bytes[bStart + i]!;
    if (difference !== 0) return difference;
  }
  return keyLengths[a]! - keyLengths[b]!;
}

/** Bytes of the run that these fragments make. */
export function runLength({ starts, ends }: Fragments, numbers: Int32Array): number {
  let length = Math.max(0, numbers.length - 1);
  for (const number of numbers) length += ends[number]! - starts[number]!;
  return length;
}

/** Writes the run of these fragments, which are in order. @returns the position behind it */
export function writeRun({ bytes, starts, ends }: Fragments, numbers: Int32Array, into: Run, at: number): number {
  let position = at;
  for (let i = 0; i < numbers.length; i++) {
    if (i > 0) into[position++] = COMMA;
    const number = numbers[i]!;
    position += bytes.copy(into, position, starts[number]!, ends[number]!);
  }
  return position;
}
