import { drain } from '../../src/queue/drain.ts';
import { bridge } from '../../src/transaction/bridge.ts';
import { highestVersion, nextNumber } from '../../src/transaction/number.ts';
import { outcome } from '../../src/transaction/outcome.ts';
import { planLeaf, planSnapshot, planTimestamp } from '../../src/transaction/plan.ts';
import { Planner } from './planner.ts';

/** The pure step functions of the transaction: the program's own, or a mutated copy of one of them. */
export interface Steps {
  readonly nextNumber: typeof nextNumber;
  readonly highestVersion: typeof highestVersion;
  readonly drain: typeof drain;
  readonly outcome: typeof outcome;
  readonly bridge: typeof bridge;
  readonly planLeaf: typeof planLeaf;
  readonly planSnapshot: typeof planSnapshot;
  readonly planTimestamp: typeof planTimestamp;
}

const REAL: Steps = {
  nextNumber,
  highestVersion,
  drain,
  outcome,
  bridge,
  planLeaf,
  planSnapshot,
  planTimestamp,
};

/** A rule of the protocol that a negative control leaves out. */
export type Rule =
  | 'claim'
  | 'claim of refresh'
  | 'bridge'
  | 'x-tufa-root'
  | 'x-tufa-queue'
  | 'If-Match'
  | 'was'
  | 'after'
  | 'journal'
  | 'record'
  | 'record after the swap'
  | 'first free number'
  | 'number in the envelope'
  | 'second walk'
  | 'pending before the chain'
  | 'after of what is accepted'
  | 'x-tufa-base'
  | 'first free version';

export interface Protocol {
  readonly steps: Steps;
  readonly planner: Planner;
  readonly without: ReadonlySet<Rule>;
  /** Ticks. */
  readonly grace: number;
  /** What is uploaded under a claimed number is one step with the claim: nobody else may write these names. */
  readonly merged: boolean;
  /** Timestamp, roots, pending roots and queue are read one after the other, in any order; or all at once; or roots first. */
  readonly reads: 'any order' | 'at once' | 'roots first';
  /** An entry that removes more rows than this is held. */
  readonly hold: number;
  /** Changes of files change the page of their project. */
  readonly pages: boolean;
  /** Somebody puts what he has no right to: an alarm of an honest job may then be true. */
  readonly attacked: boolean;
}

export interface Options extends Partial<Omit<Protocol, 'steps' | 'planner' | 'without'>> {
  readonly steps?: Partial<Steps>;
  readonly without?: readonly Rule[];
}

export function protocol(options: Options = {}): Protocol {
  const steps = { ...REAL, ...options.steps };
  return {
    grace: 0,
    merged: true,
    reads: 'at once',
    pages: false,
    hold: 100,
    attacked: false,
    ...options,
    steps,
    planner: new Planner(steps),
    without: new Set(options.without),
  };
}

/** Whether a number belongs to one attempt alone, so that nobody else may ever use its names. */
export function everyoneClaims({ without }: Protocol): boolean {
  return !without.has('claim') && !without.has('claim of refresh');
}
