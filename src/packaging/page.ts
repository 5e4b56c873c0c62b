import { InputError } from '../errors.ts';
import { formatDate } from '../tuf/encode.ts';
import { date, list, map, natural, refuse, sha256, strings, text } from '../tuf/fields.ts';
import { parseJson } from '../tuf/json.ts';
import type { Json, JsonMap } from '../tuf/model.ts';
import { assertTargetPath } from '../tuf/names.ts';
import { normalize, parseDistributionName } from './names.ts';
import { compareVersions } from './versions.ts';

/**
 * The page of one project: PEP 691 in JSON, with the sizes and upload times of PEP 700 and the yanked files of PEP 592.
 * The same page always has the same bytes, whatever the order in which its files came; `page-html.ts` derives the HTML.
 */

/** Raised with what JSON pages can say. 1.1 is PEP 700. */
export const API_VERSION = '1.1';

export interface PageFile {
  readonly filename: string;
  /** Target path: `packages/foo/foo-1.0-py3-none-any.whl`. */
  readonly path: string;
  /** Lower-case hex. */
  readonly sha256: string;
  /** Bytes. */
  readonly size: number;
  /** Whole seconds. When the index first listed these bytes. */
  readonly uploadTime: Date;
  /** A specifier of PEP 440: `>=3.9`. */
  readonly requiresPython?: string;
  /** PEP 592: true, or why. */
  readonly yanked?: true | string;
}

export interface Page {
  /** Normalised (PEP 503). */
  readonly name: string;
  /** Those of the files, each once, lowest first. */
  readonly versions: readonly string[];
  /** By name. Empty when everything was removed: a page that stays is what tells clients so. */
  readonly files: readonly PageFile[];
}

export function emptyPage(project: string): Page {
  return { name: normalize(project), versions: [], files: [] };
}

/**
 * The page with files added, or put in the place of those of the same name. The same bytes keep their upload time.
 *
 * @throws InputError for a file that is not the project's, or does not have the form of one
 */
export function withFiles(page: Page, files: Iterable<PageFile>): Page {
  const byName = new Map(page.files.map((file) => [file.filename, file]));
  for (const file of files) {
    const before = byName.get(file.filename);
    const added = checked(page.name, file);
    const same = before !== undefined && before.sha256 === added.sha256;
    byName.set(added.filename, same ? { ...added, uploadTime: before.uploadTime } : added);
  }
  return pageOf(page.name, [...byName.values()]);
}

export function withFile(page: Page, file: PageFile): Page {
  return withFiles(page, [file]);
}

/** The page without a file; the same page when it had none of that name. */
export function withoutFile(page: Page, filename: string): Page {
  return pageOf(
    page.name,
    page.files.filter((file) => file.filename !== filename),
  );
}

/** The bytes of `simple/<project>/vnd.pypi.simple.v1.json`. */
export function writePageJson(page: Page): Uint8Array {
  return Buffer.from(
    JSON.stringify({
      meta: { 'api-version': API_VERSION },
      name: page.name,
      versions: page.versions,
      files: page.files.map((file) => ({
        filename: file.filename,
        url: relativeUrl(file),
        hashes: { sha256: file.sha256 },
        size: file.size,
        'upload-time': formatDate(file.uploadTime),
        'requires-python': file.requiresPython,
        yanked: file.yanked,
      })),
    }),
  );
}

/** Where a page finds a file: both are target paths below one base, and the page lies two folders deep. */
export function relativeUrl(file: PageFile): string {
  return UP + file.path;
}

const UP = '../../';

/**
 * Reads a page that `writePageJson` wrote: our fields and no others, because a page that is changed is written again and
 * what was not understood would be lost.
 *
 * @throws InputError
 */
export function parsePage(bytes: Uint8Array): Page {
  const page = fields(parseJson(bytes, { what: 'page' }), 'page', ['meta', 'name', 'versions', 'files']);
  const meta = fields(page.get('meta'), 'meta', ['api-version']);
  const api = text(meta.get('api-version'), 'meta.api-version');
  if (api !== API_VERSION) refuse('meta.api-version', API_VERSION, JSON.stringify(api));
  const name = text(page.get('name'), 'name');
  if (normalize(name) !== name) refuse('name', normalize(name), name);
  const files = list(page.get('files'), 'files').map((file, i) => readFile(name, file, `files[${i}]`));
  const read = withFiles(emptyPage(name), files);
  assertSame('versions', strings(page.get('versions'), 'versions'), read.versions);
  assertSame(
    'files',
    files.map((file) => file.filename),
    read.files.map((file) => file.filename),
  );
  return read;
}

