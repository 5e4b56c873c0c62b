import { type ChildProcess, spawn } from 'node:child_process';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { plainEnvironment, RUN_JS, type Run } from './run.ts';

/** What a secret must not show up in: every stream, the processes below a command, and files. */

export interface Watched extends Run {
  /** Command line and environment of the command and of every process below it, as often as somebody looked. */
  readonly seen: readonly string[];
}

export interface WatchOptions {
  /** An open file, which is the command's file descriptor 3. */
  readonly fd?: number | undefined;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Milliseconds until it is killed; default 60,000. */
  readonly timeout?: number;
}

/** Milliseconds between two looks. */
const OFTEN = 20;

/** Runs `tufa`, and looks at every process below it as long as it runs. */
export async function watched(dir: string, args: readonly string[], options: WatchOptions = {}): Promise<Watched> {
  const { fd, env = {}, timeout = 60_000 } = options;
  const child = spawn(process.execPath, [RUN_JS, ...args], {
    cwd: dir,
    env: plainEnvironment(env),
    stdio: ['ignore', 'pipe', 'pipe', fd ?? 'ignore'],
    timeout,
    killSignal: 'SIGKILL',
  });
  const [stdout, stderr]: [string[], string[]] = [[], []];
  child.stdout?.setEncoding('utf8').on('data', (text: string) => stdout.push(text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => stderr.push(text));
  const seen = new Set<string>();
  let running = true;
  const ended = new Promise<number | null>((resolve) => {
    child.on('close', (code) => {
      running = false;
      resolve(code);
    });
  });
  while (running) {
    for (const text of await look(child)) seen.add(text);
    await sleep(OFTEN);
  }
  const text = stdout.join('');
  return {
    exitCode: await ended,
    stdout: text,
    stderr: stderr.join(''),
    json: () => JSON.parse(text),
    seen: [...seen],
  };
}

/** Command line and environment of a process and of all below it. */
async function look({ pid }: ChildProcess): Promise<string[]> {
  const found: string[] = [];
  const read = (path: string): Promise<string> => readFile(path, 'utf8').catch(() => '');
  for (const waiting = [pid]; waiting.length > 0; ) {
    const one = waiting.pop();
    const text = `${await read(`/proc/${one}/cmdline`)}\n${await read(`/proc/${one}/environ`)}`;
    found.push(text.replaceAll('\0', ' '));
    const children = (await read(`/proc/${one}/task/${one}/children`)).split(' ').filter((part) => part !== '');
    waiting.push(...children.map(Number));
  }
  return found;
}

/** A secret as it could be written down: as it is, in hex, in Base64 at each offset from a multiple of three bytes. */
export function formsOf(secret: string): string[] {
  const bytes = Buffer.from(secret, 'utf8');
  const base64 = [0, 1, 2].map((shift) => {
    const text = Buffer.concat([Buffer.alloc(shift), bytes])
      .toString('base64')
      .replaceAll('=', '');
    // The first letters hold what stands before, the last one what may follow.
    return text.slice(shift === 0 ? 0 : shift + 1, -1);
  });
  const hex = bytes.toString('hex');
  return [secret, hex, hex.toUpperCase(), ...base64];
}

/** Where a run shows a secret; none: nowhere. */
export function shownIn({ stdout, stderr, seen }: Watched, secret: string): string[] {
  const places = { stdout, stderr, 'a process': seen.join('\n') };
  return formsOf(secret).flatMap((form) =>
    Object.entries(places).flatMap(([place, text]) => (text.includes(form) ? [place] : [])),
  );
}

/** Files below a folder that hold a secret, but for `except`. */
export async function filesWith(secret: string, dir: string, except: readonly string[] = []): Promise<string[]> {
  const forms = formsOf(secret);
  const found: string[] = [];
  for (const entry of await readdir(dir, { recursive: true })) {
    const path = join(dir, entry);
    if (
      except.includes(path) ||
      !(await stat(path).then(
        (one) => one.isFile(),
        () => false,
      ))
    )
      continue;
    const bytes = await readFile(path);
    if (forms.some((form) => bytes.includes(form))) found.push(entry);
  }
  return found;
}
