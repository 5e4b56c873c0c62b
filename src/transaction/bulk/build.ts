import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { binName } from '../../tuf/bins.ts';
import { metaValue } from '../../tuf/compose.ts';
import { sha256Hex } from '../../tuf/digest.ts';
import type { Run } from '../../tuf/model.ts';
import { entry, join as joinRun } from '../../tuf/run.ts';
import { MAX_LENGTH } from '../../tuf/walk.ts';
import type { RoleDraft } from '../plan.ts';
import { listsHash } from '../plan.ts';
import { Crew } from './crew.ts';
import type { BinTask, Report, SoftwareKey, WorkerTask } from './messages.ts';
import { partBits } from './spool.ts';

/**
 * Bulk build: all bins of a repository at once, from a file of rows, in two passes over worker threads. First the rows
 * are checked and their fragments go to spool files by the beginning of their paths' hashes; then bin by bin they are
 * sorted, composed, signed and written. Memory follows the size of a part (1/256 of the rows), not of the index, and the
 * bytes do not depend on the number of workers or the order of the rows.
 */
export interface BulkBuild {
  /** File of rows (`rows.ts`). */
  readonly rows: string;
  /** An empty folder for what lies between the passes: as large as the metadata. The caller removes it. */
  readonly spool: string;
  /** Worker threads, from 1. */
  readonly workers: number;
  /** `bin` or `recent`. */
  readonly prefix: string;
  /** 1 to 16: 2^bits bins. */
  readonly bits: number;
  readonly version: number;
  /** uuid. */
  readonly repository: string;
  /** When a bin expires, by its index. */
  expires(index: number): Date;
  readonly finish: Finish;
}

/**
 * Who signs and writes. With keys in memory the worker threads do both, into a folder: create-only, verified, and not yet
 * put on the disk (fsync), because a build that was cut off is made anew. Any other signer is asked by the main thread,
 * part by part, and workers wait for it.
 */
export type Finish =
  | { readonly in: 'workers'; readonly folder: string; readonly keys: readonly SoftwareKey[] }
  /** Signs and writes one bin; returns its file. */
  | { readonly in: 'main'; finish(draft: RoleDraft): Promise<Uint8Array> };

export interface Built {
  readonly targets: number;
  /** Bytes of all bins together. */
  readonly bytes: number;
  /** What the snapshot says of the bins: `"bin14-0000.json":{"version":1},...`. */
  readonly meta: Run;
}

/** Bins finished at once by the main thread. */
const CONCURRENCY = 16;

/** @throws InputError for a row that is none or a path that is there twice; then some bins may have been written */
export async function buildBins(build: BulkBuild): Promise<Built> {
  const { size } = await stat(build.rows);
  const crew = new Crew(tasksOf(build));
  try {
    const spooled = await Promise.all(
      Array.from({ length: crew.size }, (_, i) =>
        crew.ask(i, {
          kind: 'spool',
          start: Math.floor((size * i) / crew.size),
          end: Math.floor((size * (i + 1)) / crew.size),
        }),
      ),
    );
    const chunks = byPart(build.bits, spooled);
    const names = namesOf(build);
    const done = new Ledger(names.length);
    let next = 0;
    // Whoever is free takes the next part.
    const work = async (worker: number): Promise<void> => {
      for (let part = next++; part < chunks.length; part = next++) {
        const first = (part * names.length) / chunks.length;
        const bins = names.slice(first, first + names.length / chunks.length);
        const tasks = bins.map((name, i): BinTask => ({ name, expires: build.expires(first + i).getTime() }));
        const report = await crew.ask(worker, { kind: 'build', chunks: chunks[part]!, bins: tasks });
        await settle(build, bins, first, report, done);
      }
    };
    await Promise.all(Array.from({ length: crew.size }, (_, i) => work(i)));
    const targets = spooled.reduce((sum, report) => sum + (report.kind === 'spooled' ? report.rows : 0), 0);
    return { targets, bytes: done.bytes, meta: metaOf(build, names, done) };
  } finally {
    await crew.dismiss();
  }
}

function tasksOf(build: BulkBuild): WorkerTask[] {
  const { rows, bits, version, repository, finish } = build;
  const spools = Array.from({ length: build.workers }, (_, i) => join(build.spool, `${i}.spool`));
  const inWorkers = finish.in === 'workers' ? { folder: finish.folder, keys: finish.keys } : undefined;
  const hashed = listsHash(namesOf(build)[0]!);
  const common = { rows, spools, bits, version, repository, hashed, maxLength: MAX_LENGTH.targets, finish: inWorkers };
  return spools.map((_, worker) => ({ ...common, worker }));
}

function namesOf({ prefix, bits }: BulkBuild): string[] {
  return Array.from({ length: 2 ** bits }, (_, index) => binName(prefix, bits, index));
}

/** The chunks of all spool files, by the part that they are of. */
function byPart(bits: number, reports: readonly Report[]): Float64Array[] {
  const parts = Array.from({ length: 2 ** partBits(bits) }, (): number[] => []);
  reports.forEach((report, file) => {
    if (report.kind !== 'spooled') return;
    for (let i = 0; i < report.chunks.length; i += 3)
      parts[report.chunks[i]!]!.push(file, report.chunks[i + 1]!, report.chunks[i + 2]!);
  });
  return parts.map((part) => Float64Array.from(part));
}

/** What is known of the bins that are done. */
class Ledger {
  readonly sha256: (string | undefined)[];
  bytes = 0;

  constructor(bins: number) {
    this.sha256 = new Array<string | undefined>(bins);
  }
}

async function settle(
  { finish, version }: BulkBuild,
  names: readonly string[],
  first: number,
  report: Report,
  done: Ledger,
): Promise<void> {
  if (report.kind === 'built') {
    done.bytes += report.bytes;
    report.sha256.forEach((sha256, i) => {
      done.sha256[first + i] = sha256;
    });
  }
  if (report.kind !== 'drafted' || finish.in !== 'main') return;
  for (let from = 0; from < names.length; from += CONCURRENCY) {
    const some = names.slice(from, from + CONCURRENCY);
    await Promise.all(
      some.map(async (name, i) => {
        const { buffer, byteOffset, length } = report.drafts[from + i]!.signedBytes;
        const file = await finish.finish({ name, version, signedBytes: Buffer.from(buffer, byteOffset, length) });
        done.bytes += file.length;
        if (listsHash(name)) done.sha256[first + from + i] = sha256Hex(file);
      }),
    );
  }
}

/** In the order of their names, which is that of the run. */
function metaOf({ version }: BulkBuild, names: readonly string[], done: Ledger): Run {
  return joinRun(names.map((name, i) => entry(`${name}.json`, metaValue({ version, sha256: done.sha256[i] }))));
}
