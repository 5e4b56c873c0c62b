import { hash } from 'node:crypto';
import { rename, unlink } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { ConfigurationError, StorageError } from '../errors.ts';
import { collect, hashStream, piecesOf, piecesOfFile, tooLong } from './body.ts';
import { about, eachAbout, isErrno } from './local/errno.ts';
import { Folder, isThere, type Opened, openObject, syncFolder } from './local/folder.ts';
import { walk } from './local/list.ts';
import { FolderLock } from './local/lock.ts';
import { discard, give, stage, sweep, temporaryName } from './local/staging.ts';
import type { Body, Listed, OpenObject, Store, StoredObject, StoreProvider } from './port.ts';
import { assertRemovable, UnknownAnswer } from './port.ts';

/**
 * Stores in folders:
 *
 *     file:public             relative to tufa.yaml
 *     file:///srv/index       absolute; file:/srv/index is the same
 *     public                  a plain path, not percent-encoded
 */
export const localStores: StoreProvider = {
  schemes: ['file'],
  open: async (uri, { base }) => new LocalStore(resolve(base, pathOf(uri))),
};

/** Milliseconds. A swap holds the lock for a few writes to the disk. */
const PATIENCE = 30_000;

/**
 * A folder, by the life of an object:
 *
 * 1. Its bytes are written to a temporary file and put on the disk (fsync).
 * 2. `create` links that file under the object's name, which fails if the name is taken. `swap` renames it over the old
 *    object, after it has compared that under a lock which the kernel holds. Readers see the whole object or none.
 * 3. The folder that has the new name is put on the disk. Only now is the write answered.
 *
 * Files have mode 0644 and folders 0755, less what the umask takes away. Etags are the sha256 of the content. Not for
 * several publishers on a network file system, whose locks and links may not be what they seem.
 */
export class LocalStore implements Store {
  readonly uri: string;
  private readonly root: string;
  private readonly folder: Folder;
  private readonly lock: FolderLock;
  private swept: Promise<void> | undefined;

  /**
   * @param root absolute path of the folder; it is made by the first write
   * @param options.patience milliseconds to wait for another writer's lock
   */
  constructor(root: string, { patience = PATIENCE }: { patience?: number } = {}) {
    this.uri = `file:${root}`;
    this.root = root;
    this.folder = new Folder(root);
    this.lock = new FolderLock(() => this.folder.makePrivate('lock.sqlite'), patience);
  }

  async get(key: string, { maxLength }: { maxLength: number }): Promise<StoredObject | undefined> {
    return about('read', key, this.root, async () => {
      const opened = await this.openFile(key);
      if (opened === undefined) return undefined;
      const { file, stats } = opened;
      try {
        if (stats.size > maxLength) throw tooLong(key, maxLength, `${stats.size}`);
        const bytes = await collect(piecesOfFile(file), maxLength, key);
        return { bytes, etag: etagOf(bytes), modified: stats.mtime };
      } finally {
        await file.close();
      }
    });
  }

  async open(key: string): Promise<OpenObject | undefined> {
    return about('read', key, this.root, async () => {
      const opened = await this.openFile(key);
      if (opened === undefined) return undefined;
      const { file, stats } = opened;
      await file.close();
      const stream = eachAbout('read', key, this.root, this.pieces(key, stats.ino, stats.size));
      return { length: stats.size, modified: stats.mtime, stream };
    });
  }

  async create(key: string, body: Body): Promise<'created' | 'exists'> {
    return about('write', key, this.root, async () => {
      const path = await this.folder.make(key);
      // The common answer when a command is run again: known without writing a large file for nothing.
      if (await isThere(path)) return settled(path, key, 'exists' as const);
      const temporary = await this.temporary();
      return this.lock.present(async () => {
        try {
          // If we crash here, a temporary file stays, which the next run takes away.
          await stage(temporary, piecesOf(body, key));
          const answer = await give(temporary, path, (work) => this.lock.single(work));
          // If we crash here, the object is there, whole, and has a second name among the temporary files.
          return await settled(path, key, answer);
        } finally {
          await discard(temporary);
        }
      });
    });
  }

