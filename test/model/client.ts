import type { Move } from './explore.ts';
import type { LogItem } from './ghosts.ts';
import { refuses } from './invariants.ts';
import type { RootId, Timestamp, World } from './world.ts';
import { isSigned } from './world.ts';

/**
 * A client that keeps its state and refreshes in steps: each root, the timestamp and the snapshot are requests of their
 * own, and the repository moves between them.
 */
export interface Client {
  readonly type: 'client';
  /** Refreshes that it may still begin. */
  readonly left: number;
  readonly root: RootId;
  /** What it has verified last. */
  readonly kept?: Kept | undefined;
  readonly at:
    | { readonly pc: 'idle' }
    | { readonly pc: 'roots'; readonly since: number }
    | { readonly pc: 'timestamp'; readonly since: number }
    | { readonly pc: 'snapshot'; readonly since: number; readonly timestamp: Timestamp };
  /** Refreshes that may fail because the root changed meanwhile and the grace was over. */
  readonly mayFail: number;
  /** Ticks in which an honest repository promises that no refresh fails. */
  readonly grace: number;
}

interface Kept {
  readonly timestamp: number;
  readonly snapshot: number;
  readonly leaf: number;
  readonly keys: readonly string[];
  readonly log: readonly LogItem[];
}

type Step = Move<World, Client>;

export function clientMoves(world: World, client: Client): readonly Step[] {
  const { at } = client;
  if (at.pc === 'idle') {
    if (client.left === 0 || world.live === undefined) return [];
    return [nextRoot(world, { ...client, left: client.left - 1, at: { pc: 'roots', since: world.clock } })];
  }
  if (at.pc === 'roots') return [nextRoot(world, client)];
  if (at.pc === 'timestamp') return [timestamp(world, client, at.since)];
  return [snapshot(world, client, at)];
}

/** 5.3: root N+1, N+2, ... until one is missing. */
function nextRoot(world: World, client: Client): Step {
  const version = Number.parseInt(client.root, 10) + 1;
  const root = world.objects[`root/${version}`];
  const since = client.at.pc === 'idle' ? world.clock : client.at.since;
  if (typeof root !== 'string')
    return { label: `finds no root ${version}`, world, actor: { ...client, at: { pc: 'timestamp', since } } };
  // 5.3.11: what the new root's keys did not sign is not trusted any more.
  const kept = client.kept !== undefined && isSigned(client.kept, root) ? client.kept : undefined;
  return { label: `takes root ${root}`, world, actor: { ...client, root, kept, at: { pc: 'roots', since } } };
}

/** 5.4. */
function timestamp(world: World, client: Client, since: number): Step {
  const live = world.live!;
  const label = `reads timestamp ${live.id}`;
  if (!isSigned(live, client.root))
    return failed(world, client, since, label, `${live.id} is not signed by the keys of root ${client.root}`);
  const { kept } = client;
  const falls = kept !== undefined && (live.version < kept.timestamp || live.snapshot.version < kept.snapshot);
  if (falls)
    return { label, world, actor: client, broken: `a client with timestamp ${kept.timestamp} sees a rollback` };
  return { label, world, actor: { ...client, at: { pc: 'snapshot', since, timestamp: live } } };
}

/** 5.5: the file that the timestamp has named, and what the client found before is still there. */
function snapshot(world: World, client: Client, at: { since: number; timestamp: Timestamp }): Step {
  const { timestamp: live, since } = at;
  const { snapshot: found } = live;
  const label = `reads snapshot ${found.id}`;
  const refused = refuses(client.root, live, world.clock);
  if (refused !== undefined) return failed(world, client, since, label, refused);
  const { kept } = client;
  if (kept !== undefined && found.leaf.version < kept.leaf)
    return { label, world, actor: client, broken: 'the leaf falls' };
  if (kept !== undefined && JSON.stringify(found.log.slice(0, kept.log.length)) !== JSON.stringify(kept.log))
    return { label, world, actor: client, broken: 'a client does not find what it found before' };
  const keys = live.keys.filter((key) => found.keys.includes(key));
  const next = { timestamp: live.version, snapshot: found.version, leaf: found.leaf.version, keys, log: found.log };
  return { label, world, actor: { ...client, kept: next, at: { pc: 'idle' } } };
}

function failed(world: World, client: Client, since: number, label: string, why: string): Step {
  const slow = world.clock - since > client.grace;
  const actor: Client = { ...client, mayFail: client.mayFail - 1, at: { pc: 'idle' } };
  if (world.ghost.copied) return { label: `${label}, fails`, world, actor: { ...client, at: { pc: 'idle' } } };
  if (slow && client.mayFail > 0) return { label: `${label}, fails and tries again`, world, actor };
  return { label, world, actor, broken: `a client fails within the grace: ${why}` };
}
