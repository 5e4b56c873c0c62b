import { collect, isStream, piecesOf } from '../../src/stores/body.ts';
import type { Body, Listed, OpenObject, Store, StoredObject } from '../../src/stores/port.ts';
import { compareKeys } from '../../src/stores/port.ts';

interface Entry {
  readonly bytes: Uint8Array;
  readonly etag: string;
}

/**
 * A store in memory that costs next to nothing, so that what is measured is the transaction: it keeps what it is given
 * (nobody changes a buffer that was handed over) and gives a copy, as a network would; what was there from the beginning
 * lies in one piece of memory, so that the garbage collector does not look at 16,384 files.
 */
export class BenchStore implements Store {
  readonly uri = 'memory:';
  /** By folder, so that a list of the queue does not look at the metadata. */
  private readonly folders = new Map<string, Map<string, Entry>>();
  private readonly base = new Map<string, Uint8Array>();
  private readonly snapshots: string[] = [];
  private writes = 0;

  /** @param files by key, that nobody will change */
  constructor(files: ReadonlyMap<string, Uint8Array> = new Map()) {
    const all = Buffer.concat([...files.values()]);
    let at = 0;
    for (const [key, { length }] of files) {
      this.base.set(key, all.subarray(at, at + length));
      at += length;
    }
  }

  async get(key: string, { maxLength }: { maxLength: number }): Promise<StoredObject | undefined> {
    const found = this.find(key);
    if (found === undefined) return undefined;
    if (found.bytes.length > maxLength) throw new Error(`${key}: ${found.bytes.length} bytes, more than ${maxLength}`);
    return { bytes: Buffer.from(found.bytes), etag: found.etag, modified: new Date(0) };
  }

  async open(key: string): Promise<OpenObject | undefined> {
    const bytes = this.find(key)?.bytes;
    return bytes && { length: bytes.length, modified: new Date(0), stream: piecesOf(bytes, key) };
  }

  async create(key: string, body: Body): Promise<'created' | 'exists'> {
    const bytes = isStream(body) ? await collect(piecesOf(body, key), body.length, key) : body;
    if (this.find(key) !== undefined) return 'exists';
    if (key.endsWith('.snapshot.json')) this.snapshots.push(key);
    this.put(key, bytes);
    return 'created';
  }

  async swap(key: string, bytes: Uint8Array, etag: string | undefined): Promise<{ etag: string } | 'moved'> {
    if (this.find(key)?.etag !== etag) return 'moved';
    return { etag: this.put(key, bytes).etag };
  }

  async *list(prefix: string, { after = '' }: { after?: string } = {}): AsyncGenerator<Listed, void, undefined> {
    const folder = this.folderOf(prefix);
    const keys = [...folder.keys()].filter((key) => key.startsWith(prefix) && key > after);
    for (const key of keys.sort(compareKeys))
      yield { key, length: folder.get(key)!.bytes.length, modified: new Date(0) };
  }

  async remove(key: string): Promise<void> {
    this.folderOf(key).delete(key);
  }

  /**
   * Takes away all snapshots but the last, which no later transaction reads: else every round leaves half a megabyte more
   * for the garbage collector to look after, in one variant and not in the other.
   */
  forgetSnapshots(): void {
    for (const key of this.snapshots.splice(0, this.snapshots.length - 1)) this.folderOf(key).delete(key);
  }

  private find(key: string): Entry | undefined {
    const bytes = this.base.get(key);
    return bytes === undefined ? this.folderOf(key).get(key) : { bytes, etag: key };
  }

  private put(key: string, bytes: Uint8Array): Entry {
    const entry = { bytes, etag: `"${++this.writes}"` };
    this.folderOf(key).set(key, entry);
    return entry;
  }

  private folderOf(key: string): Map<string, Entry> {
    const [, name = ''] = /^(\.tufa\/[^/]*|[^/]*)\//.exec(key) ?? [];
    const folder = this.folders.get(name) ?? new Map<string, Entry>();
    this.folders.set(name, folder);
    return folder;
  }
}
