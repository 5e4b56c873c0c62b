import { isTooLong } from '../stores/body.ts';
import type { Store } from '../stores/port.ts';
import { sha256Hex } from '../tuf/digest.ts';
import type { Encodable } from '../tuf/encode.ts';
import { canonical } from '../tuf/encode.ts';
import { list, map, natural, positive, sha256, text } from '../tuf/fields.ts';
import { parseJson } from '../tuf/json.ts';
import { receiptPrefix } from '../tuf/layout.ts';
import type { Json, Snapshot } from '../tuf/model.ts';
import type { EntryResult, RowResult } from './drain.ts';

/**
 * A receipt says what became of each entry that one transaction has folded. The snapshot names it by its sha256, and each
 * receipt names the one before, so what they say about the past is as trusted as the snapshot.
 */
export interface Receipt {
  /** The last number folded by this transaction. */
  readonly mark: number;
  /** Version of the transaction. */
  readonly version: number;
  readonly previous: { readonly mark: number; readonly sha256: string } | undefined;
  readonly entries: readonly EntryResult[];
}

/** Bytes. */
const MAX_RECEIPT = 64 * 1024 * 1024;

export function encodeReceipt(receipt: Receipt, repository: string): Buffer {
  return canonical({
    _type: 'receipt',
    entries: receipt.entries as unknown as Encodable,
    mark: receipt.mark,
    previous: receipt.previous,
    repository,
    version: receipt.version,
  });
}

/** @throws InputError */
export function decodeReceipt(bytes: Uint8Array): Receipt {
  const receipt = map(parseJson(bytes, { what: 'receipt', maxLength: MAX_RECEIPT }), 'receipt');
  const previous = receipt.has('previous') ? map(receipt.get('previous'), 'previous') : undefined;
  return {
    mark: natural(receipt.get('mark'), 'mark'),
    version: positive(receipt.get('version'), 'version'),
    previous: previous && {
      mark: natural(previous.get('mark'), 'previous.mark'),
      sha256: sha256(previous.get('sha256'), 'previous.sha256'),
    },
    entries: list(receipt.get('entries'), 'entries').map(decodeEntry),
  };
}

function decodeEntry(value: Json): EntryResult {
  const entry = map(value, 'entry');
  const why = entry.get('why');
  return {
    number: positive(entry.get('number'), 'number'),
    result: text(entry.get('result'), 'result') as EntryResult['result'],
    rows: list(entry.get('rows'), 'rows').map(decodeRow),
    ...(typeof why === 'string' ? { why } : {}),
  };
}

function decodeRow(value: Json): RowResult {
  const row = map(value, 'row');
  const why = row.get('why');
  return {
    path: text(row.get('path'), 'path'),
    result: text(row.get('result'), 'result') as RowResult['result'],
    ...(typeof why === 'string' ? { why } : {}),
    ...(row.get('overtaken') === true ? { overtaken: true } : {}),
  };
}

/** The receipt that `named` is about; undefined when gc has taken it or something else stands there. */
export async function readReceipt(
  store: Store,
  named: { readonly mark: number; readonly sha256: string },
): Promise<Receipt | undefined> {
  for await (const { key } of store.list(receiptPrefix(named.mark))) {
    // Anybody may plant another one beside it, of whatever length: the digest says which one counts.
    const object = await store.get(key, { maxLength: MAX_RECEIPT }).catch((error: unknown) => {
      if (isTooLong(error)) return undefined;
      throw error;
    });
    if (object !== undefined && sha256Hex(object.bytes) === named.sha256) return decodeReceipt(object.bytes);
  }
  return undefined;
}

/**
 * What entries above `after` have done, from the receipts of the live snapshot backwards.
 * @returns for a path, the highest number of an entry that changed it; `complete` is false when receipts are missing
 */
export async function appliedSince(
  store: Store,
  snapshot: Snapshot,
  after: number,
): Promise<{ last: ReadonlyMap<string, number>; complete: boolean }> {
  const last = new Map<string, number>();
  let named = snapshot.receipt === undefined ? undefined : { mark: snapshot.queue ?? 0, sha256: snapshot.receipt };
  while (named !== undefined && named.mark > after) {
    const receipt = await readReceipt(store, named);
    if (receipt === undefined) return { last, complete: false };
    for (const entry of receipt.entries) {
      for (const row of entry.rows) {
        if (row.result === 'applied') last.set(row.path, Math.max(last.get(row.path) ?? 0, entry.number));
      }
    }
    named = receipt.previous;
  }
  return { last, complete: true };
}

/** What became of one entry, from the receipts of the live snapshot backwards; undefined: not on record. */
export async function findResult(store: Store, snapshot: Snapshot, number: number): Promise<EntryResult | undefined> {
  let named = snapshot.receipt === undefined ? undefined : { mark: snapshot.queue ?? 0, sha256: snapshot.receipt };
  while (named !== undefined && named.mark >= number) {
    const receipt = await readReceipt(store, named);
    const found = receipt?.entries.find((entry) => entry.number === number);
    if (found !== undefined) return found;
    named = receipt?.previous;
  }
  return undefined;
}
