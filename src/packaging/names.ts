import { InputError } from '../errors.ts';
import { normalizeVersion } from './versions.ts';

/** Names of projects (PEP 503) and of distribution files (PEP 427, PEP 625). */

/** In ASCII alone: under Unicode's case folding the Kelvin sign would pass for a `k` and the long s for an `s`. */
const NAME = /^(?:[A-Za-z0-9]|[A-Za-z0-9][A-Za-z0-9._-]*[A-Za-z0-9])$/;
const FILE = /^[A-Za-z0-9][A-Za-z0-9._+!-]*$/;
const TAG = /^[A-Za-z0-9_]+(?:\.[A-Za-z0-9_]+)*$/;
const SDIST = /\.(?:tar\.gz|zip)$/;

/** A file's object is called `<sha256>.<name>`, and a file system takes 255 bytes. */
const MAX_FILE_NAME = 255 - 65;

/** `Foo._Bar` -> `foo-bar`. @throws InputError for what is not a project's name, with the code point of what is not ASCII */
export function normalize(name: string): string {
  if (!isProjectName(name)) refuse('not a project name', name, 'letters, digits and inner . _ - of ASCII');
  return name.replace(/[-_.]+/g, '-').toLowerCase();
}

/** Whether a name can be normalised. */
export function isProjectName(name: string): boolean {
  return NAME.test(name);
}

/** Whether a name is in the form that paths and pages use. */
export function isNormalized(name: string): boolean {
  return /^[a-z0-9]+(?:-[a-z0-9]+)*$/.test(name);
}

/**
 * Two spellings of one project are one too many where a person names it: `Foo.Bar` where `foo-bar` exists.
 *
 * @returns the normalised name
 * @throws InputError with both spellings
 */
export function assertNoCollision(name: string, existing: Iterable<string>): string {
  const normalized = normalize(name);
  for (const other of existing) {
    if (other !== name && normalize(other) === normalized) {
      throw new InputError('another spelling of a project that exists', {
        object: name,
        expected: other,
        found: name,
        hint: `write ${other}`,
        code: 'input.collision',
      });
    }
  }
  return normalized;
}

/** What the name of a distribution file says. */
export interface Distribution {
  readonly filename: string;
  /** Normalised (PEP 503). */
  readonly project: string;
  /** Normalised (PEP 440). */
  readonly version: string;
  readonly kind: 'wheel' | 'sdist';
  /** Wheels only: each set as the name has it, `py2.py3` as two. */
  readonly tags?: { readonly python: string[]; readonly abi: string[]; readonly platform: string[] };
}

/**
 * Reads the name of a wheel (`.whl`) or an sdist (`.tar.gz`, and `.zip` from before PEP 625).
 *
 * @param project whose file it must be; without it a name that can be read as two projects' is refused
 * @throws InputError
 */
export function parseDistributionName(filename: string, project?: string): Distribution {
  if (!FILE.test(filename))
    refuse('not the name of a distribution file', filename, 'letters, digits and . _ + ! - of ASCII');
  if (filename.length > MAX_FILE_NAME) {
    refuse('not the name of a distribution file', filename, `at most ${MAX_FILE_NAME} bytes`, `${filename.length}`);
  }
  const found = filename.endsWith('.whl') ? wheel(filename) : sdist(filename, project);
  if (project !== undefined && found.project !== project) {
    refuse('a file of another project', filename, project, found.project);
  }
  return found;
}

/** PEP 427: `name-version(-build)?-python-abi-platform.whl`; in name and version `_` stands for `-`. */
function wheel(filename: string): Distribution {
  const parts = filename.slice(0, -'.whl'.length).split('-');
  const [name = '', version = ''] = parts;
  const build = parts.length === 6 ? parts[2] : undefined;
  const [python = '', abi = '', platform = ''] = parts.slice(-3);
  const wellFormed =
    (parts.length === 5 || build !== undefined) &&
    (build === undefined || /^\d[A-Za-z0-9_.]*$/.test(build)) &&
    [python, abi, platform].every((tag) => TAG.test(tag));
  if (!wellFormed) refuse('not the name of a wheel', filename, 'name-version-python-abi-platform.whl');
  return {
    filename,
    project: normalize(name),
    version: normalizeVersion(version.replaceAll('_', '-')),
    kind: 'wheel',
    tags: { python: python.split('.'), abi: abi.split('.'), platform: platform.split('.') },
  };
}

/** PEP 625 has one `-`; older names may have more, so each is tried and exactly one must make sense. */
function sdist(filename: string, project: string | undefined): Distribution {
  if (!SDIST.test(filename)) {
    refuse('not a distribution file', filename, 'a wheel (.whl) or an sdist (.tar.gz, .zip)');
  }
  const stem = filename.replace(SDIST, '');
  const readings: Distribution[] = [];
  for (let at = stem.indexOf('-'); at !== -1; at = stem.indexOf('-', at + 1)) {
    const [name, version] = [stem.slice(0, at), versionOrNothing(stem.slice(at + 1))];
    if (!NAME.test(name) || version === undefined) continue;
    readings.push({ filename, project: normalize(name), version, kind: 'sdist' });
  }
  const matching = readings.filter((reading) => project === undefined || reading.project === project);
  const [only = readings[0], ...more] = matching;
  if (only === undefined) refuse('not the name of an sdist', filename, 'name-version.tar.gz with a version of PEP 440');
  if (more.length > 0) {
    const both = matching.map((reading) => `${reading.project} ${reading.version}`).join(' or ');
    refuse('the name of an sdist can be read in two ways', filename, 'name_version.tar.gz with one -', both);
  }
  return only;
}

function versionOrNothing(version: string): string | undefined {
  try {
    return normalizeVersion(version);
  } catch (error) {
    if (error instanceof InputError) return undefined;
    throw error;
  }
}

function refuse(what: string, object: string, expected: string, found = strange(object)): never {
  throw new InputError(what, { object: JSON.stringify(object), expected, found, code: 'input.name' });
}

/** The first character that is not printable ASCII, as a code point: confusables look alike in every font. */
function strange(text: string): string {
  const character = /[^\x21-\x7e]/u.exec(text)?.[0];
  if (character === undefined) return text === '' ? 'nothing' : JSON.stringify(text);
  const code = character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0');
  return `U+${code}${/\p{L}/u.test(character) ? ` (${character})` : ''}`;
}
