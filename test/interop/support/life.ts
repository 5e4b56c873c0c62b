/** What a repository goes through from its first publication to the second change of its online keys. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { normalize, parseDistributionName } from '../../../src/packaging/names.ts';
import { packagePath } from '../../../src/packaging/paths.ts';
import { sha256Hex } from '../../../src/tuf/digest.ts';
import type { RepositoryState } from './matrix.ts';
import { DAY, HOUR, type Publisher } from './publisher.ts';

export interface Life {
  /** Distribution files of the first publication: the first one is removed again, the second one changed three times. */
  readonly files: readonly string[];
  /** Whether each write of a change of root is a state of its own. */
  readonly writes: boolean;
  /** Every how many-th target a client downloads while the root changes; without it, each. */
  readonly every?: number;
  /** Whether every client looks after a write, too, that changed nothing it can see. */
  readonly unseen?: boolean;
  /** How often the root changes. */
  readonly roots: number;
}

/**
 * first publish, a change, a removal, an online re-sign, root 2 with other keys for timestamp and snapshot, a change signed by
 * them alone, root 3, and a change when nobody has the keys of root 2 any more.
 */
export async function* life(publisher: Publisher, plan: Life): AsyncGenerator<RepositoryState> {
  const index = new Index(publisher);
  await index.add(plan.files);
  await publisher.run('publish');
  yield await index.state('first publish');

  await index.change(plan.files[1]!);
  await publisher.run('publish');
  yield await index.state('a change');

  await index.remove(plan.files[0]!);
  await publisher.run('publish');
  yield await index.state('a removal');

  publisher.ahead += 4 * DAY;
  await publisher.run('refresh');
  yield await index.state('an online re-sign');

  for (let version = 2; version < 2 + plan.roots; version++) {
    publisher.ahead += HOUR;
    yield* changeRoot(publisher, index, plan, version);
    publisher.ahead += HOUR;
    await publisher.dropOldKeys();
    await index.change(plan.files[1]!);
    await publisher.run('publish');
    await signedBy(publisher, [keyOf(version)]);
    const changed = await index.state(`a change after root ${version}`);
    yield version === 1 + plan.roots ? changed : sample(changed, plan.every);
  }
}

async function* changeRoot(
  publisher: Publisher,
  index: Index,
  plan: Life,
  version: number,
): AsyncGenerator<RepositoryState> {
  const name = `root ${version}`;
  const both = [keyOf(version - 1), keyOf(version)];
  await publisher.rotate();
  if (!plan.writes) {
    await publisher.run('refresh');
    await signedBy(publisher, both);
    yield await index.state(name);
    return;
  }
  const whole = await index.state(`${name} pending`);
  const { present } = sample(whole, plan.every);
  yield { ...whole, present, unseen: !plan.unseen };
  const photographs = await publisher.photograph('refresh');
  for (const [number, { write, folder }] of photographs.entries()) {
    // Before the bridge N's keys alone have signed, from the bridge on N's and N+1's.
    await signedBy(publisher, number < BRIDGE ? both.slice(0, 1) : both, folder);
    const unseen = !plan.unseen && write.includes(' .tufa/');
    yield { ...whole, present, name: `${name}, ${number + 1}: ${short(write)}`, folder, unseen };
  }
}

/** Fewer targets to be downloaded: every how many-th. */
function sample(state: RepositoryState, every = 1): RepositoryState {
  const present = Object.entries(state.present).filter((_, number) => number % every === 0);
  return { ...state, present: Object.fromEntries(present) };
}

/** Writes before the swap that is the bridge: its number, the snapshot, the record of the timestamp before. */
const BRIDGE = 3;

/** Of timestamp and snapshot in a root. */
function keyOf(version: number): string {
  return version === 1 ? 'online' : `online-${version}`;
}

async function signedBy(publisher: Publisher, names: readonly string[], folder?: string): Promise<void> {
  const found = await publisher.signers(folder);
  if (found.join() !== names.join()) throw new Error(`timestamp.json is signed by ${found}, not by ${names}`);
}

/** What is to be in the index, by the test's own book. */
class Index {
  private readonly publisher: Publisher;
  private readonly files = new Map<string, string>();
  private readonly removed = new Set<string>();
  private changes = 0;

  constructor(publisher: Publisher) {
    this.publisher = publisher;
  }

  async add(files: readonly string[], ...flags: string[]): Promise<void> {
    await this.publisher.run('target', 'add', ...flags, ...files);
    for (const file of files) this.files.set(pathOf(file), sha256Hex(await readFile(file)));
  }

  /** Another content under the same name. */
  async change(file: string): Promise<void> {
    const folder = join(this.publisher.dir, 'changed');
    await mkdir(folder, { recursive: true });
    const changed = join(folder, basename(file));
    this.changes += 1;
    await writeFile(changed, Buffer.concat([await readFile(file), Buffer.from(`change ${this.changes}`)]));
    await this.add([changed], '--replace');
  }

  async remove(file: string): Promise<void> {
    await this.publisher.run('target', 'remove', pathOf(file));
    this.files.delete(pathOf(file));
    this.removed.add(pathOf(file));
  }

  /** Live, with what must be there and what must not; the pages as the publisher lists them. */
  async state(name: string): Promise<RepositoryState> {
    const present = await this.publisher.listed();
    const files = Object.entries(present).filter(([path]) => path.startsWith('packages/'));
    const [listed, expected] = [files, [...this.files]].map((rows) => rows.sort().join('\n'));
    if (listed !== expected) throw new Error(`${name}: listed\n${listed}\nexpected\n${expected}`);
    return this.publisher.state(name, { present, absent: [...this.removed, 'packages/nobody/nobody-1.0.tar.gz'] });
  }
}

function pathOf(file: string): string {
  return packagePath(normalize(parseDistributionName(basename(file)).project), basename(file));
}

/** Without digests. */
function short(write: string): string {
  return write.replace(/-[0-9a-f]{64}/, '');
}
