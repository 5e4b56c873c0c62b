import { StorageError } from '../../errors.ts';

/** Whether an error is one of these of the operating system: `ENOENT`. */
export function isErrno(error: unknown, ...codes: string[]): boolean {
  return error instanceof Error && codes.includes((error as NodeJS.ErrnoException).code ?? '');
}

/**
 * Does something for an object and turns what the operating system refuses into a `StorageError` with the code
 * `storage.<errno>`. Other errors pass: a `TufaError` has said all, and the rest are bugs.
 *
 * @param doing what cannot be done: `read`
 * @param root folder of the store, for the hint
 */
export async function about<T>(doing: string, key: string, root: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw isSystemError(error) ? storageError(doing, key, root, error) : error;
  }
}

/** The same for something that is asked step by step. */
export async function* eachAbout<T>(
  doing: string,
  key: string,
  root: string,
  steps: AsyncIterable<T>,
): AsyncGenerator<T, void, undefined> {
  try {
    yield* steps;
  } catch (error) {
    throw isSystemError(error) ? storageError(doing, key, root, error) : error;
  }
}

function isSystemError(error: unknown): error is NodeJS.ErrnoException & { code: string } {
  return error instanceof Error && /^E[A-Z0-9]+$/.test((error as NodeJS.ErrnoException).code ?? '');
}

function storageError(doing: string, key: string, root: string, cause: NodeJS.ErrnoException & { code: string }) {
  return new StorageError(`cannot ${doing} (${cause.code})`, {
    object: key,
    code: `storage.${cause.code.toLowerCase()}`,
    hint: HINTS[cause.code]?.(root) ?? `see what the machine says: dmesg | tail; ls -ld ${root}`,
    cause,
  });
}

const permission = (root: string): string => `see who may write there: ls -ld ${root}`;
const room = (root: string): string => `make room, then run the command again: df -h ${root}; df -i ${root}`;
const HINTS: Readonly<Record<string, (root: string) => string>> = {
  EACCES: permission,
  EPERM: permission,
  EROFS: permission,
  ENOSPC: room,
  EDQUOT: room,
  ENOTDIR: (root) => `a file stands where a folder belongs: ls -l ${root}`,
  EXDEV: (root) => `the whole store must lie in one file system: findmnt -R -T ${root}`,
};
