/**
 * A repository of the specification alone that goes through versions: the conformance tests change its parts as plain
 * objects and publish them. Its files have line breaks that no canonical form has, so that bytes can be compared.
 */
import { sha256Hex } from '../../../src/tuf/digest.ts';
import { canonical, type Encodable } from '../../../src/tuf/encode.ts';
import { metadataKey, TIMESTAMP_KEY, targetKey } from '../../../src/tuf/layout.ts';
import type { Key } from '../../../src/tuf/model.ts';
import { type TestKey, testKey } from '../../support/repository.ts';

const DAY = 864e5;
const TOP = ['root', 'timestamp', 'snapshot', 'targets'] as const;
type Top = (typeof TOP)[number];

interface Common {
  spec_version: string;
  version: number;
  expires: string;
}

interface RoleKeys {
  keyids: string[];
  threshold: number;
}

interface Listed {
  version: number;
  length?: number;
  hashes?: Record<string, string>;
}

interface Delegation extends RoleKeys {
  name: string;
  terminating: boolean;
  paths: string[];
}

interface RootPart extends Common {
  _type: 'root';
  consistent_snapshot: true;
  keys: Record<string, Key>;
  roles: Record<Top, RoleKeys>;
}

interface MetaPart extends Common {
  _type: 'snapshot' | 'timestamp';
  meta: Record<string, Listed>;
}

interface TargetsPart extends Common {
  _type: 'targets';
  targets: Record<string, { length: number; hashes: Record<string, string> }>;
  delegations?: { keys: Record<string, Key>; roles: Delegation[] };
}

export class Simulator {
  /** What is served. */
  readonly files = new Map<string, Uint8Array>();
  readonly signers = new Map<string, TestKey[]>();
  readonly root: RootPart;
  readonly timestamp: MetaPart;
  readonly snapshot: MetaPart;
  /** `targets` and the roles below it, by name. */
  readonly targets: Record<string, TargetsPart>;
  /** Whether snapshot and timestamp list length and hashes. */
  hashes: boolean;
  private readonly published = new Map<string, Uint8Array>();

  constructor({ hashes = false }: { hashes?: boolean } = {}) {
    this.hashes = hashes;
    const base = { spec_version: '1.0.31', version: 1, expires: inDays(30) };
    const role = () => ({ keyids: [], threshold: 1 });
    const roles = { root: role(), timestamp: role(), snapshot: role(), targets: role() };
    this.root = { ...base, _type: 'root', consistent_snapshot: true, keys: {}, roles };
    this.timestamp = { ...base, _type: 'timestamp', meta: {} };
    this.snapshot = { ...base, _type: 'snapshot', meta: {} };
    this.targets = { targets: { ...base, _type: 'targets', targets: {} } };
    for (const name of TOP) this.addKey(name);
    this.publish('targets', 'snapshot', 'timestamp', 'root');
  }

  /** Signs these roles in this order, each in its next version, and lists them where they belong. */
  publish(...names: string[]): void {
    for (const name of names) {
      if (this.published.has(name)) this.part(name).version += 1;
      this.put(name);
    }
  }

  /** The same in the version that the role has already. */
  put(name: string): void {
    const signed = this.part(name);
    const payload = canonical(signed as unknown as Encodable);
    const signatures = (this.signers.get(name) ?? []).map((key) => key.sign(payload));
    const file = Buffer.from(JSON.stringify({ signed, signatures }, null, 1));
    this.published.set(name, file);
    this.files.set(name === 'timestamp' ? TIMESTAMP_KEY : metadataKey(name, signed.version), file);
    const content = this.hashes ? { length: file.length, hashes: { sha256: sha256Hex(file) } } : {};
    const listed = { version: signed.version, ...content };
    if (name === 'snapshot') this.timestamp.meta['snapshot.json'] = listed;
    else if (name in this.targets) this.snapshot.meta[`${name}.json`] = listed;
  }

  /** One more key for a top-level role. */
  addKey(role: Top, key = testKey()): void {
    this.root.keys[key.keyid] = key.key;
    this.root.roles[role].keyids.push(key.keyid);
    this.signers.set(role, [...(this.signers.get(role) ?? []), key]);
  }

  /** Other keys, as many as there were. */
  rotate(role: Top): void {
    const { length } = this.root.roles[role].keyids.splice(0);
    this.signers.delete(role);
    for (let i = 0; i < length; i++) this.addKey(role);
  }

  /** `delegator` delegates to `name` as its last; the role is there afterwards. */
  delegate(
    delegator: string,
    name: string,
    { paths = ['*'], terminating = false, key = testKey('p-256') }: Partial<Delegation> & { key?: TestKey } = {},
  ): void {
    const [signer = key] = this.signers.get(name) ?? [];
    this.signers.set(name, [signer]);
    const { spec_version, expires } = this.root;
    this.targets[name] ??= { _type: 'targets', spec_version, version: 1, expires, targets: {} };
    const part = this.targets[delegator]!;
    part.delegations ??= { keys: {}, roles: [] };
    part.delegations.keys[signer.keyid] = signer.key;
    part.delegations.roles.push({ name, keyids: [signer.keyid], threshold: 1, terminating, paths });
  }

  /** Lists a target and stores its bytes. */
  add(role: string, path: string, text: string): void {
    this.targets[role]!.targets[path] = { length: text.length, hashes: { sha256: sha256Hex(text) } };
    this.files.set(targetKey(path, sha256Hex(text)), Buffer.from(text));
  }

  private part(name: string): RootPart | MetaPart | TargetsPart {
    if (name === 'root') return this.root;
    if (name === 'timestamp') return this.timestamp;
    return name === 'snapshot' ? this.snapshot : this.targets[name]!;
  }
}

export function inDays(days: number): string {
  return `${new Date(Date.now() + days * DAY).toISOString().slice(0, 19)}Z`;
}
