import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** What a command line did. */
export interface Run {
  /** null: it was killed by a signal. */
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** stdout as the one JSON object that `--json` prints. */
  json<T = Record<string, unknown>>(): T;
}

export interface RunOptions {
  readonly cwd: string;
  /** For stdin; without it, stdin is empty. */
  readonly input?: string;
  /** Added to a plain environment; undefined takes a variable away. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Milliseconds until it is killed; default 60,000. */
  readonly timeout?: number;
  /** Another program than bin/run.js. */
  readonly program?: string;
}

export const RUN_JS = fileURLToPath(new URL('../../bin/run.js', import.meta.url));

/** The environment of a test: nothing of the developer's terminal, nothing that would open a prompt. */
export function plainEnvironment(more: RunOptions['env'] = {}): NodeJS.ProcessEnv {
  const { PATH, HOME, TMPDIR, LANG } = process.env;
  return { PATH, HOME, TMPDIR, LANG, ...more };
}

/** Runs `tufa` as its user does: through bin/run.js, in a process of its own, with the Node that runs the tests. */
export function tufa(
  args: readonly string[],
  { cwd, input, env, timeout = 60_000, program = RUN_JS }: RunOptions,
): Promise<Run> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [program, ...args], {
      cwd,
      env: plainEnvironment(env),
      stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
      timeout,
      killSignal: 'SIGKILL',
    });
    const [stdout, stderr]: [Buffer[], Buffer[]] = [[], []];
    child.stdout?.on('data', (chunk: Buffer) => stdout.push(chunk));
    child.stderr?.on('data', (chunk: Buffer) => stderr.push(chunk));
    // It may end without reading its input.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input);
    child.on('error', reject);
    child.on('close', (exitCode) => {
      const text = Buffer.concat(stdout).toString('utf8');
      resolve({ exitCode, stdout: text, stderr: Buffer.concat(stderr).toString('utf8'), json: () => JSON.parse(text) });
    });
  });
}
