import { once } from 'node:events';

/**
 * The manners of the terminal: the result goes to stdout, everything else to stderr. A reader that goes away (`| head`)
 * is no error: what is being done is finished, and what nobody reads is dropped. A slow reader gets everything.
 */

/** A result: a whole text, or its parts as they come. */
export type Output = string | Iterable<string> | AsyncIterable<string>;

type Stream = NodeJS.WriteStream & { fd: number };

/** To be called once, before anything is written. */
export function toleratePipes(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
    });
  }
}

/** Writes at the reader's pace, and stops early when there is no reader any more. */
export async function writeAll(output: Output, stream: Stream = process.stdout): Promise<void> {
  for await (const part of typeof output === 'string' ? [output] : output) {
    if (stream.destroyed || stream.errored !== null) return;
    if (!stream.write(part)) await Promise.race([once(stream, 'drain'), once(stream, 'close')]).catch(() => undefined);
  }
}

/** Until everything has left this process; without a limit, because `less` reads when its user does. */
export async function flushed(): Promise<void> {
  await Promise.all([process.stdout, process.stderr].map(drained));
}

async function drained(stream: Stream): Promise<void> {
  if (stream.destroyed || stream.errored !== null) return;
  await new Promise<void>((resolve) => {
    stream.once('close', resolve);
    stream.write('', () => resolve());
  });
}
