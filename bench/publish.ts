import { generateKeyPairSync, hash, type KeyObject, sign, verify } from 'node:crypto';
import { sealEntry } from '../src/queue/envelope.ts';
import type { Body, Store } from '../src/stores/port.ts';
import type { Context } from '../src/transaction/context.ts';
import { transact } from '../src/transaction/transact.ts';
import { sha256Hex } from '../src/tuf/digest.ts';
import { METADATA_PREFIX, parseMetadataName, queueKey, targetKey } from '../src/tuf/layout.ts';
import { Client, type Steps } from '../src/tuf/walk.ts';
import { testSigner } from '../test/support/repository.ts';
import { signedPart } from './encode.ts';
import { fail, same } from './support/assert.ts';
import { targetPath } from './support/data.ts';
import { compare, type Variant } from './support/harness.ts';
import { atMost, ratio, report } from './support/report.ts';
import { type LargeRepository, NOW } from './support/repository.ts';

/**
 * publish: the whole transaction over a store in memory, from a queue entry with the two files of a release to the moved
 * trusted state. Its floor is what no publisher can leave out, in a page of node:crypto: read and verify the old bins,
 * snapshot and timestamp; hash, sign and verify the new ones; write.
 */
export async function publish(repository: LargeRepository, rounds: number): Promise<void> {
  const context = await repository.context();
  const trace = new Trace(repository.store);
  let operation = 0;
  const enqueue = () => enqueueRelease(repository, operation, ++operation);
  const variants: Variant[] = [
    {
      name: 'tufa',
      prepare: async () => {
        await enqueue();
        repository.store.forgetSnapshots();
        trace.start();
      },
      run: async () => {
        const { version } = await transact(context, { fold: true });
        if (version === undefined) fail('nothing was published');
      },
    },
    new Floor(trace),
  ];
  await checkPublish(repository, context, variants[0]!);
  const comparison = await compare(variants, rounds, Math.ceil(rounds / 10));
  report(`publish: the transaction of 2 files and their pages into ${repository.targets} targets`, comparison, [
    atMost(
      'wall, by minima',
      ratio(comparison, 'tufa', 'safe floor', (m) => m.wall.min),
      2,
      1.5,
    ),
    atMost(
      'wall, by medians',
      ratio(comparison, 'tufa', 'safe floor', (m) => m.wall.median),
      2,
      1.5,
    ),
    atMost(
      'cpu, by medians',
      ratio(comparison, 'tufa', 'safe floor', (m) => m.cpu.median),
      2,
      1.5,
    ),
  ]);
}

/** Entry `number`: wheel and sdist of one project, whose pages are signed with them. */
export async function enqueueRelease(repository: LargeRepository, after: number, number: number): Promise<void> {
  const { store, projects, targets, settings, operator } = repository;
  const project = (targets + number) % projects.length;
  const past = Math.floor(targets / projects.length) + 2;
  const first = past + (past % 2);
  const changes = [];
  for (const file of [first, first + 1]) {
    const path = targetPath(projects, project + file * projects.length);
    const bytes = Buffer.from(`content of ${path}`);
    const content = { sha256: sha256Hex(bytes), length: bytes.length };
    await store.create(targetKey(path, content.sha256), bytes);
    changes.push({ path, was: null, now: content });
  }
  const entry = {
    repository: settings.repository,
    number,
    uploader: 'operator',
    kind: 'files' as const,
    changes,
    after,
    made: NOW,
  };
  await store.create(queueKey(number), await sealEntry(entry, testSigner(operator)));
}

/** What one transaction has read and written, by key. */
class Trace {
  readonly read = new Map<string, Uint8Array>();
  readonly written = new Map<string, Uint8Array>();
  private readonly store: Store;

