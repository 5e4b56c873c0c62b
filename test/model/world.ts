import type { LogItem } from './ghosts.ts';

/**
 * The small world that the protocol is explored in: a store with create-only writes and one swap, a clock of ticks, and
 * the messages whose answers were lost. Bytes are identities: two attempts never have the same ones, and an etag is the
 * identity of what is live. All of it is plain data and is never changed in place.
 */

/** `2a`: version 2, made by ceremony a. Online keys are called by the root that brought them. */
export type RootId = string;

/** What a timestamp says about the root it was made for. */
export interface NamedRoot {
  readonly version: number;
  readonly id: RootId;
  /** Tick; undefined in a bridge. */
  readonly since: number | undefined;
}

/** The online role that lists the targets. */
export interface Leaf {
  readonly id: string;
  readonly version: number;
  readonly expires: number;
  /** Path -> content. */
  readonly targets: Readonly<Record<string, string>>;
}

/** The next version of an offline role, signed by its holders; here there is one such role. */
export interface Ceremony {
  readonly id: string;
  readonly version: number;
  /** `x-tufa-base`: the version that it replaces. */
  readonly base: number;
}

export interface Snapshot {
  readonly id: string;
  readonly version: number;
  readonly expires: number;
  /** Online keys that have signed it. */
  readonly keys: readonly string[];
  /** `x-tufa-queue`. */
  readonly mark: number;
  readonly leaf: Leaf;
  readonly offline: { readonly id: string; readonly version: number };
  /** What the receipts up to this snapshot say. */
  readonly log: readonly LogItem[];
}

export interface Timestamp {
  /** Identity of its bytes, and its etag when it is live. */
  readonly id: string;
  readonly version: number;
  readonly expires: number;
  /** Tick; undefined in a repository that was imported. */
  readonly made: number | undefined;
  readonly keys: readonly string[];
  readonly root: NamedRoot | undefined;
  readonly snapshot: Snapshot;
}

export interface Row {
  readonly path: string;
  readonly was: string | null;
  readonly now: string | null;
}

/** An entry of the queue. `signedFor` is the number in its signed part. */
export interface Entry {
  readonly by: string;
  readonly kind: 'files' | 'pages' | 'removal' | 'operator' | 'role';
  readonly signedFor: number;
  readonly rows: readonly Row[];
  readonly role?: Ceremony;
  readonly after: number;
  /** Not in the entry: the mark when its command was first typed. */
  readonly typedAt: number;
}

/** Something that nobody honest has made. */
export const GARBAGE = 'garbage';

/** What an object of the store is: an entry of the queue, or the identity of other bytes. */
export type Stored = string | Entry;

/** A write whose answer was lost: it lands at any later time, or never. */
export type Message =
  | { readonly create: string; readonly value: Stored }
  | { readonly swap: Timestamp; readonly etag: string | undefined };

export interface World {
  /** By key: `claim/3`, `snapshot/3`, `record/2`, `receipt/1-3`, `queue/1`, `role/2`, `root/2`, `pending/2a`. */
  readonly objects: Readonly<Record<string, Stored>>;
  readonly live: Timestamp | undefined;
  readonly flight: readonly Message[];
  /** Ticks. */
  readonly clock: number;
  /** Kept for the invariants; no actor looks at it. */
  readonly ghost: {
    /** Identities that were live once, in order. */
    readonly lived: readonly string[];
    /** Identities that were sent under a name: `timestamp/3`. Only kept where not every job claims its number. */
    readonly sent: Readonly<Record<string, string>>;
    /** Attempts by number; only counted where not every job claims its number. */
    readonly attempts: Readonly<Record<number, number>>;
    /** Ceremonies that do not verify any more: they have expired, or their delegator has moved. */
    readonly invalid: readonly string[];
    /** A root was copied to its place without its bridge, and nobody has named it since. */
    readonly copied: boolean;
  };
}

/** What a write was answered. */
export interface Answered<T extends string> {
  readonly world: World;
  readonly answer: T | 'unknown';
  readonly cost?: 'fault';
}

/** Create-only put: as it is answered, and with the answer lost. */
export function create(world: World, key: string, value: Stored): Answered<'created' | 'exists'>[] {
  const taken = key in world.objects;
  return [
    { world: taken ? world : put(world, key, value), answer: taken ? 'exists' : 'created' },
    { world: taken ? world : send(world, { create: key, value }), answer: 'unknown', cost: 'fault' },
  ];
}

export function put(world: World, key: string, value: Stored): World {
  return { ...world, objects: { ...world.objects, [key]: value } };
}

export function remove(world: World, keys: readonly string[]): World {
  const objects = Object.fromEntries(Object.entries(world.objects).filter(([key]) => !keys.includes(key)));
  return { ...world, objects };
}

/** Keys below a prefix, and what follows the prefix in them. */
export function list(world: World, prefix: string): string[] {
  return Object.keys(world.objects)
    .filter((key) => key.startsWith(prefix))
    .map((key) => key.slice(prefix.length));
}

/** A message that is under way for good; the same message twice lands once. */
export function send(world: World, message: Message): World {
  const key = JSON.stringify(message);
  if (world.flight.some((one) => JSON.stringify(one) === key)) return world;
  const flight = [...world.flight, message].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  return { ...world, flight };
}

/** Whether the online keys of a root have signed. */
export function isSigned({ keys }: { readonly keys: readonly string[] }, root: RootId): boolean {
  return keys.includes(onlineKey(root));
}

/** Each root has keys of its own, but for `2k`, which keeps those of root 1. */
export function onlineKey(root: RootId): string {
  return root.endsWith('k') ? '1a' : root;
}

/** The version in a root's name. */
export function versionOf(root: RootId): number {
  return Number.parseInt(root, 10);
}

/** The roots in their places, ascending. */
export function chainOf(world: World): RootId[] {
  const chain: RootId[] = [];
  for (let version = 1; ; version++) {
    const root = world.objects[`root/${version}`];
    if (typeof root !== 'string') return chain;
    chain.push(root);
  }
}

/** Numbers of the queue's entries, ascending. */
export function queued(world: World): number[] {
  return list(world, 'queue/')
    .map(Number)
    .sort((a, b) => a - b);
}

/** Whether a swap to these bytes is under way. */
export function inFlight({ flight }: World, id: string): boolean {
  return flight.some((message) => 'swap' in message && message.swap.id === id);
}
