import { expect } from 'chai';
import type { Failure } from '../../src/cli/failure.ts';
import type { TransactionResult } from '../../src/transaction/transact.ts';
import { attempt, type Clocked, written } from './published.ts';

export interface Refusal {
  readonly exitCode: number;
  /** What the message is about. */
  readonly object: string | RegExp;
  /** What else the message says. */
  readonly says?: RegExp;
  /** It has claimed its number before it was refused (design, section 5): the claim is all that is new. */
  readonly claimed?: boolean;
}

/** The command is refused, says why and about what, and leaves the store and the trusted state byte for byte. */
export async function refused(
  dir: string,
  args: readonly string[],
  { exitCode, object, says, claimed = false }: Refusal,
  env: Clocked = {},
): Promise<Failure> {
  const kept = async (): Promise<string[]> =>
    (await written(dir)).split('\n').filter((line) => !claimed || !line.includes('.tufa/claims/'));
  const before = await kept();
  const run = await attempt(dir, [...args, '--json'], env);
  expect(run.exitCode, run.stderr + run.stdout).to.equal(exitCode);
  const { error } = run.json<{ error: Failure }>();
  expect(error).to.include({ exitCode, committed: 'no' });
  if (typeof object === 'string') expect(error.message).to.include(object);
  else expect(error.message).to.match(object);
  if (says !== undefined) expect(error.message).to.match(says);
  expect(await kept()).to.deep.equal(before);
  return error;
}

/** A publish refuses these entries of the queue alone, each for its reason, and goes on. */
export async function refusedAlone(dir: string, reasons: Readonly<Record<number, RegExp>>): Promise<TransactionResult> {
  const run = await attempt(dir, ['publish', '--json']);
  expect(run.exitCode, run.stderr + run.stdout).to.equal(5);
  const result = run.json<TransactionResult>();
  for (const [number, reason] of Object.entries(reasons)) {
    const entry = result.entries.find((one) => one.number === Number(number));
    expect(entry?.result, `entry ${number}`).to.equal('refused');
    expect([entry?.why, ...(entry?.rows ?? []).map((row) => row.why)].join('; '), `entry ${number}`).to.match(reason);
  }
  return result;
}