  constructor(store: Store) {
    this.store = store;
    const get = store.get.bind(store);
    store.get = async (key, options) => {
      const object = await get(key, options);
      if (object !== undefined) this.read.set(key, object.bytes);
      return object;
    };
    const create = store.create.bind(store);
    store.create = (key: string, body: Body) => {
      if (body instanceof Uint8Array) this.written.set(key, body);
      return create(key, body);
    };
    const swap = store.swap.bind(store);
    store.swap = (key, bytes, etag) => {
      this.written.set(key, bytes);
      return swap(key, bytes, etag);
    };
  }

  start(): void {
    this.read.clear();
    this.written.clear();
  }

  /** A file as it was before, whether this transaction read it or kept it from before. */
  async old(role: string, version: number): Promise<Uint8Array> {
    const object = await this.store.get(`${METADATA_PREFIX}${version}.${role}.json`, { maxLength: 1e9 });
    return object?.bytes ?? fail(`no ${role} ${version}`);
  }
}

/** The same bytes as the transaction before it, and nothing but what has to be done with them. */
class Floor implements Variant {
  readonly name = 'safe floor';
  private readonly trace: Trace;
  private readonly key: { publicKey: KeyObject; privateKey: KeyObject } = generateKeyPairSync('ed25519');
  private old: { bytes: Uint8Array; signature: Buffer; hashed: boolean }[] = [];
  private signed: { bytes: Uint8Array; hashed: boolean }[] = [];
  private others: Uint8Array[] = [];
  private readonly storage = new Map<number, Uint8Array>();
  private writes = 0;

  constructor(trace: Trace) {
    this.trace = trace;
  }

  async prepare(): Promise<void> {
    const { read, written } = this.trace;
    const files = [...written].flatMap(([key, bytes]) => {
      const name = key.startsWith(METADATA_PREFIX) ? parseMetadataName(key.slice(METADATA_PREFIX.length)) : undefined;
      return name === undefined ? [] : [{ ...name, bytes }];
    });
    const isNew = (role: string): boolean => files.some((file) => file.role === role);
    // Of the old: the bins that change, the timestamp, and the snapshot, which a publisher may have kept.
    const before = [...read].filter(([key]) => {
      const name = parseMetadataName(key.slice(METADATA_PREFIX.length));
      return name !== undefined && (name.role === 'timestamp' || (name.role !== 'snapshot' && isNew(name.role)));
    });
    const snapshot = files.find((file) => file.role === 'snapshot')!;
    const oldSnapshot = await this.trace.old('snapshot', snapshot.version! - 1);
    this.old = [...before.map(([, bytes]) => ({ bytes, hashed: false })), { bytes: oldSnapshot, hashed: true }].map(
      ({ bytes, hashed }) => ({ bytes, hashed, signature: sign(null, signedPart(bytes), this.key.privateKey) }),
    );
    this.signed = files
      .filter((file) => file.role !== 'timestamp' || file.version === undefined)
      .map(({ role, bytes }) => ({ bytes, hashed: role === 'snapshot' }));
    this.others = [...written].filter(([key]) => !key.startsWith(METADATA_PREFIX)).map(([, bytes]) => bytes);
  }

  run(): void {
    const { publicKey, privateKey } = this.key;
    for (const { bytes, signature, hashed } of this.old) {
      const read = Buffer.from(bytes);
      if (hashed) hash('sha256', read);
      if (!verify(null, signedPart(read), publicKey, signature)) fail('an old file does not verify');
    }
    for (const { bytes, hashed } of this.signed) {
      if (hashed) hash('sha256', bytes);
      const part = signedPart(bytes);
      if (!verify(null, part, publicKey, sign(null, part, privateKey))) fail('a new file does not verify');
      this.write(bytes);
    }
    for (const bytes of this.others) {
      hash('sha256', bytes);
      this.write(bytes);
    }
  }

  private write(bytes: Uint8Array): void {
    // As the store of the other variant: what is handed over is kept as it is.
    this.storage.set(this.writes++ % 64, bytes);
  }
}

