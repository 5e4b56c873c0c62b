import type { Move } from './explore.ts';
import type { Folding } from './folding.ts';
import type { NamedKeys, Seen, SignDecision } from './roots.ts';
import type { Protocol } from './steps.ts';
import type { RootId, Timestamp, World } from './world.ts';

export type Read = 'timestamp' | 'roots' | 'pending' | 'queue' | 'the rest' | 'all';

/** A transaction that has its number: what it uploads and what it swaps in. */
export interface Attempt {
  readonly number: number;
  readonly etag: string | undefined;
  readonly next: Timestamp;
  /** Entries that it folds. */
  readonly folds: readonly number[];
}

/** Where a job stands, and what it has in memory there. */
export type JobState =
  | { readonly pc: 'idle' }
  | { readonly pc: 'read'; readonly todo: readonly Read[]; readonly seen: Seen }
  | { readonly pc: 'walk again'; readonly seen: Seen }
  | { readonly pc: 'put root'; readonly seen: Seen; readonly root: RootId }
  | { readonly pc: 'remove pending'; readonly seen: Seen; readonly root: RootId }
  | { readonly pc: 'list pending'; readonly seen: Seen }
  | { readonly pc: 'walk'; readonly seen: Seen }
  | {
      readonly pc: 'put role' | 'claim';
      readonly live: Timestamp | undefined;
      readonly decision: SignDecision;
      readonly folding: Folding | undefined;
      readonly tried: number;
    }
  | { readonly pc: 'upload'; readonly attempt: Attempt; readonly puts: readonly Put[] }
  | { readonly pc: 'swap'; readonly attempt: Attempt; readonly looks: number }
  | {
      readonly pc: 'look at live';
      readonly attempt: Attempt;
      readonly looks: number;
      readonly answer: 'moved' | 'unknown';
    }
  | {
      readonly pc: 'look at record';
      readonly attempt: Attempt;
      readonly looks: number;
      readonly answer: 'moved' | 'unknown';
      readonly liveIsOurs: boolean;
      readonly etagUnchanged: boolean;
    }
  | { readonly pc: 'delete entries'; readonly numbers: readonly number[] };

export interface Put {
  readonly key: string;
  readonly value: string;
}

export interface Job {
  readonly type: 'publisher' | 'refresh' | 'ceremony';
  /** Runs that it may still begin. */
  readonly left: number;
  /** Roots whose online keys it can open. */
  readonly keys: NamedKeys;
  /** The root that a ceremony carries. */
  readonly root?: RootId;
  /** What is always due for a refresh job. */
  readonly renews?: 'timestamp' | 'snapshot';
  readonly at: JobState;
}

/** What a run reads, in the order in which it may be answered. */
export function readsOf({ reads }: Protocol): readonly Read[] {
  if (reads === 'any order') return ['timestamp', 'roots', 'pending', 'queue'];
  return reads === 'roots first' ? ['roots', 'the rest'] : ['all'];
}

export function to(job: Job, at: JobState): Job {
  return { ...job, at };
}

/** The run is over, well or not; the next one remembers nothing. */
export function ended(job: Job): Job {
  return { ...job, left: job.left - 1, at: { pc: 'idle' } };
}

export function broke(world: World, job: Job, label: string, broken: string): Move<World, Job> {
  return { label, world, actor: ended(job), broken };
}

export function claims(job: Job, { without }: Protocol): boolean {
  return !without.has('claim') && !(without.has('claim of refresh') && job.type === 'refresh');
}
