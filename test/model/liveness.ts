import type { Carrier } from './carrier.ts';
import { carrierMoves } from './carrier.ts';
import { jobMoves } from './job.ts';
import type { Job } from './job-states.ts';
import type { Protocol } from './steps.ts';
import type { World } from './world.ts';
import { chainOf, GARBAGE, list, queued, versionOf } from './world.ts';

/**
 * Nothing is stuck: faults stop, everything else stops for ever, and one job with a fresh memory, let run alone, folds
 * every honest entry and finishes a root that is pending. After it, an offline role can still be replaced.
 */

const RUNS = 10;
const STEPS = 1000;
const EVERY: readonly string[] = ['1a', '2a', '2b', '3a', '3b'];

type Jobs = 'publisher' | 'refresh';

export function finishesAlone(world: World, protocol: Protocol): string | undefined {
  const quiet: World = { ...world, flight: [] };
  const published = runAlone(quiet, 'publisher', protocol);
  if (published.stuck !== undefined) return `a publisher job alone is stuck: ${published.stuck}`;
  // Where no root ever changes, refreshing is what publishing is without entries.
  const changes = list(world, 'pending/').length > 0 || chainOf(world).length > 1;
  const refreshed = changes ? runAlone(quiet, 'refresh', protocol) : undefined;
  if (refreshed?.stuck !== undefined) return `a refresh job alone is stuck: ${refreshed.stuck}`;
  return list(world, 'role/').length > 1 ? roleIsBlocked(published.world, protocol) : undefined;
}

function runAlone(start: World, type: Jobs, protocol: Protocol): { world: World; stuck: string | undefined } {
  const keys = { timestamp: EVERY, snapshot: EVERY };
  let job: Job = { type, left: RUNS, keys, at: { pc: 'idle' } };
  let world = start;
  for (let steps = 0; steps < STEPS && job.left > 0; steps++) {
    if (job.at.pc === 'idle') {
      if (unfinished(world, type, protocol) === undefined) return { world, stuck: undefined };
      // A pending root may have to wait until the grace after the last one is over.
      world = { ...world, clock: world.clock + protocol.grace + 1 };
    }
    const move = jobMoves(world, job, protocol).find(({ cost }) => cost === undefined);
    if (move === undefined) break;
    if (move.broken !== undefined) return { world, stuck: move.broken };
    [world, job] = [move.world, move.actor];
  }
  return { world, stuck: unfinished(world, type, protocol) };
}

function unfinished(world: World, type: Jobs, { without }: Protocol): string | undefined {
  const { live } = world;
  const newest = chainOf(world).at(-1)!;
  if (live === undefined) return type === 'publisher' ? 'nothing is published' : undefined;
  const next = list(world, 'pending/').filter((id) => versionOf(id) === versionOf(newest) + 1);
  const waiting = next.filter((id) => !id.endsWith(GARBAGE));
  if (waiting.length > 0) return `root ${waiting.join()} is pending still`;
  if (!without.has('x-tufa-root')) {
    if (live.root?.id !== newest) return `${live.id} names root ${live.root?.id}, and ${newest} is the newest`;
    if (live.root.since === undefined) return `root ${newest} has no since`;
  }
  if (type !== 'publisher' || without.has('x-tufa-queue')) return undefined;
  const honest = queued(world).filter((number) => typeof world.objects[`queue/${number}`] === 'object');
  const waits = honest.find((number) => number > live.snapshot.mark);
  return waits === undefined ? undefined : `entry ${waits} was not folded, the mark is ${live.snapshot.mark}`;
}

/** Its holders sign the next version of the offline role, somebody carries it, and a publisher folds it. */
function roleIsBlocked(start: World, protocol: Protocol): string | undefined {
  let world = start;
  let carrier: Carrier = { type: 'carrier', name: 'z', left: 1, at: { pc: 'idle' } };
  for (let steps = 0; steps < STEPS && carrier.at.pc !== 'carried'; steps++) {
    const move = carrierMoves(world, carrier, protocol).find(({ cost }) => cost === undefined);
    if (move === undefined) return 'a ceremony cannot be carried';
    [world, carrier] = [move.world, move.actor];
  }
  const { stuck, world: after } = runAlone(world, 'publisher', protocol);
  if (stuck !== undefined) return `a publisher job alone is stuck behind a ceremony: ${stuck}`;
  const { offline } = after.live!.snapshot;
  return offline.id.includes('z') ? undefined : `the offline role stays at version ${offline.version} for ever`;
}
