import { closeSync, openSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { Bins } from './bins.ts';
import type { Order, Report, WorkerTask } from './messages.ts';
import { Records } from './records.ts';
import { Refused } from './refused.ts';
import { readRows } from './rows.ts';
import { partBits, Spool } from './spool.ts';

/** A worker thread of a bulk build: it does what it is told, one order at a time, and reports. */

const task = workerData as WorkerTask;
const records = new Records();
const bins = new Bins(task, records);
const binsInPart = 2 ** (task.bits - partBits(task.bits));
let files: number[] | undefined;

parentPort!.on('message', (order: Order) => {
  try {
    report(order.kind === 'spool' ? spool(order.start, order.end) : build(order));
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    report({ kind: 'refused', refusal: error.refusal });
  }
});

function report(message: Report): void {
  const transfer = message.kind === 'drafted' ? message.drafts.map((draft) => draft.signedBytes.buffer) : [];
  parentPort!.postMessage(message, transfer);
}

function spool(start: number, end: number): Report {
  const into = new Spool(task.spools[task.worker]!, task.bits);
  const file = openSync(task.rows, 'r');
  let rows = 0;
  try {
    const bad = readRows(file, start, end, (path, length, sha256, listed) => {
      into.add(path, length, sha256, listed);
      rows++;
    });
    if (bad !== undefined) throw new Refused({ why: 'row', line: bad.line });
  } finally {
    closeSync(file);
  }
  return { kind: 'spooled', rows, chunks: into.finish() };
}

function build(order: Extract<Order, { kind: 'build' }>): Report {
  files ??= task.spools.map((path) => openSync(path, 'r'));
  records.read(files, order.chunks, binsInPart);
  if (task.finish === undefined) return { kind: 'drafted', drafts: bins.draft(order.bins) };
  return bins.build(order.bins, task.finish.folder, task.finish.keys);
}
