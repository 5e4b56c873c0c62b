import { InputError } from '../errors.ts';
import type { Json, Signature } from './model.ts';

/** What can be encoded: parsed JSON, or plain objects; `undefined` members are left out. */
export type Encodable =
  | Json
  | readonly Encodable[]
  | ReadonlyMap<string, Encodable>
  | { readonly [key: string]: Encodable | undefined };

/**
 * OLPC canonical JSON: sorted keys, no space, only `"` and `\` escaped, integers only. These are TUF's signed bytes
 * (specification, section 4.1). RFC 8785 is another form: the two differ on every PEM key.
 *
 * Refuses what the clients' five implementations of it disagree on: numbers beyond 2^53-1, lone surrogates, text that is
 * not NFC, keys outside of the basic plane.
 *
 * @throws InputError
 */
export function canonical(value: Encodable): Buffer {
  return Buffer.from(canonicalText(value), 'utf8');
}

export function canonicalText(value: Encodable): string {
  if (value === null) return 'null';
  if (typeof value === 'boolean') return value ? 'true' : 'false';
  if (typeof value === 'number') return integer(value);
  if (typeof value === 'string') return text(value);
  if (Array.isArray(value)) return `[${value.map(canonicalText).join(',')}]`;
  return `{${members(value as ReadonlyMap<string, Encodable> | { readonly [key: string]: Encodable | undefined })}}`;
}

/** The members of an object in canonical form, without its braces: a run (`run.ts`). */
export function members(
  object: ReadonlyMap<string, Encodable> | { readonly [key: string]: Encodable | undefined },
): string {
  const entries: [string, Encodable | undefined][] = object instanceof Map ? [...object] : Object.entries(object);
  const present = entries.filter((e): e is [string, Encodable] => e[1] !== undefined);
  for (const [key] of present) {
    if (/[\ud800-\udfff]/.test(key)) refuse('a key of the basic plane', JSON.stringify(key));
  }
  present.sort(([a], [b]) => (a < b ? -1 : 1));
  return present.map(([key, member]) => `${text(key)}:${canonicalText(member)}`).join(',');
}

/**
 * A metadata file: the canonical form with the newlines of PEM keys escaped (foreign ones have carriage returns too),
 * because raw ones would not be JSON. The signed part of a role without PEM keys is therefore a slice of its file.
 */
export function metadataFile(signedBytes: Uint8Array, signatures: readonly Signature[]): Buffer {
  const raw = RAW.some((control) => signedBytes.includes(control));
  return Buffer.concat([metadataHead(signatures), raw ? Buffer.from(jsonText(signedBytes)) : signedBytes, CLOSE]);
}

/** What stands before the signed part of a file; behind it is one `}`. */
export function metadataHead(signatures: readonly Signature[]): Buffer {
  const items = signatures.map(({ keyid, sig }) => canonicalText({ keyid, sig }));
  return Buffer.from(`{"signatures":[${items.join(',')}],"signed":`, 'utf8');
}

const CLOSE = Buffer.from('}');
/** Tab, newline, carriage return: three quick searches, where one for every control character costs as much as a hash. */
const RAW = [0x09, 0x0a, 0x0d];

/** A canonical form as JSON: the control characters that it has raw in its strings are escaped. */
export function jsonText(signedBytes: Uint8Array): string {
  return Buffer.from(signedBytes)
    .toString('utf8')
    .replace(/[\x00-\x1f]/g, (control) => JSON.stringify(control).slice(1, -1));
}

/** The one formatter of times in metadata: `YYYY-MM-DDTHH:MM:SSZ` (section 4.2.3). */
export function formatDate(date: Date): string {
  return `${date.toISOString().slice(0, 19)}Z`;
}

/** The time that `formatDate` writes; undefined for anything else (offsets, fractions, 30 February). */
export function parseDate(value: string): Date | undefined {
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(value)) return undefined;
  const date = new Date(value);
  return Number.isNaN(date.getTime()) || formatDate(date) !== value ? undefined : date;
}

function integer(value: number): string {
  if (!Number.isSafeInteger(value) || Object.is(value, -0)) refuse('an integer within 2^53-1', `${value}`);
  return String(value);
}

function text(value: string): string {
  if (!value.isWellFormed()) refuse('well-formed text', 'a lone surrogate');
  // Only text beyond ASCII can differ under NFC.
  if (/[^\x00-\x7f]/.test(value) && value.normalize('NFC') !== value) refuse('text in NFC', JSON.stringify(value));
  return `"${/["\\]/.test(value) ? value.replace(/["\\]/g, '\\$&') : value}"`;
}

function refuse(expected: string, found: string): never {
  throw new InputError('no canonical form that all clients agree on', { expected, found, code: 'input.canonical' });
}
