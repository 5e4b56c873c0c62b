import type { Store } from '../stores/port.ts';
import { TrustedState } from '../trusted/state.ts';
import { sha256Hex } from '../tuf/digest.ts';
import { canonical } from '../tuf/encode.ts';
import { map, text } from '../tuf/fields.ts';
import { parseJson } from '../tuf/json.ts';
import type { Root, Targets, Verified } from '../tuf/model.ts';
import { readMetadata } from '../tuf/read.ts';
import type { Part } from './diff.ts';
import type { Draft } from './drafts.ts';
import type { Ground } from './ground.ts';

/**
 * What a signer has seen with its own eyes: a trusted state (the newest root), the last version of each offline role, the
 * drafts that it signed, and whose key each keyid was. A draft is compared with this, never with what comes along with it.
 */

const SIGNED = /^signed\/([a-z][a-z0-9._-]*)-([1-9]\d*)-([0-9a-f]{64})\.json$/;
const NAMES = 'names.json';
const MAX_LENGTH = 8 * 1024 * 1024;

export class SignerMemory {
  readonly trusted: TrustedState;
  private readonly store: Store;

  constructor(store: Store) {
    this.store = store;
    this.trusted = new TrustedState(store);
  }

  /** The root that this signer trusts; undefined: it has seen none that is complete. */
  async root(): Promise<Verified<Root> | undefined> {
    return (await this.trusted.load())?.root;
  }

  /** sha256 of every draft that was signed here. */
  async signedDigests(): Promise<ReadonlySet<string>> {
    const digests = new Set<string>();
    for await (const { key } of this.store.list('signed/')) {
      const digest = SIGNED.exec(key)?.[3];
      if (digest !== undefined) digests.add(digest);
    }
    return digests;
  }

  /** The last version of an offline role that this signer looked at; undefined: none. */
  async seen(role: string): Promise<Part | undefined> {
    const object = await this.store.get(seenKey(role), { maxLength: MAX_LENGTH });
    return object && readMetadata(object.bytes, 'targets', `the last ${role} that was seen`);
  }

  /** Holders by keyid, as they were called when this signer signed last. */
  async names(): Promise<ReadonlyMap<string, string>> {
    const object = await this.store.get(NAMES, { maxLength: MAX_LENGTH });
    return object === undefined ? new Map() : decodeNames(object.bytes, NAMES);
  }

  /** A draft is remembered before it is signed: a signature that leaves this machine is one that it knows of. */
  async rememberDraft({ role, version, bytes }: Draft): Promise<void> {
    await this.store.create(`signed/${role}-${version}-${sha256Hex(bytes)}.json`, bytes);
  }

  /** After a sitting: what its drafts stand on was seen, with these names. Never goes back. */
  async rememberGround({ chain, roles }: Ground, names: ReadonlyMap<string, string>): Promise<void> {
    const root = chain.at(-1);
    if (root !== undefined) await this.advanceRoot(root);
    for (const [role, file] of roles) await this.advanceRole(role, file);
    const known = await this.names();
    await this.put(NAMES, encodeNames(new Map([...known, ...names])));
  }

  private async advanceRoot(root: Verified<Root>): Promise<void> {
    const kept = await this.trusted.load();
    if (kept === undefined) await this.trusted.begin(root);
    else await this.trusted.advance(kept, { root, timestamp: undefined, snapshot: undefined });
  }

  private async advanceRole(role: string, file: Verified<Targets>): Promise<void> {
    const seen = await this.seen(role);
    if (seen === undefined || seen.signed.version < file.signed.version) await this.put(seenKey(role), file.bytes);
  }

  private async put(key: string, bytes: Uint8Array): Promise<void> {
    const old = await this.store.get(key, { maxLength: MAX_LENGTH });
    if (old !== undefined && Buffer.compare(old.bytes, bytes) === 0) return;
    await this.store.swap(key, bytes, old?.etag);
  }
}

/** Keyids and the names of their holders. @throws InputError */
export function decodeNames(bytes: Uint8Array, what: string): Map<string, string> {
  const names = map(parseJson(bytes, { what, maxLength: MAX_LENGTH }), what);
  return new Map([...names].map(([keyid, name]) => [keyid, text(name, `${what}: ${keyid}`)]));
}

export function encodeNames(names: ReadonlyMap<string, string>): Buffer {
  return canonical(names);
}

function seenKey(role: string): string {
  return `seen/${role}.json`;
}
