/** What a test of stores asks again and again. */
import { expect } from 'chai';
import { StorageError } from '../../src/errors.ts';
import type { Store } from '../../src/stores/port.ts';

/** The keys below a prefix, as the store lists them. */
export async function keys(store: Store, prefix: string, after?: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { key } of store.list(prefix, after === undefined ? {} : { after })) found.push(key);
  return found;
}

/** The error of a promise, which must be one of this class. */
export async function refusal<E extends Error = StorageError>(
  promise: Promise<unknown>,
  kind: new (...args: never[]) => E = StorageError as unknown as new (
    ...args: never[]
  ) => E,
): Promise<E> {
  const error = await promise.then(
    () => new Error('nothing was refused'),
    (reason: unknown) => reason,
  );
  expect(error).to.be.instanceOf(kind);
  return error as E;
}
