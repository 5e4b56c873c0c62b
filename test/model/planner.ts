import type { Content } from '../../src/queue/envelope.ts';
import type { Settings } from '../../src/transaction/context.ts';
import { metaValue, targetValue } from '../../src/tuf/compose.ts';
import { decodeTargetFile } from '../../src/tuf/decode.ts';
import { sha256Hex } from '../../src/tuf/digest.ts';
import { parseJson } from '../../src/tuf/json.ts';
import type {
  NamedRoot as RealNamedRoot,
  Snapshot as RealSnapshot,
  Timestamp as RealTimestamp,
  Run,
  Targets,
  Verified,
} from '../../src/tuf/model.ts';
import { readSigned } from '../../src/tuf/read.ts';
import { keysOf, lookup, splice } from '../../src/tuf/run.ts';
import { Parts } from './states.ts';
import type { Steps } from './steps.ts';
import type { Leaf, NamedRoot, Snapshot, Timestamp } from './world.ts';

/**
 * The real planner over the model's small values: each different plan is composed to real bytes once, read back by the
 * real reader, and remembered. So what the model calls a snapshot is what `planSnapshot` has written.
 */

const START = Date.UTC(2026, 0, 1);
/** Milliseconds. */
export const TICK = 60_000;
const LEAF = 'bin0';
const OFFLINE = 'claimed';

export const SETTINGS: Settings = {
  repository: '0b9e6a2c-6f0e-4c39-9c1c-6e1a3a5d7f42',
  queue: 'queue/',
  expires: { snapshot: 7 * 864e5, timestamp: 864e5, leaves: 30 * 864e5 },
  renew: { snapshot: 4 * 864e5, timestamp: 432e5, leaves: 15 * 864e5 },
  grace: 0,
  hold: 100,
  tries: 8,
  clients: [],
  uploaders: [],
};

export function dateOf(tick: number): Date {
  return new Date(START + tick * TICK);
}

export function tickOf(date: Date): number {
  return (date.getTime() - START) / TICK;
}

export class Planner {
  private readonly steps: Steps;
  private readonly known = new Map<string, unknown>();
  private readonly parts = new Parts();
  private readonly contents = new Map<string, string>();

  constructor(steps: Steps) {
    this.steps = steps;
  }

  leaf(old: Leaf, changes: ReadonlyMap<string, string | null>, id: string, number: number, now: number): Leaf {
    return this.once(['leaf', old, [...changes], id, number, now], () => {
      const contents = new Map([...changes].map(([path, now]) => [path, now === null ? null : this.contentOf(now)]));
      const file = { signed: { targets: this.runOf(old) } } as Verified<Targets>;
      const delegator = { name: 'targets', keys: new Map(), role: { keyids: [], threshold: 1 }, online: true };
      const draft = this.steps.planLeaf({ name: LEAF, delegator, file }, contents, number, dateOf(now), SETTINGS);
      const { version, expires, targets } = readSigned(draft.signedBytes, 'targets', LEAF);
      return { id, version, expires: tickOf(expires), targets: this.targetsOf(targets) };
    });
  }

  snapshot(
    old: Snapshot,
    next: Pick<Snapshot, 'leaf' | 'offline' | 'keys' | 'log'> & { folded: number | undefined },
    id: string,
    number: number,
    now: number,
  ): Snapshot {
    const { leaf, offline, keys, log, folded } = next;
    return this.once(['snapshot', old, leaf, offline, keys, log, folded, id, number, now], () => {
      const roles = [
        ...(leaf.id === old.leaf.id ? [] : [{ name: LEAF, version: leaf.version, bytes: Buffer.from(leaf.id) }]),
        ...(offline.id === old.offline.id
          ? []
          : [{ name: OFFLINE, version: offline.version, bytes: Buffer.from(offline.id) }]),
      ];
      const receipt = folded === undefined ? undefined : sha256Hex(id);
      const queue = folded ?? old.mark;
      const input = { old: this.realSnapshot(old), roles, version: number, now: dateOf(now), queue, receipt };
      const draft = this.steps.planSnapshot(input, SETTINGS);
      const { version, expires, queue: mark = 0 } = readSigned(draft.signedBytes, 'snapshot', 'snapshot');
      return { id, version, expires: tickOf(expires), keys, mark, leaf, offline, log };
    });
  }

