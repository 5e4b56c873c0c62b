import type { Positions } from './positions.ts';

/** The inside of an object that was read strictly, and where its members begin. */
export interface KnownRun {
  readonly run: Uint8Array;
  readonly starts: Uint32Array;
}

/** After so many members in a row that are not where they were, two runs have little in common. */
const MAX_MISSES = 8;

/**
 * Members that stand in a known run too, byte for byte, need no second look: a snapshot and the one before it differ in a
 * few of thousands. Their order among each other is known with them; that of the first one is for the caller to see.
 */
export class Shared {
  private readonly known: KnownRun;
  /** The member of the known run that is expected next. The first of all is read as any other. */
  private next = 1;
  private misses = 0;

  constructor(known: KnownRun) {
    this.known = known;
  }

  /**
   * Behind a member that was read: skips what follows and is known.
   * @param starts gets the positions of what is skipped
   * @returns the position of the first member that is not
   */
  skip(bytes: Uint8Array, at: number, starts: Positions): number {
    if (this.misses > MAX_MISSES) return at;
    // What was read by itself was another value of the member that was expected, or a new one before it.
    const after = this.sharedFrom(this.next, bytes, at, starts);
    const end = after === at && this.next > 1 ? this.sharedFrom(this.next - 1, bytes, at, starts) : after;
    this.misses = end === at ? this.misses + 1 : 0;
    if (end === at) this.next++;
    return end;
  }

  /** Skips what is the same from member `first` of the known run on; the one that differs is expected to be read by itself. */
  private sharedFrom(first: number, bytes: Uint8Array, at: number, starts: Positions): number {
    const { run, starts: members } = this.known;
    const from = members[first];
    if (from === undefined) return at;
    const same = sharedLength(run, from, bytes, at);
    // A member is known with the comma behind it: the one that follows begins within what is the same.
    let member = first;
    while (member + 1 < members.length && members[member + 1]! <= from + same) member++;
    if (member === first) return at;
    starts.append(members, first, member, at - from);
    this.next = member + 1;
    return at + members[member]! - from;
  }
}

const STRIDE = 16_384;

/** How many bytes two ranges have in common from their beginnings on. */
export function sharedLength(a: Uint8Array, aStart: number, b: Uint8Array, bStart: number): number {
  const length = Math.min(a.length - aStart, b.length - bStart);
  let same = 0;
  for (let step = STRIDE; step >= 64; step /= 4) {
    while (same + step <= length) {
      const left = a.subarray(aStart + same, aStart + same + step);
      if (Buffer.compare(left, b.subarray(bStart + same, bStart + same + step)) !== 0) break;
      same += step;
    }
  }
  while (same < length && a[aStart + same] === b[bStart + same]) same++;
  return same;
}
