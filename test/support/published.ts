import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { fingerprint } from '../faults/support/fingerprint.ts';
import { type Run, tufa } from './run.ts';
import { KEPT_WHEELS } from './wheels.ts';

/** Name of the repositories that are made here: what `--confirm` takes. */
export const NAME = 'corp';
export const HOLDERS = ['alice', 'bob', 'spare'] as const;

export interface WorkspaceKind {
  readonly profile: 'hobby' | 'company';
  readonly type: 'ed25519' | 'p-256' | 'rsa-pss';
  /** Of bins and recent, where they differ from the profile's: company has 4 and 0. */
  readonly bits?: { readonly bins: number; readonly recent: number };
}

/**
 * How far a workspace has come, each stage some commands further than the one before:
 *
 *     keys       tufa init, tufa key generate: drafts with all keys, nothing signed
 *     signed     tufa sign
 *     published  tufa target add of the six small wheels, tufa publish
 */
export type Stage = 'keys' | 'signed' | 'published';

const templates = new Map<string, Promise<string>>();
let base: Promise<string> | undefined;
let copies = 0;

after(async () => {
  if (base !== undefined) await rm(await base, { recursive: true, force: true });
});

/** A folder of its own, gone at the end. @param name of the folder, which becomes a repository's name */
export async function emptyFolder(name = NAME): Promise<string> {
  base ??= mkdtemp(join(tmpdir(), 'tufa-e2e-'));
  const dir = join(await base, `${++copies}`, name);
  await mkdir(dir, { recursive: true });
  return dir;
}

/** A copy of a workspace that `tufa` has brought to this stage, once for all tests, with plain key files. */
export async function workspaceAt(stage: Stage, kind: Partial<WorkspaceKind> = {}): Promise<string> {
  const dir = await emptyFolder();
  await cp(await template(stage, { profile: 'hobby', type: 'ed25519', ...kind }), dir, { recursive: true });
  return dir;
}

/** The store that is published, and the trusted state: what must be as it was where nothing is to be written. */
export function written(dir: string): Promise<string> {
  return fingerprint(join(dir, 'public'), join(dir, 'private', 'trusted'));
}

/** Ends with exit code 0, or throws with what the command said. */
export async function done(dir: string, args: readonly string[], env: Clocked = {}): Promise<Run> {
  const run = await tufa(args, { cwd: dir, env: environmentAt(env) });
  if (run.exitCode !== 0)
    throw new Error(`tufa ${args.join(' ')} ended with ${run.exitCode}:\n${run.stderr}${run.stdout}`);
  return run;
}

/** Runs `tufa`. */
export function attempt(dir: string, args: readonly string[], env: Clocked = {}): Promise<Run> {
  return tufa(args, { cwd: dir, env: environmentAt(env) });
}

export interface Clocked {
  /** Milliseconds that the command's clock is ahead of the machine's. */
  readonly ahead?: number;
  /** Breaks the program: see preload/mutate.mjs. */
  readonly mutant?: { readonly file: string; readonly from: string; readonly to: string };
  /** File that gets what the command has cost: see preload/measure.mjs. */
  readonly cost?: string;
}

function environmentAt({ ahead, mutant, cost }: Clocked): Record<string, string | undefined> {
  const preloads = [
    ...(ahead === undefined ? [] : ['clock']),
    ...(mutant === undefined ? [] : ['mutate']),
    ...(cost === undefined ? [] : ['measure']),
  ];
  return {
    TUFA_TEST_CLOCK: ahead === undefined ? undefined : String(ahead),
    TUFA_TEST_MUTANT: mutant === undefined ? undefined : JSON.stringify(mutant),
    TUFA_TEST_COST: cost,
    NODE_OPTIONS: preloads.map((name) => `--import ${preload(name)}`).join(' ') || undefined,
  };
}

function preload(name: string): string {
  return pathToFileURL(join(import.meta.dirname, 'preload', `${name}.mjs`)).href;
}

function template(stage: Stage, kind: WorkspaceKind): Promise<string> {
  const name = JSON.stringify([stage, kind]);
  const known = templates.get(name);
  if (known !== undefined) return known;
  const making = make(stage, kind);
  templates.set(name, making);
  return making;
}

const BEFORE = { signed: 'keys', published: 'signed' } as const;

async function make(stage: Stage, kind: WorkspaceKind): Promise<string> {
  const dir = await emptyFolder();
  if (stage !== 'keys') await cp(await template(BEFORE[stage], kind), dir, { recursive: true });
  await STEPS[stage](dir, kind);
  return dir;
}

const STEPS: Readonly<Record<Stage, (dir: string, kind: WorkspaceKind) => Promise<void>>> = {
  keys: async (dir, { profile, type, bits }) => {
    await done(dir, ['init', '--profile', profile, '--name', NAME]);
    if (bits !== undefined) await editBits(dir, bits);
    const holders = HOLDERS.flatMap((name) => ['--holder', name]);
    await done(dir, ['key', 'generate', ...holders, '--online', '--type', type, '--insecure-plain-key']);
  },
  signed: async (dir) => {
    await done(dir, ['sign', '--confirm', NAME]);
  },
  published: async (dir) => {
    await done(dir, ['target', 'add', KEPT_WHEELS]);
    await done(dir, ['publish']);
  },
};

/** As an operator does it: the number of leaves, and who signs for them. */
async function editBits(dir: string, { bins, recent }: { bins: number; recent: number }): Promise<void> {
  const role = `{ threshold: 2, holders: [${HOLDERS.join(', ')}] }`;
  const path = join(dir, 'tufa.yaml');
  const text = (await readFile(path, 'utf8'))
    .replace(/^bins: .*$/m, `bins: { bits: ${bins} }`)
    .replace(/^recent: .*$/m, `recent: { bits: ${recent} }`)
    .replace(/^ {2}bins: \{ threshold.*\n/m, '')
    .replace(
      /^ {2}claimed: \{.*\n/m,
      `$&${bins > 0 ? `  bins: ${role}\n` : ''}${recent > 0 ? `  recent: ${role}\n` : ''}`,
    );
  await writeFile(path, text);
}