  timestamp(
    old: Timestamp | undefined,
    next: { snapshot: Snapshot; keys: readonly string[]; root: NamedRoot },
    id: string,
    number: number,
    now: number,
  ): Timestamp {
    const { snapshot, keys, root } = next;
    return this.once(['timestamp', old, snapshot, keys, root, id, number, now], () => {
      const listed = { version: snapshot.version, length: 1, sha256: sha256Hex(snapshot.id) };
      const input = {
        old: old && this.realTimestamp(old),
        version: number,
        now: dateOf(now),
        root: this.realRoot(root),
        snapshot: listed,
      };
      const draft = this.steps.planTimestamp(input, SETTINGS);
      const read = readSigned(draft.signedBytes, 'timestamp', 'timestamp');
      return {
        id,
        version: read.version,
        expires: tickOf(read.expires),
        made: read.made && tickOf(read.made),
        keys,
        root: read.root && {
          version: read.root.version,
          id: this.contents.get(read.root.sha256)!,
          since: read.root.since && tickOf(read.root.since),
        },
        // What it lists decides; a plan that lists another version than that of the snapshot names one that is nowhere.
        snapshot: { ...snapshot, version: read.snapshot.version },
      };
    });
  }

  /** The highest version of timestamp, snapshot and every online role, by the real function. */
  highest(live: Timestamp | undefined): number {
    return this.once(['highest', live], () =>
      this.steps.highestVersion(live && this.realTimestamp(live), live && this.realSnapshot(live.snapshot)),
    );
  }

  private realTimestamp({ version, made, root }: Timestamp): RealTimestamp {
    return {
      version,
      made: made === undefined ? undefined : dateOf(made),
      root: root && this.realRoot(root),
    } as RealTimestamp;
  }

  private realRoot({ version, id, since }: NamedRoot): RealNamedRoot {
    return { version, sha256: this.digestOf(id), since: since === undefined ? undefined : dateOf(since) };
  }

  private realSnapshot({ version, leaf, offline, log }: Snapshot): RealSnapshot {
    const entryOf = (role: { id: string; version: number }) =>
      metaValue({ version: role.version, sha256: sha256Hex(role.id) });
    const entries = [
      [`${LEAF}.json`, entryOf(leaf)],
      [`${OFFLINE}.json`, entryOf(offline)],
    ] as const;
    const meta = splice(Buffer.alloc(0), new Map(entries));
    return { version, meta, receipt: log.length === 0 ? undefined : sha256Hex('receipt') } as RealSnapshot;
  }

  private runOf(leaf: Leaf): Run {
    const entries = Object.entries(leaf.targets).map(
      ([path, content]) => [path, targetValue({ ...this.contentOf(content), listed: dateOf(0) })] as const,
    );
    return splice(Buffer.alloc(0), new Map(entries));
  }

  private targetsOf(run: Run): Record<string, string> {
    const pairs = [...keysOf(run)].map((path) => {
      const { sha256 = '' } = decodeTargetFile(parseJson(lookup(run, path)!), path);
      return [path, this.contents.get(sha256)!] as const;
    });
    return Object.fromEntries(pairs);
  }

  private contentOf(content: string): Content {
    return { sha256: this.digestOf(content), length: content.length };
  }

  private digestOf(text: string): string {
    const digest = sha256Hex(text);
    this.contents.set(digest, text);
    return digest;
  }

  private once<T>(input: readonly unknown[], make: () => T): T {
    const key = this.parts.nameOf(input);
    const known = this.known.get(key);
    if (known !== undefined) return known as T;
    const made = make();
    this.known.set(key, made);
    return made;
  }
}
