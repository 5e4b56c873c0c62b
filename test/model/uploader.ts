import type { Move } from './explore.ts';
import type { Protocol } from './steps.ts';
import type { Entry, Row, World } from './world.ts';
import { create, queued } from './world.ts';

/**
 * A person who types one command: `target add`, `target remove`, `queue accept`. The plan is written down before the first
 * put, and the same command run again after a crash sends that plan.
 */
export interface Uploader {
  readonly type: 'uploader';
  readonly name: string;
  readonly kind: Entry['kind'];
  /** What the command wants; null: removed. */
  readonly wants: { readonly path: string; readonly now: string | null };
  /** An entry whose own `was` and `after` the command keeps: `queue accept`. */
  readonly accepts?: number;
  readonly at:
    | { readonly pc: 'to be typed' }
    | { readonly pc: 'killed' }
    | { readonly pc: 'done' }
    | { readonly pc: 'number'; readonly plan: Plan }
    | { readonly pc: 'put'; readonly plan: Plan; readonly entry: Entry };
  /** On this machine, outside of the store. */
  readonly journal?: { readonly plan: Plan; readonly entry?: Entry };
  /** Not known to the command: the mark when it was first typed. */
  readonly typedAt?: number;
}

interface Plan {
  readonly rows: readonly Row[];
  readonly after: number;
}

type Step = Move<World, Uploader>;

export function uploaderMoves(world: World, uploader: Uploader, protocol: Protocol): readonly Step[] {
  const { at } = uploader;
  if (at.pc === 'done') return [];
  if (at.pc === 'to be typed' || at.pc === 'killed') return typed(world, uploader, protocol);
  const moves = at.pc === 'number' ? [numbered(world, uploader, at, protocol)] : putting(world, uploader, at, protocol);
  return [...moves, { label: 'is killed', world, actor: killed(uploader), cost: 'crash' }];
}

function killed(uploader: Uploader): Uploader {
  return { ...uploader, at: { pc: 'killed' } };
}

function done({ journal: _, ...uploader }: Uploader): Uploader {
  return { ...uploader, at: { pc: 'done' } };
}

/** The command begins: what was written down, or else a plan on what is live. */
function typed(world: World, uploader: Uploader, protocol: Protocol): Step[] {
  const { journal } = uploader;
  const mark = world.live?.snapshot.mark ?? 0;
  const held = world.objects[`queue/${uploader.accepts}`];
  const typedAt = uploader.typedAt ?? (typeof held === 'object' ? held.typedAt : mark);
  if (journal !== undefined && !protocol.without.has('journal')) {
    const { plan, entry } = journal;
    const at: Uploader['at'] = entry === undefined ? { pc: 'number', plan } : { pc: 'put', plan, entry };
    return [{ label: 'is run again with what it wrote down', world, actor: { ...uploader, at } }];
  }
  const plan = planOf(world, uploader, mark, protocol);
  if (plan === undefined) return [];
  if (plan.rows.length === 0)
    return [{ label: 'finds all as wanted', world, actor: { ...uploader, at: { pc: 'done' } } }];
  const actor: Uploader = { ...uploader, typedAt, journal: { plan }, at: { pc: 'number', plan } };
  return [{ label: `plans on mark ${mark}`, world, actor }];
}

function planOf(world: World, { wants, accepts }: Uploader, mark: number, { without }: Protocol): Plan | undefined {
  if (accepts !== undefined) {
    const held = world.objects[`queue/${accepts}`];
    if (typeof held !== 'object' || mark < accepts) return undefined;
    // Its own `was` and `after`: so a second accept finds that the first has changed the path.
    return { rows: held.rows, after: without.has('after of what is accepted') ? mark : held.after };
  }
  const was = world.live?.snapshot.leaf.targets[wants.path] ?? null;
  return { rows: was === wants.now ? [] : [{ path: wants.path, was, now: wants.now }], after: mark };
}

/** The first free number above the live mark; holes are filled first. */
function numbered(world: World, uploader: Uploader, at: { plan: Plan }, { without }: Protocol): Step {
  const taken = queued(world);
  const mark = without.has('x-tufa-queue') ? 0 : (world.live?.snapshot.mark ?? 0);
  let number = mark + 1;
  while (taken.includes(number)) number++;
  if (without.has('first free number')) number = Math.max(mark, ...taken) + 1;
  const { rows, after } = at.plan;
  const entry: Entry = {
    by: uploader.name,
    kind: uploader.kind,
    signedFor: number,
    rows,
    after,
    typedAt: uploader.typedAt ?? 0,
  };
  const state = { plan: at.plan, entry };
  return {
    label: `takes number ${number}`,
    world,
    actor: { ...uploader, journal: state, at: { pc: 'put', ...state } },
  };
}

/** Same number, same bytes, until it is known what stands there. */
function putting(world: World, uploader: Uploader, at: { plan: Plan; entry: Entry }, protocol: Protocol): Step[] {
  const { plan, entry } = at;
  const number = entry.signedFor;
  const key = `queue/${number}`;
  if (JSON.stringify(world.objects[key]) === JSON.stringify(entry))
    return [{ label: `finds its entry ${number} there`, world, actor: done(uploader) }];
  const mark = world.live?.snapshot.mark ?? 0;
  // What stands at or below the mark was folded, or never will be: an entry of ours that is not there is sent anew.
  const late = number <= mark && !protocol.without.has('x-tufa-queue');
  if (late || key in world.objects) {
    const actor: Uploader = { ...uploader, journal: { plan }, at: { pc: 'number', plan } };
    return [{ label: `finds number ${number} taken`, world, actor }];
  }
  return create(world, key, entry).flatMap(({ world: next, answer, ...cost }): Step[] => {
    const label = `puts entry ${number} (${answer})`;
    if (answer === 'unknown') return [{ label, world: next, actor: uploader, ...cost }];
    // If it is killed between its put and the end of its plan, the next run finds the entry where the journal says.
    const after: Step = { label: `${label} and is killed`, world: next, actor: killed(uploader), cost: 'crash' };
    return [{ label, world: next, actor: done(uploader), ...cost }, after];
  });
}
