import { createPrivateKey, sign } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { canonicalize } from '@tufjs/canonical-json';
import { expect } from 'chai';
import { askTufJs } from '../../src/transaction/second-opinion.ts';
import { trustRoot } from '../../src/tuf/checks.ts';
import { fingerprint } from '../faults/support/fingerprint.ts';
import type { Loose } from '../support/planted.ts';
import { attempt, done, NAME, workspaceAt } from '../support/published.ts';
import type { Run } from '../support/run.ts';
import { askPython } from './python.ts';

/** What ceremonies are made of, as files that a test reads and changes. */

/** Milliseconds. The template's 15 minutes would let every second root wait. */
export async function shortenGrace(dir: string): Promise<void> {
  await rewrite(join(dir, 'tufa.yaml'), (text) => text.replace(/^grace: \S+/m, 'grace: 1s'));
}

/** tufa.yaml as the operator edits it: these people hold the offline roles from now on. */
export async function setHolders(dir: string, ...holders: string[]): Promise<void> {
  await rewrite(join(dir, 'tufa.yaml'), (text) =>
    text.replace(/holders: \[[^\]]*\]/g, `holders: [${holders.join(', ')}]`),
  );
}

export async function rewrite(path: string, change: (text: string) => string): Promise<void> {
  const old = await readFile(path, 'utf8');
  const text = change(old);
  if (text === old) throw new Error(`${path}: nothing to change`);
  await writeFile(path, text);
}

export function draftPath(dir: string, draft: string): string {
  return join(dir, 'ceremony', draft, 'draft.json');
}

/** Changes a draft as somebody with an editor does: it stays in canonical form. */
export async function changeDraft(dir: string, draft: string, change: (signed: Loose) => void): Promise<Buffer> {
  const path = draftPath(dir, draft);
  const signed = await readDraftJson(path);
  change(signed);
  const bytes = Buffer.from(canonicalize(signed));
  await writeFile(path, bytes);
  return bytes;
}

/** A canonical form has PEM keys with raw newlines, which are no JSON. */
export async function readDraftJson(path: string): Promise<Loose> {
  return JSON.parse((await readFile(path, 'utf8')).replaceAll('\n', '\\n'));
}

/** Every private key goes away: whatever still works has touched none. */
export async function withoutKeys(dir: string): Promise<void> {
  for (const name of ['alice', 'bob', 'spare']) await rm(join(dir, 'private', `${name}.pem`));
}

export async function signedBy(dir: string, holder: string, payload: Buffer): Promise<{ keyid: string; sig: string }> {
  const { keyid } = JSON.parse(await readFile(join(dir, 'holders', `${holder}.json`), 'utf8'));
  const key = createPrivateKey(await readFile(join(dir, 'private', `${holder}.pem`)));
  return { keyid, sig: sign(null, payload, key).toString('hex') };
}

/** Signatures and complete files of a folder's ceremonies, and its store: what a refusal must leave as it was. */
export function everything(dir: string): Promise<string> {
  return fingerprint(join(dir, 'public'), join(dir, 'ceremony'), join(dir, 'private'));
}

/** Refused, and nothing was written anywhere. */
export async function refused(dir: string, args: readonly string[], exitCode: number): Promise<Run> {
  const before = await fingerprint(dir);
  const run = await attempt(dir, args);
  expect(run.exitCode, run.stderr + run.stdout).to.equal(exitCode);
  expect(await fingerprint(dir)).to.equal(before);
  return run;
}

export function signAs(dir: string, ...holders: string[]): Promise<Run> {
  return done(dir, ['sign', '--confirm', NAME, ...holders.flatMap((name) => ['--holder', name])]);
}

/** Every client follows from root 1 to what is live: our walk, tuf-js, and python-tuf's roots. */
export async function clientsFollow(dir: string, scratch: string, roots: number): Promise<void> {
  const metadata = join(dir, 'public', 'metadata');
  const file = (name: string): Promise<Buffer> => readFile(join(metadata, name));
  const first = await file('1.root.json');
  const firstPath = join(scratch, `first-${roots}.json`);
  await writeFile(firstPath, first);
  const trusted = join(scratch, `client-${roots}`);
  const run = await done(scratch, [
    'get',
    'six',
    '--repository',
    join(dir, 'public'),
    '--root',
    firstPath,
    '--trusted',
    trusted,
    '-o',
    join(scratch, `out-${roots}`),
  ]);
  expect(run.stdout).to.contain('six-1.17.0');
  await askTufJs({
    root: trustRoot(first),
    now: new Date(),
    expected: new Map([['packages/six/none-1.0-py3-none-any.whl', null]]),
    read: (name) => file(name).catch(() => undefined),
  });
  const chain = await Promise.all(Array.from({ length: roots }, (_, i) => file(`${i + 1}.root.json`)));
  const pairs = chain.slice(1).map((bytes, i) => ({ old: chain[i]!, new: bytes }));
  expect(await askPython(pairs)).to.deep.equal(pairs.map(() => 'follows'));
}

/** A published repository with a draft of root 2, nobody's signature on it. */
export async function rootTwo(): Promise<string> {
  const dir = await workspaceAt('published');
  await shortenGrace(dir);
  await done(dir, ['ceremony', 'open', 'root']);
  return dir;
}

/** The signed part of a root that is live, parsed. */
export async function liveRoot(dir: string, version = 1): Promise<Loose> {
  return JSON.parse(await readFile(join(dir, 'public', 'metadata', `${version}.root.json`), 'utf8')).signed;
}

/** The exact bytes that root 1's signatures are over. */
export async function signedPart(dir: string): Promise<Buffer> {
  return Buffer.from(canonicalize(await liveRoot(dir)));
}

/** Names of private key files. */
export async function privateFiles(dir: string): Promise<string[]> {
  const lines = (await everything(dir)).split('\n').filter((line) => line.endsWith('.pem'));
  return lines.map((line) => line.split(' ').at(-1)!);
}

/** What its root's delegation alone signs waits for the grace of one second. */
export async function publishAll(dir: string): Promise<void> {
  const run = await attempt(dir, ['ceremony', 'publish']);
  if (run.exitCode === 0) return;
  expect(run.exitCode, run.stderr).to.equal(7);
  expect(run.stdout).to.contain('waiting for the grace');
  await sleep(2000);
  await done(dir, ['ceremony', 'publish']);
}
