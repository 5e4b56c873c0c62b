import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { assertTarget, newSnapshot, newTimestamp, type Trusted, trustRoot } from '../../../src/tuf/checks.ts';
import { sha256Hex, sha512Hex } from '../../../src/tuf/digest.ts';
import type { TargetFile } from '../../../src/tuf/model.ts';
import { Client, type Steps } from '../../../src/tuf/walk.ts';

/**
 *     tufa-client --metadata-dir D init ROOT
 *     tufa-client --metadata-url U --metadata-dir D refresh
 *     tufa-client --metadata-url U --metadata-dir D --target-name P .. --target-dir T --target-base-url B download
 */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    'metadata-url': { type: 'string' },
    'metadata-dir': { type: 'string' },
    'target-name': { type: 'string', multiple: true },
    'target-dir': { type: 'string' },
    'target-base-url': { type: 'string' },
  },
});

/** The folder of kept metadata: `ROLE.json`, without a version, as it was fetched. */
class Kept {
  private readonly dir: string;

  constructor(dir: string) {
    this.dir = dir;
  }

  async read(role: string): Promise<Uint8Array | undefined> {
    return readFile(this.path(role)).catch(() => undefined);
  }

  async write(role: string, bytes: Uint8Array): Promise<void> {
    await mkdir(this.dir, { recursive: true });
    await writeFile(this.path(role), bytes);
  }

  private path(role: string): string {
    return join(this.dir, `${encodeURIComponent(role)}.json`);
  }
}

/** What was kept and still verifies; the rest is fetched again. */
async function load(kept: Kept): Promise<Trusted> {
  const root = trustRoot((await kept.read('root')) ?? Buffer.alloc(0));
  const [timestampBytes, snapshotBytes] = [await kept.read('timestamp'), await kept.read('snapshot')];
  const timestamp =
    timestampBytes &&
    attempt(() => newTimestamp({ root, timestamp: undefined, snapshot: undefined }, timestampBytes, undefined));
  const snapshot =
    timestamp && snapshotBytes && attempt(() => newSnapshot(root, timestamp, undefined, snapshotBytes, undefined));
  return { root, timestamp, snapshot };
}

function attempt<T>(verify: () => T): T | undefined {
  try {
    return verify();
  } catch {
    return undefined;
  }
}

async function drive<T>(steps: Steps<T>, kept: Kept, url: string): Promise<T> {
  let step = steps.next();
  while (!step.done) {
    const { name, role, maxLength, from } = step.value;
    step = steps.next(from === 'kept' ? await kept.read(role) : await download(`${url}${name}`, maxLength));
  }
  return step.value;
}

/** undefined: 403 or 404. */
async function download(url: string, maxLength: number): Promise<Uint8Array | undefined> {
  const response = await fetch(url, { redirect: 'error', signal: AbortSignal.timeout(30_000) });
  if (response.status === 403 || response.status === 404) return undefined;
  if (!response.ok || response.body === null) throw new Error(`${url}: status ${response.status}`);
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body) {
    length += chunk.length;
    if (length > maxLength) throw new Error(`${url}: more than ${maxLength} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

async function run(command: string | undefined, argument: string | undefined): Promise<void> {
  const kept = new Kept(need('metadata-dir'));
  if (command === 'init') return kept.write('root', await readFile(argument ?? ''));
  if (command !== 'refresh' && command !== 'download') throw new Error(`unknown command ${command}`);
  const url = need('metadata-url');
  const now = new Date();
  const client = new Client(await load(kept));
  try {
    await drive(client.refresh(now), kept, url);
    await drive(client.loadRole('targets', client.topDelegator(), now), kept, url);
    if (command === 'download')
      for (const path of values['target-name'] ?? []) await fetchTarget(client, path, kept, url, now);
  } finally {
    for (const [role, bytes] of client.verifiedFiles()) await kept.write(role, bytes);
  }
}

async function fetchTarget(client: Client, path: string, kept: Kept, url: string, now: Date): Promise<void> {
  const target = await drive(client.findTarget(path, now), kept, url);
  if (target === undefined) throw new Error(`${path}: no such target`);
  const file = join(need('target-dir'), encodeURIComponent(path));
  const there = await readFile(file).catch(() => undefined);
  if (there !== undefined && attempt(() => check(path, there, target)) === true) return;
  const slash = path.lastIndexOf('/') + 1;
  const prefixed = `${path.slice(0, slash)}${target.sha256 ?? target.sha512}.${path.slice(slash)}`;
  const bytes = await download(`${need('target-base-url')}${prefixed}`, target.length);
  if (bytes === undefined) throw new Error(`${path}: not there`);
  check(path, bytes, target);
  await mkdir(need('target-dir'), { recursive: true });
  await writeFile(file, bytes);
}

function check(path: string, bytes: Uint8Array, target: TargetFile): true {
  assertTarget(path, { length: bytes.length, sha256: sha256Hex(bytes), sha512: sha512Hex(bytes) }, target);
  return true;
}

function need(name: 'metadata-url' | 'metadata-dir' | 'target-dir' | 'target-base-url'): string {
  const value = values[name];
  if (value === undefined) throw new Error(`--${name} is missing`);
  return value;
}

run(positionals[0], positionals[1]).catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
