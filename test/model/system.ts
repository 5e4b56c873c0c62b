import type { Carrier } from './carrier.ts';
import { carrierMoves } from './carrier.ts';
import type { Client } from './client.ts';
import { clientMoves } from './client.ts';
import type { Move, System } from './explore.ts';
import { checkWorld } from './invariants.ts';
import { jobMoves } from './job.ts';
import type { Job } from './job-states.ts';
import { finishesAlone } from './liveness.ts';
import type { Options, Protocol } from './steps.ts';
import { protocol } from './steps.ts';
import type { Adversary, Clock, Deed, Network } from './surroundings.ts';
import { adversaryMoves, clockMoves, networkMoves } from './surroundings.ts';
import type { Uploader } from './uploader.ts';
import { uploaderMoves } from './uploader.ts';
import type { RootId, Timestamp, World } from './world.ts';

/** The protocol with its cast, ready to be explored. */

export type Actor = Job | Uploader | Carrier | Client | Network | Clock | Adversary;

export interface Cast extends Options {
  readonly actors: readonly Actor[];
  readonly faults?: number;
  readonly crashes?: number;
  /** Nothing was published yet. */
  readonly first?: boolean;
  /** What is live in the beginning, where it is not the usual. */
  readonly live?: Partial<Timestamp>;
}

export const FILE = 'packages/foo/foo-1.0-py3-none-any.whl';
export const OTHER_FILE = 'packages/foo/foo-2.0-py3-none-any.whl';
export const PAGE = 'simple/foo/vnd.pypi.simple.v1.json';

const ALL_KEYS: readonly RootId[] = ['1a', '2a', '2b', '3a', '3b'];
export const EVERY = { timestamp: ALL_KEYS, snapshot: ALL_KEYS };

/** The keys of timestamps alone. */
export const STAMPS = { timestamp: ALL_KEYS, snapshot: [] };

/** @param left runs that it may begin */
export function publisher(left: number, keys: Job['keys'] = EVERY): Job {
  return { type: 'publisher', left, keys, at: { pc: 'idle' } };
}

export function refresh(left: number, options: Partial<Pick<Job, 'keys' | 'renews'>> = {}): Job {
  return { type: 'refresh', left, keys: EVERY, renews: 'timestamp', ...options, at: { pc: 'idle' } };
}

export function ceremony(root: RootId, left = 2, keys: Job['keys'] = EVERY): Job {
  return { type: 'ceremony', root, left, keys, at: { pc: 'idle' } };
}

export function adds(name: string, path: string, now: string, kind: Uploader['kind'] = 'files'): Uploader {
  return { type: 'uploader', name, kind, wants: { path, now }, at: { pc: 'to be typed' } };
}

export function removes(name: string, path: string): Uploader {
  return { type: 'uploader', name, kind: 'removal', wants: { path, now: null }, at: { pc: 'to be typed' } };
}

export function accepts(name: string, entry: number, path: string): Uploader {
  return {
    type: 'uploader',
    name,
    kind: 'operator',
    accepts: entry,
    wants: { path, now: null },
    at: { pc: 'to be typed' },
  };
}

/** @param left ceremonies that it may draw, each when the last was refused */
export function carrier(name: string, left: number): Carrier {
  return { type: 'carrier', name, left, at: { pc: 'idle' } };
}

export function client(left: number, options: { mayFail?: number; grace?: number } = {}): Client {
  const { mayFail = 0, grace = 0 } = options;
  return { type: 'client', left, root: '1a', at: { pc: 'idle' }, mayFail, grace };
}

export function clock(left: number): Clock {
  return { type: 'clock', left };
}

export function adversary(does: Deed, left = 1): Adversary {
  return { type: 'adversary', does, left };
}

export function system(cast: Cast): System<World, Actor> {
  const rules = protocol(cast);
  const actors: Actor[] = [...cast.actors];
  if ((cast.faults ?? 0) > 0) actors.push({ type: 'network' });
  return {
    world: beginning(cast),
    actors,
    alike: groups(actors),
    faults: cast.faults ?? 0,
    crashes: cast.crashes ?? 0,
    moves: (world, actor) => movesOf(world, actor, rules),
    check: (world) => checkWorld(world, rules),
    settle: (world) => finishesAlone(world, rules),
    nameOf,
  };
}

export function movesOf(world: World, actor: Actor, rules: Protocol): readonly Move<World, Actor>[] {
  switch (actor.type) {
    case 'uploader':
      return uploaderMoves(world, actor, rules);
    case 'carrier':
      return carrierMoves(world, actor, rules);
    case 'client':
      return clientMoves(world, actor);
    case 'network':
      return networkMoves(world, actor, rules);
    case 'clock':
      return clockMoves(world, actor);
    case 'adversary':
      return adversaryMoves(world, actor);
    default:
      return jobMoves(world, actor, rules);
  }
}

function nameOf(actor: Actor): string {
  if (actor.type === 'uploader' || actor.type === 'carrier') return actor.name;
  return actor.type === 'ceremony' ? `ceremony ${actor.root}` : actor.type;
}

/** Actors that begin in the same way are alike. */
function groups(actors: readonly Actor[]): number[][] {
  const byKind = new Map<string, number[]>();
  actors.forEach((actor, index) => {
    const kind = JSON.stringify(actor);
    byKind.set(kind, [...(byKind.get(kind) ?? []), index]);
  });
  return [...byKind.values()].filter((group) => group.length > 1);
}

/** The file is listed already. */
export const LISTED: Partial<Timestamp> = {
  snapshot: {
    id: '1a',
    version: 1,
    expires: 10_080,
    keys: ['1a'],
    mark: 0,
    leaf: { id: '1a', version: 1, expires: 43_200, targets: { [FILE]: 'X' } },
    offline: { id: '1a', version: 1 },
    log: [],
  },
};

/** Imported: without fields of ours, and a bin that is above its timestamp (E9). */
export const IMPORTED: Partial<Timestamp> = {
  made: undefined,
  root: undefined,
  snapshot: {
    id: '1a',
    version: 1,
    expires: 10_080,
    keys: ['1a'],
    mark: 0,
    leaf: { id: '7a', version: 7, expires: 43_200, targets: {} },
    offline: { id: '1a', version: 1 },
    log: [],
  },
};

export function beginning({ first = false, live }: Pick<Cast, 'first' | 'live'>): World {
  const leaf = { id: '1a', version: 1, expires: 43_200, targets: {} };
  const offline = { id: '1a', version: 1 };
  const snapshot = { id: '1a', version: 1, expires: 10_080, keys: ['1a'], mark: 0, leaf, offline, log: [] };
  const timestamp: Timestamp = {
    id: '1a',
    version: 1,
    expires: 1440,
    made: 0,
    keys: ['1a'],
    root: { version: 1, id: '1a', since: 0 },
    snapshot,
    ...live,
  };
  const named = timestamp.snapshot;
  const files = {
    'claim/1': 'claimed',
    [`snapshot/${named.version}`]: named.id,
    [`leaf/${named.leaf.version}`]: named.leaf.id,
  };
  return {
    objects: { 'root/1': '1a', 'role/1': '1a', ...(first ? {} : files) },
    live: first ? undefined : timestamp,
    flight: [],
    clock: 0,
    ghost: { lived: first ? [] : ['1a'], sent: {}, attempts: {}, invalid: [], copied: false },
  };
}
