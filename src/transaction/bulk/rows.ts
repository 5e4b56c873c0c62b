import { readSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { InputError } from '../../errors.ts';
import { formatDate, parseDate } from '../../tuf/encode.ts';
import { assertTargetPath } from '../../tuf/names.ts';

/**
 * Rows of a bulk build: a text file with one target a line, in any order, which each worker reads a range of.
 *
 *     packages/foo/foo-1.0-py3-none-any.whl<TAB>1024<TAB><sha256><TAB>2026-01-31T12:00:00Z
 */
export interface BulkRow {
  readonly path: string;
  /** Bytes. */
  readonly length: number;
  readonly sha256: string;
  /** Index time: when the path first appeared. */
  readonly listed: Date;
}

/** A row whose form is right, as text. */
export interface RowText {
  readonly path: string;
  readonly length: string;
  readonly sha256: string;
  readonly listed: string;
}

/** Bytes read at once; a line is far shorter. */
const CHUNK = 64 * 1024;
const MAX_LINE = 4096;
const MAX_PATH = 512;
const LINE_FEED = 0x0a;

/** Writes a file of rows, which must not be there. @throws InputError for a row that would not be read again */
export async function writeRows(path: string, rows: AsyncIterable<BulkRow> | Iterable<BulkRow>): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    let lines: string[] = [];
    for await (const row of rows) {
      const line = `${row.path}\t${row.length}\t${row.sha256}\t${formatDate(row.listed)}`;
      parseRow(line);
      if (lines.push(line) === 4096) {
        await file.appendFile(`${lines.join('\n')}\n`, 'latin1');
        lines = [];
      }
    }
    if (lines.length > 0) await file.appendFile(`${lines.join('\n')}\n`, 'latin1');
  } finally {
    await file.close();
  }
}

/** A line that does not read as a row. Data, so that it can leave a worker thread; `parseRow` makes the error of it. */
export interface BadRow {
  readonly line: string;
}

type EachRow = (path: string, length: string, sha256: string, listed: string) => void;

/**
 * Hands the rows whose lines begin in this range of the file to `each`.
 * @param file descriptor
 * @returns the first line that is no row; undefined: all are
 */
export function readRows(file: number, start: number, end: number, each: EachRow): BadRow | undefined {
  const buffer = Buffer.allocUnsafe(CHUNK + MAX_LINE);
  let position = start === 0 ? 0 : afterLine(file, start - 1, buffer);
  while (position < end) {
    const read = readSync(file, buffer, 0, Math.min(CHUNK, end - position) + MAX_LINE, position);
    const lines = buffer.subarray(0, read).lastIndexOf(LINE_FEED) + 1;
    // The last line without its end: the file was cut off.
    if (lines === 0) return { line: buffer.toString('latin1', 0, Math.min(read, MAX_LINE)) };
    const { used, bad } = takeRows(buffer.toString('latin1', 0, lines), end - position, each);
    if (bad !== undefined) return bad;
    position += used;
  }
  return undefined;
}

/** The position behind the line that `at` lies in. */
function afterLine(file: number, at: number, buffer: Buffer): number {
  const read = readSync(file, buffer, 0, MAX_LINE, at);
  const found = buffer.subarray(0, read).indexOf(LINE_FEED);
  return at + (found === -1 ? read : found + 1);
}

const PATH = /[\w~+!@=-][\w.~+!@=-]*(?:\/[\w~+!@=-][\w.~+!@=-]*)+/;
/** Every day of the calendar but the 29th of February. */
const DAY =
  /\d{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\d|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]\d|30)|02-(?:0[1-9]|1\d|2[0-8]))/;
const TIME = /(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\dZ/;
/** The usual row, in one match: nothing in it needs a second look. What it does not match is looked at by `parseRow`. */
const USUAL = new RegExp(`${PATH.source}\\t(?:0|[1-9]\\d{0,14})\\t[0-9a-f]{64}\\t${DAY.source}T${TIME.source}\\n`, 'y');
/** Characters of a row's end: sha256 and time, each with the tab before it, and a line feed. */
const TIME_WIDTH = 20;
const TAIL_WIDTH = 1 + 64 + 1 + TIME_WIDTH + 1;

function takeRows(text: string, limit: number, each: EachRow): { used: number; bad?: BadRow } {
  let at = 0;
  while (at < text.length && at < limit) {
    USUAL.lastIndex = at;
    const tab = text.indexOf('\t', at);
    if (tab - at <= MAX_PATH && USUAL.test(text)) {
      const end = USUAL.lastIndex;
      const tail = end - TAIL_WIDTH;
      const sha256 = text.slice(tail + 1, tail + 65);
      each(text.slice(at, tab), text.slice(tab + 1, tail), sha256, text.slice(end - 1 - TIME_WIDTH, end - 1));
      at = end;
      continue;
    }
    const end = text.indexOf('\n', at);
    const line = text.slice(at, end);
    if (!isRow(line)) return { used: at, bad: { line } };
    const row = parseRow(line);
    each(row.path, row.length, row.sha256, row.listed);
    at = end + 1;
  }
  return { used: at };
}

function isRow(line: string): boolean {
  try {
    parseRow(line);
    return true;
  } catch (error) {
    if (error instanceof InputError) return false;
    throw error;
  }
}

/** @param line without its line feed @throws InputError */
export function parseRow(line: string): RowText {
  const fields = line.split('\t');
  const [path = '', length = '', sha256 = '', listed = ''] = fields;
  if (fields.length !== 4) throw refusal(line, 'path, length, sha256 and time between tabs', `${fields.length} fields`);
  assertTargetPath(path);
  if (!/^(?:0|[1-9]\d{0,15})$/.test(length) || !Number.isSafeInteger(Number(length)))
    throw refusal(path, 'a length in bytes', JSON.stringify(length));
  if (!/^[0-9a-f]{64}$/.test(sha256)) throw refusal(path, '64 lower-case hexadecimal digits', JSON.stringify(sha256));
  if (parseDate(listed) === undefined) throw refusal(path, 'a time YYYY-MM-DDTHH:MM:SSZ', JSON.stringify(listed));
  return { path, length, sha256, listed };
}

function refusal(object: string, expected: string, found: string): InputError {
  return new InputError('not a row of a bulk build', {
    object: object.length > 200 ? `${object.slice(0, 200)}...` : object,
    expected,
    found,
    code: 'input.row',
  });
}
