import { TrustError } from '../errors.ts';
import { isTooLong } from '../stores/body.ts';
import { nextRoot } from '../tuf/checks.ts';
import { sha256Hex } from '../tuf/digest.ts';
import { PENDING_PREFIX, parsePendingKey } from '../tuf/layout.ts';
import type { Root, Verified } from '../tuf/model.ts';
import { MAX_LENGTH } from '../tuf/walk.ts';
import type { PendingRoot } from './bridge.ts';
import type { Context } from './context.ts';

/** Roots that are complete and not in their place yet. Anybody may have planted one: what does not verify is ignored. */

/** As it lies in the store; nobody has looked into it. */
export interface PendingFile {
  readonly key: string;
  readonly version: number;
  readonly sha256: string;
  readonly bytes: Uint8Array;
}

/**
 * The bytes of all that is pending above a version. They are read before the chain is walked, whichever root will then be
 * the newest: what is removed meanwhile was put in its place before (transaction model, V6).
 */
export async function fetchPending({ store, warn }: Context, above: number): Promise<PendingFile[]> {
  const files: PendingFile[] = [];
  for await (const { key } of store.list(PENDING_PREFIX)) {
    const name = parsePendingKey(key);
    if (name === undefined || name.version <= above) continue;
    try {
      const object = await store.get(key, { maxLength: MAX_LENGTH.root });
      if (object !== undefined) files.push({ key, ...name, bytes: object.bytes });
    } catch (error) {
      if (!isTooLong(error)) throw error;
      warn(`${error.message}: ignored`);
    }
  }
  return files;
}

/** Those that are the root after `newest`. */
export function verifyPending(
  { warn }: Pick<Context, 'warn'>,
  newest: Verified<Root>,
  files: readonly PendingFile[],
): PendingRoot[] {
  return files.flatMap(({ key, version, sha256, bytes }) => {
    if (version !== newest.signed.version + 1) return [];
    const found = sha256Hex(bytes);
    if (found !== sha256) {
      warn(`${key}: its content has the sha256 ${found}: ignored`);
      return [];
    }
    try {
      return [{ version, sha256, root: nextRoot(newest, bytes) }];
    } catch (error) {
      if (!(error instanceof TrustError)) throw error;
      warn(`${key}: ${error.message}: ignored`);
      return [];
    }
  });
}
