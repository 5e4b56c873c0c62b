import { MemoryStore } from '../../src/stores/memory.ts';
import type { Store } from '../../src/stores/port.ts';
import type { Context } from '../../src/transaction/context.ts';
import type { TransactionResult, Work } from '../../src/transaction/transact.ts';
import { transact } from '../../src/transaction/transact.ts';
import { Client } from '../../src/tuf/walk.ts';
import { Audience, drive } from './audience.ts';
import type { Hooks } from './hooked-store.ts';
import { HookedStore, Killed } from './hooked-store.ts';
import type { TestKey, TestRepositoryOptions } from './repository.ts';
import { TestRepository, testKeyring } from './repository.ts';

/** Jobs on one repository in memory, each with a trusted state and keys of its own. */

export const WHEEL = 'packages/foo/foo-1.0-py3-none-any.whl';
export const OTHER_WHEEL = 'packages/foo/foo-2.0-py3-none-any.whl';
export const PAGE = 'simple/foo/vnd.pypi.simple.v1.json';

export interface Job {
  readonly context: Context;
  /** Folds the queue. */
  publish(more?: Partial<Work>): Promise<TransactionResult>;
  /** Signs what is due. */
  refresh(more?: Partial<Work>): Promise<TransactionResult>;
}

/** @param keys online keys beside the repository's own */
export async function job(
  repository: TestRepository,
  { hooks, keys = [], store = repository.store }: { hooks?: Hooks; keys?: readonly TestKey[]; store?: Store } = {},
): Promise<Job> {
  const context = await repository.context({
    store: hooks === undefined ? store : new HookedStore(store, hooks),
    keyring: testKeyring([repository.keys.online, ...keys]),
  });
  return {
    context,
    publish: (more) => transact(context, { fold: true, ...more }),
    refresh: (more) => transact(context, { fold: false, ...more }),
  };
}

/** A repository whose first snapshot is live, over a store with opinions. */
export async function published(
  options: TestRepositoryOptions = {},
): Promise<{ repository: TestRepository; store: MemoryStore; audience: Audience }> {
  const store = new MemoryStore();
  const repository = await TestRepository.make({ ...options, store });
  await (await job(repository)).publish({ genesis: repository.genesis });
  const audience = new Audience(store, repository.genesis.root, () => repository.now);
  await audience.look();
  return { repository, store, audience };
}

const WRITES = ['create', 'swap', 'remove'];

/** Everybody looks after each write. */
export function watched(audience: Audience): Hooks {
  return { after: (operation) => (WRITES.includes(operation) ? audience.look() : undefined) };
}

/** Everybody looks after each write that a client can see. */
export function watchedWhereSeen(audience: Audience): Hooks {
  const seen = /^metadata\/(timestamp|\d+\.root)\.json$/;
  return { after: (operation, key) => (WRITES.includes(operation) && seen.test(key) ? audience.look() : undefined) };
}

/** The job is killed at its write number `at`, before it is sent or after it has landed; everybody looks after each write. */
export function killedAt(
  at: number,
  when: 'before' | 'after',
  audience: Audience,
): Hooks & { readonly reached: boolean } {
  let writes = 0;
  const hooks = {
    reached: false,
    before: (operation: string): void => {
      if (!WRITES.includes(operation)) return;
      if (writes++ !== at || when !== 'before') return;
      hooks.reached = true;
      throw new Killed();
    },
    after: async (operation: string): Promise<void> => {
      if (!WRITES.includes(operation)) return;
      await audience.look();
      if (writes - 1 !== at || when !== 'after') return;
      hooks.reached = true;
      throw new Killed();
    },
  };
  return hooks;
}

/** What is live, as somebody sees who has nothing but root 1. */
export async function liveNow(repository: TestRepository): Promise<Audience['current']> {
  const audience = new Audience(repository.store, repository.genesis.root, () => repository.now);
  await audience.look();
  return audience.current;
}

/** Keys below a prefix. */
export async function keysBelow(store: Store, prefix: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of store.list(prefix)) keys.push(key);
  return keys;
}

export function later(repository: TestRepository, ms: number): void {
  repository.now = new Date(repository.now.getTime() + ms);
}

/** Paths that a client finds, of those that these tests use. */
export async function targetsNow(repository: TestRepository): Promise<string[]> {
  const client = new Client(await liveNow(repository));
  const found: string[] = [];
  for (const path of [WHEEL, OTHER_WHEEL, PAGE])
    if ((await drive(repository.store, client.findTarget(path, repository.now))) !== undefined) found.push(path);
  return found;
}
