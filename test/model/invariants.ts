import type { LogItem } from './ghosts.ts';
import { lastChange } from './ghosts.ts';
import type { Protocol } from './steps.ts';
import { everyoneClaims } from './steps.ts';
import type { RootId, Snapshot, Timestamp, World } from './world.ts';
import { chainOf, GARBAGE, isSigned, queued } from './world.ts';

/** What must be true of each commit, and of each world. Every sentence that is returned is a broken promise. */

/** Makes a timestamp live. What it breaks is said, and the world goes on. */
export function commit(
  world: World,
  next: Timestamp,
  protocol: Protocol,
): { readonly world: World; readonly broken: string | undefined } {
  const broken = commitBreaks(world, next, protocol);
  const newest = chainOf(world).at(-1);
  const { lived, copied, ...ghost } = world.ghost;
  const after: World = {
    ...world,
    live: next,
    ghost: { ...ghost, lived: [...lived, next.id], copied: copied && next.root?.id !== newest },
  };
  return { world: tidied(after, protocol), broken };
}

function commitBreaks(world: World, next: Timestamp, protocol: Protocol): string | undefined {
  const old = world.live;
  if (world.ghost.lived.includes(next.id)) return `${next.id} becomes live twice`;
  if (old === undefined) return undefined;
  const record = world.objects[`record/${old.version}`];
  const ascending =
    rises('timestamp', old, next) ??
    same('snapshot', old.snapshot, next.snapshot) ??
    same('leaf', old.snapshot.leaf, next.snapshot.leaf) ??
    same('offline role', old.snapshot.offline, next.snapshot.offline);
  if (ascending !== undefined) return ascending;
  if (next.snapshot.mark < old.snapshot.mark)
    return `the mark falls from ${old.snapshot.mark} to ${next.snapshot.mark}`;
  if ((next.made ?? 0) < (old.made ?? 0)) return `x-tufa-made falls from ${old.made} to ${next.made}`;
  if (record !== old.id && record !== GARBAGE) return `no record of ${old.id}, which is replaced by ${next.id}`;
  if (next.root !== undefined && old.root !== undefined && next.root.version < old.root.version)
    return `x-tufa-root falls from ${old.root.version} to ${next.root.version}`;
  return logBreaks(old.snapshot.log, next.snapshot.log) ?? markBreaks(next.snapshot, protocol);
}

function rises(what: string, old: { version: number }, next: { version: number }): string | undefined {
  return next.version > old.version ? undefined : `${what} goes from version ${old.version} to ${next.version}`;
}

function same(
  what: string,
  old: { id: string; version: number },
  next: { id: string; version: number },
): string | undefined {
  if (next.version < old.version) return `${what} goes from version ${old.version} to ${next.version}`;
  return next.version === old.version && next.id !== old.id
    ? `${what} ${next.version} is ${old.id} and ${next.id}`
    : undefined;
}

/** No change lost, none twice, none undone by one that was planned before it. */
function logBreaks(old: readonly LogItem[], next: readonly LogItem[]): string | undefined {
  if (JSON.stringify(next.slice(0, old.length)) !== JSON.stringify(old)) return 'what was folded is not there any more';
  for (const [index, item] of next.entries()) {
    if (index < old.length) continue;
    const before = next.slice(0, index);
    const replaced = before.findLast((other) => other.role !== undefined)?.role?.version ?? 1;
    if (item.role !== undefined && item.role.base !== replaced)
      return `version ${item.role.version} of the offline role was drawn on ${item.role.base} and replaces ${replaced}`;
    if (item.by !== GARBAGE && before.some((other) => isTwice(other, item)))
      return `the change of ${item.by} is folded twice`;
    for (const row of item.rows) {
      const last = lastChange(before, row.path);
      if (row.result === 'applied' && last > item.typedAt)
        return `${item.by}, typed at mark ${item.typedAt}, undoes what entry ${last} did to ${row.path}`;
    }
  }
  return undefined;
}

/** The same entry again, or the same command applied again. */
function isTwice(a: LogItem, b: LogItem): boolean {
  const applies = (item: LogItem): boolean => item.rows.some((row) => row.result === 'applied');
  return a.by === b.by && (a.number === b.number || (applies(a) && applies(b)));
}

