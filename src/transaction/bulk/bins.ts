import { sign } from 'node:crypto';
import { closeSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { targetsFrame } from '../../tuf/compose.ts';
import { sha256Hex } from '../../tuf/digest.ts';
import { metadataHead } from '../../tuf/encode.ts';
import { keyOf, runLength, sortFragments, writeRun } from '../../tuf/fragments.ts';
import { keyidOf, schemeParameters, verifySignature, withOptions } from '../../tuf/keys.ts';
import { metadataName } from '../../tuf/layout.ts';
import type { Signature } from '../../tuf/model.ts';
import type { BinTask, DraftedBin, Report, SoftwareKey, WorkerTask } from './messages.ts';
import type { Records } from './records.ts';
import { openNew, Refused } from './refused.ts';

/** The second pass, in a worker: the bins of one part are sorted, composed, and, with keys at hand, signed and written. */

/** Bytes before the signed part: each signature is at most 1,024 bytes of RSA, in hex, and its keyid. */
const HEAD_ROOM = 64;
const SIGNATURE_ROOM = 2304;
const CLOSE_BRACE = 0x7d;

/** A place for one file at a time: the signed part stands at the same offset in each, what precedes it ends there. */
export class Bins {
  private readonly task: WorkerTask;
  private readonly records: Records;
  private readonly keyids: readonly string[];
  private readonly offset: number;
  private scratch = Buffer.allocUnsafeSlow(64 * 1024);

  constructor(task: WorkerTask, records: Records) {
    this.task = task;
    this.records = records;
    const keys = task.finish?.keys ?? [];
    this.keyids = keys.map(({ key }) => keyidOf(key));
    this.offset = HEAD_ROOM + SIGNATURE_ROOM * keys.length;
  }

  /** Composes, signs and writes. */
  build(bins: readonly BinTask[], folder: string, keys: readonly SoftwareKey[]): Report {
    const sha256: string[] = [];
    let bytes = 0;
    bins.forEach((bin, i) => {
      const file = this.file(bin.name, this.compose(bin, i), keys);
      create(join(folder, metadataName(bin.name, this.task.version)), bin.name, file);
      if (this.task.hashed) sha256.push(sha256Hex(file));
      bytes += file.length;
    });
    return { kind: 'built', sha256, bytes };
  }

  /** Composes; the main thread signs. */
  draft(bins: readonly BinTask[]): DraftedBin[] {
    return bins.map((bin, i) => ({ signedBytes: new Uint8Array(this.compose(bin, i)) }));
  }

  /** The signed part, in the scratch buffer. */
  private compose({ name, expires }: BinTask, bin: number): Buffer {
    const { records, offset } = this;
    const { version, repository, maxLength } = this.task;
    const numbers = records.ofBin(bin);
    const twice = sortFragments(records, numbers);
    if (twice !== undefined) throw new Refused({ why: 'twice', path: keyOf(records, twice) });
    const { head, tail } = targetsFrame({ version, repository, expires: new Date(expires) });
    const length = head.length + runLength(records, numbers) + tail.length;
    if (offset + length > maxLength) throw new Refused({ why: 'too-long', name, length });
    if (this.scratch.length <= offset + length) this.scratch = Buffer.allocUnsafeSlow(2 * (offset + length));
    const { scratch } = this;
    const afterHead = offset + head.copy(scratch, offset);
    const afterRun = writeRun(records, numbers, scratch, afterHead);
    return scratch.subarray(offset, afterRun + tail.copy(scratch, afterRun));
  }

  /** The file around a signed part that stands in the scratch buffer. */
  private file(name: string, signed: Buffer, keys: readonly SoftwareKey[]): Buffer {
    const head = metadataHead(keys.map((key, i) => this.signature(name, signed, key, this.keyids[i]!)));
    const start = this.offset - head.length;
    head.copy(this.scratch, start);
    const end = this.offset + signed.length;
    this.scratch[end] = CLOSE_BRACE;
    return this.scratch.subarray(start, end + 1);
  }

  private signature(name: string, signed: Buffer, { key, privateKey }: SoftwareKey, keyid: string): Signature {
    const scheme = schemeParameters(key);
    const sig = sign(scheme.digest, signed, withOptions(privateKey, scheme)).toString('hex');
    if (!verifySignature(key, signed, sig)) throw new Refused({ why: 'signature', name, keyid });
    return { keyid, sig };
  }
}

/** Create-only. If we crash here, the folder is one that nobody has put in its place. */
function create(path: string, name: string, bytes: Buffer): void {
  const file = openNew(path, name, 0o644);
  try {
    for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done, bytes.length - done, done);
  } finally {
    closeSync(file);
  }
}
