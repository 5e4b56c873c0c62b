import type { Content } from '../queue/envelope.ts';
import { composeSnapshot, composeTargets, composeTimestamp, metaValue, targetValue } from '../tuf/compose.ts';
import { sha256Hex } from '../tuf/digest.ts';
import type { Encodable } from '../tuf/encode.ts';
import type { NamedRoot, Run, Snapshot, Timestamp } from '../tuf/model.ts';
import { splice, spliceParts } from '../tuf/run.ts';
import type { Settings } from './context.ts';
import type { Leaf } from './roles.ts';
import { listed } from './roles.ts';

/**
 * plan: state + changes + clock -> the next metadata, as bytes to be signed. Pure; versions are the claimed number,
 * expiries come from the clock that is given.
 */

/** Bins beyond this many are listed by version only (design section 1). */
const HASHED_BINS = 1024;

export interface RoleDraft {
  readonly name: string;
  readonly version: number;
  /** To be signed. */
  readonly signedBytes: Buffer;
}

/** Changes of one leaf: path -> new content, or null to remove it. */
export type LeafChanges = ReadonlyMap<string, Content | null>;

/**
 * The next version of an online role: its run of targets with the changes spliced in. `custom.listed`, the index time of
 * a path, is set when the path first appears and carried over unchanged.
 */
export function planLeaf(leaf: Leaf, changes: LeafChanges, version: number, now: Date, settings: Settings): RoleDraft {
  const edits = new Map<string, Encodable | undefined>();
  for (const [path, content] of changes) {
    const since = content === null ? undefined : (listed(leaf.file, path)?.listed ?? now);
    edits.set(path, content === null ? undefined : targetValue({ ...content, listed: since }));
  }
  const old: Run = leaf.file?.signed.targets ?? Buffer.alloc(0);
  const signedBytes = composeTargets({
    version,
    expires: new Date(now.getTime() + lifetime(leaf, settings.expires.leaves)),
    repository: settings.repository,
    others: leaf.file?.signed.others,
    targets: edits.size === 0 ? old : splice(old, edits),
  });
  return { name: leaf.name, version, signedBytes };
}

/** The first build spreads the renewals: leaf i of B gets half of the lifetime and (i+1)/B of the other half. */
function lifetime(leaf: Leaf, full: number): number {
  if (leaf.file !== undefined) return full;
  const bits = 'bitLength' in leaf.delegator.role ? Number(leaf.delegator.role.bitLength) : 0;
  const index = bits === 0 ? 0 : Number.parseInt(leaf.name.slice(leaf.name.lastIndexOf('-') + 1), 16);
  return full / 2 + (full / 2) * ((index + 1) / 2 ** bits);
}

/** A role file that the next snapshot lists anew. */
export interface NewRole {
  readonly name: string;
  readonly version: number;
  readonly bytes: Uint8Array;
}

export interface SnapshotInput {
  readonly old: Snapshot | undefined;
  readonly roles: readonly NewRole[];
  readonly version: number;
  readonly now: Date;
  /** The last queue entry folded in. */
  readonly queue: number;
  /** sha256 of the receipt of this transaction; undefined: nothing was folded, the old one stands. */
  readonly receipt: string | undefined;
}

/** Deleted roles keep their entry: a name that was in a trusted snapshot must stay in later ones (5.5.5). */
export function planSnapshot(input: SnapshotInput, settings: Settings): RoleDraft {
  const edits = new Map(
    input.roles.map((role) => [`${role.name}.json`, metaValue({ version: role.version, sha256: hashFor(role) })]),
  );
  const signedBytes = composeSnapshot({
    version: input.version,
    expires: new Date(input.now.getTime() + settings.expires.snapshot),
    repository: settings.repository,
    others: input.old?.others,
    meta: spliceParts(input.old?.meta ?? Buffer.alloc(0), edits),
    queue: input.queue,
    receipt: input.receipt ?? input.old?.receipt,
  });
  return { name: 'snapshot', version: input.version, signedBytes };
}

function hashFor(role: NewRole): string | undefined {
  return listsHash(role.name) ? sha256Hex(role.bytes) : undefined;
}

/** Whether the snapshot lists the sha256 of a role. The width of a bin's name says how many there are: `bin14-3fff`. */
export function listsHash(name: string): boolean {
  const bits = /^(?:bin|recent)(\d+)-[0-9a-f]+$/.exec(name)?.[1];
  return bits === undefined || 2 ** Number(bits) <= HASHED_BINS;
}

export interface TimestampInput {
  readonly old: Timestamp | undefined;
  readonly version: number;
  readonly now: Date;
  readonly root: NamedRoot;
  readonly snapshot: { readonly version: number; readonly length: number; readonly sha256: string };
}

export function planTimestamp(input: TimestampInput, settings: Settings): RoleDraft {
  const signedBytes = composeTimestamp({
    version: input.version,
    expires: new Date(input.now.getTime() + settings.expires.timestamp),
    repository: settings.repository,
    others: input.old?.others,
    made: madeAfter(input.old, input.now),
    root: input.root,
    snapshot: input.snapshot,
  });
  return { name: 'timestamp', version: input.version, signedBytes };
}

/** `x-tufa-made` never falls, even if a clock is a little behind another job's. */
function madeAfter(old: Timestamp | undefined, now: Date): Date {
  return old?.made !== undefined && old.made > now ? old.made : now;
}
