/**
 * What every driver of a real client speaks: one JSON request a line on standard input, one JSON answer a line on
 * standard output, after a first line `{"client": name, "version": version}`. A request stands alone: it has a state
 * folder of its own and one client instance, which refreshes and then looks up and downloads each target in order.
 */

export const CLIENTS = ['python-tuf', 'tuf-js', 'go-tuf', 'tough'] as const;
export type ClientName = (typeof CLIENTS)[number];

export interface ClientRequest {
  /** Where `timestamp.json` and `1.root.json` are; ends in `/`. */
  metadataUrl: string;
  /** Below it stand the target paths; ends in `/`. */
  targetsUrl: string;
  /** File with the trusted root that the client ships with. */
  root: string;
  /** The client's own folder, kept between its runs; missing or empty for a fresh client. */
  state: string;
  /** Reference time, RFC 3339. tough has no such door and takes the machine's clock. */
  now?: string;
  /** Target paths, looked up in this order. */
  targets: string[];
}

/** `error` is the client's own error type and message: `ExpiredMetadataError: snapshot.json is expired`. */
export interface Refusal {
  error: string;
}

/** sha256 of the bytes that the client verified and handed over, in hex. */
export type TargetResult = { sha256: string } | 'absent' | Refusal;

export interface ClientResult {
  clock: 'given' | 'wall';
  refresh: 'ok' | Refusal;
  /** What the client trusts at the end, where it says so. */
  rootVersion?: number;
  timestampVersion?: number;
  snapshotVersion?: number;
  /** Empty when the refresh was refused. */
  targets: Record<string, TargetResult>;
}
