import pLimit from 'p-limit';
import { TrustError } from '../errors.ts';
import type { Store } from '../stores/port.ts';
import { binNames } from '../tuf/bins.ts';
import type { Delegator } from '../tuf/checks.ts';
import { newTargets, roleMeta } from '../tuf/checks.ts';
import { targetEntry } from '../tuf/decode.ts';
import { Evidence } from '../tuf/evidence.ts';
import { METADATA_PREFIX, metadataKey, metadataName } from '../tuf/layout.ts';
import type { Root, Snapshot, TargetFile, Targets, Verified } from '../tuf/model.ts';
import { lookup } from '../tuf/run.ts';
import { isOnline, leadsOnline } from '../tuf/tree.ts';
import { delegationsFor, MAX_LENGTH } from '../tuf/walk.ts';

/**
 * The roles that a transaction changes, and their delegators: nothing else is read, so the cost of a publish follows what
 * changed and not what exists.
 */

/** An online role: what it is now (undefined: it is delegated and does not exist yet) and who delegates to it. */
export interface Leaf {
  readonly name: string;
  readonly delegator: Delegator;
  readonly file: Verified<Targets> | undefined;
}

/** Reads at once. */
const CONCURRENCY = 16;

export class Roles {
  private readonly loaded = new Map<string, Promise<Verified<Targets> | undefined>>();
  /** By the name below `metadata/`: what was read already, for the rehearsal. */
  private readonly files = new Map<string, Uint8Array>();
  private readonly limit = pLimit(CONCURRENCY);
  private readonly evidence: Evidence;
  private readonly store: Store;
  private readonly root: Verified<Root>;
  private readonly snapshot: Verified<Snapshot> | undefined;

  /** @param offline roles of a first publication, which no snapshot lists yet */
  constructor(
    store: Store,
    root: Verified<Root>,
    snapshot: Verified<Snapshot> | undefined,
    offline: ReadonlyMap<string, Verified<Targets>> = new Map(),
    evidence = new Evidence(),
  ) {
    this.evidence = evidence;
    this.store = store;
    this.root = root;
    this.snapshot = snapshot;
    for (const [name, file] of offline) this.loaded.set(name, Promise.resolve(file));
  }

  /** The role's verified file; undefined when the snapshot does not list it. */
  load(name: string, delegator: Delegator): Promise<Verified<Targets> | undefined> {
    const known = this.loaded.get(name);
    if (known !== undefined) return known;
    const loading = this.limit(() => this.fetch(name, delegator));
    this.loaded.set(name, loading);
    return loading;
  }

  /** A role that a ceremony has replaced: from now on its delegations count. */
  replace(name: string, file: Verified<Targets>): void {
    this.loaded.set(name, Promise.resolve(file));
  }

  async targets(): Promise<Verified<Targets>> {
    const { keys, roles } = this.root.signed;
    const targets = await this.load('targets', { name: 'root', keys, role: roles.targets, online: false });
    if (targets === undefined)
      throw new TrustError('not in the snapshot', {
        object: 'targets.json',
        expected: 'an entry',
        found: 'none',
        check: '5.6.1',
      });
    return targets;
  }

  /** The online role that a path belongs to: the first on its way through the delegations. */
  async leafOf(path: string): Promise<Leaf | undefined> {
    let names: { name: string; delegator: Delegator }[] = delegationsFor(
      (await this.targets()).signed,
      'targets',
      path,
    ).roles;
    for (let depth = 0; depth < 4; depth++) {
      const leaf = names.find(({ name }) => isOnline(name));
      if (leaf !== undefined) return { ...leaf, file: await this.load(leaf.name, leaf.delegator) };
      const next = names.find(({ name }) => leadsOnline(name));
      const role = next && (await this.load(next.name, next.delegator));
      if (role === undefined) return undefined;
      names = delegationsFor(role.signed, next!.name, path).roles;
    }
    return undefined;
  }

