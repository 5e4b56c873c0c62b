import type { Exploration } from './explore.ts';
import { explore } from './explore.ts';
import type { Actor, Cast } from './system.ts';
import * as who from './system.ts';
import { IMPORTED, LISTED, system } from './system.ts';

/** What is explored: each cast with its bounds, small enough for every run of the tests, or for `npm run model` alone. */

const { accepts, adds, adversary, carrier, ceremony, client, clock, publisher, refresh, removes } = who;
const { FILE, OTHER_FILE, PAGE, STAMPS } = who;

export interface Configuration extends Cast {
  readonly name: string;
  /** Only in the long run. */
  readonly long?: boolean;
  /** Bound of the short run, where it is not the usual one. */
  readonly states?: number;
  /** Worlds from which one job is let run alone: one in so many. */
  readonly settleEvery?: number;
}

/** States. */
const BOUND = { short: 250_000, long: 8_000_000 } as const;

/** Explores a configuration as far as the tests go (`short`), or as far as memory goes (`long`). */
export function exploration(configuration: Configuration, reach: 'short' | 'long'): Exploration {
  const states = reach === 'long' ? BOUND.long : (configuration.states ?? BOUND.short);
  return explore(system(configuration), { states, settleEvery: configuration.settleEvery ?? 2 });
}

const UPLOADERS = [adds('alice', FILE, 'X'), removes('bob', FILE)];
const OLD = { timestamp: ['1a'], snapshot: ['1a'] };
const STAMPS_OLD = { timestamp: ['1a'], snapshot: [] };

function named(
  name: string,
  actors: readonly Actor[],
  rest: Omit<Configuration, 'name' | 'actors'> = {},
): Configuration {
  return { name, actors, ...rest };
}

const FULL_CAST = [publisher(1), publisher(1), refresh(1), ...UPLOADERS, ceremony('2a')];

