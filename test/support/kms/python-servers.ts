/** Key services of others, written in Python, from PyPI: started on 127.0.0.1 and stopped by their process ids. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { ConfigurationError } from '../../../src/errors.ts';
import { pythonWith } from '../cache.ts';
import pins from './pins.json' with { type: 'json' };

export interface RunningServer {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  stop(): Promise<void>;
}

const START_LIMIT = 60_000;
const STOP_LIMIT = 5_000;

/** AWS KMS as it should be: signs digests, knows aliases, disabled keys and Ed25519. */
export async function startMinistack(): Promise<RunningServer> {
  const python = await interpreter();
  return start('ministack', '/_ministack/health', (port) => ({
    command: python,
    args: ['-I', '-m', 'ministack'],
    env: {
      GATEWAY_PORT: `${port}`,
      BIND_HOST: '127.0.0.1',
      MINISTACK_HOST: '127.0.0.1',
      SERVICES: 'kms',
      LOG_LEVEL: 'WARNING',
    },
  }));
}

/** AWS KMS as it should not be: hashes what it is given as a digest once more, so its signatures are of something else. */
export async function startMoto(): Promise<RunningServer> {
  const python = await interpreter();
  return start('moto', '/moto-api/data.json', (port) => ({
    command: python,
    args: ['-I', '-m', 'moto.server', '-H', '127.0.0.1', '-p', `${port}`],
    env: {},
  }));
}

function interpreter(): Promise<string> {
  const packages = Object.entries(pins.packages).map(([name, version]) => `${name}==${version}`);
  const { ministack, moto } = pins.packages;
  return pythonWith('kms', `ministack ${ministack} and moto ${moto}`, packages, 'with PyPI in reach');
}

interface Command {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

async function start(name: string, path: string, commandOf: (port: number) => Command): Promise<RunningServer> {
  const port = await freePort();
  const { command, args, env } = commandOf(port);
  const { PATH, HOME, LANG } = process.env;
  const child = spawn(command, args, {
    cwd: tmpdir(),
    env: { PATH, HOME, LANG, TMPDIR: tmpdir(), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      said = (said + chunk.toString()).slice(-4_000);
    });
  child.on('error', (error) => {
    said += error.message;
  });
  // A test run that is killed takes its servers with it.
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  const url = `http://127.0.0.1:${port}`;
  const stop = async (): Promise<void> => {
    process.off('exit', kill);
    await end(child);
  };
  if (await answers(`${url}${path}`, child)) return { url, stop };
  await stop();
  throw new ConfigurationError('does not start', {
    object: name,
    expected: `an answer at ${url}${path} within ${START_LIMIT / 1000} s`,
    found: said.trim() || 'nothing',
  });
}

async function answers(url: string, child: ChildProcess): Promise<boolean> {
  for (let waited = 0; waited < START_LIMIT && !hasEnded(child); waited += 100) {
    const response = await fetch(url, { signal: AbortSignal.timeout(2_000) }).catch(() => undefined);
    await response?.arrayBuffer();
    if (response?.ok === true) return true;
    await sleep(100);
  }
  return false;
}

async function end(child: ChildProcess): Promise<void> {
  if (hasEnded(child)) return;
  const gone = once(child, 'exit');
  child.kill('SIGTERM');
  if ((await Promise.race([gone, sleep(STOP_LIMIT, undefined, { ref: false })])) === undefined) child.kill('SIGKILL');
  await gone;
}

function hasEnded({ pid, exitCode, signalCode }: ChildProcess): boolean {
  return pid === undefined || exitCode !== null || signalCode !== null;
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
