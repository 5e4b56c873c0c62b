import { attemptOf, snapshotOf } from './attempt.ts';
import { committing, lookingAtLive, lookingAtRecord, uploading } from './committing.ts';
import type { Move } from './explore.ts';
import { fold } from './folding.ts';
import type { Job, JobState, Read } from './job-states.ts';
import { broke, claims, ended, readsOf, to } from './job-states.ts';
import type { Seen } from './roots.ts';
import { decide, verifiedBy } from './roots.ts';
import type { Protocol } from './steps.ts';
import type { World } from './world.ts';
import { chainOf, create, list, queued, remove, versionOf } from './world.ts';

/**
 * A publisher, a refresh job or the command that carries a root ceremony: the input and output of `transact`, one step
 * for each request, around the real decisions. Whatever it has in memory is gone when it crashes.
 */

type Step = Move<World, Job>;

export function jobMoves(world: World, job: Job, protocol: Protocol): readonly Step[] {
  if (job.left === 0) return [];
  const { at } = job;
  const moves = step(world, job, at, protocol);
  return at.pc === 'idle'
    ? moves
    : [...moves, { label: 'crashes', world, actor: to(job, { pc: 'idle' }), cost: 'crash' }];
}

function step(world: World, job: Job, at: JobState, protocol: Protocol): readonly Step[] {
  switch (at.pc) {
    case 'idle':
      return job.type === 'ceremony'
        ? puttingPending(world, job, protocol)
        : reading(world, job, { pc: 'read', todo: readsOf(protocol), seen: {} }, protocol);
    case 'read':
      return reading(world, job, at, protocol);
    case 'walk again': {
      const seen = { ...at.seen, roots: chainOf(world) };
      return [decided(world, job, seen, false, protocol, 'walks the chain again')];
    }
    case 'put root':
      return puttingRoot(world, job, at);
    case 'remove pending': {
      const below = list(world, 'pending/').filter((id) => versionOf(id) <= versionOf(at.root));
      const next = remove(
        world,
        below.map((id) => `pending/${id}`),
      );
      return [{ label: 'removes what is pending', world: next, actor: to(job, { pc: 'list pending', seen: at.seen }) }];
    }
    case 'list pending':
      return [readingAgain(world, job, at.seen, 'first', protocol)];
    case 'walk':
      return [readingAgain(world, job, at.seen, 'second', protocol)];
    case 'put role':
      return puttingRole(world, job, at);
    case 'claim':
      return claiming(world, job, at, protocol);
    case 'upload':
      return uploading(world, job, at, protocol);
    case 'swap':
      return committing(world, job, at, protocol);
    case 'look at live':
      return [lookingAtLive(world, job, at)];
    case 'look at record':
      return [lookingAtRecord(world, job, at, protocol)];
    case 'delete entries': {
      const next = remove(
        world,
        at.numbers.map((n) => `queue/${n}`),
      );
      return [{ label: 'deletes what it has folded', world: next, actor: ended(job) }];
    }
  }
}

/** read: each of these is a request of its own, and they are answered in any order. */
function reading(world: World, job: Job, at: JobState & { pc: 'read' }, protocol: Protocol): Step[] {
  // Only publishers look at the queue.
  const todo = job.type === 'publisher' ? at.todo : at.todo.filter((read) => read !== 'queue');
  const next = protocol.reads === 'any order' ? todo : todo.slice(0, 1);
  return next.map((read): Step => {
    const seen = { ...at.seen, ...seenBy(world, job, read) };
    const rest = todo.filter((other) => other !== read);
    const label = `reads ${read}`;
    if (rest.length > 0) return { label, world, actor: to(job, { pc: 'read', todo: rest, seen }) };
    // What does not verify is an alarm only after the chain was walked again (E7).
    if (seen.live !== undefined && verifiedBy(seen) === undefined && !protocol.without.has('second walk'))
      return { label, world, actor: to(job, { pc: 'walk again', seen }) };
    return decided(world, job, seen, false, protocol, label);
  });
}

/** What is pending, then the chain: a root is removed from pending only after it was put (V6). */
function readingAgain(world: World, job: Job, seen: Seen, which: 'first' | 'second', protocol: Protocol): Step {
  const pendingFirst = !protocol.without.has('pending before the chain');
  const next =
    pendingFirst === (which === 'first')
      ? { ...seen, pending: list(world, 'pending/') }
      : { ...seen, roots: chainOf(world) };
  const label = pendingFirst === (which === 'first') ? 'reads what is pending again' : 'walks the chain again';
  if (which === 'second') return decided(world, job, next, true, protocol, label);
  return { label, world, actor: to(job, { pc: 'walk', seen: next }) };
}

function seenBy(world: World, job: Job, read: Read): Seen {
  const queue = job.type === 'publisher' ? { queue: queued(world) } : {};
  if (read === 'timestamp') return { live: world.live };
  if (read === 'roots') return { roots: chainOf(world) };
  if (read === 'pending') return { pending: list(world, 'pending/') };
  if (read === 'queue') return queue;
  const rest = { live: world.live, pending: list(world, 'pending/'), ...queue };
  return read === 'the rest' ? rest : { ...rest, roots: chainOf(world) };
}