  async swap(key: string, bytes: Uint8Array, expected: string | undefined): Promise<{ etag: string } | 'moved'> {
    return about('write', key, this.root, async () => {
      const path = await this.folder.make(key);
      const temporary = await this.temporary();
      return this.lock.single(async () => {
        if ((await currentEtag(path, key)) !== expected) return 'moved';
        try {
          // If we crash here, the old object stands, and the kernel gives the lock to the next.
          await stage(temporary, piecesOf(bytes, key));
          if (expected !== undefined) await rename(temporary, path);
          // `create` takes no part in the lock, so only a link can be sure that there is still none.
          else if ((await give(temporary, path, (work) => work())) === 'exists') return 'moved';
          // If we crash here, the new object stands, for every reader; a power failure may still bring the old one back.
          return await settled(path, key, { etag: etagOf(bytes) });
        } finally {
          await discard(temporary);
        }
      });
    });
  }

  async *list(prefix: string, { after = '' }: { after?: string } = {}): AsyncGenerator<Listed, void, undefined> {
    const folder = prefix.slice(0, prefix.lastIndexOf('/') + 1);
    // Any name will do: it stands for the folder that it would lie in, and proves that the prefix is one of keys.
    const inside = await about('list', prefix, this.root, () => this.folder.find(`${prefix}x`));
    if (inside === undefined) return;
    yield* eachAbout('list', prefix, this.root, walk(dirname(inside), folder, { prefix, after }));
  }

  async remove(key: string): Promise<void> {
    return about('remove', key, this.root, async () => {
      assertRemovable(key);
      const path = await this.folder.find(key);
      if (path === undefined || !(await isThere(path))) return;
      // Under the lock, or a swap that has just compared would bring the object back.
      await this.lock.single(async () => {
        await unlink(path).catch((error: unknown) => {
          if (!isErrno(error, 'ENOENT')) throw error;
        });
        await settled(path, key, undefined);
      });
    });
  }

  private async openFile(key: string): Promise<Opened | undefined> {
    const path = await this.folder.find(key);
    return path === undefined ? undefined : openObject(path, key);
  }

  /** Opens the file when its first byte is asked for: a stream that nobody reads holds nothing open. */
  private async *pieces(key: string, ino: number, size: number): AsyncGenerator<Uint8Array, void, undefined> {
    const opened = await this.openFile(key);
    try {
      if (opened?.stats.ino !== ino || opened.stats.size !== size) {
        throw new StorageError('changed since it was opened', { object: key, code: 'storage.changed' });
      }
      yield* piecesOfFile(opened.file);
    } finally {
      await opened?.file.close();
    }
  }

  /** The path of a temporary file that is not there yet. Before the first one, what crashed runs have left is removed. */
  private async temporary(): Promise<string> {
    const path = await this.folder.makePrivate(temporaryName());
    this.swept ??= sweep(dirname(path), this.lock).catch((error: unknown) => {
      this.swept = undefined;
      throw error;
    });
    await this.swept;
    return path;
  }
}

async function currentEtag(path: string, key: string): Promise<string | undefined> {
  const opened = await openObject(path, key);
  if (opened === undefined) return undefined;
  try {
    return `"${(await hashStream(piecesOfFile(opened.file))).sha256}"`;
  } finally {
    await opened.file.close();
  }
}

function etagOf(bytes: Uint8Array): string {
  return `"${hash('sha256', bytes, 'hex')}"`;
}

/** The last step of a write: its folder is put on the disk. Everybody can see the write by now, so a failure is no "no". */
async function settled<T>(path: string, key: string, answer: T): Promise<T> {
  try {
    await syncFolder(dirname(path));
    return answer;
  } catch (cause) {
    throw new UnknownAnswer('done, but a power failure might undo it', {
      object: key,
      hint: 'see what the machine says: dmesg | tail',
      cause,
    });
  }
}

function pathOf(uri: string): string {
  const path = /^file:/i.test(uri) ? decoded(/^file:(?:\/\/(?=\/))?([^?#]*)$/i.exec(uri)?.[1]) : uri;
  if (path !== undefined && path !== '' && !path.startsWith('//') && !path.includes('\0')) return path;
  throw new ConfigurationError('cannot be read as the place of a folder', {
    object: uri,
    code: 'configuration.store-uri',
    expected: 'file:PATH',
    found: 'no path on this machine',
    hint: 'write file:public or file:///srv/index',
  });
}

function decoded(text = ''): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
