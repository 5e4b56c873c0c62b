import {
  CST,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  Lexer,
  LineCounter,
  type Node,
  parseDocument,
} from 'yaml';
import { ConfigurationError, type ErrorDetails } from '../errors.ts';

/** `roles`, `root`, `threshold`, or an index in a list. */
export type Path = readonly PropertyKey[];

/** A problem in the text, to be shown with its line. */
export interface Problem {
  /** Index into the text. */
  readonly offset: number;
  readonly what: string;
  readonly details?: ErrorDetails;
}

/** A text and what it says: plain objects without a prototype, lists, strings, booleans, null, whole numbers or NaN. */
export interface YamlText {
  readonly value: unknown;
  /** Of the value at `path`; of the nearest mapping around it where it is missing. */
  offsetOf(path: Path): number;
  /** Of the field's name. */
  offsetOfKey(path: Path, key: string): number;
  /** The value at `path` as it is written, short enough for a message. */
  foundAt(path: Path): string;
  /** The first problem by position; the others are told in its hint. @param problems at least one */
  error(problems: readonly Problem[]): ConfigurationError;
}

const CODE = 'configuration.file';
const MAX_DEPTH = 8;
const TOO_DEEP = `nested more than ${MAX_DEPTH} levels deep`;
const WHOLE = /^(?:0|-?[1-9]\d*)$/;

/**
 * Reads YAML 1.2 (core schema) so that it says one thing to everybody: a key twice, an alias, a tag, a key that is no
 * string, deep nesting are refused.
 *
 * @param name of the file, for errors
 * @throws ConfigurationError with line and column
 */
export function readYaml(text: string, name: string): YamlText {
  const lines = new LineCounter();
  const report = (problems: readonly Problem[]): ConfigurationError => located(problems, name, lines);
  const deep = tooDeep(text);
  // The parser has not counted the lines yet.
  if (deep !== undefined) throw new ConfigurationError(TOO_DEEP, { object: placeIn(text, deep, name), code: CODE });
  const document = parsed(text, lines, report);
  const problems: Problem[] = [];
  const value = plain(document.contents, problems, 0, lines);
  if (problems.length > 0) throw report(problems);
  return {
    value,
    offsetOf: (path) => locate(document.contents, path).offset,
    offsetOfKey: (path, key) => locate(document.contents, [...path, key]).keyOffset,
    foundAt: (path) => written(locate(document.contents, path).node),
    error: report,
  };
}

function parsed(
  text: string,
  lines: LineCounter,
  report: (problems: readonly Problem[]) => ConfigurationError,
): Document {
  let document: Document;
  try {
    const strict = { version: '1.2', schema: 'core', merge: false, uniqueKeys: false, strict: true } as const;
    document = parseDocument(text, { ...strict, prettyErrors: false, lineCounter: lines });
  } catch (cause) {
    throw report([{ offset: 0, what: 'cannot be read as YAML', details: { cause } }]);
  }
  const problems = [...document.errors, ...document.warnings].map(({ pos, message }) => ({
    offset: pos[0],
    what: `not the YAML that is read here: ${message.slice(0, 1).toLowerCase()}${message.slice(1)}`,
  }));
  // Under %YAML 1.1 `no` would be false and 010 would be 8.
  if (document.directives?.yaml.explicit === true) problems.push({ offset: 0, what: 'a %YAML line is not read here' });
  if (problems.length > 0) throw report(problems);
  return document;
}

/**
 * Where brackets, or dashes of one line, nest too deep. 64 KiB of them would cost the parser seconds. What nests by
 * indentation alone is paid for with as many blanks, and is found later.
 */
function tooDeep(text: string): number | undefined {
  let [offset, brackets, dashes] = [0, 0, 0];
  for (const token of new Lexer().lex(text)) {
    const type = CST.tokenType(token);
    if (type === 'flow-seq-start' || type === 'flow-map-start') brackets++;
    if (type === 'flow-seq-end' || type === 'flow-map-end') brackets--;
    if (type === 'seq-item-ind' || type === 'explicit-key-ind') dashes++;
    if (type === 'newline') dashes = 0;
    if (brackets > MAX_DEPTH || dashes > MAX_DEPTH) return offset;
    if (!MARKS.has(token)) offset += token.length;
  }
  return undefined;
}

/** Tokens that are not in the text: start of a document, of a scalar, end of a broken flow. */
const MARKS = new Set([CST.DOCUMENT, CST.SCALAR, CST.FLOW_END]);

