import type { Move } from './explore.ts';
import type { Folding } from './folding.ts';
import type { Attempt, Job, JobState, Put } from './job-states.ts';
import { broke, claims, ended, to } from './job-states.ts';
import { sending } from './sent.ts';
import type { Protocol } from './steps.ts';
import type { Snapshot, Timestamp, World } from './world.ts';
import { onlineKey, put } from './world.ts';

/** What is folded on before anything was published. */
const NOTHING: Snapshot = {
  id: '0',
  version: 0,
  expires: 0,
  keys: [],
  mark: 0,
  leaf: { id: '0', version: 0, expires: 0, targets: {} },
  offline: { id: '1a', version: 1 },
  log: [],
};

export function snapshotOf(live: Timestamp | undefined): Snapshot {
  return live?.snapshot ?? NOTHING;
}

/** plan and sign, by the real planner: everything that the number stands for, and the uploads of it. */
export function attemptOf(
  world: World,
  job: Job,
  { live, decision, folding }: JobState & { pc: 'put role' | 'claim' },
  number: number,
  id: string,
  protocol: Protocol,
): Move<World, Job> {
  const old = snapshotOf(live);
  const root = decision.names;
  const keys = [...new Set(decision.sets.map(onlineKey))];
  const renewed = folding !== undefined || decision.resign || live === undefined || job.renews === 'snapshot';
  if (renewed && !decision.sets.every((root) => job.keys.snapshot.includes(onlineKey(root))))
    return { label: 'has not the keys of the snapshot', world, actor: ended(job) };
  const snapshot = renewed ? planned(world, old, folding, keys, number, id, protocol) : old;
  const next = protocol.planner.timestamp(live, { snapshot, keys, root }, id, number, world.clock);
  const folds = folding === undefined ? [] : folding.log.slice(old.log.length).map((item) => item.number);
  const attempt: Attempt = { number, etag: live?.id, next, folds };

  const own: Put[] = [
    ...(snapshot.leaf === old.leaf ? [] : [{ key: `leaf/${number}`, value: id }]),
    ...(snapshot === old ? [] : [{ key: `snapshot/${number}`, value: id }]),
    ...(folding === undefined ? [] : [{ key: `receipt/${snapshot.mark}-${number}`, value: id }]),
  ];
  const label = `takes the number ${number}`;
  if (!claims(job, protocol) || !protocol.merged || own.some(({ key }) => key in world.objects)) {
    const puts = [...own, ...records(attempt, live, protocol)];
    return { label, world, actor: to(job, { pc: 'upload', attempt, puts }) };
  }
  let next_ = world;
  for (const { key, value } of own) {
    const sent = sending(next_, key, value, protocol);
    if (sent.broken !== undefined) return broke(world, job, label, sent.broken);
    next_ = put(sent.world, key, value);
  }
  const puts = records(attempt, live, protocol);
  return { label: `${label} and uploads`, world: next_, actor: to(job, { pc: 'upload', attempt, puts }) };
}

function planned(
  world: World,
  old: Snapshot,
  folding: Folding | undefined,
  keys: readonly string[],
  number: number,
  id: string,
  { planner }: Protocol,
): Snapshot {
  const changed = folding !== undefined && folding.changes.size > 0;
  const leaf =
    changed || old.version === 0
      ? planner.leaf(old.leaf, folding?.changes ?? new Map(), id, number, world.clock)
      : old.leaf;
  const log = folding?.log ?? old.log;
  const offline = folding?.roles.at(-1) ?? old.offline;
  const next = { leaf, offline: { id: offline.id, version: offline.version }, keys, log, folded: folding?.mark };
  return planner.snapshot(old, next, id, number, world.clock);
}

/** The reader writes the record of what it has read: it exists before any later timestamp is committed. */
function records(attempt: Attempt, live: Timestamp | undefined, { without }: Protocol): Put[] {
  const own = without.has('record after the swap') ? [{ key: `record/${attempt.number}`, value: attempt.next.id }] : [];
  const read = live === undefined || without.has('record') ? [] : [{ key: `record/${live.version}`, value: live.id }];
  return [...read, ...own];
}
