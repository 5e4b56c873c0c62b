import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { install } from '../test/interop/install.ts';
import { bulk, memory } from './bulk.ts';
import { encode } from './encode.ts';
import { clientLookup, publish, timestamp } from './publish.ts';
import { machine } from './support/machine.ts';
import { print } from './support/report.ts';
import { type LargeRepository, largeRepository } from './support/repository.ts';

/**
 * node bench/run.ts [NAME...] [--smoke]
 *
 * Without names all of them. `--smoke`: sizes that a CI machine does in well under a minute, for correctness, not for
 * figures. Ends with 1 when a result is wrong; never because of a time.
 */

interface Size {
  readonly targets: number;
  readonly bits: number;
}

interface Plan {
  readonly small: Size;
  readonly large: Size;
  /** Rounds of what takes milliseconds, and of what takes a process. */
  readonly rounds: number;
  readonly processes: number;
}

const FULL: Plan = {
  small: { targets: 10_000, bits: 10 },
  large: { targets: 1_000_000, bits: 14 },
  rounds: 200,
  processes: 3,
};
// Above 2,048 roles tuf-js is no longer asked for a second opinion, so that the smoke run takes the same way as the full one.
const SMOKE: Plan = {
  small: { targets: 2_000, bits: 6 },
  large: { targets: 10_000, bits: 11 },
  rounds: 5,
  processes: 1,
};

const names = process.argv.slice(2).filter((arg) => !arg.startsWith('--'));
const plan = process.argv.includes('--smoke') ? SMOKE : FULL;
// Nothing is deleted before the end: some file systems are slow for minutes after many files were removed.
const work = await mkdtemp(join(tmpdir(), 'tufa-bench-'));
let folders = 0;

const repositories = new Map<string, Promise<LargeRepository>>();
function repository({ targets, bits }: Size): Promise<LargeRepository> {
  const name = `${targets}-${bits}`;
  const known = repositories.get(name) ?? largeRepository(join(work, name), targets, bits);
  repositories.set(name, known);
  return known;
}

const BENCHES: Readonly<Record<string, () => Promise<void>>> = {
  encode: async () => {
    for (const size of [plan.small, plan.large]) await encode(await repository(size), await folder(), plan.rounds);
  },
  publish: async () => publish(await repository(plan.large), plan.rounds),
  timestamp: async () => {
    const few = { ...plan.large, targets: plan.small.targets };
    await timestamp(await repository(few), await repository(plan.large), plan.rounds);
  },
  lookup: async () => clientLookup(await repository(plan.large), Math.ceil(plan.rounds / 10)),
  bulk: async () => bulk(await folder(), plan.large.targets, plan.large.bits, plan.processes, await python()),
  memory: async () => memory(await folder(), plan.large.targets, plan.large.bits, plan.processes),
};

async function folder(): Promise<string> {
  return mkdtemp(join(work, `${++folders}-`));
}

/** The interpreter of the python-tuf that the interoperability tests use; without one it is left out. */
async function python(): Promise<string | undefined> {
  try {
    return (await install('python-tuf')).command;
  } catch (error) {
    print(`\n${error instanceof Error ? error.message : String(error)}\n`);
    return undefined;
  }
}

const unknown = names.filter((name) => !Object.hasOwn(BENCHES, name));
if (unknown.length > 0) {
  process.stderr.write(`no bench called ${unknown.join(', ')}: there are ${Object.keys(BENCHES).join(', ')}\n`);
  process.exit(2);
}
print(`${JSON.stringify(machine())}\n`);
if (plan === SMOKE) print('\na smoke run: its sizes are too small for its ratios to mean anything\n');
try {
  for (const name of names.length > 0 ? names : Object.keys(BENCHES)) await BENCHES[name]!();
} finally {
  await rm(work, { recursive: true, force: true });
}