function markBreaks({ log, mark }: Snapshot, { without }: Protocol): string | undefined {
  if (without.has('x-tufa-queue')) return undefined;
  return (log.at(-1)?.number ?? 0) === mark
    ? undefined
    : `the mark is ${mark}, the log ends with ${log.at(-1)?.number}`;
}

export function checkWorld(world: World, protocol: Protocol): string | undefined {
  return freshClientFails(world) ?? (protocol.without.has('x-tufa-queue') ? undefined : entryLost(world)) ?? lie(world);
}

/** A client with nothing but root 1 walks the chain and verifies what it finds. */
function freshClientFails(world: World): string | undefined {
  const { live, clock } = world;
  if (live === undefined) return undefined;
  const newest = chainOf(world).at(-1)!;
  const broken = refuses(newest, live, clock) ?? filesOf(world, live.snapshot);
  if (broken === undefined) return undefined;
  // Between a copy and the first commit of a job that has seen it there is nothing to be done.
  return world.ghost.copied && live.root?.id !== newest ? undefined : `a fresh client refuses: ${broken}`;
}

/** What a client with this root would refuse. */
export function refuses(root: RootId, live: Timestamp, clock: number): string | undefined {
  if (!isSigned(live, root)) return `timestamp ${live.version} is not signed by the keys of root ${root}`;
  if (!isSigned(live.snapshot, root))
    return `snapshot ${live.snapshot.version} is not signed by the keys of root ${root}`;
  const expired = [live, live.snapshot, live.snapshot.leaf].find(({ expires }) => !(expires > clock));
  return expired && `version ${expired.version} expires at ${expired.expires}, and it is ${clock}`;
}

function filesOf({ objects }: World, { version, id, leaf, offline }: Snapshot): string | undefined {
  if (objects[`snapshot/${version}`] !== id) return `snapshot ${version} is not there`;
  if (objects[`role/${offline.version}`] !== offline.id)
    return `version ${offline.version} of the offline role is not there`;
  return objects[`leaf/${leaf.version}`] === leaf.id ? undefined : `leaf ${leaf.version} is not there`;
}

/** An honest entry at or below the mark is in the log: one that lands there later is lost, although it is acknowledged. */
function entryLost({ live, objects, ...world }: World): string | undefined {
  const { mark, log } = live?.snapshot ?? { mark: 0, log: [] };
  for (const number of queued({ live, objects, ...world })) {
    const entry = objects[`queue/${number}`];
    if (number > mark || typeof entry !== 'object') continue;
    if (!log.some((item) => item.number === number && item.by === entry.by))
      return `entry ${number} of ${entry.by} lies below the mark ${mark} and was never folded`;
  }
  return undefined;
}

/** A receipt counts when its number is live or has a record; then it is that of the timestamp. */
function lie({ live, objects }: World): string | undefined {
  for (const [key, value] of Object.entries(objects)) {
    const number = /^receipt\/\d+-(\d+)$/.exec(key)?.[1];
    if (number === undefined || value === GARBAGE) continue;
    const counts = live?.version === Number(number) ? live.id : objects[`record/${number}`];
    if (counts !== undefined && counts !== GARBAGE && counts !== value)
      return `receipt ${number} is that of ${JSON.stringify(value)}, and ${JSON.stringify(counts)} was committed`;
  }
  return undefined;
}

/**
 * Forgets what nobody can refer to any more: orphans below the live version, and messages that can land no more. What is
 * left out decides nothing; without it a world would remember every attempt.
 */
export function tidied(world: World, protocol: Protocol): World {
  const { live } = world;
  if (live === undefined || protocol.without.has('If-Match')) return world;
  const flight = world.flight.filter((message) =>
    'swap' in message ? message.etag === live.id : !(message.create in world.objects),
  );
  if (!everyoneClaims(protocol)) return { ...world, flight };
  const objects = Object.fromEntries(
    Object.entries(world.objects).filter(([key]) => {
      const number = Number(/^(?:leaf\/|snapshot\/|receipt\/\d+-)(\d+)$/.exec(key)?.[1] ?? Number.POSITIVE_INFINITY);
      return number >= live.version || number === live.snapshot.version || number === live.snapshot.leaf.version;
    }),
  );
  return { ...world, flight, objects };
}
