import type { Move } from './explore.ts';
import { commit } from './invariants.ts';
import type { Job, JobState } from './job-states.ts';
import { broke, ended, readsOf, to } from './job-states.ts';
import { sending } from './sent.ts';
import type { Protocol } from './steps.ts';
import type { World } from './world.ts';
import { create, inFlight, send } from './world.ts';

/** From the first upload to the answer of a job: upload, commit, and what became of it. */

type Step = Move<World, Job>;

/** How often an unknown answer is looked at. */
const LOOKS = 2;

/** upload: create-only, until it is known what stands there; the barrier is that the swap comes after the last answer. */
export function uploading(world: World, job: Job, at: JobState & { pc: 'upload' }, protocol: Protocol): Step[] {
  const { attempt, puts } = at;
  const [first, ...rest] = puts;
  if (first === undefined) return committing(world, job, { pc: 'swap', attempt, looks: 0 }, protocol);
  const { key, value } = first;
  const isRecord = key.startsWith('record/');
  // What is there already is compared, and nothing happens.
  if (world.objects[key] === value) return uploading(world, job, { ...at, puts: rest }, protocol);
  const sent = isRecord ? { world, broken: undefined } : sending(world, key, value, protocol);
  if (sent.broken !== undefined) return [broke(world, job, `sends ${key}`, sent.broken)];
  return create(sent.world, key, value).map(({ world: next, answer, ...cost }): Step => {
    const label = `puts ${key} (${answer})`;
    if (answer === 'unknown') return { label, world: next, actor: to(job, at), ...cost };
    // A wrong record stops gc, not publishing; for what is under our number it is an alarm, and the next number is free.
    const actor = answer === 'created' || isRecord ? to(job, { ...at, puts: rest }) : ended(job);
    return { label, world: next, actor, ...cost };
  });
}

/** commit: the swap, as it is answered and with the answer lost. */
export function committing(world: World, job: Job, at: JobState & { pc: 'swap' }, protocol: Protocol): Step[] {
  const { attempt } = at;
  const { number, etag, next } = attempt;
  const sent = sending(world, `timestamp/${number}`, next.id, protocol);
  if (sent.broken !== undefined) return [broke(world, job, `sends timestamp ${number}`, sent.broken)];
  const look = (answer: 'moved' | 'unknown'): Job => to(job, { pc: 'look at live', attempt, looks: at.looks, answer });
  const lost: Step = {
    label: `swaps in ${next.id}: no answer`,
    world: send(sent.world, { swap: next, etag }),
    actor: look('unknown'),
    cost: 'fault',
  };
  if (sent.world.live?.id !== etag && !protocol.without.has('If-Match'))
    return [
      { label: `swaps in ${next.id}: moved`, world: sent.world, actor: look('moved') },
      { ...lost, world: sent.world },
    ];
  const { world: after, broken } = commit(sent.world, next, protocol);
  return [{ label: `swaps in ${next.id}: done`, world: after, actor: committed(job, at, protocol), broken }, lost];
}

export function lookingAtLive(world: World, job: Job, at: JobState & { pc: 'look at live' }): Step {
  const { attempt, looks, answer } = at;
  const liveIsOurs = world.live?.id === attempt.next.id;
  const etagUnchanged = world.live?.id === attempt.etag;
  const label = `reads the timestamp again: ${liveIsOurs ? 'ours' : etagUnchanged ? 'unchanged' : 'another'}`;
  return { label, world, actor: to(job, { pc: 'look at record', attempt, looks, answer, liveIsOurs, etagUnchanged }) };
}

/** The real `outcome`, and whether what it says is true. */
export function lookingAtRecord(
  world: World,
  job: Job,
  at: JobState & { pc: 'look at record' },
  protocol: Protocol,
): Step {
  const { attempt, looks, answer, liveIsOurs, etagUnchanged } = at;
  const { id } = attempt.next;
  const found = world.objects[`record/${attempt.number}`];
  const record = found === undefined ? 'absent' : found === id ? 'ours' : 'other';
  const verdict = protocol.steps.outcome({ answer, liveIsOurs, etagUnchanged, record });
  const label = `reads record ${attempt.number} (${record}): ${verdict}`;
  const lived = world.ghost.lived.includes(id);
  if (verdict === 'committed' && !lived) return broke(world, job, label, `${id} is said to be committed and never was`);
  if (verdict === 'lost' && lived) return broke(world, job, label, `${id} is said to be lost and was committed`);
  if (verdict === 'lost' && inFlight(world, id) && world.live?.id === attempt.etag)
    return broke(world, job, label, `${id} is said to be lost and may still land`);
  if (verdict === 'committed') return { label, world, actor: committed(job, { pc: 'swap', attempt, looks }, protocol) };
  if (verdict === 'lost' || looks + 1 === LOOKS) return { label, world, actor: ended(job) };
  return { label, world, actor: to(job, { pc: 'swap', attempt, looks: looks + 1 }) };
}

/** A bridge is followed by another round, which finds the new root in its place. */
function committed(job: Job, { attempt }: JobState & { pc: 'swap' }, protocol: Protocol): Job {
  const { without } = protocol;
  if (without.has('x-tufa-queue') && attempt.folds.length > 0)
    return to(job, { pc: 'delete entries', numbers: attempt.folds });
  if (attempt.next.root?.since !== undefined) return ended(job);
  return to(job, { pc: 'read', todo: readsOf(protocol), seen: {} });
}
