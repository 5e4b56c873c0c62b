import { readSync } from 'node:fs';
import type { Fragments } from '../../tuf/fragments.ts';
import { RECORD_HEAD } from './spool.ts';

/** Where records of one part lie: number of the spool file, offset and length in it, one after the other. */
export type Chunks = Float64Array;

/** The records of one part in memory, by bin. Its memory is used again for the next part. */
export class Records implements Fragments {
  bytes: Buffer = Buffer.alloc(0);
  starts = new Int32Array(0);
  ends = new Int32Array(0);
  keyLengths = new Int32Array(0);
  private binOf = new Uint8Array(0);
  private numbers = new Int32Array(0);
  private firsts = new Int32Array(0);

  /**
   * @param files descriptors of the spool files
   * @param bins how many there are in a part
   */
  read(files: readonly number[], chunks: Chunks, bins: number): void {
    const length = this.load(files, chunks);
    const count = this.scan(length);
    this.group(count, bins);
  }

  /** The numbers of the fragments of a bin, in no order; the caller may sort them. */
  ofBin(bin: number): Int32Array {
    return this.numbers.subarray(this.firsts[bin]!, this.firsts[bin + 1]!);
  }

  private load(files: readonly number[], chunks: Chunks): number {
    let total = 0;
    for (let i = 2; i < chunks.length; i += 3) total += chunks[i]!;
    if (this.bytes.length < total) this.bytes = Buffer.allocUnsafeSlow(grown(total));
    let at = 0;
    for (let i = 0; i < chunks.length; i += 3) {
      const [file, offset, length] = [files[chunks[i]!]!, chunks[i + 1]!, chunks[i + 2]!];
      for (let done = 0; done < length; ) {
        const read = readSync(file, this.bytes, at + done, length - done, offset + done);
        if (read === 0) throw new Error('a spool file is shorter than it was written');
        done += read;
      }
      at += length;
    }
    return total;
  }

  private scan(length: number): number {
    const { bytes } = this;
    let count = 0;
    for (let at = 0; at < length; count++) {
      if (count === this.starts.length) this.enlarge(grown(count + 1));
      const start = at + RECORD_HEAD;
      const end = start + ((bytes[at + 3]! << 8) | bytes[at + 4]!);
      this.binOf[count] = bytes[at]!;
      this.keyLengths[count] = (bytes[at + 1]! << 8) | bytes[at + 2]!;
      this.starts[count] = start;
      this.ends[count] = end;
      at = end;
    }
    return count;
  }

  private enlarge(size: number): void {
    const larger = (old: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> => {
      const array = new Int32Array(size);
      array.set(old);
      return array;
    };
    this.starts = larger(this.starts);
    this.ends = larger(this.ends);
    this.keyLengths = larger(this.keyLengths);
    const binOf = new Uint8Array(size);
    binOf.set(this.binOf);
    this.binOf = binOf;
  }

  /** Counting sort by bin. */
  private group(count: number, bins: number): void {
    if (this.numbers.length < count) this.numbers = new Int32Array(grown(count));
    this.firsts = new Int32Array(bins + 1);
    for (let i = 0; i < count; i++) this.firsts[this.binOf[i]! + 1]!++;
    for (let bin = 0; bin < bins; bin++) this.firsts[bin + 1]! += this.firsts[bin]!;
    const next = this.firsts.slice();
    for (let i = 0; i < count; i++) this.numbers[next[this.binOf[i]!]!++] = i;
  }
}

/** A quarter more than is needed now, so that parts of nearly the same size do not allocate anew each time. */
function grown(needed: number): number {
  return Math.ceil(needed * 1.25) + 64;
}
