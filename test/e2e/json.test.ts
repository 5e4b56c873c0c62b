import { generateKeyPairSync } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import pLimit from 'p-limit';
import type { Failure } from '../../src/cli/failure.ts';
import { keyFromPublic, keyidOf } from '../../src/tuf/keys.ts';
import { sha256 } from '../support/planted.ts';
import { emptyFolder, HOLDERS, NAME } from '../support/published.ts';
import { type Run, tufa } from '../support/run.ts';
import { KEPT_WHEELS } from '../support/wheels.ts';

const COMMANDS = join(import.meta.dirname, '../../src/commands');

/** One command after the other in one workspace; the ones that end well, unless an exit code is given. */
interface Step {
  readonly args: readonly string[];
  readonly exitCode?: number;
}

const step = (line: string, exitCode?: number): Step => ({
  args: line.split(' '),
  ...(exitCode === undefined ? {} : { exitCode }),
});

const LIFE: readonly Step[] = [
  step('help'),
  step('help exit-codes'),
  step(`init --name ${NAME}`),
  step('sign', 12),
  step('key generate --holder alice --holder bob --online --insecure-plain-key'),
  step('key import spare.json --holder spare'),
  step('key list'),
  step(`sign --confirm ${NAME}`),
  step('publish'),
  { args: ['target', 'add', KEPT_WHEELS] },
  step('queue status'),
  step('queue accept 1', 5),
  step('publish'),
  step('refresh'),
  step('status'),
  step('target list six'),
  step('target remove six'),
  step('target remove no-such-project', 5),
  step('verify'),
  step('get six==1.17.0 -o got'),
  step('get no-such-project', 5),
  step('trust add public --root-sha256 DIGEST --trusted client'),
  step('rotate --to-standby', 3),
  step('ceremony open claimed'),
  step('ceremony show'),
  step('ceremony export drafts.json'),
  step('ceremony import drafts.json'),
  step('ceremony rebase'),
  step(`sign --confirm ${NAME}`),
  step('ceremony backup backup.json --online', 3),
  step('ceremony publish'),
  step(`ceremony abandon claimed --confirm ${NAME}`, 5),
  step('doctor signers'),
  step('doctor store'),
  step('ceremony rehearse'),
  step('key replace bins --insecure-plain-key'),
  step(`recover compromise --role nobody --good 1 --confirm ${NAME}`, 2),
  step('demo'),
];

describe('every command', function () {
  this.timeout(240_000);
  const limit = pLimit(3);
  let commands: string[];

  before(async () => {
    const files = await readdir(COMMANDS, { recursive: true });
    const names = files.filter((file) => file.endsWith('.ts')).map((file) => file.slice(0, -'.ts'.length));
    commands = names.map((name) => name.replace(/\/index$/, '').replaceAll('/', ' ')).sort();
    expect(commands).to.include('key generate').and.to.have.length.greaterThan(15);
  });

  /** Runs each command with these arguments. */
  async function each(more: readonly string[], look: (command: string, run: Run) => void): Promise<void> {
    const dir = await emptyFolder();
    const runs = commands.map((command) =>
      limit(async () => ({ command, run: await tufa([...command.split(' '), ...more], { cwd: dir }) })),
    );
    for (const { command, run } of await Promise.all(runs)) look(command, run);
    expect(await readdir(dir)).to.deep.equal([]);
  }

  it('prints one object with --json, whether it ends well or not', async () => {
    const dir = await emptyFolder();
    await writeHolder(join(dir, 'spare.json'));
    const seen = new Set<string>();
    for (const { args, exitCode = 0 } of LIFE) {
      const typed = await Promise.all(args.map((arg) => (arg === 'DIGEST' ? rootDigest(dir) : arg)));
      const run = await tufa([...typed, '--json'], { cwd: dir });
      const object = oneObject(run);
      expect(run.exitCode, `${args.join(' ')}: ${run.stdout}`).to.equal(exitCode);
      if (exitCode === 0) expect(object, args.join(' ')).not.to.have.property('error');
      else expectFailure(object, exitCode);
      for (const n of [1, 2]) seen.add(args.slice(0, n).join(' '));
    }
    expect(
      commands.filter((command) => !seen.has(command)),
      'commands that this test leaves out',
    ).to.deep.equal([]);
  });

  it('explains itself with --help', () =>
    each(['--help'], (command, run) => {
      expect(run.exitCode, command).to.equal(0);
      expect(run.stdout, command)
        .to.include('USAGE')
        .and.to.include(command === 'help' ? 'tufa [COMMAND]' : `tufa ${command}`);
      expect(run.stderr, command).to.equal('');
    }));

  it('refuses an option that it does not have, as an object, with exit code 2', () =>
    each(['--no-such-option', '--json'], (command, run) => {
      expect(run.exitCode, command).to.equal(2);
      const error = expectFailure(oneObject(run), 2);
      expect(error.message, command).to.include('--no-such-option');
      expect(error.hint, command).to.include(`tufa ${command} --help`);
    }));
});

/** All of stdout is one JSON object. */
function oneObject(run: Run): Record<string, unknown> {
  expect(run.stdout, run.stderr).to.match(/^\{[\s\S]*\}\n$/);
  return run.json();
}

function expectFailure(object: Record<string, unknown>, exitCode: number): Failure {
  expect(Object.keys(object)).to.deep.equal(['error']);
  const error = object['error'] as Failure;
  expect(error.exitCode).to.equal(exitCode);
  expect(error.committed).to.equal('no');
  expect(error.code).to.match(/^[a-z][a-z0-9.-]+$/);
  expect(error.message)
    .to.match(/^[^A-Z]/)
    .and.to.match(/[^.]$/);
  return error;
}

async function writeHolder(file: string): Promise<void> {
  const key = keyFromPublic(generateKeyPairSync('ed25519').publicKey);
  await writeFile(file, JSON.stringify({ name: HOLDERS[2], keyid: keyidOf(key), key }));
}

async function rootDigest(dir: string): Promise<string> {
  return sha256(await readFile(join(dir, 'public', 'metadata', '1.root.json')));
}
