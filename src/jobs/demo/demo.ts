import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Workspace } from '../../config/workspace.ts';
import { TrustError, UsageError } from '../../errors.ts';
import { buildWheel } from '../../packaging/wheel.ts';
import { SILENT } from '../context.ts';
import { get } from '../get.ts';
import { init } from '../init.ts';
import { openInstaller } from '../installer.ts';
import { generateKeys } from '../keys.ts';
import { publish } from '../publish.ts';
import { prepareSitting, sign } from '../sign.ts';
import type { Status } from '../status.ts';
import { status } from '../status.ts';
import { addTargets } from '../targets.ts';
import { attacks } from './attacks.ts';

export interface AttackResult {
  readonly name: string;
  /** What the attacker did. */
  readonly story: string;
  readonly verdict: 'refused';
  /** Section of the TUF specification whose check refused. */
  readonly check: string;
  readonly message: string;
  readonly folder: string;
}

export interface Demo {
  readonly folder: string;
  readonly kept: boolean;
  readonly files: readonly string[];
  readonly status: Status;
  readonly attacks: readonly AttackResult[];
}

const DAY = 24 * 60 * 60 * 1000;
const UUID = 'de300000-0000-4000-8000-000000000001';
const WHEELS = [
  { name: 'aardvark', version: '1.0', summary: 'digs for ants' },
  { name: 'badger', version: '2.1', summary: 'digs for worms' },
  { name: 'cormorant', version: '0.3', summary: 'dives for fish' },
];

/**
 * demo: a signed index of a few small wheels that it builds itself, then attacks on it. Each is a repository on disk, and
 * the ordinary `get` reads it with the state of a client that was here before.
 *
 * @param keep folder that is made and left behind; undefined: a temporary one
 */
export async function demo(keep: string | undefined, now: Date): Promise<Demo> {
  if (keep !== undefined && (await readdir(keep).catch(() => [])).length > 0) {
    throw new UsageError('this folder is not empty', {
      object: keep,
      expected: 'a new folder',
      found: 'files',
      hint: 'name another one with --keep',
    });
  }
  const folder = keep ?? (await mkdtemp(join(tmpdir(), 'tufa-demo-')));
  await mkdir(folder, { recursive: true });
  try {
    const { workspace, shown } = await makeIndex(folder, now);
    const results: AttackResult[] = [];
    for (const attack of attacks) results.push(await play(attack, { folder, workspace, now }));
    await workspace.close();
    const files = WHEELS.map(({ name, version }) => `${name} ${version}`);
    return { folder, kept: keep !== undefined, files: [...files, 'aardvark 1.1'], status: shown, attacks: results };
  } finally {
    if (keep === undefined) await rm(folder, { recursive: true, force: true });
  }
}

/** The index as an operator makes it: three days ago the first snapshot, today a second one. */
async function makeIndex(folder: string, now: Date): Promise<{ workspace: Workspace; shown: Status }> {
  const dir = join(folder, 'workspace');
  const clock = { now: new Date(now.getTime() - 3 * DAY) };
  await mkdir(dir);
  await init(dir, { name: 'demo', profile: 'company', uuid: UUID, clock: () => clock.now });
  const workspace = await Workspace.open(dir, { clock: () => clock.now });
  await generateKeys(workspace, { holders: ['alice', 'bob', 'spare'], online: true, scheme: 'ed25519', plain: true });
  await sign(workspace, await prepareSitting(workspace, undefined));
  await addTargets(workspace, await writeWheels(join(folder, 'wheels'), WHEELS), { replace: false });
  await publish(workspace);
  clock.now = now;
  await addTargets(
    workspace,
    await writeWheels(join(folder, 'wheels'), [{ name: 'aardvark', version: '1.1', summary: 'digs deeper' }]),
    { replace: false },
  );
  await publish(workspace);
  await layOut(join(dir, 'public'), join(folder, 'good'));
  return { workspace, shown: await status(workspace, {}) };
}

async function writeWheels(folder: string, wheels: typeof WHEELS): Promise<string[]> {
  await mkdir(folder, { recursive: true });
  const files: string[] = [];
  for (const wheel of wheels) {
    const { filename, bytes } = buildWheel(wheel);
    await writeFile(join(folder, filename), bytes);
    files.push(join(folder, filename));
  }
  return files;
}

/** A repository as a client sees it, with the root that it starts from. */
async function layOut(store: string, folder: string): Promise<void> {
  for (const part of ['metadata', 'targets']) await cp(join(store, part), join(folder, part), { recursive: true });
  await writeFile(join(folder, 'root.json'), await readFile(join(folder, 'metadata', '1.root.json')));
}

async function play(
  attack: (typeof attacks)[number],
  { folder, workspace, now }: { folder: string; workspace: Workspace; now: Date },
): Promise<AttackResult> {
  const target = join(folder, attack.name);
  await cp(join(folder, 'good'), target, { recursive: true });
  const client = async (repository: string) => {
    const installer = { directory: target, repository, root: 'root.json', trusted: 'client', env: {}, now };
    return get(await openInstaller(installer), ['aardvark==1.1'], { out: join(target, 'downloads') }, SILENT);
  };
  // A client that was here before: what it has kept is what a replay is compared with.
  await client(join(folder, 'good'));
  await rm(join(target, 'downloads'), { recursive: true });
  await attack.carryOut({ metadata: join(target, 'metadata'), targets: join(target, 'targets'), workspace });
  try {
    await client(target);
  } catch (error) {
    if (!(error instanceof TrustError) || error.details.check === undefined) throw error;
    return {
      name: attack.name,
      story: attack.story,
      verdict: 'refused',
      check: error.details.check,
      message: error.message,
      folder: target,
    };
  }
  throw new Error(`the attack "${attack.name}" was not refused`);
}
