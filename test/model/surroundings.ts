import type { Move } from './explore.ts';
import { commit, tidied } from './invariants.ts';
import type { Protocol } from './steps.ts';
import type { Stored, World } from './world.ts';
import { chainOf, GARBAGE, list, put, versionOf } from './world.ts';

/** What happens around the honest actors: the network, the clock, and somebody who holds a key of the store. */

export interface Network {
  readonly type: 'network';
}

export interface Clock {
  readonly type: 'clock';
  /** Ticks that may still pass. */
  readonly left: number;
}

/** Obeys create-only: who can overwrite or delete can stop the service, and nothing helps against that. */
export interface Adversary {
  readonly type: 'adversary';
  readonly does: Deed;
  readonly left: number;
}

export type Deed =
  | 'copies a pending root to its place'
  | 'plants garbage in the queue at 2'
  | 'plants a snapshot'
  | 'plants a claim'
  | 'plants a record'
  | 'copies an entry'
  | 'plants a pending root'
  | 'plants an offline role'
  | 'lets a ceremony expire';

/** Messages that were sent land at any time, or never. */
export function networkMoves(world: World, network: Network, protocol: Protocol): Move<World, Network>[] {
  return world.flight.map((message, index) => {
    const rest = { ...world, flight: world.flight.filter((_, at) => at !== index) };
    if ('create' in message) {
      const lands = !(message.create in world.objects);
      const after = lands ? put(rest, message.create, message.value) : rest;
      return { label: `${message.create} lands`, world: tidied(after, protocol), actor: network };
    }
    const { swap, etag } = message;
    if (world.live?.id !== etag && !protocol.without.has('If-Match'))
      return { label: `the swap to ${swap.id} is too late`, world: rest, actor: network };
    return { label: `the swap to ${swap.id} lands`, actor: network, ...commit(rest, swap, protocol) };
  });
}

export function clockMoves(world: World, clock: Clock): Move<World, Clock>[] {
  if (clock.left === 0) return [];
  return [
    { label: 'a tick passes', world: { ...world, clock: world.clock + 1 }, actor: { ...clock, left: clock.left - 1 } },
  ];
}

export function adversaryMoves(world: World, adversary: Adversary): Move<World, Adversary>[] {
  if (adversary.left === 0) return [];
  const actor = { ...adversary, left: adversary.left - 1 };
  if (adversary.does === 'lets a ceremony expire') return expiring(world, actor);
  return planted(world, adversary.does)
    .filter(({ key }) => !(key in world.objects))
    .map(({ key, value }) => {
      const after = put(world, key, value);
      const copied = key.startsWith('root/') || world.ghost.copied;
      return { label: `plants ${key}`, world: { ...after, ghost: { ...after.ghost, copied } }, actor };
    });
}

/** What was complete may stop to verify before it is folded: it expires, or its delegator moves. */
function expiring(world: World, actor: Adversary): Move<World, Adversary>[] {
  const waiting = Object.values(world.objects).flatMap((one) => (typeof one === 'object' ? [one.role?.id] : []));
  return waiting
    .filter((id) => id !== undefined && id !== world.live?.snapshot.offline.id)
    .map((id) => {
      const ghost = { ...world.ghost, invalid: [...world.ghost.invalid, id!] };
      return { label: `ceremony ${id} expires`, world: { ...world, ghost }, actor };
    });
}

function planted(world: World, does: Deed): { key: string; value: Stored }[] {
  const version = world.live?.version ?? 0;
  switch (does) {
    case 'copies a pending root to its place': {
      const next = chainOf(world).length + 1;
      const valid = list(world, 'pending/').filter((id) => versionOf(id) === next && !id.endsWith(GARBAGE));
      return valid.map((id) => ({ key: `root/${next}`, value: id }));
    }
    case 'plants garbage in the queue at 2':
      return [{ key: 'queue/2', value: GARBAGE }];
    case 'plants a snapshot':
      return [{ key: `snapshot/${version + 1}`, value: GARBAGE }];
    case 'plants a claim':
      return [{ key: `claim/${version + 1}`, value: GARBAGE }];
    case 'plants a record':
      return [version, version + 1].map((v) => ({ key: `record/${v}`, value: GARBAGE }));
    case 'plants an offline role':
      return [{ key: `role/${(world.live?.snapshot.offline.version ?? 0) + 1}`, value: GARBAGE }];
    case 'lets a ceremony expire':
      return [];
    case 'plants a pending root':
      return [{ key: `pending/${chainOf(world).length + 1}${GARBAGE}`, value: GARBAGE }];
    case 'copies an entry':
      return Object.entries(world.objects)
        .filter(([key]) => key.startsWith('queue/'))
        .map(([, value]) => ({ key: `queue/${list(world, 'queue/').length + 1}`, value }));
  }
}