  /** The offline roles that a client asks for a path before any online one, and whether they list it. */
  async askedBefore(path: string): Promise<{ readonly name: string; readonly lists: boolean }[]> {
    const asked: { name: string; lists: boolean }[] = [];
    for (const { name, delegator } of delegationsFor((await this.targets()).signed, 'targets', path).roles) {
      if (isOnline(name) || leadsOnline(name)) break;
      const role = await this.load(name, delegator);
      asked.push({ name, lists: role !== undefined && lookup(role.signed.targets, path) !== undefined });
    }
    return asked;
  }

  /** Every online role that is delegated, in the order of the delegations; opens no leaf. */
  async *delegatedLeaves(): AsyncGenerator<Omit<Leaf, 'file'>> {
    for await (const role of this.delegatedRoles()) if (isOnline(role.name)) yield role;
  }

  /** Every role below `targets`, offline and online, in the order of the delegations; opens no leaf. */
  async *delegatedRoles(): AsyncGenerator<Omit<Leaf, 'file'>> {
    const { delegations } = (await this.targets()).signed;
    for (const role of delegations?.roles ?? []) {
      const delegator = { name: 'targets', keys: delegations!.keys, role, online: isOnline(role.name) };
      yield { name: role.name, delegator };
      const below = leadsOnline(role.name) ? (await this.load(role.name, delegator))?.signed.delegations : undefined;
      if (below?.succinct === undefined) continue;
      const online = { name: role.name, keys: below.keys, role: below.succinct, online: true };
      for (const name of binNames(below.succinct.namePrefix, below.succinct.bitLength))
        yield { name, delegator: online };
    }
  }

  /** The root and the offline roles as files, each with its delegator's: for a second implementation to verify. */
  async offlineFiles(): Promise<{ name: string; bytes: Uint8Array; delegator: string | undefined }[]> {
    const files: { name: string; bytes: Uint8Array; delegator: string | undefined }[] = [
      { name: 'root', bytes: this.root.bytes, delegator: undefined },
      { name: 'targets', bytes: (await this.targets()).bytes, delegator: 'root' },
    ];
    for await (const { name, delegator } of this.delegatedRoles()) {
      const file = isOnline(name) ? undefined : await this.load(name, delegator);
      if (file !== undefined) files.push({ name, bytes: file.bytes, delegator: delegator.name });
    }
    return files;
  }

  /** Delegated roles without an entry in the snapshot: they are signed empty by the next transaction. */
  async missing(): Promise<Leaf[]> {
    const missing: Leaf[] = [];
    for await (const leaf of this.delegatedLeaves()) {
      if (this.snapshot === undefined || roleMeta(this.snapshot, leaf.name) === undefined)
        missing.push({ ...leaf, file: undefined });
    }
    return missing;
  }

  /** A file of the live state by its name below `metadata/`; undefined: there is none. */
  async read(fileName: string): Promise<Uint8Array | undefined> {
    const known = this.files.get(fileName);
    if (known !== undefined) return known;
    const object = await this.store.get(`${METADATA_PREFIX}${fileName}`, { maxLength: MAX_LENGTH.targets });
    return object?.bytes;
  }

  private async fetch(name: string, delegator: Delegator): Promise<Verified<Targets> | undefined> {
    const meta = this.snapshot && roleMeta(this.snapshot, name);
    if (meta === undefined || this.snapshot === undefined) return undefined;
    const key = metadataKey(name, meta.version);
    const object = await this.store.get(key, { maxLength: meta.length ?? MAX_LENGTH.targets });
    if (object === undefined)
      throw new TrustError('not there', {
        object: key,
        expected: `the ${name} that the snapshot lists`,
        found: 'nothing',
        check: '5.6.1',
      });
    this.files.set(metadataName(name, meta.version), object.bytes);
    return newTargets(this.root, this.snapshot, delegator, name, object.bytes, undefined, this.evidence);
  }
}

/** What a role lists at a path; undefined: nothing. */
export function listed(file: Verified<Targets> | undefined, path: string): TargetFile | undefined {
  const value = file && lookup(file.signed.targets, path);
  return value === undefined ? undefined : targetEntry(value, path);
}
