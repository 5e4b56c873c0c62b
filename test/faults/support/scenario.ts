import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { type Run, tufa } from '../../support/run.ts';
import { preload } from './crash.ts';

/** See scenario.mjs. */
export interface Rule {
  readonly name: 'get' | 'open' | 'create' | 'swap' | 'list' | 'remove';
  /** A regular expression. */
  readonly key: string;
  readonly do: 'lose' | 'drop' | 'refuse' | 'pause' | 'unconditional';
  readonly times?: number;
  readonly after?: number;
  /** Of `pause`. */
  readonly at?: string;
}

/** The commit. */
export const COMMIT = { name: 'swap', key: 'public/metadata/timestamp\\.json$' } as const;

/** Runs a command whose storage follows these rules. @param now where its clock stands still */
export function misbehaving(
  dir: string,
  args: readonly string[],
  rules: readonly Rule[],
  now?: Date | undefined,
): Promise<Run> {
  return tufa([...args, '--json'], {
    cwd: dir,
    env: {
      NODE_OPTIONS: preload('scenario.mjs'),
      TUFA_FAULT_RULES: JSON.stringify(rules),
      TUFA_FAULT_CLOCK: now?.toISOString(),
    },
  });
}

/** A command that stands still at an operation until it is let go. */
export async function paused(
  dir: string,
  args: readonly string[],
  where: Pick<Rule, 'name' | 'key'>,
  now?: Date | undefined,
): Promise<{ go(): Promise<Run> }> {
  const at = `${dir}.${args[0]}-pause`;
  const run = misbehaving(dir, args, [{ ...where, do: 'pause', times: 1, at }], now);
  const ended = run.then(() => true);
  for (let waited = 0; !existsSync(at); waited++) {
    if ((await Promise.race([ended, sleep(10, false)])) || waited > 3000)
      throw new Error(`it did not come to ${where.name} ${where.key}: ${(await run).stdout}`);
  }
  return {
    go: async () => {
      await writeFile(`${at}.go`, '');
      return run;
    },
  };
}

/** What the statement says of an error: `--json` and the exit code tell the same. */
export function expectFailure(
  run: Run,
  wanted: { exitCode: number; code: string | RegExp; committed: 'yes' | 'no' | 'unknown'; object: string | RegExp },
): { message: string; hint: string; expected: string; found: string } {
  expect(run.exitCode, run.stdout + run.stderr).to.equal(wanted.exitCode);
  const { error } = run.json<{ error: Record<string, string | number> }>();
  expect(error['exitCode']).to.equal(wanted.exitCode);
  expect(error['committed']).to.equal(wanted.committed);
  for (const name of ['code', 'object'] as const) {
    const value = wanted[name];
    if (typeof value === 'string') expect(error[name]).to.equal(value);
    else expect(error[name]).to.match(value);
  }
  expect(error['hint'], 'a next command').to.be.a('string');
  return { message: '', hint: '', expected: '', found: '', ...error };
}

export function expectSuccess(run: Run): Record<string, unknown> {
  expect(run.exitCode, run.stdout + run.stderr).to.equal(0);
  return run.json();
}
