import { InputError } from '../errors.ts';
import type { Json, JsonMap } from './model.ts';

export interface JsonLimits {
  /** Named in errors: `queue entry 42`. */
  what?: string;
  /** Bytes; default 64 MiB, callers give the limit of their document. */
  maxLength?: number;
  /** Default 32. Checked before recursion, so that 20,000 brackets are an error and not a stack overflow. */
  maxDepth?: number;
}

/** Characters of a field's path that an error shows. */
const MAX_FIELD = 120;
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const INTEGER = /-?(?:0|[1-9]\d*)/y;
const TOKEN = /[-+.0-9a-zA-Z]*/y;
const PLAIN = /[^"\\\u0000-\u001f]*/y;
const ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
};

/**
 * Parses JSON that somebody else wrote. Stricter than JSON.parse, because two readers must never see two documents: a key
 * twice (after unescaping), `__proto__`, a number that is not an integer within +-(2^53-1), a lone surrogate, invalid
 * UTF-8, a byte order mark, or bytes after the end are refused.
 *
 * @returns objects as Maps in the order of the text
 * @throws InputError with line, column and field
 */
export function parseJson(input: Uint8Array | string, limits: JsonLimits = {}): Json {
  const maxLength = limits.maxLength ?? 64 * 1024 * 1024;
  const what = limits.what ?? 'JSON';
  if (input.length > maxLength) {
    throw new InputError('too long', {
      object: what,
      expected: `at most ${maxLength} bytes`,
      found: `${input.length}`,
    });
  }
  let text: string;
  try {
    text = typeof input === 'string' ? input : UTF8.decode(input);
  } catch (cause) {
    throw new InputError('not UTF-8', { object: what, cause });
  }
  return new Parser(text, what, limits.maxDepth ?? 32).document();
}

class Parser {
  private at = 0;
  /** Of the value that is being read: `signed`, `version`. */
  private readonly path: (string | number)[] = [];
  private readonly text: string;
  private readonly what: string;
  private readonly maxDepth: number;

  constructor(text: string, what: string, maxDepth: number) {
    this.text = text;
    this.what = what;
    this.maxDepth = maxDepth;
  }

  document(): Json {
    const value = this.value(0);
    this.space();
    if (this.at < this.text.length) this.refuse('the end of the document', this.here());
    return value;
  }

  private value(depth: number): Json {
    this.space();
    const c = this.text[this.at];
    if (c === '{') return this.object(depth + 1);
    if (c === '[') return this.array(depth + 1);
    if (c === '"') return this.string();
    if (c === 't') return this.word('true', true);
    if (c === 'f') return this.word('false', false);
    if (c === 'n') return this.word('null', null);
    return this.integer();
  }

  private object(depth: number): JsonMap {
    this.enter(depth);
    const map: JsonMap = new Map();
    if (this.accept('}')) return map;
    do {
      this.space();
      const start = this.at;
      if (this.text[start] !== '"') this.refuse('a key in double quotes', this.here());
      const key = this.string();
      if (map.has(key)) this.refuse('each key once', `${JSON.stringify(key)} again`, start);
      if (key === '__proto__') this.refuse('an ordinary key', '"__proto__"', start);
      this.expect(':');
      this.path.push(key);
      map.set(key, this.value(depth));
      this.path.pop();
    } while (this.accept(','));
    this.expect('}');
    return map;
  }

  private array(depth: number): Json[] {
    this.enter(depth);
    const items: Json[] = [];
    if (this.accept(']')) return items;
    do {
      this.path.push(items.length);
      items.push(this.value(depth));
      this.path.pop();
    } while (this.accept(','));
    this.expect(']');
    return items;
  }

  private enter(depth: number): void {
    if (depth > this.maxDepth) {
      // A field so deep has no name that could be read.
      this.path.length = 0;
      this.refuse(`at most ${this.maxDepth} levels`, `level ${depth}`);
    }
    this.at++;
  }

  private string(): string {
    const start = this.at++;
    let value = '';
    for (;;) {
      PLAIN.lastIndex = this.at;
      const plain = PLAIN.exec(this.text)?.[0] ?? '';
      this.at += plain.length;
      value += plain;
      const c = this.text[this.at];
      if (c === '"') break;
      if (c !== '\\') this.refuse('a string without control characters', this.here());
      value += this.escape();
    }
    this.at++;
    if (!value.isWellFormed()) this.refuse('well-formed text', 'a lone surrogate', start);
    return value;
  }

  private escape(): string {
    const c = this.text[this.at + 1] ?? '';
    if (c === 'u') {
      const hex = this.text.slice(this.at + 2, this.at + 6);
      if (!/^[0-9a-fA-F]{4}$/.test(hex)) this.refuse('four hexadecimal digits after \\u', JSON.stringify(hex));
      this.at += 6;
      return String.fromCharCode(Number.parseInt(hex, 16));
    }
    const plain = Object.hasOwn(ESCAPES, c) ? ESCAPES[c] : undefined;
    if (plain === undefined) this.refuse('an escape of JSON', JSON.stringify(`\\${c}`));
    this.at += 2;
    return plain as string;
  }

  private integer(): number {
    TOKEN.lastIndex = this.at;
    const found = TOKEN.exec(this.text)?.[0] ?? '';
    INTEGER.lastIndex = this.at;
    const digits = INTEGER.exec(this.text)?.[0] ?? '';
    const value = Number(digits);
    if (digits === '' || digits !== found || !Number.isSafeInteger(value) || Object.is(value, -0)) {
      const expected = /^[-+.]?\d/.test(found)
        ? `an integer from -${Number.MAX_SAFE_INTEGER} to ${Number.MAX_SAFE_INTEGER}`
        : 'a value';
      this.refuse(expected, found === '' ? this.here() : `\`${found}\``);
    }
    this.at += digits.length;
    return value;
  }

  private word<T extends Json>(word: string, value: T): T {
    if (!this.text.startsWith(word, this.at)) this.refuse('a value', this.here());
    this.at += word.length;
    return value;
  }

  private space(): void {
    for (;;) {
      const c = this.text.charCodeAt(this.at);
      if (c !== 0x20 && c !== 0x0a && c !== 0x0d && c !== 0x09) return;
      this.at++;
    }
  }

  private accept(c: string): boolean {
    this.space();
    if (this.text[this.at] !== c) return false;
    this.at++;
    return true;
  }

  private expect(c: string): void {
    if (!this.accept(c)) this.refuse(`"${c}"`, this.here());
  }

  private here(): string {
    const c = this.text.codePointAt(this.at);
    return c === undefined ? 'the end of the document' : JSON.stringify(String.fromCodePoint(c));
  }

  private refuse(expected: string, found: string, at = this.at): never {
    const before = this.text.slice(0, at);
    const line = before.split('\n').length;
    const column = at - before.lastIndexOf('\n');
    const field = this.path.length === 0 ? '' : ` at ${this.path.join('.').slice(0, MAX_FIELD)}`;
    throw new InputError('not strict JSON', {
      object: `${this.what}:${line}:${column}`,
      expected: `${expected}${field}`,
      found,
      code: 'input.json',
    });
  }
}
