import { Worker } from 'node:worker_threads';
import { InputError, SignerError, StorageError, type TufaError } from '../../errors.ts';
import { MAX_LENGTH } from '../../tuf/walk.ts';
import type { Order, Refusal, Report, WorkerTask } from './messages.ts';
import { parseRow } from './rows.ts';

/** What a row leaves behind is garbage at once: room for more of it would only make memory follow the number of rows. */
const LIMITS = { maxYoungGenerationSizeMb: 12 };

/** The worker threads of a bulk build. Each is asked one thing at a time. */
export class Crew {
  private readonly workers: readonly Worker[];

  constructor(tasks: readonly WorkerTask[]) {
    // From source or built: the worker lies beside this file and has the same ending.
    const file = new URL(import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js', import.meta.url);
    this.workers = tasks.map((workerData) => new Worker(file, { workerData, resourceLimits: LIMITS }));
    // Who asks hears of it; a worker that fails between two questions is heard by the next one, which it never answers.
    for (const worker of this.workers) worker.on('error', () => undefined);
  }

  get size(): number {
    return this.workers.length;
  }

  /** @throws the error that the worker met: of the tree for what it refuses */
  ask(number: number, order: Order): Promise<Exclude<Report, { kind: 'refused' }>> {
    const worker = this.workers[number]!;
    return new Promise((resolve, reject) => {
      const done = (): void => {
        worker.off('message', heard).off('error', failed).off('exit', left);
      };
      const heard = (report: Report): void => {
        done();
        if (report.kind === 'refused') reject(errorOf(report.refusal));
        else resolve(report);
      };
      const failed = (error: unknown): void => {
        done();
        reject(error);
      };
      const left = (code: number): void => failed(new Error(`worker ${number} of a bulk build ended with ${code}`));
      worker.on('message', heard).on('error', failed).on('exit', left);
      worker.postMessage(order);
    });
  }

  async dismiss(): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.terminate()));
  }
}

function errorOf(refusal: Refusal): TufaError {
  switch (refusal.why) {
    case 'row':
      return rowError(refusal.line);
    case 'twice':
      return new InputError('a path twice in one bulk build', { object: refusal.path, code: 'input.row-twice' });
    case 'too-long':
      return new InputError('longer than clients read', {
        object: refusal.name,
        code: 'input.limit.size',
        expected: `at most ${MAX_LENGTH.targets} bytes`,
        found: `${refusal.length}`,
        hint: 'build with more bins',
      });
    case 'signature':
      return new SignerError('key produced a signature that its public key rejects', {
        object: refusal.name,
        code: 'signer.invalid-signature',
        found: `keyid ${refusal.keyid}`,
      });
    case 'exists':
      return new StorageError('stands there already', { object: refusal.name, hint: 'build in an empty folder' });
  }
}

function rowError(line: string): TufaError {
  try {
    parseRow(line);
  } catch (error) {
    if (error instanceof InputError) return error;
    throw error;
  }
  // A row by itself, and still refused: what ends a line is missing.
  return new InputError('not a row of a bulk build', {
    object: line.slice(0, 200),
    code: 'input.row',
    expected: 'a line feed at its end',
    found: 'the end of the file',
  });
}
