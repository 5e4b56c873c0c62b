import { closeSync, writeSync } from 'node:fs';
import { binIndex } from '../../tuf/bins.ts';
import { targetFragment } from '../../tuf/fragments.ts';
import { openNew } from './refused.ts';

/**
 * The first pass: fragments go to the part of the bins that theirs is in. A part is what the second pass holds in memory:
 * the bins whose paths' hashes begin with the same eight bits. Each worker writes one spool file, in chunks of one part.
 *
 * A record: number of the bin in its part (1 byte), length of the path (2), length of the fragment (2), fragment.
 */

export const PART_BITS = 8;
export const RECORD_HEAD = 5;
/** Longest record: a path of 512 characters and less than 200 around it. */
const MAX_RECORD = 1024;
/** Bytes kept for each part before they are written. */
const BUFFER = 32 * 1024;

/** Bits of the hash that tell parts apart: all of them where there are few bins. */
export function partBits(bits: number): number {
  return Math.min(bits, PART_BITS);
}

export class Spool {
  private readonly bits: number;
  private readonly parts: number;
  private readonly file: number;
  private readonly buffer: Buffer;
  private readonly filled: Int32Array;
  private readonly chunks: number[] = [];
  private written = 0;

  /** @param path of a file that must not be there */
  constructor(path: string, bits: number) {
    this.bits = bits;
    this.parts = 2 ** partBits(bits);
    this.file = openNew(path, path, 0o600);
    this.buffer = Buffer.allocUnsafeSlow(this.parts * BUFFER);
    this.filled = new Int32Array(this.parts);
  }

  add(path: string, length: string, sha256: string, listed: string): void {
    const { bits, buffer } = this;
    const bin = binIndex(path, bits);
    const below = bits - partBits(bits);
    const part = bin >>> below;
    if (this.filled[part]! > BUFFER - MAX_RECORD) this.flush(part);
    const at = part * BUFFER + this.filled[part]!;
    const fragment = buffer.write(targetFragment(path, length, sha256, listed), at + RECORD_HEAD, 'latin1');
    buffer[at] = bin & (2 ** below - 1);
    buffer[at + 1] = path.length >>> 8;
    buffer[at + 2] = path.length;
    buffer[at + 3] = fragment >>> 8;
    buffer[at + 4] = fragment;
    this.filled[part]! += RECORD_HEAD + fragment;
  }

  /** @returns the chunks of the file: part, offset and length of each, one after the other */
  finish(): Float64Array {
    for (let part = 0; part < this.parts; part++) this.flush(part);
    closeSync(this.file);
    return Float64Array.from(this.chunks);
  }

  private flush(part: number): void {
    const length = this.filled[part]!;
    if (length === 0) return;
    const start = part * BUFFER;
    for (let done = 0; done < length; )
      done += writeSync(this.file, this.buffer, start + done, length - done, this.written + done);
    this.chunks.push(part, this.written, length);
    this.written += length;
    this.filled[part] = 0;
  }
}
