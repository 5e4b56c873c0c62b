import type { Store } from '../stores/port.ts';
import { sha256Hex } from '../tuf/digest.ts';
import { canonical } from '../tuf/encode.ts';
import { list, map, natural, positive, sha256, text } from '../tuf/fields.ts';
import { parseJson } from '../tuf/json.ts';
import type { Json } from '../tuf/model.ts';
import type { Row } from './envelope.ts';

/**
 * The uploader's own note of what it is about to append, written before the first put. A command that was killed and is
 * run again sends that plan: planning anew would not see that somebody undid the change meanwhile (transaction model, V7).
 */
export interface JournalEntry {
  /** Digest of what the command wants; the same command run again has the same. */
  readonly intent: string;
  readonly rows: readonly Row[];
  readonly after: number;
  /** Once a number was taken: the exact bytes under it. */
  readonly sealed?: { readonly number: number; readonly bytes: Uint8Array } | undefined;
}

const MAX_JOURNAL = 64 * 1024 * 1024;

export class Journal {
  private readonly store: Store;

  constructor(store: Store) {
    this.store = store;
  }

  async load(intent: string): Promise<JournalEntry | undefined> {
    const object = await this.store.get(keyOf(intent), { maxLength: MAX_JOURNAL });
    if (object === undefined) return undefined;
    const entry = map(parseJson(object.bytes, { what: 'journal' }), 'journal');
    const sealed = entry.has('sealed') ? map(entry.get('sealed'), 'sealed') : undefined;
    return {
      intent,
      rows: list(entry.get('rows'), 'rows').map(decodeRow),
      after: natural(entry.get('after'), 'after'),
      sealed: sealed && {
        number: positive(sealed.get('number'), 'number'),
        bytes: Buffer.from(text(sealed.get('bytes'), 'bytes'), 'base64'),
      },
    };
  }

  async save(entry: JournalEntry): Promise<void> {
    const { sealed } = entry;
    const bytes = canonical({
      after: entry.after,
      rows: entry.rows.map(({ path, was, now }) => ({
        path,
        was,
        now: now && { length: now.length, sha256: now.sha256 },
      })),
      sealed: sealed && { number: sealed.number, bytes: Buffer.from(sealed.bytes).toString('base64') },
    });
    const old = await this.store.get(keyOf(entry.intent), { maxLength: MAX_JOURNAL });
    await this.store.swap(keyOf(entry.intent), bytes, old?.etag);
  }

  async finish(intent: string): Promise<void> {
    await this.store.remove(keyOf(intent));
  }
}

/** What a command wants, whatever the state it finds: kind and results, without `was`. */
export function intentOf(kind: string, rows: readonly Pick<Row, 'path' | 'now'>[]): string {
  const wanted = rows
    .map(({ path, now }) => ({ path, sha256: now?.sha256 ?? null }))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
  return sha256Hex(canonical({ kind, rows: wanted }));
}

function keyOf(intent: string): string {
  return `${intent}.plan`;
}

function decodeRow(value: Json): Row {
  const row = map(value, 'row');
  const was = row.get('was') ?? null;
  const now = row.get('now') ?? null;
  const content = now === null ? null : map(now, 'now');
  return {
    path: text(row.get('path'), 'path'),
    was: was === null ? null : sha256(was, 'was'),
    now: content && {
      length: natural(content.get('length'), 'length'),
      sha256: sha256(content.get('sha256'), 'sha256'),
    },
  };
}
