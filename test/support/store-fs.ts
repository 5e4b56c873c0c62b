/** Stands between the sources and the file system: every call that can fail, counted, changed or refused. */
import fs from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';

const FUNCTIONS = ['mkdir', 'open', 'opendir', 'readdir', 'link', 'rename', 'unlink', 'lstat', 'realpath'] as const;
const METHODS = ['read', 'write', 'sync', 'stat'] as const;

export type Call = (typeof FUNCTIONS)[number] | (typeof METHODS)[number] | 'close';

/**
 * @param go makes the call: with its own arguments, or with others
 * @param self the open file that it is made on
 */
export type Between = (
  call: Call,
  args: unknown[],
  go: (args?: unknown[]) => Promise<unknown>,
  self: unknown,
) => Promise<unknown>;

type Table = Record<string, (...args: unknown[]) => Promise<unknown>>;

/** @returns what takes it away again */
export async function intercept(between: Between): Promise<() => void> {
  const file = await fs.open(import.meta.filename);
  await file.close();
  const undo = [
    ...replace(fs as unknown as Table, FUNCTIONS, async (call, args, go, self) => {
      const answer = await between(call, args, go, self);
      // A handle's `close` is its own, not its prototype's.
      if (call === 'open') replace(answer as Table, ['close'], between);
      return answer;
    }),
    ...replace(Object.getPrototypeOf(file) as Table, METHODS, between),
  ];
  syncBuiltinESMExports();
  return () => {
    for (const one of undo) one();
    syncBuiltinESMExports();
  };
}

function replace(table: Table, names: readonly Call[], between: Between): (() => void)[] {
  return names.map((name) => {
    const original = table[name]!;
    table[name] = function (this: unknown, ...args: unknown[]) {
      return between(name, args, (others = args) => Reflect.apply(original, this, others), this);
    };
    return () => {
      table[name] = original;
    };
  });
}

/** An error as the operating system makes it. */
export function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: injected`), { code });
}

export interface Failed<T> {
  /** The call that was made to fail; undefined when there were not so many. */
  readonly reached: Call | undefined;
  readonly result: T | undefined;
  readonly error: unknown;
}

/** While `work` runs, the call number `at` (from 1) fails with `code`. A close still closes, so that nothing leaks. */
export async function failing<T>(at: number, code: string, work: () => Promise<T>): Promise<Failed<T>> {
  let calls = 0;
  let reached: Call | undefined;
  const restore = await intercept(async (call, _, go) => {
    if (++calls !== at) return go();
    reached = call;
    if (call === 'close') await go();
    throw systemError(code);
  });
  try {
    const result = await work();
    return { reached, result, error: undefined };
  } catch (error) {
    return { reached, result: undefined, error };
  } finally {
    restore();
  }
}
