import { roleMeta } from '../tuf/checks.ts';
import type { Snapshot, Timestamp } from '../tuf/model.ts';
import { keysOf } from '../tuf/run.ts';

/**
 * A transaction's number: the version of everything that it signs with an online key. It is claimed create-only before
 * anything of it is sent, so no two attempts ever send two bodies under one name (transaction model, E4).
 */

/**
 * The number to claim.
 * @param highest highest version of timestamp, snapshot and every online role
 * @param attempt 0 first; each claim that was taken, or whose answer is unknown, makes the next attempt
 * @param random from 0 to 1: after three attempts the steps grow at random, so that numbers planted above the live one
 *   cost a request each and no more
 */
export function nextNumber(highest: number, attempt: number, random: () => number): number {
  if (attempt < 4) return highest + 1 + attempt;
  const reach = 2 ** Math.min(attempt, 20);
  return highest + 1 + attempt + Math.floor(random() * reach);
}

/**
 * The highest version that any online role has. Everything that tufa signs online has the version of its transaction, so
 * a timestamp that tufa made tells it alone; in a repository that was imported a bin may be above its timestamp (E9).
 */
export function highestVersion(timestamp: Timestamp | undefined, snapshot: Snapshot | undefined): number {
  if (timestamp === undefined || snapshot === undefined) return 0;
  const highest = Math.max(timestamp.version, snapshot.version);
  if (timestamp.made !== undefined) return highest;
  return [...keysOf(snapshot.meta)].reduce(
    (max, name) => Math.max(max, roleMeta({ signed: snapshot }, name.slice(0, -'.json'.length))?.version ?? 0),
    highest,
  );
}
