import { ConflictError } from '../errors.ts';
import { UnknownAnswer } from '../stores/port.ts';
import { canonical, formatDate } from '../tuf/encode.ts';
import { claimKey } from '../tuf/layout.ts';
import type { Context } from './context.ts';
import { nextNumber } from './number.ts';

const MAX_ATTEMPTS = 64;

/**
 * number: claims a version, create-only. Nothing of it is uploaded before the claim is answered. A claim whose answer is
 * unknown is not ours: the next number is, and the skipped one hurts nobody. If we crash here, a number is lost.
 */
export async function claim(context: Context, highest: number): Promise<number> {
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const number = nextNumber(highest, attempt, context.random);
    const body = canonical({ _type: 'claim', made: formatDate(context.clock()), number });
    try {
      if ((await context.store.create(claimKey(number), body)) === 'created') return number;
    } catch (error) {
      if (!(error instanceof UnknownAnswer)) throw error;
    }
  }
  throw new ConflictError('no free number', {
    object: claimKey(highest + 1),
    expected: `one of ${MAX_ATTEMPTS} numbers above ${highest}`,
    found: 'all taken',
    hint: 'type `tufa doctor store`',
  });
}