/** A fresh client finds both files, and nothing else has moved: every old entry of the snapshot is there. */
async function checkPublish(repository: LargeRepository, context: Context, tufa: Variant): Promise<void> {
  const { genesis, store } = repository;
  const before = await lookup(repository, []);
  await tufa.prepare!();
  await tufa.run();
  const entry = JSON.parse(Buffer.from((await store.get(queueKey(1), { maxLength: 1e6 }))!.bytes).toString());
  const rows: { path: string; now: { sha256: string } }[] = entry.signed.changes;
  const after = await lookup(
    repository,
    rows.map(({ path }) => path),
  );
  for (const [i, { path, now }] of rows.entries()) same(path, after.found[i], now.sha256);
  const [old, now] = [before, after].map(({ snapshot }) => JSON.parse(snapshot).signed.meta);
  same('roles in the snapshot', Object.keys(now).join(), Object.keys(old).join());
  const moved = Object.keys(now).filter((role) => now[role].version !== old[role].version);
  if (moved.length < 1 || moved.length > 4) fail(`${moved.length} roles have moved`);
  same('trusted root', (await context.trusted.require()).root.signed.version, genesis.root.signed.version);
}

/** A fresh client's refresh and lookups; it may take at most 0.2 s of cpu at 16,384 bins. */
async function lookup(
  { genesis, store }: LargeRepository,
  paths: readonly string[],
): Promise<{ snapshot: string; found: (string | undefined)[] }> {
  const client = new Client({ root: genesis.root, timestamp: undefined, snapshot: undefined });
  const drive = async <T>(steps: Steps<T>): Promise<T> => {
    let step = steps.next();
    while (!step.done) {
      const { name, maxLength, from } = step.value;
      const object = from === 'kept' ? undefined : await store.get(`${METADATA_PREFIX}${name}`, { maxLength });
      step = steps.next(object?.bytes);
    }
    return step.value;
  };
  await drive(client.refresh(NOW));
  const found: (string | undefined)[] = [];
  for (const path of paths) found.push((await drive(client.findTarget(path, NOW)))?.sha256);
  return { snapshot: Buffer.from(client.trusted.snapshot!.bytes).toString(), found };
}

export async function clientLookup(repository: LargeRepository, rounds: number): Promise<void> {
  const { projects, targets } = repository;
  let operation = 0;
  const variant: Variant = {
    name: 'tufa',
    run: async () => {
      const path = targetPath(projects, (operation++ * 7919) % targets);
      const { found } = await lookup(repository, [path]);
      if (found[0] !== sha256Hex(path)) fail(`${path} was not found`);
    },
  };
  const comparison = await compare([variant], rounds, 1);
  const cpu = comparison.measured[0]!.cpu.median / 1000;
  report(`lookup: a fresh client finds one of ${targets} targets`, comparison, [atMost('cpu seconds', cpu, 0.2)]);
}

/** The timestamp alone, always due, in two repositories of different size. */
export async function timestamp(small: LargeRepository, large: LargeRepository, rounds: number): Promise<void> {
  const due = { renew: { timestamp: Number.MAX_SAFE_INTEGER, snapshot: 0, leaves: 0 } };
  const variants = await Promise.all(
    [small, large].map(async (repository): Promise<Variant> => {
      const context = await repository.context(due);
      return {
        name: `${repository.targets} targets`,
        run: async () => {
          const { signed } = await transact(context, { fold: false });
          same('what was signed', signed.join(), 'timestamp');
        },
      };
    }),
  );
  const comparison = await compare(variants, rounds, Math.ceil(rounds / 10));
  const [a, b] = [variants[1]!.name, variants[0]!.name];
  report('timestamp: its refresh alone', comparison, [
    atMost(
      'wall, by minima',
      ratio(comparison, a, b, (m) => m.wall.min),
      1.3,
      1,
    ),
    atMost(
      'cpu, by medians',
      ratio(comparison, a, b, (m) => m.cpu.median),
      1.3,
      1,
    ),
  ]);
}
