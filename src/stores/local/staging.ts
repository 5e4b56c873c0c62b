import { randomBytes } from 'node:crypto';
import { type FileHandle, link, open, readdir, rename, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { isErrno } from './errno.ts';
import { isThere } from './folder.ts';
import type { FolderLock } from './lock.ts';

/**
 * Where bytes lie until they are whole: one folder, in the file system of the store. Whoever has a file there is `present`
 * or `single` on the store's lock; so whoever is `alone` knows, without clocks and process numbers, that all of it
 * is left from writers that crashed. If we crash here, a file stays that is no object, until the next run.
 */

/** Below the store's private folder. */
export function temporaryName(): string {
  return `tmp/${randomBytes(12).toString('hex')}`;
}

/** Writes a temporary file and has its bytes on the disk when it returns. @throws whatever `pieces` throws */
export async function stage(path: string, pieces: AsyncIterable<Uint8Array>): Promise<void> {
  const file = await open(path, 'wx', 0o644);
  try {
    let position = 0;
    for await (const piece of pieces) {
      await writeWhole(file, piece, position);
      position += piece.length;
    }
    await file.sync();
  } finally {
    await file.close();
  }
}

/** The kernel may write less than it was given, and say so only by a number. */
async function writeWhole(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, position + done);
    if (bytesWritten === 0) throw Object.assign(new Error('the kernel writes nothing'), { code: 'EIO' });
    done += bytesWritten;
  }
}

/**
 * Gives a whole file its name, unless the name is taken. `rename` would overwrite, `link` does not.
 *
 * @param single runs what no other writer may run at the same time: file systems without hard links (FAT, on a stick)
 *   can only look and then rename
 */
export async function give(
  temporary: string,
  path: string,
  single: <T>(work: () => Promise<T>) => Promise<T>,
): Promise<'created' | 'exists'> {
  try {
    await link(temporary, path);
    return 'created';
  } catch (error) {
    if (isErrno(error, 'EEXIST')) return 'exists';
    if (!isErrno(error, 'EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS')) throw error;
    return single(async () => {
      if (await isThere(path)) return 'exists';
      await rename(temporary, path);
      return 'created';
    });
  }
}

/** Takes a temporary file away. What cannot be taken away now, the next run takes away. */
export async function discard(path: string): Promise<void> {
  await unlink(path).catch(() => undefined);
}

/** Takes away what crashed writers have left in the staging folder, unless somebody is writing just now. */
export async function sweep(folder: string, lock: FolderLock): Promise<void> {
  if ((await readdir(folder)).length === 0) return;
  await lock.alone(async () => {
    for (const name of await readdir(folder)) await discard(join(folder, name));
  });
}
