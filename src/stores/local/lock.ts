import { randomInt } from 'node:crypto';
import { lstat } from 'node:fs/promises';
import type { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { StorageError } from '../../errors.ts';

/**
 * How a folder is shared between the writers of this and other processes. SQLite's locks on an empty database: the kernel
 * holds them and drops them when a process dies, however it dies. Nothing is ever written, so that a full disk is no
 * hindrance and no journal can stay behind. (A pid file cannot be broken safely: of two who find it stale, one breaks the other's.)
 *
 *     present   any number at once      SHARED      somebody has a temporary file
 *     single    one, beside `present`   RESERVED    read, compare, rename
 *     alone     one, beside nobody      EXCLUSIVE   takes away what crashed writers have left
 *
 * The file must not be removed while anybody uses it, nor opened by anything but SQLite: closing any descriptor of a file
 * drops all locks that its process has on it.
 */
export class FolderLock {
  private readonly place: () => Promise<string>;
  private readonly patience: number;

  /**
   * @param place makes the folder of the lock's file where it is missing, and says the file's path
   * @param patience milliseconds to wait for a lock
   */
  constructor(place: () => Promise<string>, patience: number) {
    this.place = place;
    this.patience = patience;
  }

  present<T>(work: () => Promise<T>): Promise<T> {
    return this.holding('BEGIN; SELECT 1 FROM sqlite_schema', work);
  }

  single<T>(work: () => Promise<T>): Promise<T> {
    return this.holding('BEGIN IMMEDIATE', work);
  }

  /** Does it if nobody else is there; waits for nobody. */
  async alone(work: () => Promise<void>): Promise<void> {
    const held = take(await this.path(), 'BEGIN EXCLUSIVE');
    try {
      if (held !== undefined) await work();
    } finally {
      held?.close();
    }
  }

  private async holding<T>(begin: string, work: () => Promise<T>): Promise<T> {
    const held = await this.wait(begin);
    try {
      return await work();
    } finally {
      held.close();
    }
  }

  /** SQLite's own waiting would stop this whole process, so it never waits: we ask, and sleep. */
  private async wait(begin: string): Promise<DatabaseSync> {
    const path = await this.path();
    const deadline = performance.now() + this.patience;
    for (let pause = 2; ; pause = Math.min(2 * pause, 40)) {
      const held = take(path, begin);
      if (held !== undefined) return held;
      if (performance.now() > deadline) throw locked(path, this.patience);
      await sleep(randomInt(1, pause + 1));
    }
  }

  private async path(): Promise<string> {
    const path = await this.place();
    const stats = await lstat(path).catch(() => undefined);
    if (stats?.isSymbolicLink()) throw unusable(path, new Error('a symbolic link'));
    return path;
  }
}

/** @returns undefined when somebody else is in the way */
function take(path: string, begin: string): DatabaseSync | undefined {
  let database: DatabaseSync | undefined;
  try {
    database = new (sqlite().DatabaseSync)(path, { timeout: 0 });
    // A transaction on an empty database begins with a page and a journal: both stay in memory, and are forgotten.
    database.exec(`PRAGMA journal_mode = MEMORY; ${begin}`);
    return database;
  } catch (error) {
    database?.close();
    if (isBusy(error)) return undefined;
    throw unusable(path, error);
  }
}

let loaded: typeof import('node:sqlite') | undefined;

/** Node 22 calls it experimental, on stderr, whenever it is loaded; this one warning is left out. */
function sqlite(): typeof import('node:sqlite') {
  if (loaded !== undefined) return loaded;
  const emitWarning = process.emitWarning;
  const others = (warning: string | Error, type?: unknown, ...rest: unknown[]): void => {
    if (type !== 'ExperimentalWarning') Reflect.apply(emitWarning, process, [warning, type, ...rest]);
  };
  process.emitWarning = others;
  try {
    // In one go, unlike `import`: nobody else's warning can come in between.
    loaded = process.getBuiltinModule('node:sqlite');
    return loaded;
  } finally {
    process.emitWarning = emitWarning;
  }
}

/** SQLITE_BUSY, in the low byte of an extended code. */
function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && (Number(error.errcode) & 0xff) === 5;
}

function locked(path: string, patience: number): StorageError {
  return new StorageError('somebody else holds the lock of this store', {
    object: path,
    code: 'storage.locked',
    expected: `the lock within ${patience / 1000} s`,
    found: 'it is held',
    hint: `see who holds it: fuser -v ${path}; a process that is stopped or hangs must go on or end`,
  });
}

function unusable(path: string, cause: unknown): StorageError {
  return new StorageError('cannot lock the store', {
    object: path,
    code: 'storage.lock',
    expected: 'an empty SQLite database',
    found: cause instanceof Error ? cause.message : String(cause),
    hint: `ls -l ${path}; df -h ${path}; remove the file while no tufa runs, if it is not empty`,
    cause,
  });
}
