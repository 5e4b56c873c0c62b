import { InputError } from '../errors.ts';
import { parseDate } from './encode.ts';
import type { Json, JsonMap } from './model.ts';

/** Members of parsed JSON as typed values: each says what was expected and what was found. @throws InputError */

export function map(value: Json | undefined, what: string): JsonMap {
  return value instanceof Map ? value : refuse(what, 'an object', kind(value));
}

export function list(value: Json | undefined, what: string): Json[] {
  return Array.isArray(value) ? value : refuse(what, 'a list', kind(value));
}

export function text(value: Json | undefined, what: string): string {
  return typeof value === 'string' ? value : refuse(what, 'text', kind(value));
}

export function strings(value: Json | undefined, what: string): string[] {
  return list(value, what).map((item) => text(item, what));
}

export function natural(value: Json | undefined, what: string): number {
  return typeof value === 'number' && value >= 0 ? value : refuse(what, 'an integer from 0', kind(value));
}

export function positive(value: Json | undefined, what: string): number {
  return typeof value === 'number' && value >= 1 ? value : refuse(what, 'an integer from 1', kind(value));
}

export function sha256(value: Json | undefined, what: string): string {
  const hex = text(value, what);
  return /^[0-9a-f]{64}$/.test(hex) ? hex : refuse(what, '64 lower-case hexadecimal digits', JSON.stringify(hex));
}

export function date(value: Json | undefined, what: string): Date {
  return parseDate(text(value, what)) ?? refuse(what, 'a time YYYY-MM-DDTHH:MM:SSZ', JSON.stringify(value));
}

function kind(value: Json | undefined): string {
  if (value === undefined) return 'nothing';
  if (value instanceof Map) return 'an object';
  if (Array.isArray(value)) return 'a list';
  return JSON.stringify(value);
}

export function refuse(object: string, expected: string, found: string): never {
  throw new InputError('wrong form', { object, expected, found, code: 'input.format' });
}
