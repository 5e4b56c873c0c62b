import { InputError } from '../errors.ts';
import { TOP_LEVEL } from './model.ts';

/**
 * The names that tufa writes: role names, target paths, path patterns. Each grammar is the part that every client, store
 * and file system reads alike. `matchesPattern` also reads what foreign repositories write.
 */

/** Bytes, which are characters: all names are ASCII. */
const MAX_ROLE_NAME = 128;
const MAX_TARGET_PATH = 512;
const MAX_PATTERN = 512;

/**
 * Refuses a name that a delegated role of ours cannot have. A name of digits breaks signatures in tuf-js (object order),
 * `constructor` crashes it, and `.json` at the end makes `a.json` two roles' file.
 *
 * @throws InputError
 */
export function assertRoleName(name: string): void {
  const refuse = (expected: string): never => refuseName('not a role name', name, expected, 'input.role-name');
  if (!/^[a-z][a-z0-9._-]*$/.test(name)) refuse('a lower-case letter, then letters, digits, ".", "_" and "-"');
  if (name.length > MAX_ROLE_NAME) refuse(`at most ${MAX_ROLE_NAME} characters`);
  if ((TOP_LEVEL as readonly string[]).includes(name)) refuse('a name that is not a top-level role');
  if (name.endsWith('.') || name.endsWith('.json')) refuse('a name that does not end in "." or ".json"');
  if (isSpecial(name)) refuse(NOT_SPECIAL);
}

/**
 * Refuses a path that clients, URLs or folders read in two ways (specification, section 4.5, TARGETPATH). A segment
 * that begins with a dot is no match for `*` in tuf-js, and one in python-tuf. What is special as a whole path
 * (`constructor`, `10`, `CON`) is an ordinary segment: projects are called so.
 *
 * @throws InputError
 */
export function assertTargetPath(path: string): void {
  const refuse = (expected: string): never => refuseName('not a target path', path, expected, 'input.target-path');
  if (!/^[\x21-\x7e]*$/.test(path)) refuse('printable ASCII without spaces');
  if (/[?#%\\"]/.test(path)) refuse('none of ? # % \\ "');
  if (path.length > MAX_TARGET_PATH) refuse(`at most ${MAX_TARGET_PATH} characters`);
  const segments = path.split('/');
  if (segments.includes('')) refuse('segments with one "/" between them, none at the start or the end');
  if (segments.some((segment) => segment.startsWith('.'))) refuse('no segment that begins with "."');
  if (segments.length > 1) return;
  if (isSpecial(path)) refuse(NOT_SPECIAL);
  if (/^\d+(\.|$)/.test(path)) refuse('a name that does not begin as a version does');
}

/**
 * Refuses a pattern that two clients read in two ways (specification, section 4.5, PATHPATTERN): `!a` is everything but
 * `a` in tuf-js, `{a,b}` two names there and one in python-tuf; and seven `*` in a row stop a client for seconds.
 *
 * @throws InputError
 */
export function assertPattern(pattern: string): void {
  const refuse = (expected: string): never => refuseName('not a path pattern', pattern, expected, 'input.pattern');
  if (!/^[A-Za-z0-9._~/*-]*$/.test(pattern)) refuse(PORTABLE);
  if (pattern.length > MAX_PATTERN) refuse(`at most ${MAX_PATTERN} characters`);
  for (const segment of pattern.split('/')) {
    if (segment === '') refuse('segments with one "/" between them, none at the start or the end');
    if (segment.startsWith('.')) refuse('no segment that begins with "."');
    if (!/^[^*]*\*?$/.test(segment)) refuse(PORTABLE);
  }
}

/**
 * Whether a delegation's pattern covers a path: as many segments, and each one matches; `*` stands for any characters
 * and `?` for one, neither for `/`. Everything else is literal, which is what the specification knows (section 4.5).
 * Never worse than pattern times path, whatever a foreign repository wrote.
 */
export function matchesPattern(pattern: string, path: string): boolean {
  if (!/[*?]/.test(pattern)) return pattern === path;
  const patterns = pattern.split('/');
  const segments = path.split('/');
  return patterns.length === segments.length && patterns.every((p, i) => matchesSegment(p, segments[i]!));
}

/** Only the last `*` is ever tried again: an earlier one could give nothing that the later one cannot. */
function matchesSegment(pattern: string, segment: string): boolean {
  let p = 0;
  let s = 0;
  let star = -1;
  let starred = 0;
  while (s < segment.length) {
    if (pattern[p] === '*') {
      star = p++;
      starred = s;
    } else if (p < pattern.length && (pattern[p] === '?' || pattern[p] === segment[s])) {
      p++;
      s++;
    } else if (star >= 0) {
      p = star + 1;
      s = ++starred;
    } else {
      return false;
    }
  }
  while (pattern[p] === '*') p++;
  return p === pattern.length;
}

const PORTABLE =
  'letters, digits, ".", "_", "~", "-" and "/"; at most one * in a segment, at its end, is portable between clients';
const NOT_SPECIAL = 'a name without a meaning of its own in JavaScript or Windows';
/** Also with an extension: `nul.txt` is the device as well. */
const WINDOWS_DEVICE = /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i;

function isSpecial(name: string): boolean {
  return WINDOWS_DEVICE.test(name) || name in Object.prototype;
}

function refuseName(what: string, name: string, expected: string, code: string): never {
  throw new InputError(what, { object: quoted(name), expected, found: oddity(name), code });
}

/** In quotes, and everything that a terminal could obey or an eye mistake as an escape. */
function quoted(name: string): string {
  const short = name.length > 80 ? `${name.slice(0, 80)}...` : name;
  return JSON.stringify(short).replace(/[^\x20-\x7e]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** What is there instead: the first character that is not printable ASCII by its code point, else the name. */
function oddity(name: string): string {
  const odd = [...name].find((c) => !/^[\x20-\x7e]$/.test(c));
  if (odd !== undefined) return `U+${odd.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}`;
  return name.length > 80 ? `${name.length} characters` : quoted(name);
}
