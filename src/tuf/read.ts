import { InputError, TrustError } from '../errors.ts';
import type { Fields } from './decode.ts';
import { decodeSignatures, decodeSigned } from './decode.ts';
import { canonical, jsonText, members } from './encode.ts';
import { map, refuse } from './fields.ts';
import { parseJson } from './json.ts';
import type { JsonMap, MetadataFile, Signature, SignedPart } from './model.ts';
import { rememberStarts } from './run.ts';
import { type Member, NotCanonical, scanFields, scanValue } from './scan.ts';
import type { KnownRun } from './shared.ts';

export type TypeOf<T extends SignedPart['type']> = Extract<SignedPart, { type: T }>;

/**
 * Reads a metadata file: its form only, nothing is trusted afterwards. A file in our own canonical form is cut, not
 * parsed: `signed` is a slice of it and its targets or roles stay bytes. Any other JSON is parsed strictly and encoded.
 *
 * @param what for errors: `metadata/3.bins.json`
 * @param known a run that was read before, and that this file may have much in common with
 * @throws TrustError with code `trust.format`
 */
export function readMetadata<T extends SignedPart['type']>(
  bytes: Uint8Array,
  type: T,
  what: string,
  known?: KnownRun,
): MetadataFile<TypeOf<T>> {
  try {
    const { signatures, signedBytes, fields } = cut(bytes, known) ?? parse(bytes, what);
    const signed = decodeSigned(fields, type);
    return { bytes, signedBytes, signatures, signed: signed as TypeOf<T> };
  } catch (cause) {
    if (!(cause instanceof InputError)) throw cause;
    const object = cause.details.object?.startsWith(what) ? cause.details.object : join(what, cause.details.object);
    throw new TrustError('not metadata of this role', { ...cause.details, object, code: 'trust.format', cause });
  }
}

/** Reads the `signed` part alone: a draft, whose signatures are kept apart. @throws InputError */
export function readSigned<T extends SignedPart['type']>(signedBytes: Uint8Array, type: T, what: string): TypeOf<T> {
  // A canonical form with PEM keys has raw newlines: JSON only once they are escaped.
  const signed = map(parseJson(jsonText(signedBytes), { what }), what);
  if (!canonicalOf(signed, what).equals(signedBytes)) {
    throw new TrustError('draft is not canonical: refuse to sign', {
      object: what,
      code: 'trust.not-canonical',
      expected: 'the canonical form of itself',
      found: 'other bytes',
    });
  }
  try {
    return decodeSigned(parsedFields(signed), type) as TypeOf<T>;
  } catch (cause) {
    if (!(cause instanceof InputError)) throw cause;
    throw new InputError('wrong form', { ...cause.details, object: join(what, cause.details.object), cause });
  }
}

/** As `canonical`, naming the draft. @throws InputError */
function canonicalOf(signed: JsonMap, what: string): Buffer {
  try {
    return canonical(signed);
  } catch (cause) {
    if (!(cause instanceof InputError)) throw cause;
    throw new InputError('no canonical form that all clients agree on', { ...cause.details, object: what, cause });
  }
}

interface Envelope {
  signatures: Signature[];
  signedBytes: Uint8Array;
  fields: Fields;
}

const HEAD = Buffer.from('{"signatures":');
const MIDDLE = Buffer.from(',"signed":');
const CLOSE_BRACE = 0x7d;

/** The fast way, for files that are exactly what `encode.metadataFile` writes without PEM keys; else undefined. */
function cut(bytes: Uint8Array, known: KnownRun | undefined): Envelope | undefined {
  try {
    expectBytes(bytes, 0, HEAD);
    const signaturesEnd = scanValue(bytes, HEAD.length);
    expectBytes(bytes, signaturesEnd, MIDDLE);
    const start = signaturesEnd + MIDDLE.length;
    const { end, members } = scanFields(bytes, start, known);
    if (bytes[end] !== CLOSE_BRACE || end + 1 !== bytes.length) return undefined;
    const signatures = decodeSignatures(parseJson(bytes.subarray(HEAD.length, signaturesEnd)));
    return { signatures, signedBytes: bytes.subarray(start, end), fields: cutFields(bytes, members) };
  } catch (error) {
    if (error instanceof NotCanonical) return undefined;
    throw error;
  }
}

function expectBytes(bytes: Uint8Array, at: number, wanted: Buffer): void {
  if (!wanted.equals(bytes.subarray(at, at + wanted.length))) throw new NotCanonical(at);
}

function cutFields(bytes: Uint8Array, members: readonly Member[]): Fields {
  const byName = new Map(members.map((member) => [member.name, member]));
  return {
    names: () => byName.keys(),
    get: (name) => {
      const member = byName.get(name);
      return member && parseJson(bytes.subarray(member.valueStart, member.valueEnd), { what: name });
    },
    run: (name) => {
      const member = byName.get(name);
      if (member === undefined) return undefined;
      if (member.starts === undefined) return refuse(name, 'an object', 'another value');
      const run = bytes.subarray(member.valueStart + 1, member.valueEnd - 1);
      rememberStarts(run, member.starts, member.valueStart + 1);
      return run;
    },
  };
}

function parse(bytes: Uint8Array, what: string): Envelope {
  const file = map(parseJson(bytes, { what }), what);
  const signed = map(file.get('signed'), 'signed');
  return {
    signatures: decodeSignatures(file.get('signatures')),
    signedBytes: canonical(signed),
    fields: parsedFields(signed),
  };
}

function parsedFields(signed: JsonMap): Fields {
  return {
    names: () => signed.keys(),
    get: (name) => signed.get(name),
    run: (name) => (signed.has(name) ? Buffer.from(members(map(signed.get(name), name)), 'utf8') : undefined),
  };
}

function join(what: string, object: string | undefined): string {
  return object === undefined ? what : `${what}: ${object}`;
}
