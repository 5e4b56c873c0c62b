/** Runs the toolchains that build the clients, each within a time limit, and says by name which one is missing. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { ConfigurationError } from '../../../src/errors.ts';

export interface ToolRun {
  cwd?: string;
  env?: Record<string, string>;
  /** Milliseconds; the tool and its children are killed after them. */
  timeout: number;
}

interface Finished {
  /** Exit code, or why there is none. */
  ended: number | string;
  output: string;
}

/** Runs a tool to its end and returns what it printed; ConfigurationError with its last lines when it fails. */
export async function runTool(command: string, args: readonly string[], options: ToolRun): Promise<string> {
  const { ended, output } = await finish(command, args, options);
  if (ended !== 0) {
    throw new ConfigurationError(`${command} ${args.join(' ')} failed`, {
      expected: 'exit 0',
      found: `${ended}\n${output.trimEnd().split('\n').slice(-20).join('\n')}`,
    });
  }
  return output;
}

/** Whether a tool is there and does what is asked of it, in 30 seconds. */
export async function toolWorks(command: string, args: readonly string[]): Promise<boolean> {
  return (await finish(command, args, { timeout: 30_000 })).ended === 0;
}

/** A toolchain's version line, a part of the cache key; ConfigurationError, by name, when the toolchain is missing. */
export async function requireTool(command: string, args: readonly string[], hint: string): Promise<string> {
  const { ended, output } = await finish(command, args, { timeout: 30_000 });
  if (ended !== 0) {
    throw new ConfigurationError('a toolchain is missing', {
      object: command,
      expected: `${command} ${args.join(' ')} to work`,
      found: String(ended),
      hint,
    });
  }
  return output.trim();
}

/** Installs Debian packages where that can be done (apt-get, root). Whether it helped, requireTool says. */
export async function aptInstall(packages: readonly string[]): Promise<void> {
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) {
    return;
  }
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  const install = ['install', '--yes', '--no-install-recommends', ...packages];
  try {
    await runTool('/usr/bin/apt-get', ['update'], { timeout: 300_000, env });
    await runTool('/usr/bin/apt-get', install, { timeout: 600_000, env });
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
  }
}

function finish(command: string, args: readonly string[], { cwd, env, timeout }: ToolRun): Promise<Finished> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    // A process group of its own, so that a compiler's children end with it.
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      if (child.pid !== undefined) {
        process.kill(-child.pid, 'SIGKILL');
      }
    }, timeout);
    const done = (ended: number | string) => {
      clearTimeout(timer);
      resolve({ ended, output: Buffer.concat(chunks).toString() });
    };
    child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => chunks.push(chunk));
    child.on('error', (error) => done(error.message));
    child.on('close', (code, signal) => done(late ? `no end within ${timeout / 1000} s` : (code ?? `${signal}`)));
  });
}
