import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Recovery } from '../../src/jobs/recover/report.ts';
import { attempt, done, NAME, workspaceAt } from '../support/published.ts';

/** What a test of a compromise starts from and types. */

const ROLES = ['timestamp', 'snapshot', 'bins'] as const;

export const RECOVER: readonly string[] = [
  ...['recover', 'compromise', '--good', '1', '--confirm', NAME],
  ...ROLES.flatMap((role) => ['--role', role]),
];

/** A published index with a key of its own for the bins; version 1 is good. */
export function stolen(): Promise<string> {
  return workspaceAt('published', { profile: 'company' });
}

/** New keys, and the first run: its drafts wait for signatures. */
export async function replaceAndOpen(dir: string, ...more: readonly string[]): Promise<Recovery> {
  await done(dir, ['key', 'replace', ...ROLES, '--insecure-plain-key']);
  const run = await attempt(dir, [...RECOVER, ...more, '--json']);
  expect(run.exitCode, run.stderr + run.stdout).to.equal(12);
  return run.json<Recovery>();
}

export async function recover(dir: string, ...more: readonly string[]): Promise<Recovery> {
  return (await done(dir, [...RECOVER, ...more, '--json'])).json<Recovery>();
}

/** sha256 of a published metadata file. */
export async function digestOf(dir: string, name: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(join(dir, 'public', 'metadata', name)))
    .digest('hex');
}

/** A published metadata file. */
export async function published(dir: string, name: string) {
  return JSON.parse(await readFile(join(dir, 'public', 'metadata', name), 'utf8'));
}

/** Of the error that a command has printed with `--json`. */
export function code(run: { readonly stdout: string }): unknown {
  return JSON.parse(run.stdout).error?.code;
}
