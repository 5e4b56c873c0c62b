import { existsSync } from 'node:fs';
import { appendFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect } from 'chai';
import pLimit from 'p-limit';
import { type Run, tufa } from '../../support/run.ts';
import { fingerprint } from './fingerprint.ts';
import type { Spectators, View } from './spectators.ts';
import type { Stage, Stages } from './stages.ts';

/** Loaded into a `tufa` process by NODE_OPTIONS. */
export const preload = (name: string): string =>
  `--import=${pathToFileURL(join(import.meta.dirname, '..', name)).href}`;

/** A command that writes, to be killed at each of its storage operations. */
export interface CrashCase {
  /** Or a workspace, of which copies are made. */
  readonly stage: Stage | { readonly folder: string };
  readonly args: readonly string[];
  /** Of the command and of whoever looks; the process stands still there. */
  readonly now: Date;
  /** Kill inside of its writes as well, where the store has the bytes and not yet the name. */
  readonly inside?: boolean;
  /** Clients that saw the state before, and what they ask for; undefined: nothing was published. */
  readonly view?: Pick<View, 'target' | 'before'>;
  /** After a kill, before the command is run again. @param killed how far it came */
  midway?(dir: string): Promise<void>;
  /** When the command has ended: the change is there exactly once. */
  done(dir: string, run: Run): Promise<void>;
}

export interface CrashReport {
  /** Operations of a clean run. */
  readonly counted: number;
  /** Kills before or after an operation. */
  readonly reached: number;
  readonly inside: number;
  /** Different states that the kills have left. */
  readonly states: number;
  readonly operations: readonly string[];
}

/** Two cores, and a disk that is waited for. */
const CONCURRENCY = 3;

export async function crash(stages: Stages, spectators: Spectators, one: CrashCase): Promise<CrashReport> {
  const clean = await stages.copy(one.stage);
  const first = await run(one, clean, { TUFA_FAULT_WATCH: '1' });
  expect(first.exitCode, first.stderr).to.equal(0);
  await one.done(clean, first);
  const lines = await log(clean);
  expect(
    lines.filter((line) => line.startsWith('changed')),
    'reads that change something',
  ).to.deep.equal([]);
  const operations = lines.filter((line) => /^\d/.test(line));
  const points = operations.flatMap((_, i) => [`${i + 1}:before`, `${i + 1}:after`]);
  const inside = one.inside === true ? lines.filter((line) => line.startsWith('inside')) : [];
  const checked = new Map<string, Promise<void>>();
  const limit = pLimit(CONCURRENCY);
  const kill = async (point: string): Promise<void> => {
    const dir = await stages.copy(one.stage);
    await killed(one, dir, point);
    // A process that finds the same bytes does the same: each state is finished once.
    const state = await fingerprint(dir);
    const known = checked.get(state) ?? finish(spectators, one, dir);
    checked.set(state, known);
    await known.catch((error: unknown) => {
      const what = operations[Number.parseInt(point, 10) - 1];
      throw new Error(`killed at ${point} (${what}): ${error instanceof Error ? error.message : error}`, {
        cause: error,
      });
    });
  };
  const kills = [...points, ...inside.map((line) => `${line.split(' ')[1]}:inside`)].map((point) =>
    limit(() => kill(point)),
  );
  const failures = (await Promise.allSettled(kills)).flatMap((k) => (k.status === 'rejected' ? [k.reason] : []));
  if (failures.length > 0)
    throw new Error(`${failures.length} of ${kills.length} kills:\n${failures.map((f) => f.message).join('\n')}`, {
      cause: failures[0],
    });
  return {
    counted: operations.length,
    reached: points.length,
    inside: inside.length,
    states: checked.size,
    operations,
  };
}

/** Runs the command until it is killed at this point, `3:before`; which it must come to. */
export async function killed(one: CrashCase, dir: string, point: string): Promise<void> {
  const { exitCode, stderr } = await run(one, dir, { TUFA_FAULT_AT: point });
  expect(exitCode, `killed at ${point}: ${stderr}`).to.equal(null);
  expect((await log(dir)).at(-1), `killed at ${point}`).to.equal(`reached ${point}`);
}

/** What a kill has left: everybody can go on, and the same command again ends well. */
async function finish(spectators: Spectators, one: CrashCase, dir: string): Promise<void> {
  await look(spectators, one, dir);
  await one.midway?.(dir);
  const again = await run(one, dir, {});
  expect(again.exitCode, `the same command again: ${again.stderr}`).to.equal(0);
  await one.done(dir, again);
  await look(spectators, one, dir);
}

async function look(spectators: Spectators, { view, now }: CrashCase, dir: string): Promise<void> {
  if (view === undefined || !existsSync(join(dir, 'public', 'metadata', 'timestamp.json'))) return;
  await spectators.look({ folder: dir, now, ...view, before: view.before });
}

function run({ args, now }: CrashCase, dir: string, env: Readonly<Record<string, string>>): Promise<Run> {
  return tufa([...args], {
    cwd: dir,
    env: {
      NODE_OPTIONS: preload('kill.mjs'),
      TUFA_FAULT_LOG: logOf(dir),
      TUFA_FAULT_CLOCK: now.toISOString(),
      TUFA_FAULT_READS: process.env['TUFA_FAULT_READS'],
      ...env,
    },
  });
}

/** Beside the workspace, not in it. */
function logOf(dir: string): string {
  return `${dir}.log`;
}

async function log(dir: string): Promise<string[]> {
  await appendFile(logOf(dir), '');
  return (await readFile(logOf(dir), 'utf8')).split('\n').filter((line) => line !== '');
}