function placeIn(text: string, offset: number, name: string): string {
  const before = text.slice(0, offset);
  return `${name}:${before.split('\n').length}:${offset - before.lastIndexOf('\n')}`;
}

function plain(node: unknown, problems: Problem[], depth: number, lines: LineCounter): unknown {
  if (isAlias(node))
    return refuse(problems, node, `an alias (*${node.source}) is not read here: write the value again`);
  if (isScalar(node) || isMap(node) || isSeq(node)) {
    if (node.tag !== undefined) return refuse(problems, node, `a tag (${node.tag}) is not read here`);
    if (node.anchor !== undefined) return refuse(problems, node, `an anchor (&${node.anchor}) is not read here`);
  }
  if (isScalar(node)) return scalar(node.value, node.source);
  if (!isMap(node) && !isSeq(node)) return null;
  if (depth >= MAX_DEPTH) return refuse(problems, node, TOO_DEEP);
  if (isSeq(node)) return node.items.map((item) => plain(item, problems, depth + 1, lines));
  const fields = new Map<string, unknown>();
  const firstLines = new Map<string, number>();
  for (const { key, value } of node.items) {
    if (!isScalar(key) || typeof key.value !== 'string') {
      refuse(problems, isScalar(key) ? key : node, 'the name of a field has to be a text');
      continue;
    }
    const first = firstLines.get(key.value);
    if (first !== undefined) refuse(problems, key, `${key.value}: this key is given twice, first in line ${first}`);
    firstLines.set(key.value, first ?? lines.linePos(start(key)).line);
    fields.set(key.value, plain(value, problems, depth + 1, lines));
  }
  // Without a prototype, so that `__proto__` and `constructor` are fields like others.
  return fromFields(fields);
}

function fromFields(fields: ReadonlyMap<string, unknown>): object {
  const object = Object.create(null) as Record<string, unknown>;
  for (const [name, value] of fields) {
    Object.defineProperty(object, name, { value, enumerable: true, writable: true, configurable: true });
  }
  return object;
}

/** Numbers that are not written as plain whole numbers (`1.0`, `1e3`, `-0`, `0x10`) match nothing that is expected. */
function scalar(value: unknown, source: string | undefined): unknown {
  if (typeof value !== 'number') return value;
  return WHOLE.test(source ?? '') && Number.isSafeInteger(value) ? value : Number.NaN;
}

function refuse(problems: Problem[], node: Node, what: string): undefined {
  problems.push({ offset: start(node), what });
}

function locate(root: unknown, path: Path): { node: unknown; offset: number; keyOffset: number } {
  let node = root;
  let offset = start(root);
  let keyOffset = offset;
  for (const key of path) {
    let next: unknown;
    if (isSeq(node) && typeof key === 'number') next = node.items[key];
    if (isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && item.key.value === key);
      if (pair !== undefined) keyOffset = start(pair.key);
      next = pair?.value;
    }
    if (next === undefined || next === null) return { node: undefined, offset, keyOffset };
    node = next;
    offset = start(node);
  }
  return { node, offset, keyOffset };
}

function start(node: unknown): number {
  return (node as Node | null)?.range?.[0] ?? 0;
}

function written(node: unknown): string {
  if (isMap(node)) return 'a mapping';
  if (isSeq(node)) return node.items.length === 0 ? 'an empty list' : 'a list';
  if (!isScalar(node) || node.value === null) return 'nothing';
  const text = typeof node.value === 'string' ? JSON.stringify(node.value) : (node.source ?? String(node.value));
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

function located(problems: readonly Problem[], name: string, lines: LineCounter): ConfigurationError {
  const [first, ...others] = problems
    .toSorted((a, b) => a.offset - b.offset)
    .map((problem) => {
      const { line, col } = lines.linePos(problem.offset);
      return { ...problem, object: `${name}:${line || 1}:${col || 1}` };
    });
  const more = others.map(({ object, what }) => `${object}: ${what}`).slice(0, 5);
  const also = others.length === 0 ? undefined : `${others.length} more: ${more.join('; ')}`;
  const hint = [first?.details?.hint, also].filter((part) => part !== undefined).join('; ');
  return new ConfigurationError(first?.what ?? 'not read', {
    code: CODE,
    ...first?.details,
    object: first?.object ?? name,
    ...(hint === '' ? {} : { hint }),
  });
}
