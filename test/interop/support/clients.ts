/** The four real clients, each behind the same two calls. Every wait ends by itself. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface, type Interface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { ConfigurationError, StorageError } from '../../../src/errors.ts';
import { type Driver, install } from '../install.ts';
import pins from '../pins.json' with { type: 'json' };
import type { ClientName, ClientRequest, ClientResult } from './protocol.ts';

export { CLIENTS, type ClientName, type ClientRequest, type ClientResult, type TargetResult } from './protocol.ts';

const START_LIMIT = 30_000;
const STOP_LIMIT = 5_000;

export interface Client {
  readonly name: ClientName;
  /** As the running driver reports it, which is what pins.json says. */
  readonly version: string;
  /**
   * One run of the client. A refusal by the client is a result; a driver that died, or that gave no answer within
   * `timeout` milliseconds (60,000) and was killed, is a StorageError, and the next run starts another driver.
   */
  run(request: ClientRequest, timeout?: number): Promise<ClientResult>;
  stop(): Promise<void>;
}

/** Builds the client if need be and starts its driver. Runs of one client are answered one after the other. */
export async function startClient(name: ClientName): Promise<Client> {
  const driver = await install(name);
  const version = pins[name].version;
  let current: Process | undefined = await Process.start(name, driver);
  let last: Promise<unknown> = Promise.resolve();

  const run = async (request: ClientRequest, timeout: number): Promise<ClientResult> => {
    current ??= await Process.start(name, driver);
    try {
      return await current.ask(request, timeout);
    } catch (error) {
      await current.kill();
      current = undefined;
      throw error;
    }
  };
  return {
    name,
    version,
    run(request, timeout = 60_000) {
      const result = last.then(() => run(request, timeout));
      last = result.catch(() => undefined);
      return result;
    },
    async stop() {
      await last;
      await current?.end();
      current = undefined;
    },
  };
}

/** A running driver. Errors carry the last of what it wrote to standard error. */
class Process {
  readonly name: ClientName;
  readonly child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly lines: AsyncIterator<string>;
  readonly reader: Interface;
  stderr = '';

  constructor(name: ClientName, driver: Driver) {
    this.name = name;
    this.child = spawn(driver.command, driver.args, { env: environment(), stdio: ['pipe', 'pipe', 'pipe'] });
    this.child.on('error', (error) => this.#note(error.message));
    this.child.stdin.on('error', (error) => this.#note(error.message));
    this.child.stderr.on('data', (chunk: Buffer) => this.#note(chunk.toString()));
    this.reader = createInterface({ input: this.child.stdout });
    this.lines = this.reader[Symbol.asyncIterator]();
  }

  static async start(name: ClientName, driver: Driver): Promise<Process> {
    const process = new Process(name, driver);
    try {
      const hello = JSON.parse(await process.#line(START_LIMIT));
      if (hello.version !== pins[name].version) {
        throw new ConfigurationError('the driver runs another version than the pinned one', {
          object: name,
          expected: pins[name].version,
          found: String(hello.version),
          hint: 'npm ci, then bring test/interop/pins.json and the lock file of the driver into step',
        });
      }
    } catch (error) {
      await process.kill();
      throw error;
    }
    return process;
  }

  async ask(request: ClientRequest, timeout: number): Promise<ClientResult> {
    this.child.stdin.write(`${JSON.stringify(request)}\n`);
    const answer = JSON.parse(await this.#line(timeout));
    if (answer.failure !== undefined) {
      throw new StorageError('the driver failed', { object: this.name, expected: 'a result', found: answer.failure });
    }
    return answer;
  }

  /** Lets the driver end by closing its standard input; kills it when it does not. */
  async end(): Promise<void> {
    this.child.stdin.end();
    await within(STOP_LIMIT, this.#gone()).catch(() => undefined);
    await this.kill();
  }

  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await within(STOP_LIMIT, this.#gone());
    this.reader.close();
  }

  async #gone(): Promise<void> {
    if (this.child.pid !== undefined && this.child.exitCode === null && this.child.signalCode === null) {
      await once(this.child, 'exit');
    }
  }

  async #line(timeout: number): Promise<string> {
    const next = await within(timeout, this.lines.next());
    if (next === undefined || next.done === true) {
      throw new StorageError(next === undefined ? 'no answer in time' : 'the driver ended', {
        object: this.name,
        expected: `one line within ${timeout / 1000} s`,
        found: this.stderr.trim() || 'nothing',
      });
    }
    return next.value;
  }

  #note(text: string): void {
    this.stderr = (this.stderr + text).slice(-4_000);
  }
}

/** The promise's value, or undefined when it takes longer than `limit` milliseconds. */
async function within<T>(limit: number, promise: Promise<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), limit);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** The test's server is on this machine: no proxy may stand between. */
function environment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !/^(https?|all)_proxy$/i.test(name));
  return { ...Object.fromEntries(kept), NO_PROXY: '*', NODE_OPTIONS: '' };
}