/** What the real `bridge` makes of what was read. */
function decided(world: World, job: Job, seen: Seen, again: boolean, protocol: Protocol, label: string): Step {
  if (seen.live !== undefined && verifiedBy(seen) === undefined)
    return broke(world, job, label, 'an honest job cries alarm: the live timestamp does not verify');
  const decision = decide(world, seen, job.keys, again, protocol);
  const go = (state: JobState): Step => ({ label, world, actor: to(job, state) });
  if (decision.kind === 'put') return go({ pc: 'put root', seen, root: decision.root });
  if (decision.kind === 'read-again') return go({ pc: 'list pending', seen });
  if (decision.kind === 'lost') return broke(world, job, label, 'a root that is there or pending is said to be lost');
  if (decision.kind !== 'sign') return { label: `${label}, stands aside`, world, actor: ended(job) };
  const folding = fold(world, snapshotOf(seen.live), seen.queue ?? [], protocol);
  if (folding?.broken !== undefined) return broke(world, job, label, folding.broken);
  const due = decision.due || job.renews !== undefined;
  if (folding === undefined && !due && seen.live !== undefined)
    return { label: `${label}, has nothing to do`, world, actor: nothingToDo(job) };
  const pc = folding === undefined || folding.roles.length === 0 ? 'claim' : 'put role';
  return go({ pc, live: seen.live, decision, folding, tried: 0 });
}

/** A publisher that found nothing looks again later; a command is over. */
function nothingToDo(job: Job): Job {
  return job.type === 'publisher' ? to(job, { pc: 'idle' }) : ended(job);
}

function puttingPending(world: World, job: Job, protocol: Protocol): Step[] {
  const root = job.root!;
  const read: JobState = { pc: 'read', todo: readsOf(protocol), seen: {} };
  if (protocol.without.has('bridge')) {
    return create(world, `root/${versionOf(root)}`, root).map(({ world: next, answer, ...cost }) => ({
      label: `puts root ${root} in its place (${answer})`,
      world: next,
      actor: answer === 'unknown' ? job : to(job, read),
      ...cost,
    }));
  }
  return create(world, `pending/${root}`, root).map(({ world: next, answer, ...cost }) => ({
    label: `puts ${root} pending (${answer})`,
    world: next,
    actor: answer === 'unknown' ? job : to(job, read),
    ...cost,
  }));
}

function puttingRoot(world: World, job: Job, { seen, root }: JobState & { pc: 'put root' }): Step[] {
  const key = `root/${versionOf(root)}`;
  return create(world, key, root).map(({ world: next, answer, ...cost }) => {
    const there = answer !== 'unknown' && next.objects[key] === root;
    const after: JobState = there ? { pc: 'remove pending', seen, root } : { pc: 'list pending', seen };
    return {
      label: `puts root ${root} in its place (${answer})`,
      world: next,
      actor: answer === 'unknown' ? job : to(job, after),
      ...cost,
    };
  });
}

/** A ceremony's file is put before the plan that lists it. */
function puttingRole(world: World, job: Job, at: JobState & { pc: 'put role' | 'claim' }): Step[] {
  const role = at.folding!.roles[at.tried];
  if (role === undefined) return [{ label: 'goes on', world, actor: to(job, { ...at, pc: 'claim', tried: 0 }) }];
  const key = `role/${role.version}`;
  return create(world, key, role.id).map(({ world: next, answer, ...cost }) => {
    const label = `puts ${key} (${answer})`;
    if (answer === 'unknown') return { label, world: next, actor: job, ...cost };
    const there = next.objects[key] === role.id;
    return { label, world: next, actor: there ? to(job, { ...at, tried: at.tried + 1 }) : ended(job), ...cost };
  });
}

/** number: nothing of it is uploaded before the claim is answered; one whose answer is unknown is not ours. */
function claiming(world: World, job: Job, at: JobState & { pc: 'put role' | 'claim' }, protocol: Protocol): Step[] {
  const highest = protocol.planner.highest(at.live);
  const number = protocol.steps.nextNumber(highest, claims(job, protocol) ? at.tried : 0, () => 0);
  if (!claims(job, protocol)) {
    const count = (world.ghost.attempts[number] ?? 0) + 1;
    const counted = { ...world, ghost: { ...world.ghost, attempts: { ...world.ghost.attempts, [number]: count } } };
    const id = `${number}${String.fromCharCode(97 + count)}`;
    return [attemptOf(counted, job, at, number, id, protocol)];
  }
  return create(world, `claim/${number}`, 'claimed').map(({ world: next, answer, ...cost }): Step => {
    if (answer === 'created') return attemptOf(next, job, at, number, `${number}a`, protocol);
    const label = `claims ${number} (${answer})`;
    if (at.tried >= 64) return { label: `${label}, gives up`, world: next, actor: ended(job), ...cost };
    return { label, world: next, actor: to(job, { ...at, tried: at.tried + 1 }), ...cost };
  });
}
