import { randomBytes } from 'node:crypto';
import { link, mkdir, open, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { ConfigurationError, ConflictError, StorageError, TufaError } from '../errors.ts';

/**
 * Writes a new public file whole or not at all; it is on the disk when this returns. Its folder is made where it is missing.
 *
 * @throws ConflictError when there is a file of that name, ConfigurationError when it cannot be written
 */
export async function createFile(path: string, text: string): Promise<void> {
  const folder = dirname(path);
  // If we crash before the link, a file stays under a name that nothing reads.
  const draft = join(folder, `.${basename(path)}.${randomBytes(6).toString('hex')}`);
  try {
    await mkdir(folder, { recursive: true });
    const file = await open(draft, 'wx');
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await link(draft, path);
    await syncFolder(folder);
  } catch (error) {
    throw error instanceof TufaError ? error : notWritten(path, error as NodeJS.ErrnoException);
  } finally {
    await unlink(draft).catch(() => undefined);
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path);
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

export function notWritten(path: string, cause: NodeJS.ErrnoException): TufaError {
  if (cause.code === 'EEXIST') {
    return new ConflictError('there is one already', { object: path, expected: 'a new file', found: 'a file', cause });
  }
  const details = { object: path, hint: `ls -ld ${path}; df -h ${dirname(path)}`, cause };
  const disk = ['ENOSPC', 'EDQUOT', 'EIO'].includes(cause.code ?? '');
  return new (disk ? StorageError : ConfigurationError)(`cannot be written (${cause.code})`, details);
}
