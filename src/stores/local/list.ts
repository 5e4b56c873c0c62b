import type { Dirent } from 'node:fs';
import { lstat, opendir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Listed } from '../port.ts';
import { compareKeys, isKey } from '../port.ts';
import { isErrno } from './errno.ts';
import { PRIVATE_FOLDER } from './folder.ts';

export interface Wanted {
  /** A key begins with it. */
  readonly prefix: string;
  /** A key is greater. */
  readonly after: string;
}

/**
 * The objects in a folder and below it, in ascending order of their keys. In memory are the names of one folder on each
 * level, and of them only those that are wanted. What is neither file nor folder, and what has a name that is no key, is no
 * object; what disappears while it is listed is left out.
 *
 * @param path of the folder
 * @param folder its own key with a slash at its end; the root's is empty
 */
export async function* walk(path: string, folder: string, wanted: Wanted): AsyncGenerator<Listed, void, undefined> {
  for (const name of await names(path, folder, wanted)) {
    if (name.endsWith('/')) {
      yield* walk(join(path, name), `${folder}${name}`, wanted);
      continue;
    }
    const stats = await lstat(join(path, name)).catch(absent);
    if (stats?.isFile()) yield { key: `${folder}${name}`, length: stats.size, modified: stats.mtime };
  }
}

/** Folders have a slash at their end, which is also what sorts them among files: `a-b` < `a/b` < `a0`. */
async function names(path: string, folder: string, wanted: Wanted): Promise<string[]> {
  const directory = await opendir(path, { bufferSize: 256 }).catch(absent);
  if (directory === undefined) return [];
  const found: string[] = [];
  for await (const entry of directory) {
    const name = entry.isDirectory() ? `${entry.name}/` : entry.name;
    if (isKey(folder + entry.name) && isWanted(entry, folder + name, wanted)) found.push(name);
  }
  return found.sort(compareKeys);
}

function isWanted(entry: Dirent, key: string, { prefix, after }: Wanted): boolean {
  if (!key.startsWith(prefix) || key === `${PRIVATE_FOLDER}/`) return false;
  if (entry.isFile()) return key > after;
  // Every key below a folder is greater than the folder's own, and `after` may be one of them.
  return entry.isDirectory() && (key > after || after.startsWith(key));
}

function absent(error: unknown): undefined {
  if (!isErrno(error, 'ENOENT')) throw error;
}
