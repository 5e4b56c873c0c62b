import { spawn } from 'node:child_process';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { plainEnvironment, RUN_JS } from '../support/run.ts';

/** Pages with blocks of commands and what they print, played as somebody who follows the page types them. */

export interface Example {
  /** Name in front of the `$`: whose folder it is typed in; empty: the folder of who leads. */
  readonly folder: string;
  readonly command: string;
  readonly expected: readonly string[];
  /** Of the command, from 1. */
  readonly line: number;
}

export interface World {
  /** Holds the folders by their names. */
  readonly base: string;
  /** Name of the folder of who leads. */
  readonly here: string;
  /** Milliseconds by which the clock is ahead: `sleep` on a page puts it forward. */
  ahead: number;
}

export interface Played {
  readonly exitCode: number | null;
  readonly actual: readonly string[];
}

/** Commands in the ```console blocks of a text, in their order. */
export function examplesOf(markdown: string): Example[] {
  const examples: { folder: string; command: string; expected: string[]; line: number }[] = [];
  let inside = false;
  for (const [i, text] of markdown.split('\n').entries()) {
    if (text.startsWith('```')) {
      inside = text === '```console';
      continue;
    }
    if (!inside) continue;
    const [, folder, command] = /^([a-z]*)\$ (.*)$/.exec(text) ?? [];
    if (command !== undefined) examples.push({ folder: folder ?? '', command, expected: [], line: i + 1 });
    else examples.at(-1)?.expected.push(text);
  }
  return examples;
}

/** Section of a text from its heading up to the next one of that level; undefined: there is none. */
export function sectionOf(markdown: string, heading: string): string | undefined {
  const lines = markdown.split('\n');
  const start = lines.indexOf(heading);
  if (start === -1) return undefined;
  const end = lines.findIndex((line, i) => i > start && line.startsWith('## '));
  // Lines keep their numbers.
  return lines.map((line, i) => (i < start || (end !== -1 && i >= end) ? '' : line)).join('\n');
}

/** Shown now and then where the work takes long: `steps: 4, 0.3/s`. */
const PROGRESS = /^[a-z]+: \d.*\/s/;

/** Types a command; what it prints on both streams is what a terminal shows. */
export async function play({ folder, command }: Example, world: World): Promise<Played> {
  const [, amount, unit] = /^sleep (\d+)([smh])$/.exec(command) ?? [];
  if (amount !== undefined) {
    world.ahead += Number(amount) * { s: 1000, m: 60_000, h: 3_600_000 }[unit as 's' | 'm' | 'h'];
    return { exitCode: 0, actual: [] };
  }
  const cwd = join(world.base, folder || world.here);
  await mkdir(cwd, { recursive: true });
  const env = await environment(world);
  return new Promise((resolve, reject) => {
    // One pipe for both streams, so that their order is that of a terminal.
    const child = spawn('sh', ['-c', `exec 2>&1; ${command}`], { cwd, env, stdio: ['ignore', 'pipe', 'ignore'] });
    const chunks: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
    child.on('error', reject);
    child.on('close', (exitCode) => {
      const lines = Buffer.concat(chunks).toString('utf8').split('\n').slice(0, -1);
      resolve({ exitCode, actual: lines.filter((line) => !PROGRESS.test(line)) });
    });
  });
}

async function environment({ base, ahead }: World): Promise<NodeJS.ProcessEnv> {
  const [bin, passphrase] = [join(base, '.bin'), join(base, '.passphrase')];
  await mkdir(bin, { recursive: true });
  await writeFile(join(bin, 'tufa'), `#!/bin/sh\nexec '${process.execPath}' '${RUN_JS}' "$@"\n`);
  await chmod(join(bin, 'tufa'), 0o755);
  // In the place of a person at the prompt.
  await writeFile(passphrase, 'correct horse battery staple\n', { mode: 0o600 });
  const clock = pathToFileURL(join(import.meta.dirname, '..', 'support', 'preload', 'clock.mjs')).href;
  return plainEnvironment({
    PATH: `${bin}:${process.env['PATH']}`,
    HOME: join(base, '.home'),
    TUFA_PASSPHRASE_FILE: passphrase,
    ...(ahead === 0 ? {} : { TUFA_TEST_CLOCK: String(ahead), NODE_OPTIONS: `--import ${clock}` }),
  });
}

/** What differs from one run to the next: digests, keyids, uuids, dates, folders, and columns that are as wide as these. */
const CHANCE: readonly [RegExp, string][] = [
  [/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/g, 'UUID'],
  [/\b(?:[0-9a-f]{8} ){7}[0-9a-f]{8}\b/g, 'DIGEST'],
  [/\b[0-9a-f]{64}\b/g, 'DIGEST'],
  [/\b[0-9a-f]{8}\b/g, 'KEYID'],
  [/^ {4}(?:[a-z]{3,8} ){7}[a-z]{3,8}$/g, 'WORDS'],
  [/\d{4}-\d\d-\d\d[ T]\d\d:\d\d(?::\d\d)?Z/g, 'DATE'],
  [/\b(?:in )?\d+ (?:d|h|min|s)(?: \d\d (?:h|min))?(?: ago)?\b/g, 'TIME'],
  [/\b\d+ bytes\b/g, 'N bytes'],
  [/(?<![\w.:])\/(?:[\w.-]+\/)*[\w.-]+/g, '/PATH'],
  [/(?<=\S) {2,}/g, '  '],
  [/ +$/g, ''],
];

export function withoutChance(line: string): string {
  return CHANCE.reduce((text, [what, name]) => text.replace(what, name), line);
}

/** Whether a page says what was printed; a line `...` stands for any number of lines. */
export function isSaid(actual: readonly string[], expected: readonly string[]): boolean {
  const [printed, said] = [actual.map(withoutChance), expected.map(withoutChance)];
  const from = (i: number, j: number): boolean => {
    if (j === said.length) return i === printed.length;
    if (said[j] !== '...') return printed[i] === said[j] && from(i + 1, j + 1);
    return printed.slice(i).some((_, skipped) => from(i + skipped, j + 1)) || from(printed.length, j + 1);
  };
  return from(0, 0);
}

/** What ends with another exit code than 0, and says so on the page: an error, or work that waits for time or people. */
const UNFINISHED = [/^tufa: /, / is waiting for the grace/, /^what will be done, once the drafts are signed:$/];

export function failsOnPage({ expected }: Example): boolean {
  return expected.some((line) => UNFINISHED.some((pattern) => pattern.test(line)));
}
