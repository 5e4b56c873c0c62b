import type { Operation } from '../../src/stores/memory.ts';
import type { Body, Listed, OpenObject, Store, StoredObject } from '../../src/stores/port.ts';
import { Gate } from './gate.ts';

/** Called around each operation of a job; what they throw ends the operation, as if the process had been killed there. */
export interface Hooks {
  before?(operation: Operation, key: string): Promise<void> | void;
  /** Not called when the operation failed. */
  after?(operation: Operation, key: string): Promise<void> | void;
}

/** The end of a process in a test: no error of ours, so nothing catches it. */
export class Killed extends Error {}

/** A store as one job sees it: others can be let run between any two of its operations. */
export class HookedStore implements Store {
  private readonly inner: Store;
  private readonly hooks: Hooks;

  constructor(inner: Store, hooks: Hooks) {
    this.inner = inner;
    this.hooks = hooks;
  }

  get uri(): string {
    return this.inner.uri;
  }

  get(key: string, options: { maxLength: number }): Promise<StoredObject | undefined> {
    return this.around('get', key, () => this.inner.get(key, options));
  }

  open(key: string): Promise<OpenObject | undefined> {
    return this.around('open', key, () => this.inner.open(key));
  }

  create(key: string, body: Body): Promise<'created' | 'exists'> {
    return this.around('create', key, () => this.inner.create(key, body));
  }

  swap(key: string, bytes: Uint8Array, etag: string | undefined): Promise<{ etag: string } | 'moved'> {
    return this.around('swap', key, () => this.inner.swap(key, bytes, etag));
  }

  remove(key: string): Promise<void> {
    return this.around('remove', key, () => this.inner.remove(key));
  }

  async *list(prefix: string, options?: { after?: string }): AsyncGenerator<Listed, void, undefined> {
    await this.hooks.before?.('list', prefix);
    yield* this.inner.list(prefix, options);
    await this.hooks.after?.('list', prefix);
  }

  private async around<T>(operation: Operation, key: string, act: () => Promise<T>): Promise<T> {
    await this.hooks.before?.(operation, key);
    const answer = await act();
    await this.hooks.after?.(operation, key);
    return answer;
  }
}

/** Hooks that let `act` happen once, before the first operation that is meant. */
export function once(
  meant: (operation: Operation, key: string) => boolean,
  act: () => Promise<unknown> | unknown,
): (operation: Operation, key: string) => Promise<void> {
  let done = false;
  return async (operation, key) => {
    if (done || !meant(operation, key)) return;
    done = true;
    await act();
  };
}

/** One operation on one key. */
export function meant(operation: Operation, key: string): (found: Operation, at: string) => boolean {
  return (found, at) => found === operation && at === key;
}

/**
 * Steps that happen before certain operations, one after the other: an operation that is meant for a later step is held
 * until the ones before it have happened, because reads of one round are sent together.
 */
export function inOrder(
  steps: readonly (readonly [(operation: Operation, key: string) => boolean, () => unknown])[],
): (operation: Operation, key: string) => Promise<void> {
  const gates = steps.map(() => new Gate());
  const taken = steps.map(() => false);
  return async (operation, key) => {
    const at = steps.findIndex(([is], index) => !taken[index] && is(operation, key));
    if (at < 0) return;
    taken[at] = true;
    if (at > 0) await gates[at - 1]!.wait();
    await steps[at]![1]();
    gates[at]!.open();
  };
}
