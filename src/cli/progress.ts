/** How far a long work is. Jobs call `update`; what is drawn, and whether, is decided here. */
export interface Progress {
  /** @param done how many of them, from the start */
  update(done: number, total?: number): void;
  /** Leaves nothing behind on a terminal. */
  end(): void;
}

export interface ProgressOptions {
  /** What is counted: `files`. */
  readonly unit: string;
  readonly stream: { readonly isTTY?: boolean; readonly columns?: number; write(text: string): unknown };
  /** Nothing is drawn. */
  readonly silent: boolean;
  /** Milliseconds, never falling. */
  readonly now: () => number;
}

const EVERY_TTY = 100;
const EVERY_LINE = 10_000;

/** On a terminal one line that is drawn over, else one line each ten seconds: `files: 1,204/60,000, 310/s, 3 min left`. */
export function progress({ unit, stream, silent, now }: ProgressOptions): Progress {
  const tty = stream.isTTY === true;
  const started = now();
  let drawn = started;
  let visible = false;
  return {
    update(done, total) {
      const time = now();
      if (silent || time - drawn < (tty ? EVERY_TTY : EVERY_LINE)) return;
      drawn = time;
      visible = true;
      const line = `${unit}: ${progressLine(done, total, time - started)}`;
      stream.write(tty ? `\r\u001b[K${line.slice(0, (stream.columns ?? 80) - 1)}` : `${line}\n`);
    },
    end() {
      if (tty && visible) stream.write('\r\u001b[K');
      visible = false;
    },
  };
}

/** @param elapsed milliseconds */
export function progressLine(done: number, total: number | undefined, elapsed: number): string {
  const rate = done / Math.max(elapsed / 1000, 0.001);
  const parts = [
    total === undefined ? count(done) : `${count(done)}/${count(total)}`,
    `${rate >= 10 ? count(Math.round(rate)) : rate.toFixed(1)}/s`,
  ];
  if (total !== undefined && rate > 0) parts.push(`${left((total - done) / rate)} left`);
  return parts.join(', ');
}

function count(n: number): string {
  return n.toLocaleString('en-US');
}

function left(seconds: number): string {
  const whole = Math.ceil(Math.max(seconds, 0));
  if (whole < 60) return `${whole} s`;
  return whole < 3600 ? `${Math.round(whole / 60)} min` : `${Math.round(whole / 360) / 10} h`;
}
