import { constants, type Stats } from 'node:fs';
import { type FileHandle, lstat, mkdir, open, realpath } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { StorageError } from '../../errors.ts';
import { assertKey } from '../port.ts';
import { isErrno } from './errno.ts';

/** Where the store keeps what is its own: `lock.sqlite` and `tmp/`. Never an object, never listed. */
export const PRIVATE_FOLDER = '.tufa-store';

/**
 * The tree below a root, by key. The root itself may be a link, for that is the choice of whoever names it; below it no
 * link is followed: one that was planted would lead writes out of the store. (Node has no openat. Somebody who can swap a
 * folder for a link in the moment between look and use can write to the store anyhow, and no store is trusted.)
 */
export class Folder {
  private readonly root: string;

  constructor(root: string) {
    this.root = root;
  }

  /**
   * The path of an object, there or not, whose parents are real folders.
   *
   * @returns undefined when a parent is not there
   * @throws StorageError for a link or a file in its way, or a key that is none
   */
  async find(key: string): Promise<string | undefined> {
    assertObjectKey(key);
    return this.inside(key);
  }

  /** The same, and makes the parents that are not there. */
  async make(key: string): Promise<string> {
    assertObjectKey(key);
    return this.makeInside(key);
  }

  /** The path of something in the private folder; makes that too. */
  async makePrivate(name: string): Promise<string> {
    return this.makeInside(`${PRIVATE_FOLDER}/${name}`);
  }

  private async inside(key: string): Promise<string | undefined> {
    const parent = dirname(key);
    try {
      const root = await realpath(this.root);
      const real = await realpath(join(this.root, parent));
      if (real === join(root, parent)) return join(root, key);
    } catch (error) {
      if (isErrno(error, 'ENOENT')) return undefined;
      throw error;
    }
    throw linked(key, `find ${this.root} -type l`);
  }

  private async makeInside(key: string): Promise<string> {
    const found = await this.inside(key);
    if (found !== undefined) return found;
    await makeFolder(this.root);
    let path = await realpath(this.root);
    for (const segment of dirname(key).split('/')) {
      path = join(path, segment);
      // One by one, and looked at before the next: a folder must not be made behind a link.
      await makeFolder(path);
      const stats = await lstat(path);
      if (stats.isSymbolicLink()) throw linked(key, `ls -ld ${path}`);
      if (!stats.isDirectory()) throw Object.assign(new Error(`${path} is no folder`), { code: 'ENOTDIR' });
    }
    return join(path, basename(key));
  }
}

/** Makes a folder and what is missing above it. If we crash here, empty folders stay, which are no objects. */
async function makeFolder(path: string, above = true): Promise<void> {
  try {
    await mkdir(path, 0o755);
  } catch (error) {
    if (isErrno(error, 'EEXIST')) return;
    if (!above || !isErrno(error, 'ENOENT')) throw error;
    await makeFolder(dirname(path));
    return makeFolder(path, false);
  }
  await syncFolder(dirname(path));
}

/** Puts the names in a folder on the disk: without it, a power failure can take back a link or a rename. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

export async function isThere(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return false;
    throw error;
  }
}

export interface Opened {
  readonly file: FileHandle;
  readonly stats: Stats;
}

/**
 * Opens the file of an object, for reading.
 *
 * @returns undefined when there is none
 * @throws StorageError for a link, a folder, a pipe
 */
export async function openObject(path: string, key: string): Promise<Opened | undefined> {
  let file: FileHandle;
  try {
    // O_NONBLOCK: opening a named pipe must not wait for somebody to write into it.
    file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined;
    throw isErrno(error, 'ELOOP', 'EMLINK') ? linked(key, `ls -l ${path}`) : error;
  }
  try {
    const stats = await file.stat();
    if (stats.isFile()) return { file, stats };
    throw new StorageError('no file', { object: key, code: 'storage.no-file', hint: `ls -ld ${path}` });
  } catch (error) {
    await file.close();
    throw error;
  }
}

function assertObjectKey(key: string): void {
  assertKey(key);
  if (!key.startsWith(`${PRIVATE_FOLDER}/`) && key !== PRIVATE_FOLDER) return;
  throw new StorageError('the store keeps this place for itself', { object: key, code: 'storage.key' });
}

function linked(key: string, hint: string): StorageError {
  return new StorageError('will not follow a symbolic link below the store', {
    object: key,
    code: 'storage.symlink',
    expected: 'folders and files',
    found: 'a symbolic link',
    hint,
  });
}
