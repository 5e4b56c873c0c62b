/** Races on a store, counted. They tell an honest store from one that ignores conditions. */
import type { Store } from '../../src/stores/port.ts';

const RACERS = 32;

/** @returns the bodies that were answered `created` */
export async function raceCreates(store: Store, key: string): Promise<string[]> {
  return race(async (body) => (await store.create(key, Buffer.from(body))) === 'created');
}

/** @returns the bodies whose swap was not answered `moved` */
export async function raceSwaps(store: Store, key: string, etag: string | undefined): Promise<string[]> {
  return race(async (body) => (await store.swap(key, Buffer.from(body), etag)) !== 'moved');
}

async function race(attempt: (body: string) => Promise<boolean>): Promise<string[]> {
  const bodies = Array.from({ length: RACERS }, (_, i) => `racer ${i}`);
  const won = await Promise.all(bodies.map(attempt));
  return bodies.filter((_, i) => won[i]);
}

/** Adds 1 to a counter, `times` times, each as read, add, swap, again when it has moved. */
export async function count(store: Store, key: string, times: number): Promise<void> {
  for (let done = 0; done < times; ) {
    const object = await store.get(key, { maxLength: 32 });
    const next = Number(object === undefined ? 0 : Buffer.from(object.bytes).toString()) + 1;
    if ((await store.swap(key, Buffer.from(`${next}`), object?.etag)) !== 'moved') done++;
  }
}

/** The text of an object. */
export async function read(store: Store, key: string): Promise<string | undefined> {
  const object = await store.get(key, { maxLength: 1 << 20 });
  return object === undefined ? undefined : Buffer.from(object.bytes).toString();
}
