import { type ChildProcess, spawn } from 'node:child_process';
import { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Cause, ModuleFailure } from './failure.ts';
import type { AnswerTo, Question, Reply } from './messages.ts';

/** A module and what it is started with. */
export interface Launch {
  /** Absolute. */
  readonly path: string;
  /** Of C_Initialize (NSS). */
  readonly initArgs: string | undefined;
  readonly env: Readonly<Record<string, string>>;
}

/** Milliseconds to end by itself. */
const ORDERLY = 5000;
/** Characters of what a module prints that are kept. */
const TAIL = 2000;

const children = new Set<ChildProcess>();
/** Nobody would ever end a process that hangs in its module when we are gone. */
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
});

/**
 * One PKCS#11 module in a process of its own. Its state (who is logged in, what is being signed) is one for all, so
 * questions are asked one after the other. The process starts with the first question, and again after it has ended.
 */
export class ModuleProcess {
  readonly launch: Launch;
  private child: Running | undefined;
  private turn: Promise<unknown> = Promise.resolve();
  /** How often it was started: what was learnt from an earlier process is worth nothing. */
  private started = 0;

  constructor(launch: Launch) {
    this.launch = launch;
  }

  get generation(): number {
    return this.child === undefined ? this.started + 1 : this.started;
  }

  /**
   * @param ms until the process is killed
   * @throws ModuleFailure
   */
  ask<Q extends Question>(question: Q, ms: number): Promise<AnswerTo<Q>> {
    const answer = this.turn.then(async () => {
      this.child ??= await this.start(ms);
      return this.exchange(this.child, question, ms);
    });
    this.turn = answer.catch(() => undefined);
    return answer;
  }

  /** Lets go of the token, or is killed after some seconds. */
  async end(): Promise<void> {
    await this.turn;
    const { child } = this;
    if (child === undefined) return;
    this.child = undefined;
    const ended = new Promise((resolve) => child.process.once('exit', resolve));
    child.process.send({ ask: 'end' } satisfies Question, () => undefined);
    child.process.ref();
    const timer = setTimeout(() => child.process.kill('SIGKILL'), ORDERLY);
    await ended;
    clearTimeout(timer);
  }

  /** Takes the token away from a process that cannot be trusted any more. */
  async discard(): Promise<void> {
    const { child } = this;
    this.child = undefined;
    if (child !== undefined) await killed(child.process);
  }

  private async start(ms: number): Promise<Running> {
    this.started++;
    const { path, initArgs, env } = this.launch;
    // From source or built: the child lies beside this file and has the same ending.
    const file = new URL(import.meta.url.endsWith('.ts') ? './child.ts' : './child.js', import.meta.url);
    const child = startNode(fileURLToPath(file), env);
    children.add(child);
    child.once('exit', () => children.delete(child));
    const running: Running = { process: child, said: '' };
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      running.said = `${running.said}${text}`.slice(-TAIL);
    });
    // It has no other reader, and must not keep us alive.
    if (child.stderr instanceof Socket) child.stderr.unref();
    child.on('exit', () => {
      if (this.child === running) this.child = undefined;
    });
    await this.exchange(running, { ask: 'load', path, initArgs }, ms);
    return running;
  }

  private async exchange<Q extends Question>(child: Running, question: Q, ms: number): Promise<AnswerTo<Q>> {
    const heard = await hear(child, question, ms);
    if ('answer' in heard) return heard.answer as AnswerTo<Q>;
    const { failure } = heard;
    const over = failure.kind === 'deadline' || failure.kind === 'died' || question.ask === 'load';
    if (over) {
      if (this.child === child) this.child = undefined;
      await killed(child.process);
      // What it printed last may still be on its way.
      await Promise.race([streamEnd(child.process), sleep(200)]);
    }
    throw new ModuleFailure(failure, child.said.trim());
  }
}

/** Not `fork`: should the module abort, no core file may hold a PIN. */
function startNode(file: string, env: Readonly<Record<string, string>>): ChildProcess {
  const options = { env, serialization: 'advanced', stdio: ['ignore', 'ignore', 'pipe', 'ipc'] } as const;
  if (process.platform === 'win32') return spawn(process.execPath, [file], { ...options, stdio: [...options.stdio] });
  const args = ['-c', 'ulimit -c 0; exec "$0" "$@"', process.execPath, file];
  return spawn('/bin/sh', args, { ...options, stdio: [...options.stdio] });
}

interface Running {
  readonly process: ChildProcess;
  said: string;
}

type Heard = Reply | { readonly failure: Cause };

/** Keeps this process alive while it waits, and only then. */
function hear({ process: child }: Running, question: Question, ms: number): Promise<Heard> {
  return new Promise((resolve) => {
    const done = (heard: Heard): void => {
      clearTimeout(timer);
      child.off('message', onMessage).off('exit', onExit).off('error', onError);
      child.unref();
      child.channel?.unref();
      resolve(heard);
    };
    const asked = question.ask;
    const onMessage = (reply: unknown): void => done(reply as Reply);
    const onExit = (code: number | null, signal: string | null): void =>
      done({ failure: { kind: 'died', how: signal ?? `exit code ${code}`, asked } });
    const onError = (error: Error): void => done({ failure: { kind: 'died', how: error.message, asked } });
    const timer = setTimeout(() => done({ failure: { kind: 'deadline', ms, asked } }), ms);
    child.on('message', onMessage).on('exit', onExit).on('error', onError);
    child.ref();
    child.channel?.ref();
    if (child.exitCode !== null || child.signalCode !== null) onExit(child.exitCode, child.signalCode);
    else child.send(question, () => undefined);
  });
}

async function killed(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  // A driver may keep it from ending even then.
  await Promise.race([ended, sleep(ORDERLY)]);
}

function streamEnd({ stderr }: ChildProcess): Promise<unknown> {
  if (stderr === null || stderr.readableEnded) return Promise.resolve();
  return new Promise((resolve) => stderr.once('end', resolve));
}
