/**
 * Text that somebody else wrote (a file's name, a metadata field, an error of a server) must not move the cursor, hide
 * itself or run backwards on a terminal that asks whether to sign.
 */

const UNSAFE = new RegExp(
  [
    '[\\0-\\x1f\\x7f-\\x9f]', // C0, DEL, C1
    '[\\u2028\\u2029]', // line and paragraph separators
    '\\u034f|[\\u180b-\\u180f]|[\\ufe00-\\ufe0f]', // joiners and selectors of variants
    '[\\u115f\\u1160\\u17b4\\u17b5\\u3164\\uffa0]', // fillers that look like nothing
    '[\\u{e0000}-\\u{e0fff}]', // tags
    '\\p{Cf}|\\p{Cs}', // format characters (zero width, bidirectional, soft hyphen), lone surrogates
  ].join('|'),
  'gu',
);

/** One line, every unsafe character as `\u202e` or `\u{e0001}`. */
export function printable(text: string): string {
  return text.replace(UNSAFE, escaped);
}

/** For a whole text that we made: keeps newlines and the colours of `util.styleText`, escapes everything else. */
export function printableText(text: string): string {
  return text
    .split('\n')
    .map((line) => line.split(COLOUR).map(keepColour).join(''))
    .join('\n');
}

/** A JSON text that means the same and holds no unsafe character. Bytes are left out: a run of a large index is one. */
export function printableJson(value: unknown): string {
  const text = JSON.stringify(value, withoutBytes, 2);
  return text
    .split('\n')
    .map((line) => line.replace(UNSAFE, utf16))
    .join('\n');
}

/** Sees the object that a value is in, because a Buffer has turned itself into a list by then. */
function withoutBytes(this: unknown, key: string, value: unknown): unknown {
  const holder = this as Readonly<Record<string, unknown>> | null;
  return holder?.[key] instanceof Uint8Array ? undefined : value;
}

// biome-ignore lint/complexity/useRegexLiterals: a literal would hold the escape character itself
const COLOUR = new RegExp('(\\u001b\\[[0-9;]*m)');

function keepColour(part: string, index: number): string {
  return index % 2 === 1 ? part : printable(part);
}

function escaped(character: string): string {
  const point = character.codePointAt(0) ?? 0;
  return point > 0xffff ? `\\u{${point.toString(16)}}` : utf16(character);
}

function utf16(character: string): string {
  return Array.from({ length: character.length }, (_, i) => character.charCodeAt(i))
    .map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`)
    .join('');
}
