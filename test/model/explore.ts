import { Interner, Parts, StateTable } from './states.ts';

/**
 * Breadth-first exploration of everything that can happen in a small world. A state is the world and its actors; each
 * move belongs to one actor and sees nothing but the world and that actor, so what an actor can do is computed once for
 * each pair of them and looked up afterwards. States are kept whole (as numbers of interned parts) and compared whole:
 * the hash only finds them, and a collision costs time, never a state.
 */

/** One thing that one actor can do, or that can happen to it. */
export interface Move<World, Actor> {
  readonly label: string;
  readonly world: World;
  readonly actor: Actor;
  /** What it takes from the budget: an answer that is lost, or the actor's end. */
  readonly cost?: 'fault' | 'crash';
  /** The invariant that this move breaks. */
  readonly broken?: string | undefined;
}

export interface System<World, Actor> {
  readonly world: World;
  readonly actors: readonly Actor[];
  /** Indexes of actors that are alike: states that differ only in which of them is which are one state. */
  readonly alike: readonly (readonly number[])[];
  readonly faults: number;
  readonly crashes: number;
  moves(world: World, actor: Actor): readonly Move<World, Actor>[];
  /** The invariant that a world breaks, whatever the actors do next. */
  check(world: World): string | undefined;
  /** Faults stop, all stop but one job with a fresh memory: what it does not get done. */
  settle(world: World): string | undefined;
  nameOf(actor: Actor): string;
}

export interface Limits {
  /** States; the exploration is bounded where there are more. */
  readonly states: number;
  /** `settle` is asked for one world in so many. */
  readonly settleEvery: number;
}

export interface Exploration {
  readonly states: number;
  readonly transitions: number;
  /** Of the deepest level that was explored whole. */
  readonly depth: number;
  /** Worlds from which a job alone was let run. */
  readonly settled: number;
  readonly exhaustive: boolean;
  readonly violation: { readonly broken: string; readonly trace: readonly string[] } | undefined;
}

/** What a pair of world and actor can become, as numbers. */
interface Known {
  readonly world: number;
  readonly actor: number;
  readonly fault: 0 | 1;
  readonly crash: 0 | 1;
  readonly label: string;
  readonly broken: string | undefined;
}

/** Pairs are one number: more worlds or actors than this do not fit into memory anyway. */
const PAIRS = 2 ** 24;

export function explore<World extends object, Actor extends object>(
  system: System<World, Actor>,
  limits: Limits,
): Exploration {
  return new Explorer(system, limits).run();
}

class Explorer<World extends object, Actor extends object> {
  private readonly system: System<World, Actor>;
  private readonly limits: Limits;
  private readonly parts = new Parts();
  private readonly worlds = new Interner<World>(this.parts);
  private readonly actors = new Interner<Actor>(this.parts);
  private readonly known = new Map<number, readonly Known[]>();
  /** By world: what was found when it was looked at. */
  private readonly checked = new Map<number, { readonly broken: string | undefined }>();
  private readonly table: StateTable;
  private readonly width: number;
  private transitions = 0;
  private settled = 0;

  constructor(system: System<World, Actor>, limits: Limits) {
    this.system = system;
    this.limits = limits;
    this.width = system.actors.length + 2;
    this.table = new StateTable(this.width);
  }

  run(): Exploration {
    const { system, table, width } = this;
    const first = new Int32Array(width);
    first[0] = this.worlds.id(system.world);
    system.actors.forEach((actor, index) => {
      first[index + 1] = this.actors.id(actor);
    });
    table.add(this.sorted(first), -1);
    let [depth, levelEnd] = [0, 1];
    const state = new Int32Array(width);
    for (let row = 0; row < table.length; row++) {
      if (row === levelEnd) [depth, levelEnd] = [depth + 1, table.length];
      table.read(row, state);
      const broken = this.checkWorld(state[0]!);
      if (broken !== undefined) return this.result(depth, false, { broken, trace: this.trace(row) });
      const violation = this.expand(row, state);
      if (violation !== undefined) return this.result(depth, false, violation);
      if (table.length >= this.limits.states) return this.result(depth, false, undefined);
    }
    return this.result(depth, true, undefined);
  }

  private expand(row: number, state: Int32Array): Exploration['violation'] {
    const { width, table, system } = this;
    const [faults, crashes] = spent(state);
    for (let index = 1; index < width - 1; index++) {
      for (const move of this.movesOf(state[0]!, state[index]!)) {
        if (faults + move.fault > system.faults || crashes + move.crash > system.crashes) continue;
        this.transitions++;
        if (move.broken !== undefined) {
          const name = system.nameOf(this.actors.value(state[index]!));
          return { broken: move.broken, trace: [...this.trace(row), `${name}: ${move.label}`] };
        }
        table.add(this.next(state, index, move), row);
      }
    }
    return undefined;
  }

  private next(state: Int32Array, index: number, move: Known): Int32Array {
    const next = state.slice();
    next[0] = move.world;
    next[index] = move.actor;
    next[this.width - 1]! += move.fault * 16 + move.crash;
    return this.sorted(next);
  }

  private sorted(state: Int32Array): Int32Array {
    for (const group of this.system.alike) {
      const ids = group.map((index) => state[index + 1]!).sort((a, b) => a - b);
      group.forEach((index, at) => {
        state[index + 1] = ids[at]!;
      });
    }
    return state;
  }

  private movesOf(world: number, actor: number): readonly Known[] {
    const pair = world * PAIRS + actor;
    const known = this.known.get(pair);
    if (known !== undefined) return known;
    const moves = this.system.moves(this.worlds.value(world), this.actors.value(actor)).map(
      (move): Known => ({
        world: this.worlds.id(move.world),
        actor: this.actors.id(move.actor),
        fault: move.cost === 'fault' ? 1 : 0,
        crash: move.cost === 'crash' ? 1 : 0,
        label: move.label,
        broken: move.broken,
      }),
    );
    this.known.set(pair, moves);
    return moves;
  }

  private checkWorld(id: number): string | undefined {
    const known = this.checked.get(id);
    if (known !== undefined) return known.broken;
    const world = this.worlds.value(id);
    let broken = this.system.check(world);
    if (broken === undefined && id % this.limits.settleEvery === 0) {
      this.settled++;
      broken = this.system.settle(world);
    }
    this.checked.set(id, { broken });
    return broken;
  }

  private result(depth: number, exhaustive: boolean, violation: Exploration['violation']): Exploration {
    const { transitions, settled, table } = this;
    return { states: table.length, transitions, depth, settled, exhaustive, violation };
  }

  /** The shortest way to a state: who did what. */
  private trace(row: number): string[] {
    const steps: string[] = [];
    const [before, after] = [new Int32Array(this.width), new Int32Array(this.width)];
    for (let at = row; this.table.parent(at) >= 0; at = this.table.parent(at)) {
      this.table.read(this.table.parent(at), before);
      this.table.read(at, after);
      steps.unshift(this.stepBetween(before, after));
    }
    return steps;
  }

  private stepBetween(before: Int32Array, after: Int32Array): string {
    for (let index = 1; index < this.width - 1; index++) {
      for (const move of this.movesOf(before[0]!, before[index]!)) {
        if (!this.next(before, index, move).every((part, at) => part === after[at])) continue;
        return `${this.system.nameOf(this.actors.value(before[index]!))}: ${move.label}`;
      }
    }
    return 'unknown step';
  }
}

function spent(state: Int32Array): [number, number] {
  const budget = state.at(-1)!;
  return [budget >> 4, budget & 15];
}
