import type { Comparison, Measured } from './harness.ts';

/** A figure that is stated: a ratio of two variants, and what it should be. Never a reason to fail: machines differ. */
export interface Figure {
  readonly figure: string;
  readonly ratio: number;
  /** `<= 1.75, aim 1.3`. */
  readonly stated: string;
  readonly met: boolean;
}

/** The ratio of two variants' costs, by the minima: what disturbs a run only ever makes it longer. */
export function ratio(
  comparison: Comparison,
  variant: string,
  base: string,
  cost: (measured: Measured) => number,
): number {
  return cost(find(comparison, variant)) / cost(find(comparison, base));
}

export function atMost(figure: string, found: number, limit: number, aim?: number): Figure {
  const stated = `at most ${limit}${aim === undefined ? '' : `, aim ${aim}`}`;
  return { figure, ratio: found, stated, met: found <= limit };
}

export function atLeast(figure: string, found: number, limit: number): Figure {
  return { figure, ratio: found, stated: `at least ${limit}`, met: found >= limit };
}

/** A table for people, then one line of JSON for each variant and figure. */
export function report(bench: string, comparison: Comparison, figures: readonly Figure[]): void {
  const { measured, other } = comparison;
  const rows = measured.map(({ variant, runs, wall, cpu, rss }) => [
    variant,
    `${runs}`,
    milliseconds(wall.median),
    milliseconds(wall.min),
    milliseconds(cpu.median),
    milliseconds(cpu.min),
    rss === undefined ? '' : `${Math.round(rss / 2 ** 20)}`,
  ]);
  const busy = other === undefined ? 'unknown' : `${Math.round(other * 100)} %`;
  print(`\n## ${bench}\n\nother processes used ${busy} of the machine\n\n`);
  print(table(['', 'runs', 'wall ms', 'min', 'cpu ms', 'min', 'peak MiB'], rows));
  for (const { figure, ratio: found, stated, met } of figures)
    print(`\n- ${figure}: ${found.toFixed(2)} (${stated})${met ? '' : ': not met in this run'}`);
  print('\n\n');
  for (const one of measured) print(`${JSON.stringify({ bench, other, ...one })}\n`);
  for (const figure of figures) print(`${JSON.stringify({ bench, ...figure })}\n`);
}

export function print(text: string): void {
  process.stdout.write(text);
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]!.length)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join(' | ')} |\n`;
  return line(head) + line(widths.map((width) => '-'.repeat(width))) + rows.map(line).join('');
}

function milliseconds(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toFixed(2);
}

function find({ measured }: Comparison, variant: string): Measured {
  const found = measured.find((one) => one.variant === variant);
  if (found === undefined) throw new Error(`nothing was measured of ${variant}`);
  return found;
}
