import type { Workspace } from '../config/workspace.ts';
import type { Store } from '../stores/port.ts';
import { canonical, formatDate, parseDate } from '../tuf/encode.ts';
import { parseJson } from '../tuf/json.ts';

const KEY = 'deadlines.json';
const MAX_LENGTH = 64 * 1024 * 1024;

/** When each version of an online role expires, as far as this workspace has seen it. A cache: losing it loses nothing. */
export class Deadlines {
  private readonly known: Map<string, string>;
  private readonly store: Store;
  private changed = false;

  constructor(store: Store, known: Map<string, string>) {
    this.store = store;
    this.known = known;
  }

  get(name: string, version: number): Date | undefined {
    const [seen, expires] = this.known.get(name)?.split(' ') ?? [];
    return seen === String(version) && expires !== undefined ? parseDate(expires) : undefined;
  }

  set(name: string, version: number, expires: Date): void {
    this.known.set(name, `${version} ${formatDate(expires)}`);
    this.changed = true;
  }

  async save(): Promise<void> {
    if (!this.changed) return;
    const old = await this.store.get(KEY, { maxLength: MAX_LENGTH });
    await this.store.swap(KEY, canonical(this.known), old?.etag);
  }
}

export async function openDeadlines(workspace: Workspace): Promise<Deadlines> {
  const store = await workspace.cache();
  const object = await store.get(KEY, { maxLength: MAX_LENGTH });
  return new Deadlines(store, readKnown(object?.bytes));
}

/** What cannot be read is forgotten: it is a cache. */
function readKnown(bytes: Uint8Array | undefined): Map<string, string> {
  try {
    const value = bytes === undefined ? new Map() : parseJson(bytes, { what: KEY });
    return new Map(
      [...(value instanceof Map ? value : [])].filter((pair): pair is [string, string] => typeof pair[1] === 'string'),
    );
  } catch {
    return new Map();
  }
}