function readFile(project: string, value: Json, what: string): PageFile {
  const file = fields(value, what, REQUIRED, ['requires-python', 'yanked']);
  const url = text(file.get('url'), `${what}.url`);
  if (!url.startsWith(UP)) refuse(`${what}.url`, `a URL that begins with ${UP}`, url);
  const hashes = fields(file.get('hashes'), `${what}.hashes`, ['sha256']);
  const yanked = file.get('yanked');
  return checked(project, {
    filename: text(file.get('filename'), `${what}.filename`),
    path: url.slice(UP.length),
    sha256: sha256(hashes.get('sha256'), `${what}.hashes.sha256`),
    size: natural(file.get('size'), `${what}.size`),
    uploadTime: date(file.get('upload-time'), `${what}.upload-time`),
    ...(file.has('requires-python') && {
      requiresPython: text(file.get('requires-python'), `${what}.requires-python`),
    }),
    ...(file.has('yanked') && { yanked: yanked === true || text(yanked, `${what}.yanked`) }),
  });
}

const REQUIRED = ['filename', 'url', 'hashes', 'size', 'upload-time'];

/** An object with every required member and no member that nobody asked for. */
function fields(value: Json | undefined, what: string, required: string[], optional: string[] = []): JsonMap {
  const object = map(value, what);
  for (const key of required) if (!object.has(key)) refuse(what, `a member ${key}`, 'none');
  for (const key of object.keys()) {
    if (!required.includes(key) && !optional.includes(key)) {
      refuse(what, `only ${[...required, ...optional].join(', ')}`, JSON.stringify(key));
    }
  }
  return object;
}

function assertSame(what: string, found: readonly string[], expected: readonly string[]): void {
  for (let i = 0; i < Math.max(found.length, expected.length); i++) {
    if (found[i] !== expected[i]) refuse(`${what}[${i}]`, expected[i] ?? 'the end of the list', found[i] ?? 'its end');
  }
}

/** One form for one page: sorted, each name once. */
function pageOf(name: string, files: PageFile[]): Page {
  const sorted = files.toSorted((a, b) => (a.filename < b.filename ? -1 : 1));
  const versions = new Set(sorted.map((file) => parseDistributionName(file.filename, name).version));
  return { name, versions: [...versions].sort((a, b) => compareVersions(a, b) || (a < b ? -1 : 1)), files: sorted };
}

/** A file as a page keeps it. @throws InputError */
function checked(project: string, file: PageFile): PageFile {
  const { filename, path, size, uploadTime, requiresPython, yanked } = file;
  parseDistributionName(filename, project);
  assertTargetPath(path);
  if (!path.startsWith('packages/') || !path.endsWith(`/${filename}`)) {
    refuse(`${filename}: path`, 'a path of packages/ that ends in its name', path);
  }
  if (!Number.isSafeInteger(size) || size < 0) refuse(`${filename}: size`, 'a number of bytes', String(size));
  const seconds = new Date(Math.floor(uploadTime.getTime() / 1000) * 1000);
  if (Number.isNaN(seconds.getTime())) refuse(`${filename}: upload time`, 'a time', 'none');
  return {
    filename,
    path,
    sha256: sha256(file.sha256, `${filename}: sha256`),
    size,
    uploadTime: seconds,
    ...(requiresPython !== undefined && { requiresPython: oneLine(requiresPython, `${filename}: requires-python`) }),
    ...(yanked !== undefined && { yanked: yanked === true || oneLine(yanked, `${filename}: yanked`) }),
  };
}

/** Text that stays one line in an attribute, a table and a log. */
function oneLine(value: string, what: string): string {
  if (value === '' || !value.isWellFormed() || /[\p{Cc}\u2028\u2029]/u.test(value)) {
    throw new InputError('wrong form', { object: what, expected: 'one line of text', found: JSON.stringify(value) });
  }
  return value;
}
