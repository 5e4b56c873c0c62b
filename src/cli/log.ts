import { styleText } from 'node:util';
import { printable } from '../views/printable.ts';

export type Level = 'debug' | 'info' | 'warning' | 'error';

export interface LogOptions {
  readonly format: 'text' | 'json';
  /** Only warnings and errors. */
  readonly quiet: boolean;
  /** What is done in detail, too. */
  readonly verbose: boolean;
  readonly clock: () => Date;
}

/** Lines on stderr for people, or, for a job's log, one JSON object each: `{"time","level","message",...}`. */
export class Log {
  private readonly options: LogOptions;

  constructor(options: LogOptions) {
    this.options = options;
  }

  debug(message: string): void {
    if (this.options.verbose) this.write('debug', message);
  }

  info(message: string): void {
    if (!this.options.quiet) this.write('info', message);
  }

  warning(message: string): void {
    this.write('warning', message);
  }

  /** @param more further fields of a JSON line */
  error(message: string, hint: string | undefined, more: object = {}): void {
    if (this.options.format === 'json') {
      this.write('error', message, { hint, ...more });
      return;
    }
    const stream = process.stderr;
    stream.write(`${styleText('red', 'tufa:', { stream })} ${printable(message)}\n`);
    if (hint !== undefined) stream.write(`${styleText('bold', 'hint:', { stream })} ${printable(hint)}\n`);
  }

  private write(level: Level, message: string, more: object = {}): void {
    const stream = process.stderr;
    if (this.options.format === 'json') {
      const time = this.options.clock().toISOString();
      stream.write(`${JSON.stringify({ time, level, message: printable(message), ...more })}\n`);
    } else {
      const label = level === 'warning' ? `${styleText('yellow', 'warning:', { stream })} ` : '';
      stream.write(`${label}${printable(message)}\n`);
    }
  }
}
