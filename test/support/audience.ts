import type { Store } from '../../src/stores/port.ts';
import type { Trusted } from '../../src/tuf/checks.ts';
import type { Root, Verified } from '../../src/tuf/model.ts';
import type { Request, Steps } from '../../src/tuf/walk.ts';
import { Client } from '../../src/tuf/walk.ts';

/**
 * Clients that look on while a repository is written: after every write a fresh one, the current one and one of each
 * earlier state refresh, and some that are in the middle of a refresh go on.
 */
export class Audience {
  /** Refreshes that came to their end. */
  refreshes = 0;
  private readonly store: Store;
  private readonly now: () => Date;
  private readonly states: Trusted[] = [];
  private readonly fresh: Trusted;
  private paused: Paused[] = [];

  constructor(store: Store, root: Verified<Root>, now: () => Date) {
    this.store = store;
    this.now = now;
    this.fresh = { root, timestamp: undefined, snapshot: undefined };
  }

  /** @throws TrustError of the first client that refuses */
  async look(): Promise<void> {
    for (const one of this.paused.splice(0)) await this.finish(one);
    for (const start of [this.fresh, ...this.states]) {
      const client = new Client(start);
      await drive(this.store, client.refresh(this.now()));
      this.refreshes++;
      const { timestamp } = client.trusted;
      if (start === (this.states.at(-1) ?? this.fresh) && timestamp !== start.timestamp)
        this.states.push(client.trusted);
    }
    const current = this.states.at(-1)!;
    for (const start of [this.fresh, current])
      for (const requests of [1, 2, 3]) this.paused.push(await this.pauseAfter(start, requests));
  }

  /** The state of the client that has seen all. */
  get current(): Trusted {
    return this.states.at(-1) ?? this.fresh;
  }

  /** Forgets whoever is in the middle of a refresh: the grace is over. */
  hurry(): void {
    this.paused = [];
  }

  private async pauseAfter(start: Trusted, requests: number): Promise<Paused> {
    const steps = new Client(start).refresh(this.now());
    let step = steps.next();
    for (let i = 0; i < requests && !step.done; i++) step = steps.next(await fetch(this.store, step.value));
    return { steps, step };
  }

  private async finish({ steps, step }: Paused): Promise<void> {
    let next = step;
    while (!next.done) next = steps.next(await fetch(this.store, next.value));
    this.refreshes++;
  }
}

interface Paused {
  readonly steps: Steps<void>;
  readonly step: IteratorResult<Request, void>;
}

/** Runs a walk over a store that keeps nothing. */
export async function drive<T>(store: Store, steps: Steps<T>): Promise<T> {
  let step = steps.next();
  while (!step.done) step = steps.next(await fetch(store, step.value));
  return step.value;
}

async function fetch(store: Store, { name, from, maxLength }: Request): Promise<Uint8Array | undefined> {
  return from === 'kept' ? undefined : (await store.get(`metadata/${name}`, { maxLength }))?.bytes;
}
