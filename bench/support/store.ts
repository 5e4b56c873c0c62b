import { MemoryStore } from '../../src/stores/memory.ts';
import type { Body, Listed, OpenObject, Store, StoredObject } from '../../src/stores/port.ts';

/**
 * A store in memory that is fit for 16,384 files: what lies below `queue/`, `metadata/` and so on is kept apart, so that a
 * list of one does not look at the others; and what was there from the beginning lies in one piece of memory, so that the garbage collector
 * does not look at each file.
 */
export class BenchStore implements Store {
  readonly uri = 'memory:';
  private readonly folders = new Map<string, MemoryStore>();
  private readonly snapshots: string[] = [];
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
    if (this.base.has(key)) return 'exists';
    if (key.endsWith('.snapshot.json')) this.snapshots.push(key);
    return this.of(key).create(key, body);
  }

  swap(key: string, bytes: Uint8Array, etag: string | undefined): Promise<{ etag: string } | 'moved'> {
    return this.of(key).swap(key, bytes, etag);
  }

  list(prefix: string, options?: { after?: string }): AsyncIterable<Listed> {
    return this.of(prefix).list(prefix, options);
  }

  async remove(key: string): Promise<void> {
    // Without a trace: a store in memory that knew what was there once would keep all of it.
    this.of(key).plant(key, undefined);
  }

  /**
   * Takes away all snapshots but the last, which no later transaction reads: else every round leaves half a megabyte more
   * for the garbage collector to look after, in one variant and not in the other.
   */
  forgetSnapshots(): void {
    for (const key of this.snapshots.splice(0, this.snapshots.length - 1)) this.of(key).plant(key, undefined);
  }

  private of(key: string): MemoryStore {
    const [, name = ''] = /^(\.tufa\/[^/]*|[^/]*)\//.exec(key) ?? [];
    const folder = this.folders.get(name) ?? new MemoryStore();
    this.folders.set(name, folder);
    return folder;
  }
}
