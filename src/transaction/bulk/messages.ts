import type { KeyObject } from 'node:crypto';
import type { Key } from '../../tuf/model.ts';
import type { Chunks } from './records.ts';

/** What the main thread and the workers of a bulk build say to each other. */

/** A private key in this process's memory, which worker threads sign with. */
export interface SoftwareKey {
  /** The trusted public key: each signature is verified with it. */
  readonly key: Key;
  readonly privateKey: KeyObject;
}

/** What every worker knows. */
export interface WorkerTask {
  readonly rows: string;
  /** The spool files, in the order of the workers that write them. */
  readonly spools: readonly string[];
  readonly worker: number;
  readonly bits: number;
  readonly version: number;
  readonly repository: string;
  /** Whether the snapshot will list the sha256 of the bins. */
  readonly hashed: boolean;
  /** Bytes; what clients read at most. */
  readonly maxLength: number;
  /** undefined: the main thread signs and writes. */
  readonly finish: { readonly folder: string; readonly keys: readonly SoftwareKey[] } | undefined;
}

export interface BinTask {
  readonly name: string;
  /** Milliseconds since 1970. */
  readonly expires: number;
}

export type Order =
  | { readonly kind: 'spool'; readonly start: number; readonly end: number }
  | { readonly kind: 'build'; readonly chunks: Chunks; readonly bins: readonly BinTask[] };

/** A bin to be signed by the main thread: the signed part. */
export interface DraftedBin {
  readonly signedBytes: Uint8Array<ArrayBuffer>;
}

export type Report =
  | { readonly kind: 'spooled'; readonly rows: number; readonly chunks: Chunks }
  | { readonly kind: 'built'; readonly sha256: readonly string[]; readonly bytes: number }
  | { readonly kind: 'drafted'; readonly drafts: readonly DraftedBin[] }
  | { readonly kind: 'refused'; readonly refusal: Refusal };

/** Why a build ends: data, of which the main thread makes the error. */
export type Refusal =
  | { readonly why: 'row'; readonly line: string }
  | { readonly why: 'twice'; readonly path: string }
  | { readonly why: 'too-long'; readonly name: string; readonly length: number }
  | { readonly why: 'signature'; readonly name: string; readonly keyid: string }
  | { readonly why: 'exists'; readonly name: string };
