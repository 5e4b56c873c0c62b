/** What the tests of all key services share. */
import { expect } from 'chai';
import { TufaError } from '../../../src/errors.ts';
import type { OpenOptions } from '../../../src/signers/port.ts';

export const NOW = new Date('2026-11-25T12:00:00Z');

/** @param env what the process's environment would be */
export function kmsOptions(env: OpenOptions['env'] = {}, more: Partial<OpenOptions> = {}): OpenOptions {
  return { secrets: { get: async () => undefined }, base: '/nowhere', env, clock: () => NOW, ...more };
}

/** The error that ends a promise, which must be one of ours. */
export async function refusal(promise: Promise<unknown>): Promise<TufaError> {
  const error = await promise.then(
    () => new Error('nothing was refused'),
    (reason: unknown) => reason,
  );
  if (!(error instanceof TufaError)) throw error;
  return error;
}

/** That an error says all that it should, and in our words. */
export function expectWords({ message, hint }: TufaError, ...words: readonly (string | RegExp)[]): void {
  for (const word of words) {
    if (typeof word === 'string') expect(message).to.contain(word);
    else expect(message).to.match(word);
  }
  expect(message).to.match(/: expected .+, found .+/s);
  expect(hint).to.be.a('string').and.not.equal('');
}
