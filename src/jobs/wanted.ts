import { normalize } from '../packaging/names.ts';
import { assertTargetPath } from '../tuf/names.ts';

/**
 * What `get` and `target remove` take: target paths, NAME or NAME==VERSION. A name that is none is refused before any file
 * is opened.
 *
 * @throws InputError
 */
export function assertWanted(what: readonly string[]): void {
  for (const one of what) {
    if (one.includes('/')) assertTargetPath(one);
    else normalize(one.split('==', 1)[0] ?? '');
  }
}
