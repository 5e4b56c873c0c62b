import { jiffies, otherShare } from './machine.ts';

/** Milliseconds; `rss` in bytes where a process of its own was measured. */
export interface Cost {
  readonly wall: number;
  readonly cpu: number;
  readonly rss?: number | undefined;
}

/** One way of doing the same thing. */
export interface Variant {
  readonly name: string;
  /** Once before each operation; not measured. */
  prepare?(): Promise<void> | void;
  /** One operation. A variant that runs in a process of its own says what that has cost. */
  run(): Promise<Cost | undefined> | Promise<void> | Cost | undefined | void;
}

export interface Measured {
  readonly variant: string;
  readonly runs: number;
  readonly wall: Spread;
  readonly cpu: Spread;
  /** Of the run that needed most. */
  readonly rss: number | undefined;
}

export interface Spread {
  readonly median: number;
  readonly min: number;
}

export interface Comparison {
  readonly measured: readonly Measured[];
  /** Share of the machine that other processes used meanwhile. */
  readonly other: number | undefined;
}

/** Runs the variants in turn, A B A B, so that what disturbs the machine disturbs all of them. */
export async function compare(variants: readonly Variant[], rounds: number, warmup = 0): Promise<Comparison> {
  const costs = variants.map((): Cost[] => []);
  for (let round = 0; round < warmup; round++) for (const variant of variants) await measure(variant);
  const before = jiffies();
  for (let round = 0; round < rounds; round++) {
    for (const [i, variant] of variants.entries()) costs[i]!.push(await measure(variant));
  }
  const other = otherShare(before, jiffies());
  return { measured: variants.map(({ name }, i) => summarise(name, costs[i]!)), other };
}

async function measure(variant: Variant): Promise<Cost> {
  await variant.prepare?.();
  const cpu = process.cpuUsage();
  const start = performance.now();
  const own = await variant.run();
  const wall = performance.now() - start;
  const used = process.cpuUsage(cpu);
  return own ?? { wall, cpu: (used.user + used.system) / 1000 };
}

function summarise(variant: string, costs: readonly Cost[]): Measured {
  const rss = costs.flatMap((cost) => cost.rss ?? []);
  return {
    variant,
    runs: costs.length,
    wall: spread(costs.map((cost) => cost.wall)),
    cpu: spread(costs.map((cost) => cost.cpu)),
    rss: rss.length === 0 ? undefined : Math.max(...rss),
  };
}

function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  return { median: sorted[sorted.length >> 1]!, min: sorted[0]! };
}