export const CONFIGURATIONS: readonly Configuration[] = [
  named('2 publishers, refresh, 2 uploaders', [publisher(1), publisher(1), refresh(1), ...UPLOADERS], {
    states: 400_000,
    faults: 1,
    crashes: 1,
  }),
  named('the same, each upload a step', [publisher(1), publisher(1), refresh(1), ...UPLOADERS], { merged: false }),
  named('2 publishers and 2 uploaders, each upload a step', [publisher(1), publisher(1), ...UPLOADERS], {
    merged: false,
    faults: 1,
    crashes: 1,
  }),
  named(
    'publisher, refresh of the snapshot, uploader',
    [publisher(2), refresh(1, { renews: 'snapshot' }), adds('alice', FILE, 'X')],
    {
      faults: 2,
      crashes: 1,
    },
  ),
  named('3 commands on one path', [publisher(3), ...UPLOADERS, adds('carol', FILE, 'X')], { faults: 1, crashes: 1 }),
  named('3 commands, 2 crashes', [publisher(3), ...UPLOADERS, adds('carol', FILE, 'X')], {
    faults: 1,
    crashes: 2,
    long: true,
  }),
  named(
    'a held entry, accepted by two operators',
    [publisher(4), removes('bob', FILE), adds('alice', FILE, 'X'), accepts('op1', 1, FILE), accepts('op2', 1, FILE)],
    {
      live: LISTED,
      hold: 0,
      crashes: 1,
    },
  ),
  named(
    'files and their page',
    [publisher(3), adds('alice', FILE, 'X'), adds('bob', OTHER_FILE, 'Y'), adds('carol', PAGE, 'Q', 'pages')],
    {
      pages: true,
      crashes: 1,
    },
  ),
  named('first publication', [publisher(1), publisher(1), refresh(1), adds('alice', FILE, 'X')], {
    first: true,
    faults: 1,
    crashes: 1,
  }),
  named('imported repository', [publisher(2), refresh(1), ...UPLOADERS], { live: IMPORTED, crashes: 1 }),
  ...(
    [
      'plants garbage in the queue at 2',
      'plants a snapshot',
      'plants a claim',
      'plants a record',
      'copies an entry',
    ] as const
  ).map((deed) =>
    named(`somebody ${deed}`, [publisher(2), refresh(1), ...UPLOADERS, adversary(deed, 2)], {
      faults: 1,
      attacked: true,
      settleEvery: 10,
    }),
  ),

  named(
    'ceremonies of an offline role',
    [publisher(2), carrier('A', 2), carrier('B', 1), adversary('lets a ceremony expire')],
    {
      crashes: 1,
      faults: 1,
      settleEvery: 10,
    },
  ),
  named(
    'somebody plants an offline role',
    [publisher(2), publisher(1), carrier('A', 2), adversary('plants an offline role', 2)],
    {
      crashes: 1,
      attacked: true,
    },
  ),

  named('root change, 2 jobs', [publisher(1), refresh(1), ceremony('2a')], { reads: 'any order', settleEvery: 4 }),
  named('root change and refresh', [refresh(1), ceremony('2a')], { reads: 'any order', faults: 1, crashes: 1 }),
  named(
    'root change, publisher without the new keys',
    [publisher(1, OLD), refresh(1), ceremony('2a'), adds('alice', FILE, 'X')],
    {
      crashes: 1,
    },
  ),
  named(
    'root change, timestamp-only jobs',
    [refresh(1, { keys: STAMPS }), refresh(1, { keys: STAMPS_OLD }), ceremony('2a')],
    {
      faults: 1,
      crashes: 1,
    },
  ),
  named('two root changes', [refresh(1), ceremony('2a'), ceremony('3a')], { crashes: 1, settleEvery: 10 }),
  named('two root changes, read in any order', [refresh(1), ceremony('2a'), ceremony('3a')], {
    reads: 'any order',
    settleEvery: 20,
    long: true,
  }),
  named('two root changes, the first keeps the online keys', [refresh(1), ceremony('2k'), ceremony('3a')], {
    reads: 'roots first',
    crashes: 1,
    settleEvery: 10,
  }),
  named('two ceremonies for one root', [ceremony('2a'), ceremony('2b'), refresh(1)], { crashes: 1, settleEvery: 10 }),
  named('a pending root is planted', [refresh(1), ceremony('2a'), adversary('plants a pending root')], {
    settleEvery: 10,
    faults: 1,
    crashes: 1,
    attacked: true,
  }),
  named(
    'a root is copied to its place',
    [refresh(1), ceremony('2a'), ceremony('2b'), adversary('copies a pending root to its place')],
    {
      attacked: true,
      settleEvery: 10,
    },
  ),
  named(
    'the same, timestamp-only jobs',
    [refresh(1, { keys: STAMPS }), refresh(1), ceremony('2a'), adversary('copies a pending root to its place')],
    {
      attacked: true,
      crashes: 1,
      settleEvery: 10,
    },
  ),
  named(
    'a client keeps up with a root change',
    [refresh(2), ceremony('2a'), client(2, { grace: 1, mayFail: 2 }), clock(2)],
    {
      grace: 1,
      settleEvery: 10,
    },
  ),
  named(
    'a client keeps up with two root changes',
    [ceremony('2a', 3), ceremony('3a', 3), client(1, { grace: 1, mayFail: 1 }), clock(2)],
    {
      grace: 1,
      settleEvery: 10,
    },
  ),
  named('a client keeps up with publishers', [publisher(2), refresh(1), adds('alice', FILE, 'X'), client(3)], {
    faults: 1,
    crashes: 1,
  }),

  named('publisher, refresh, 2 uploaders, root change', [publisher(1), refresh(1), ...UPLOADERS, ceremony('2a', 1)], {
    states: 400_000,
    settleEvery: 5,
  }),
  named('2 publishers, refresh, 2 uploaders, root change', FULL_CAST, { faults: 1, crashes: 1, settleEvery: 20 }),
  named('the same, no crash and no lost answer', FULL_CAST, { settleEvery: 20, long: true }),
];
