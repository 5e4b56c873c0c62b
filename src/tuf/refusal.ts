import { TrustError } from '../errors.ts';

/** A check of section 5 that refused: what, about which file, both sides, and the check's number. */
export function fail(
  what: string,
  object: string,
  expected: string,
  found: string,
  check: string,
  code: string,
): never {
  throw new TrustError(what, { object, expected, found, check, code });
}
