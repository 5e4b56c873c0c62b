import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { aptInstall, requireTool, toolWorks } from '../../interop/support/tools.ts';
import { plainEnvironment, RUN_JS, type Run } from '../../support/run.ts';

/** System calls that write to a folder, and that a `tufa` process makes on one thread only. */
export type Syscall = 'pwrite64' | 'fsync' | 'link' | 'rename' | 'mkdir' | 'unlink';

export interface Call {
  readonly syscall: Syscall;
  /** From 1, among the calls of this name on its thread: what `when=` counts. */
  readonly number: number;
  /** As strace prints it, with the paths of open files. */
  readonly line: string;
}

export interface Traced {
  readonly run: Run;
  readonly calls: readonly Call[];
  /** Lines of the calls that were made to fail. */
  readonly injected: readonly string[];
}

const SYSCALLS: readonly Syscall[] = ['pwrite64', 'fsync', 'link', 'rename', 'mkdir', 'unlink'];

/** Makes sure that strace is there. @throws ConfigurationError that names it */
export async function requireStrace(): Promise<void> {
  if (!(await toolWorks('strace', ['-V']))) await aptInstall(['strace']);
  await requireTool('strace', ['-V'], 'install strace');
}

/** Runs a command under strace. @param inject a call that fails, and how */
export async function traced(
  dir: string,
  args: readonly string[],
  inject?: { readonly call: Call; readonly error: string },
): Promise<Traced> {
  const trace = `${dir}.strace`;
  const faults =
    inject === undefined
      ? []
      : ['-e', `inject=${inject.call.syscall}:error=${inject.error}:when=${inject.call.number}`];
  const options = ['-f', '-y', '-o', trace, '-e', `trace=${SYSCALLS.join()}`, ...faults];
  // `when=` counts for each thread, so all files have to be written on one.
  const env = plainEnvironment({ UV_THREADPOOL_SIZE: '1' });
  const { promise, resolve } = Promise.withResolvers<Traced['run']>();
  execFile(
    'strace',
    [...options, process.execPath, RUN_JS, ...args, '--json'],
    { cwd: dir, env, timeout: 60_000, killSignal: 'SIGKILL' },
    (error, stdout, stderr) => {
      const exitCode = error === null ? 0 : typeof error.code === 'number' ? error.code : null;
      resolve({ exitCode, stdout, stderr, json: () => JSON.parse(stdout) });
    },
  );
  const run = await promise;
  const lines = (await readFile(trace, 'utf8')).split('\n');
  return { run, calls: callsIn(lines), injected: lines.filter((line) => line.includes('(INJECTED)')) };
}

function callsIn(lines: readonly string[]): Call[] {
  const counts = new Map<string, number>();
  return lines.flatMap((line) => {
    const [, thread, name] = /^(\d+) +(\w+)\(/.exec(line) ?? [];
    const syscall = SYSCALLS.find((known) => known === name);
    if (syscall === undefined) return [];
    const number = (counts.get(`${thread} ${syscall}`) ?? 0) + 1;
    counts.set(`${thread} ${syscall}`, number);
    return [{ syscall, number, line }];
  });
}
