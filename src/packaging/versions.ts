import { compare, explain } from '@renovatebot/pep440';
import { InputError } from '../errors.ts';

/**
 * Versions of distributions (PEP 440). The library keeps numbers as doubles and reads local segments such as `0x1f` as
 * numbers: so a number beyond 2^53-1 is refused, and the local part is compared here.
 */

/** `v1.0-RC1` -> `1.0rc1`. @throws InputError */
export function normalizeVersion(version: string): string {
  const { release, local } = split(version);
  return local === undefined ? release : `${release}+${local.join('.')}`;
}

/** Negative, zero or positive, in PEP 440's order. @throws InputError */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [split(a), split(b)];
  return compare(left.release, right.release) || compareLocal(left.local, right.local);
}

/** `1.0` and `1.0.0` are one version. @throws InputError */
export function sameVersion(a: string, b: string): boolean {
  return compareVersions(a, b) === 0;
}

/** The highest release; a pre-release only where there is nothing else. @throws InputError */
export function latest(versions: Iterable<string>): string | undefined {
  const all = [...versions];
  const releases = all.filter((version) => !isPrerelease(version));
  const candidates = releases.length === 0 ? all : releases;
  return candidates.reduce<string | undefined>(
    (best, version) => (best === undefined || compareVersions(version, best) > 0 ? version : best),
    undefined,
  );
}

export function isPrerelease(version: string): boolean {
  return explain(split(version).release)!.is_prerelease;
}

interface Split {
  /** Normalised, without the local part. */
  readonly release: string;
  /** Normalised segments of what follows `+`. */
  readonly local: readonly string[] | undefined;
}

function split(version: string): Split {
  const explained = explain(version);
  if (explained === null) refuse('a version of PEP 440, such as 1.2.post1', version);
  const [head = '', tail] = version.split('+', 2);
  for (const digits of head.match(/\d+/g) ?? []) {
    if (!Number.isSafeInteger(Number(digits))) refuse(`numbers up to ${Number.MAX_SAFE_INTEGER}`, version);
  }
  const local = tail
    ?.toLowerCase()
    .split(/[._-]/)
    .map((segment) => (/^\d+$/.test(segment) ? segment.replace(/^0+(?=\d)/, '') : segment));
  return { release: explained.public, local };
}

/** Without a local part comes first; numbers come after words; numbers by their size, of any length. */
function compareLocal(a: Split['local'], b: Split['local']): number {
  if (a === undefined || b === undefined) return (a === undefined ? 0 : 1) - (b === undefined ? 0 : 1);
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const order = compareSegment(a[i]!, b[i]!);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

function compareSegment(a: string, b: string): number {
  if (a === b) return 0;
  const [aIsNumber, bIsNumber] = [/^\d+$/.test(a), /^\d+$/.test(b)];
  if (aIsNumber !== bIsNumber) return aIsNumber ? 1 : -1;
  if (aIsNumber && a.length !== b.length) return a.length - b.length;
  return a < b ? -1 : 1;
}

function refuse(expected: string, version: string): never {
  throw new InputError('not a version', {
    object: JSON.stringify(version),
    expected,
    found: version || 'nothing',
    code: 'input.version',
  });
}
