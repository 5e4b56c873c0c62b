import { hash } from 'node:crypto';
import { sha256Hex } from './digest.ts';
import type { SuccinctRoles } from './model.ts';

/**
 * Which bin a target path belongs to: the first `bits` bits of the SHA-256 of its UTF-8 text (TAP 15; specification,
 * section 4.5, PATH_HASH_PREFIX). Our names carry the width, so that a resize never gives a name to another range.
 */

/** Lower-case hex. */
export function pathHash(path: string): string {
  return sha256Hex(path);
}

/** @param bits 0 to 32 */
export function binIndex(path: string, bits: number): number {
  // A shift by 32 would be a shift by none.
  if (bits === 0) return 0;
  // One character a byte: from a string to a string is the fastest way through node:crypto, by three.
  const digest = hash('sha256', path, 'binary');
  const word =
    (digest.charCodeAt(0) << 24) | (digest.charCodeAt(1) << 16) | (digest.charCodeAt(2) << 8) | digest.charCodeAt(3);
  return word >>> (32 - bits);
}

/** `bin10`: the name prefix of the succinct roles (TAP 15) of 2^10 bins. */
export function binPrefix(prefix: string, bits: number): string {
  return `${prefix}${bits}`;
}

/** `bin10-3ff`. */
export function binName(prefix: string, bits: number, index: number): string {
  return nameOf(binPrefix(prefix, bits), bits, index);
}

/** `bin0`: the one role that lists everything where there are no bins. */
export function flatName(prefix: string): string {
  return binPrefix(prefix, 0);
}

/**
 * The names of all succinct roles, in order.
 * @param namePrefix as metadata has it: `bin10`
 */
export function* binNames(namePrefix: string, bitLength: number): Generator<string> {
  for (let index = 0; index < 2 ** bitLength; index++) yield nameOf(namePrefix, bitLength, index);
}

/** The role that succinct roles, ours or another's, give a path to. */
export function succinctName({ namePrefix, bitLength }: SuccinctRoles, path: string): string {
  return nameOf(namePrefix, bitLength, binIndex(path, bitLength));
}

/** Whether a name is one that succinct roles delegate to. */
export function isSuccinctName({ namePrefix, bitLength }: SuccinctRoles, name: string): boolean {
  const suffix = name.slice(namePrefix.length + 1);
  return (
    name.startsWith(`${namePrefix}-`) &&
    suffix.length === Math.ceil(bitLength / 4) &&
    /^[0-9a-f]+$/.test(suffix) &&
    Number.parseInt(suffix, 16) < 2 ** bitLength
  );
}

/**
 * The same bin as classic `path_hash_prefixes`: together those of all bins name each hash once.
 * @param bits 0 to 16
 */
export function hashPrefixes(bits: number, index: number): string[] {
  const digits = Math.max(1, Math.ceil(bits / 4));
  const width = 2 ** (4 * digits - bits);
  return Array.from({ length: width }, (_, i) => hex(index * width + i, digits));
}

/** Whether the path's hash begins with one of the prefixes. */
export function matchesHashPrefix(prefixes: readonly string[], path: string): boolean {
  const digest = pathHash(path);
  return prefixes.some((prefix) => digest.startsWith(prefix));
}

function nameOf(namePrefix: string, bitLength: number, index: number): string {
  return `${namePrefix}-${hex(index, Math.ceil(bitLength / 4))}`;
}

function hex(number: number, digits: number): string {
  return number.toString(16).padStart(digits, '0');
}
