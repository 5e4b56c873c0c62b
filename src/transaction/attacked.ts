import { TufaError } from '../errors.ts';
import type { Store } from '../stores/port.ts';
import { newSnapshot, newTimestamp } from '../tuf/checks.ts';
import { Evidence } from '../tuf/evidence.ts';
import { metadataKey, TIMESTAMP_KEY } from '../tuf/layout.ts';
import type { Root, Snapshot, Timestamp, Verified } from '../tuf/model.ts';
import { MAX_LENGTH } from '../tuf/walk.ts';

/**
 * What stands at timestamp.json after a compromise. Whoever holds the keys has made it: its version, its time and what it
 * names are his word. It is good for two things only: its etag, which the swap replaces, and to be shown to people.
 */
export interface Attacked {
  /** undefined: there is no timestamp.json. */
  readonly etag: string | undefined;
  readonly bytes: Uint8Array | undefined;
  /** As far as the keys of a root have signed it. */
  readonly timestamp: Verified<Timestamp> | undefined;
  readonly snapshot: Verified<Snapshot> | undefined;
  /** Why there is no more of it. */
  readonly why: string | undefined;
}

/** Bytes of a planted timestamp.json that are still read, for its etag. */
const MAX_PLANTED = 64 * 1024 * 1024;

/** @param roots whose keys it may verify by; the first one that verifies it is taken */
export async function readAttacked(store: Store, roots: readonly Verified<Root>[]): Promise<Attacked> {
  const object = await store.get(TIMESTAMP_KEY, { maxLength: MAX_PLANTED });
  const base = { etag: object?.etag, bytes: object?.bytes, timestamp: undefined, snapshot: undefined };
  if (object === undefined) return { ...base, why: 'there is no timestamp.json' };
  if (object.bytes.length > MAX_LENGTH.timestamp) return { ...base, why: 'too long for any client' };
  let why = 'no root is known';
  for (const root of roots) {
    const evidence = new Evidence();
    let timestamp: Verified<Timestamp>;
    try {
      timestamp = newTimestamp({ root, timestamp: undefined, snapshot: undefined }, object.bytes, undefined, evidence);
    } catch (error) {
      why = reason(error);
      continue;
    }
    try {
      const { version, length } = timestamp.signed.snapshot;
      const file = await store.get(metadataKey('snapshot', version), { maxLength: length ?? MAX_LENGTH.snapshot });
      if (file === undefined) return { ...base, timestamp, why: `snapshot ${version} is not there` };
      const snapshot = newSnapshot(root, timestamp, undefined, file.bytes, undefined, evidence);
      return { ...base, timestamp, snapshot, why: undefined };
    } catch (error) {
      return { ...base, timestamp, why: reason(error) };
    }
  }
  return { ...base, why };
}

/** @throws what is no fault of the bytes */
export function reason(error: unknown): string {
  if (error instanceof TufaError && (error.exitCode === 4 || error.exitCode === 5 || error.code === 'storage.too-long'))
    return error.message;
  throw error;
}
