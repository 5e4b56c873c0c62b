import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { explain, ServiceFailure, type Vendor } from './failure.ts';

/** Milliseconds for a request with all that is tried again. */
export const DEADLINE = 30_000;
/** Milliseconds for one attempt: an answer takes some ten, and a lost packet should not cost the whole deadline. */
const ATTEMPT = 5_000;
const FIRST_PAUSE = 100;
const LONGEST_PAUSE = 5_000;

export interface Asked {
  readonly vendor: Vendor;
  /** What the request is for: `timestamp 7`, or the key's URI. */
  readonly object: string;
  /** The key's URI, fit for a message. */
  readonly key: string;
  readonly deadlineMs: number;
}

/**
 * Asks until there is an answer, or the deadline has passed; pauses grow, and differ between jobs that were throttled
 * together. The vendors' libraries have no deadline of their own (that of AWS waits for ever for a silent server), so
 * nothing here relies on one. Signing twice does no harm: nobody sees the first signature.
 *
 * @param attempt throws `ServiceFailure`; is left alone once its signal has fired
 * @throws SignerError; and whatever else `attempt` throws, at once
 */
export async function patiently<T>(asked: Asked, attempt: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const deadline = AbortSignal.timeout(asked.deadlineMs);
  let last: ServiceFailure | undefined;
  for (let tries = 1; ; tries++) {
    try {
      return await before(AbortSignal.any([deadline, AbortSignal.timeout(ATTEMPT)]), attempt);
    } catch (error) {
      if (!(error instanceof ServiceFailure)) throw error;
      // What cut the last attempt short is the deadline; what kept the service from answering is what came before.
      last = deadline.aborted && last !== undefined ? last : error;
      if (!error.passes || deadline.aborted || !(await paused(tries, error, deadline)))
        throw explain(last, asked.vendor, { ...asked, tries });
    }
  }
}

/** Ends with the signal, also where the attempt does not listen to it. */
async function before<T>(signal: AbortSignal, attempt: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const stop = (): void => reject(new ServiceFailure('unreachable', 'none'));
  signal.addEventListener('abort', stop, { once: true });
  try {
    return await Promise.race([attempt(signal), late]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

/** @returns false when the deadline came first */
async function paused(tries: number, { retryAfterMs }: ServiceFailure, deadline: AbortSignal): Promise<boolean> {
  const longest = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** tries);
  const pause = Math.max(retryAfterMs, longest / 2 + randomInt(Math.ceil(longest / 2)));
  return sleep(pause, true, { signal: deadline }).catch(() => false);
}
