import { spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** A program that runs until it is stopped. */
export interface Server {
  readonly pid: number;
  stop(): Promise<void>;
}

export interface ServerOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Looked at until it says true. */
  ready(): boolean | Promise<boolean>;
}

const MOST = 20_000;

/** Starts a server, and waits until it is ready. @throws Error with what it printed when it ends, or is not ready in 20 s */
export async function startServer(command: string, args: readonly string[], options: ServerOptions): Promise<Server> {
  // Whatever becomes of the tests, it ends with them.
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', command, ...args], {
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  let ended: string | undefined;
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-4000);
    });
  const gone = new Promise<void>((resolve) => {
    child.on('error', (error) => {
      ended = error.message;
      resolve();
    });
    child.on('exit', (code, signal) => {
      ended = signal ?? `exit code ${code}`;
      resolve();
    });
  });
  const stop = async (): Promise<void> => {
    if (ended !== undefined) return;
    child.kill('SIGTERM');
    await Promise.race([gone, sleep(3000, undefined, { ref: false })]);
    if (ended === undefined) child.kill('SIGKILL');
    await gone;
  };
  const until = Date.now() + MOST;
  while (ended === undefined && !(await options.ready())) {
    if (Date.now() > until) {
      await stop();
      throw new Error(`${command} was not ready in ${MOST / 1000} s:\n${said}`);
    }
    await sleep(50);
  }
  if (ended !== undefined) throw new Error(`${command} ended with ${ended}:\n${said}`);
  return { pid: child.pid!, stop };
}

/** The first of two neighbouring ports of 127.0.0.1 that nobody listens on now. */
export async function freePorts(): Promise<number> {
  for (let tries = 0; tries < 50; tries++) {
    const port = await listened(0);
    if (port < 65_535 && (await listened(port + 1).catch(() => 0)) !== 0) return port;
  }
  throw new Error('no two free ports');
}

/** The port that could be listened on, a moment ago. */
async function listened(port: number): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
