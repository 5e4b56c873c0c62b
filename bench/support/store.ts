import { MemoryStore } from '../../src/stores/memory.ts';
import type { Body, Listed, OpenObject, Store, StoredObject } from '../../src/stores/port.ts';
import { METADATA_PREFIX } from '../../src/tuf/layout.ts';

/**
 * A store in memory that is fit for 16,384 files: what lies below `metadata/` is kept apart, so that a list of the queue
 * does not look at it; and what was there from the beginning lies in one piece of memory, so that the garbage collector
 * does not look at each file.
 */
export class BenchStore implements Store {
  readonly uri = 'memory:';
  private readonly metadata = new MemoryStore();
  private readonly others = new MemoryStore();

  private readonly base = new Map<string, Uint8Array>();

  /** @param files by key, that nobody will change */
  constructor(files: ReadonlyMap<string, Uint8Array>) {
    const all = Buffer.concat([...files.values()]);
    let at = 0;
    for (const [key, { length }] of files) {
      this.base.set(key, all.subarray(at, at + length));
      at += length;
    }
  }

  async get(key: string, options: { maxLength: number }): Promise<StoredObject | undefined> {
    const bytes = this.base.get(key);
    if (bytes === undefined || bytes.length > options.maxLength) return this.of(key).get(key, options);
    return { bytes: new Uint8Array(bytes), etag: key, modified: new Date(0) };
  }

  open(key: string): Promise<OpenObject | undefined> {
    return this.of(key).open(key);
  }

  async create(key: string, body: Body): Promise<'created' | 'exists'> {
    return this.base.has(key) ? 'exists' : this.of(key).create(key, body);
  }

  swap(key: string, bytes: Uint8Array, etag: string | undefined): Promise<{ etag: string } | 'moved'> {
    return this.of(key).swap(key, bytes, etag);
  }

  list(prefix: string, options?: { after?: string }): AsyncIterable<Listed> {
    return this.of(prefix).list(prefix, options);
  }

  remove(key: string): Promise<void> {
    return this.of(key).remove(key);
  }

  private of(key: string): MemoryStore {
    return key.startsWith(METADATA_PREFIX) ? this.metadata : this.others;
  }
}
