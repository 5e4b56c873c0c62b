import { ConfigurationError } from '../../errors.ts';
import { type Store, UnknownAnswer } from '../../stores/port.ts';
import { collect } from '../../transaction/read.ts';

/**
 * What the transaction asks of a store (design, section 5), each asked for 32 times at once where more than one could
 * win. Some object stores answer 200 to a condition that they have not looked at, so only what is read afterwards
 * counts.
 */

export interface Check {
  /** The request, by its name in HTTP: `create-only (If-None-Match: *)`. */
  readonly request: string;
  /** What was answered, as it should be. */
  readonly answer: string;
}

export const RACERS = 32;
const MAX_PROBE = 1024;

const CREATE = 'PUT with If-None-Match: *';
const SWAP = 'PUT with If-Match';

/**
 * @param prefix of keys that nobody else uses
 * @throws ConfigurationError naming request and answer; StorageError when the store cannot be reached
 */
export async function* checkStore(store: Store, prefix: string): AsyncGenerator<Check, void, undefined> {
  const [created, swapped, absent] = [`${prefix}created`, `${prefix}swapped`, `${prefix}absent`];
  const probe = new Probe(store);

  const winner = await probe.race(CREATE, created, (body) => store.create(created, body), 'created');
  yield { request: `${RACERS} x ${CREATE}`, answer: 'one created' };
  probe.expect(CREATE, created, 'exists', await store.create(created, bytes('late')));
  await probe.holds(CREATE, created, winner.body);
  yield { request: `${CREATE}, on an object that is there`, answer: 'exists, and the object is what it was' };

  const first = await probe.race(CREATE, swapped, (body) => store.swap(swapped, body, undefined), 'swapped');
  probe.expect(CREATE, swapped, 'moved', await store.swap(swapped, bytes('late'), undefined));
  await probe.holds(CREATE, swapped, first.body);
  yield { request: `${RACERS} x ${CREATE}, as the first swap`, answer: 'one swapped, the others moved' };

  const second = await probe.race(SWAP, swapped, (body) => store.swap(swapped, body, first.etag), 'swapped');
  yield { request: `${RACERS} x ${SWAP}, the right etag`, answer: 'one swapped, the others moved' };
  probe.expect(SWAP, swapped, 'moved', await store.swap(swapped, bytes('stale'), first.etag));
  await probe.holds(SWAP, swapped, second.body);
  yield { request: `${SWAP}, a stale etag`, answer: 'moved, and the object is what it was' };
  probe.expect(SWAP, absent, 'moved', await store.swap(absent, bytes('absent'), second.etag));
  await probe.holds(SWAP, absent, undefined);
  yield { request: `${SWAP}, no object`, answer: 'moved, and there is still none' };

  const listed = (await collect(store.list(prefix))).map(({ key }) => key);
  if (listed.join(' ') !== `${created} ${swapped}`)
    throw dishonest(store, `list ${prefix}`, `${created} and ${swapped}`, listed.join(' ') || 'nothing');
  await store.remove(created);
  await probe.holds('DELETE', created, undefined);
  yield { request: 'GET and LIST after each of them', answer: 'what was written last' };
}

class Probe {
  private readonly store: Store;
  private races = 0;

  constructor(store: Store) {
    this.store = store;
  }

  /**
   * All at once, each with a body of its own; the object must then be that of the one that was told so. An answer that
   * got lost may be the winner's.
   *
   * @param won what the winner is told; a swap is told its etag
   */
  async race(
    request: string,
    key: string,
    attempt: (body: Buffer) => Promise<unknown>,
    won: 'created' | 'swapped',
  ): Promise<{ body: string; etag: string }> {
    // Etags may be those of the content: the same body once more would make an old etag right again.
    this.races++;
    const bodies = Array.from({ length: RACERS }, (_, i) => `racer ${i} of race ${this.races}`);
    const answers = await Promise.all(bodies.map((body) => attempt(bytes(body)).catch(lost)));
    const winners = bodies.filter((_, i) => answers[i] === 'created' || typeof answers[i] === 'object');
    if (winners.length > 1)
      throw dishonest(this.store, `${RACERS} x ${request} ${key}`, `one ${won}`, `${winners.length} ${won}`);
    const object = await this.store.get(key, { maxLength: MAX_PROBE });
    const body = object === undefined ? undefined : Buffer.from(object.bytes).toString();
    const possible = winners.length === 1 ? winners : bodies.filter((_, i) => answers[i] === 'lost');
    if (object === undefined || body === undefined || !possible.includes(body))
      throw dishonest(this.store, `${request} ${key}`, `the object of ${won} "${winners[0] ?? '?'}"`, quoted(body));
    return { body, etag: object.etag };
  }

  expect(request: string, key: string, expected: string, answer: unknown): void {
    if (answer === expected) return;
    const found = typeof answer === 'string' ? answer : 'swapped';
    throw dishonest(this.store, `${request} ${key}`, expected, found);
  }

  async holds(request: string, key: string, expected: string | undefined): Promise<void> {
    const object = await this.store.get(key, { maxLength: MAX_PROBE });
    const found = object === undefined ? undefined : Buffer.from(object.bytes).toString();
    if (found !== expected) throw dishonest(this.store, `GET after ${request} ${key}`, quoted(expected), quoted(found));
  }
}

function dishonest(store: Store, request: string, expected: string, found: string): ConfigurationError {
  return new ConfigurationError(`the store does not keep its conditions: ${request}`, {
    object: store.uri,
    code: 'configuration.store-conditions',
    expected,
    found,
    hint: 'two publishers would overwrite each other there: use another store, or publishers: one and one job at a time',
  });
}

function lost(error: unknown): 'lost' {
  if (error instanceof UnknownAnswer) return 'lost';
  throw error;
}

const bytes = (body: string): Buffer => Buffer.from(body);
const quoted = (body: string | undefined): string => (body === undefined ? 'no object' : `"${body}"`);
