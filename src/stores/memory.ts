import { hash } from 'node:crypto';
import { ConfigurationError, StorageError } from '../errors.ts';
import { collect, isStream, piecesOf, tooLong } from './body.ts';
import type { Body, Listed, OpenObject, Store, StoredObject, StoreProvider } from './port.ts';
import { assertKey, assertRemovable, compareKeys, UnknownAnswer } from './port.ts';

/** `memory:` is a new, empty store that is gone with the process. */
export const memoryStores: StoreProvider = {
  schemes: ['memory'],
  open: async (uri) => {
    if (/^memory:$/i.test(uri)) return new MemoryStore();
    throw new ConfigurationError('a store in memory has no name', {
      object: uri,
      code: 'configuration.store-uri',
      expected: 'memory:',
      found: uri,
      hint: 'write file:FOLDER for a store that stays',
    });
  },
};

export type Operation = 'get' | 'open' | 'create' | 'swap' | 'list' | 'remove';

/**
 * What becomes of an operation. `fail`: it is not done, and says so. `lost`: it is done, and the answer is lost. `late`:
 * the answer is lost, and it is done when `land` is called. An operation that only reads fails in all three.
 */
export type Fate = 'ok' | 'fail' | 'lost' | 'late';

/** `key` is the prefix when the operation is `list`. */
export type Faults = (operation: Operation, key: string) => Fate;

/** All that a store holds at one moment; opaque. */
export interface MemorySnapshot {
  readonly objects: ReadonlyMap<string, Entry>;
  readonly settled: ReadonlyMap<string, Uint8Array>;
  readonly late: readonly (() => unknown)[];
}

/**
 * A store with opinions. An object that was made by `create` is immutable: whoever swaps it, or creates it again with
 * other bytes after it was removed, has a bug, and learns it by an error that is no `TufaError`. Etags depend on the
 * content alone.
 */
export class MemoryStore implements Store {
  readonly uri = 'memory:';
  /** May be replaced at any time. */
  faults: Faults;
  private readonly clock: () => Date;
  private objects = new Map<string, Entry>();
  /** Whatever was created, and stays so when it is removed. */
  private settled = new Map<string, Uint8Array>();
  private late: (() => unknown)[] = [];

  /** @param options.clock the store's own */
  constructor({ clock = () => new Date(), faults = () => 'ok' }: { clock?: () => Date; faults?: Faults } = {}) {
    this.clock = clock;
    this.faults = faults;
  }

  async get(key: string, { maxLength }: { maxLength: number }): Promise<StoredObject | undefined> {
    const entry = this.read('get', key);
    if (entry === undefined) return undefined;
    if (entry.bytes.length > maxLength) throw tooLong(key, maxLength, `${entry.bytes.length}`);
    return {
      bytes: entry.bytes.slice(),
      modified: entry.modified,
      get etag() {
        return entry.etag;
      },
    };
  }

  async open(key: string): Promise<OpenObject | undefined> {
    const entry = this.read('open', key);
    if (entry === undefined) return undefined;
    return { length: entry.bytes.length, modified: entry.modified, stream: piecesOf(entry.bytes.slice(), key) };
  }

  async create(key: string, body: Body): Promise<'created' | 'exists'> {
    assertKey(key);
    // What a caller changes in its buffer afterwards does not change the object.
    const bytes = new Uint8Array(isStream(body) ? await collect(piecesOf(body, key), body.length, key) : body);
    return this.write('create', key, () => {
      if (this.objects.has(key)) return 'exists';
      this.assertUnchanged(key, bytes);
      this.settled.set(key, bytes);
      this.put(key, bytes);
      return 'created';
    });
  }

  async swap(key: string, bytes: Uint8Array, etag: string | undefined): Promise<{ etag: string } | 'moved'> {
    assertKey(key);
    const copy = new Uint8Array(bytes);
    return this.write('swap', key, () => {
      if (this.objects.get(key)?.etag !== etag) return 'moved';
      this.assertUnchanged(key, copy);
      return { etag: this.put(key, copy).etag };
    });
  }

  async *list(prefix: string, { after = '' }: { after?: string } = {}): AsyncGenerator<Listed, void, undefined> {
    assertKey(`${prefix}x`);
    if (this.faults('list', prefix) !== 'ok') throw failed('list', prefix);
    const keys: string[] = [];
    for (const key of this.objects.keys()) if (key.startsWith(prefix) && key > after) keys.push(key);
    for (const key of keys.sort(compareKeys)) {
      const entry = this.objects.get(key);
      if (entry !== undefined) yield { key, length: entry.bytes.length, modified: entry.modified };
    }
  }

  async remove(key: string): Promise<void> {
    assertRemovable(key);
    return this.write('remove', key, () => void this.objects.delete(key));
  }

  /** Does what is late, in the order in which it was sent. @returns how many writes landed */
  land(): number {
    const late = this.late.splice(0);
    for (const apply of late) apply();
    return late.length;
  }

  /** Puts (undefined: takes away) an object behind the back of every rule, as somebody could who holds the bucket. */
  plant(key: string, bytes: Uint8Array | undefined): void {
    this.settled.delete(key);
    if (bytes === undefined) this.objects.delete(key);
    else this.put(key, Uint8Array.from(bytes));
  }

  snapshot(): MemorySnapshot {
    // Entries and their bytes never change, so copying what refers to them copies all.
    return { objects: new Map(this.objects), settled: new Map(this.settled), late: [...this.late] };
  }

  /** Back to a snapshot of this store, as often as one likes. */
  restore({ objects, settled, late }: MemorySnapshot): void {
    this.objects = new Map(objects);
    this.settled = new Map(settled);
    this.late = [...late];
  }

  private read(operation: Operation, key: string): Entry | undefined {
    assertKey(key);
    if (this.faults(operation, key) !== 'ok') throw failed(operation, key);
    return this.objects.get(key);
  }

  private write<T>(operation: Operation, key: string, apply: () => T): T {
    const fate = this.faults(operation, key);
    if (fate === 'fail') throw failed(operation, key);
    if (fate === 'ok') return apply();
    if (fate === 'late') this.late.push(apply);
    else apply();
    throw new UnknownAnswer(`no answer to ${operation}`, { object: key });
  }

  private put(key: string, bytes: Uint8Array): Entry {
    const entry = new Entry(bytes, this.clock());
    this.objects.set(key, entry);
    return entry;
  }

  private assertUnchanged(key: string, bytes: Uint8Array): void {
    const settled = this.settled.get(key);
    if (settled === undefined || Buffer.compare(settled, bytes) === 0) return;
    throw new Error(`${key}: an object that was written create-only would change`);
  }
}

/** Never changed: another content is another entry. */
class Entry {
  readonly bytes: Uint8Array;
  readonly modified: Date;
  private digest: string | undefined;

  constructor(bytes: Uint8Array, modified: Date) {
    this.bytes = bytes;
    this.modified = modified;
  }

  /** Computed when somebody asks: most objects are never swapped. */
  get etag(): string {
    this.digest ??= `"${hash('sha256', this.bytes, 'hex')}"`;
    return this.digest;
  }
}

function failed(operation: Operation, key: string): StorageError {
  return new StorageError(`${operation} failed`, { object: key, code: 'storage.fault' });
}
