import { createHash, createPrivateKey, sign } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { canonicalize } from '@tufjs/canonical-json';

/**
 * Who has the online keys of a workspace and may write to its store. He writes metadata with another library than ours:
 * plain JSON, `@tufjs/canonical-json` for what is signed.
 */

/** Just below what fits into 31 bits. */
export const HUGE = 2 ** 31 - 20;

export const EVIL = {
  path: 'packages/six/six-99.0-py2.py3-none-any.whl',
  bytes: Buffer.from('not a wheel that anybody has made'),
} as const;

interface Part {
  _type: string;
  version: number;
  expires: string;
  [field: string]: unknown;
}

type Meta = { version: number; length?: number; hashes?: { sha256: string } };
type Rows = Record<string, { length: number; hashes: { sha256: string }; custom?: unknown }>;

/** The key that a role of the company profile signs with. */
const KEYS: Readonly<Record<string, string>> = { timestamp: 'online', snapshot: 'online', bins: 'bins' };

export interface Theft {
  /** Of everything that he signs. */
  readonly version?: number;
  /** Milliseconds that his `x-tufa-made` is ahead. */
  readonly ahead?: number;
}

/**
 * Publishes an evil wheel, another content under a path that is there, and takes a third path away.
 * @returns the paths that he has touched, by what he did
 */
export async function strike(dir: string, theft: Theft = {}): Promise<{ changed: string; removed: string }> {
  const { version = HUGE, ahead = 10 * 365 * 864e5 } = theft;
  const thief = await Thief.at(dir);
  const snapshot = await thief.load('snapshot', (thief.timestamp['meta'] as Record<string, Meta>)['snapshot.json']!);
  const meta = snapshot['meta'] as Record<string, Meta>;
  const leaves = new Map<string, Part>();
  for (const name of Object.keys(meta).filter((one) => /^bin\d/.test(one)))
    leaves.set(name, await thief.load(name.slice(0, -'.json'.length), meta[name]!));
  const listed = [...leaves.values()].flatMap((leaf) => Object.keys(leaf['targets'] as Rows));
  const [changed, removed] = listed.filter((path) => path.startsWith('packages/')).sort() as [string, string];
  await thief.putTarget(EVIL.path);
  await thief.putTarget(changed);
  const rows = (path: string): Rows => leaves.get(leafOf(path, [...leaves.keys()]))!['targets'] as Rows;
  for (const path of [EVIL.path, changed])
    rows(path)[path] = { length: EVIL.bytes.length, hashes: { sha256: sha256(EVIL.bytes) } };
  delete rows(removed)[removed];
  for (const path of [EVIL.path, changed, removed]) {
    const name = leafOf(path, [...leaves.keys()]);
    const file = await thief.write(name.slice(0, -'.json'.length), { ...leaves.get(name)!, version }, 'bins');
    meta[name] = { version, hashes: { sha256: sha256(file) } };
  }
  await thief.commit({ ...snapshot, version, meta }, version, ahead);
  return { changed, removed };
}

/** Takes names away that the next honest publisher would use: claims, metadata, an offline role. */
export async function squat(dir: string, from: number, offline: readonly string[]): Promise<void> {
  for (let n = from; n < from + 3; n++) {
    await put(join(dir, 'public', '.tufa', 'claims', String(n)), Buffer.from('mine'));
    await put(join(dir, 'public', 'metadata', `${n + 3}.snapshot.json`), Buffer.from('mine'));
  }
  for (const name of offline) await put(join(dir, 'public', 'metadata', name), Buffer.alloc(6_000_000, 'x'));
}

/**
 * A record of a version that was live, of his own making, rightly signed.
 * @param only `x-tufa-made`: it stays as it is but for its time; else it names his own snapshot
 */
export async function forgeRecord(dir: string, version: number, only?: 'x-tufa-made'): Promise<void> {
  const thief = await Thief.at(dir);
  const path = join(dir, 'public', 'metadata', `${version}.timestamp.json`);
  const old: Part =
    only === undefined ? { ...thief.timestamp, expires: year() } : JSON.parse(await readFile(path, 'utf8')).signed;
  const made = `${new Date(Date.now() + 10 * 365 * 864e5).toISOString().slice(0, 19)}Z`;
  await writeFile(path, await thief.signed({ ...old, version, 'x-tufa-made': made }, 'timestamp'));
}

class Thief {
  readonly dir: string;
  readonly timestamp: Part;

  constructor(dir: string, timestamp: Part) {
    this.dir = dir;
    this.timestamp = timestamp;
  }

  static async at(dir: string): Promise<Thief> {
    const bytes = await readFile(join(dir, 'public', 'metadata', 'timestamp.json'), 'utf8');
    return new Thief(dir, JSON.parse(bytes).signed);
  }

  async load(role: string, { version }: Meta): Promise<Part> {
    const bytes = await readFile(join(this.dir, 'public', 'metadata', `${version}.${role}.json`), 'utf8');
    return JSON.parse(bytes).signed;
  }

  async write(role: string, part: Part, key: string): Promise<Buffer> {
    const bytes = await this.signed({ ...part, expires: year() }, key);
    await put(join(this.dir, 'public', 'metadata', `${part.version}.${role}.json`), bytes);
    return bytes;
  }

  async commit(snapshot: Part, version: number, ahead: number): Promise<void> {
    const file = await this.write('snapshot', snapshot, 'snapshot');
    const meta = { 'snapshot.json': { version, length: file.length, hashes: { sha256: sha256(file) } } };
    const made = `${new Date(Date.now() + ahead).toISOString().slice(0, 19)}Z`;
    const part = { ...this.timestamp, version, meta, expires: year(), 'x-tufa-made': made };
    await put(join(this.dir, 'public', 'metadata', 'timestamp.json'), await this.signed(part, 'timestamp'));
  }

  async putTarget(path: string): Promise<void> {
    const at = join(dirname(path), `${sha256(EVIL.bytes)}.${path.slice(path.lastIndexOf('/') + 1)}`);
    await put(join(this.dir, 'public', 'targets', at), EVIL.bytes);
  }

  async signed(part: Part, role: string): Promise<Buffer> {
    const name = KEYS[role]!;
    const key = createPrivateKey(await readFile(join(this.dir, 'private', `${name}.pem`)));
    const { keyid } = JSON.parse(await readFile(join(this.dir, 'holders', `${name}.json`), 'utf8'));
    const sig = sign(null, Buffer.from(canonicalize(part)), key).toString('hex');
    return Buffer.from(JSON.stringify({ signatures: [{ keyid, sig }], signed: part }));
  }
}

/** The leaf of a path, among `bin4-0.json` ... `bin4-f.json`. */
function leafOf(path: string, names: readonly string[]): string {
  const bits = Number(/^bin(\d+)-/.exec(names[0]!)![1]);
  const index = createHash('sha256').update(path).digest().readUInt32BE() >>> (32 - bits);
  return [...names].sort()[index]!;
}

async function put(path: string, bytes: Uint8Array): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, bytes);
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function year(): string {
  return `${new Date(Date.now() + 365 * 864e5).toISOString().slice(0, 19)}Z`;
}
