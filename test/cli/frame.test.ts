import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { plainEnvironment, type Run, type RunOptions, tufa } from '../support/run.ts';
import { temporaryFolders } from '../support/workspace.ts';
import { throwaway } from './throwaway.ts';

describe('every command', () => {
  const folder = temporaryFolders();
  let dir: string;
  let program: string;

  before(async () => {
    dir = await folder();
    program = await throwaway(dir);
  });

  const run = (args: readonly string[], options: Partial<RunOptions> = {}): Promise<Run> =>
    tufa(args, { cwd: dir, program, ...options });

  /** Through a shell, with the program as "$@". */
  const shell = (script: string, args: readonly string[], env: RunOptions['env'] = {}): Promise<Run> =>
    new Promise((resolve, reject) => {
      const argv = ['-c', `set -o pipefail; ${script}`, 'bash', process.execPath, program, ...args];
      const child = spawn('bash', argv, { cwd: dir, env: plainEnvironment(env), stdio: ['ignore', 'pipe', 'pipe'] });
      const [out, err]: [Buffer[], Buffer[]] = [[], []];
      child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
      child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
      child.on('error', reject);
      child.on('close', (exitCode) => {
        const [stdout, stderr] = [Buffer.concat(out).toString(), Buffer.concat(err).toString()];
        resolve({ exitCode, stdout, stderr, json: () => JSON.parse(stdout) });
      });
    });

  describe('with --json', () => {
    it('prints one object, which a terminal shows as it is', async () => {
      const { exitCode, stdout, stderr, json } = await run(['result', '--json']);
      expect([exitCode, stderr]).to.deep.equal([0, '']);
      expect(json()).to.deep.equal({ name: 'a\u202eb', when: '1970-01-01T00:00:00.000Z', list: [1, null] });
      expect(stdout).to.contain('a\\u202eb');
    });

    it('prints an error as an object, too', async () => {
      const { exitCode, stderr, json } = await run(['late', '--json']);
      expect([exitCode, stderr]).to.deep.equal([7, '']);
      expect(json()).to.deep.equal({
        error: {
          code: 'conflict',
          exitCode: 7,
          message: 'queue 4\u001b[2J: taken: expected none, found one',
          hint: 'tufa queue status',
          committed: 'unknown',
          object: 'queue 4\u001b[2J',
          expected: 'none',
          found: 'one',
          check: '5.4',
        },
      });
    });

    for (const [name, args, code, exitCode] of [
      ['of the command line', ['result', '--jsn', '--json'], 'usage', 2],
      ['of no command', ['reslt', '--json'], 'usage.command', 2],
      ['that is a bug', ['bug', '--json'], 'bug', 1],
    ] as const) {
      it(`prints an error ${name}`, async () => {
        const result = await run(args);
        expect(result.exitCode).to.equal(exitCode);
        const { error } = result.json<{ error: { code: string; exitCode: number } }>();
        expect([error.code, error.exitCode]).to.deep.equal([code, exitCode]);
      });
    }

    it('keeps the exit code of its answer', async () => {
      const { exitCode, json } = await run(['due', '--json']);
      expect([exitCode, json()]).to.deep.equal([11, { due: true }]);
    });
  });

  describe('that fails', () => {
    it('says what and what next on stderr, without the escapes of others', async () => {
      const { exitCode, stdout, stderr } = await run(['late']);
      expect([exitCode, stdout]).to.deep.equal([7, '']);
      expect(stderr).to.equal('tufa: queue 4\\u001b[2J: taken: expected none, found one\nhint: tufa queue status\n');
    });

    it('says where to report a bug, and shows its stack only under DEBUG', async () => {
      const { exitCode, stderr } = await run(['bug']);
      expect(exitCode).to.equal(1);
      expect(stderr).to.equal(
        'tufa: this is a bug: a list of \\u202eevil\\u001b[2J names\n' +
          'hint: report it at https://example.org/bugs, with what the same command prints under DEBUG=tufa\n',
      );
      const debug = await run(['bug'], { env: { DEBUG: 'tufa' } });
      expect(debug.stderr).to.match(/RangeError: a list of \\u202eevil.*\n\s+at /);
      expect(debug.stderr).not.to.contain('\u202e');
    });

    it('writes JSON lines for a log', async () => {
      const { stderr } = await run(['late', '--log-format', 'json']);
      const line = JSON.parse(stderr) as Record<string, unknown>;
      expect(line).to.include({ level: 'error', code: 'conflict', exitCode: 7, hint: 'tufa queue status' });
    });
  });

  describe('that is mistyped', () => {
    const cases: [args: string[], message: string, hint: string][] = [
      [['reslt'], 'no command "reslt"', 'did you mean: tufa result?'],
      [['frobnicate', 'all'], 'no command "frobnicate all"', 'list them: tufa --help'],
      [['--json=1'], 'no command was given', 'list them: tufa --help'],
      [
        ['result', '--quite'],
        '--quite is not an option of tufa result',
        'did you mean --quiet? see: tufa result --help',
      ],
      [['result', 'x'], 'unexpected argument "x"', 'see: tufa result --help'],
      [
        ['result', '--log-format', 'xml'],
        'expected --log-format=xml to be one of: text, json',
        'see: tufa result --help',
      ],
      [['result', '-C'], 'flag --workspace expects a value', 'see: tufa result --help'],
    ];
    for (const [args, message, hint] of cases) {
      it(args.join(' '), async () => {
        const { exitCode, stdout, stderr } = await run(args);
        expect(stderr).to.equal(`tufa: ${message}\nhint: ${hint}\n`);
        expect([exitCode, stdout]).to.deep.equal([2, '']);
      });
    }

    for (const args of [['--pin', '123456'], ['--pin=123456'], ['--passphrase', '123456'], ['--password=123456']]) {
      it(`refuses a secret and does not repeat it: ${args[0]?.split('=')[0]}`, async () => {
        const { exitCode, stdout, stderr } = await run(['secret', ...args]);
        expect(exitCode).to.equal(2);
        expect(stderr).to.match(/--(?:pin|passphrase)-fd/);
        expect(stdout + stderr).not.to.contain('123456');
      });
    }
  });

  it('takes global options before its name, too', async () => {
    const { exitCode, json } = await run(['-C', dir, '--json', 'due']);
    expect([exitCode, json()]).to.deep.equal([11, { due: true }]);
  });

  describe('in a pipe', () => {
    it('ends with 0 when the reader goes away', async () => {
      const { exitCode, stdout, stderr } = await shell('"$@" | head -1', ['lines']);
      expect(stdout).to.match(/^line 0 x+\n$/);
      expect([exitCode, stderr]).to.deep.equal([0, '']);
    });

    it('ends with the code of its answer when the reader was never there', async () => {
      expect((await shell('"$@" | true; exit "$PIPESTATUS"', ['due'])).exitCode).to.equal(11);
      expect((await shell('"$@" 2>&1 | true; exit "$PIPESTATUS"', ['late'])).exitCode).to.equal(7);
    });

    it('gives a slow reader every line', async () => {
      const { exitCode, stdout } = await shell('"$@" | (sleep 2; wc -l)', ['lines']);
      expect([exitCode, stdout.trim()]).to.deep.equal([0, '20000']);
    });

    it('gives a program that reads from it every line', async () => {
      const { exitCode, stdout } = await run(['lines']);
      expect([exitCode, stdout.split('\n').length]).to.deep.equal([0, 20_001]);
    });
  });

  describe('in colour', () => {
    const text = 'OK a\\u001b]0;title\\u0007b\\u200b\n';
    it('has none in a pipe', async () => {
      expect((await run(['colour'])).stdout).to.equal(text);
    });

    it('has some with FORCE_COLOR, and escapes what is not ours', async () => {
      const { stdout } = await run(['colour'], { env: { FORCE_COLOR: '1' } });
      expect(stdout).to.equal(`\u001b[32mOK\u001b[39m${text.slice(2)}`);
    });

    it('has none on a terminal with NO_COLOR', async () => {
      const on = (env: RunOptions['env']): Promise<Run> =>
        shell('script -qec "\\"$1\\" \\"$2\\" colour" /dev/null </dev/null', [], env);
      expect((await on({ TERM: 'xterm' })).stdout).to.contain('\u001b[32mOK');
      expect((await on({ TERM: 'xterm', NO_COLOR: '1' })).stdout).not.to.contain('\u001b[32m');
    });
  });

  describe('that needs a person', () => {
    it('exits 12 without a terminal and names the flag', async () => {
      const { exitCode, stderr } = await run(['erase']);
      expect(exitCode).to.equal(12);
      expect(stderr).to.contain('hint: to confirm without being asked, add: --confirm corp\n');
      expect((await run(['go'])).stderr).to.contain('add: --yes\n');
    });

    it('does not wait for an answer on stdin', async () => {
      expect((await run(['erase'], { input: 'corp\n' })).exitCode).to.equal(12);
    });

    it('takes the flag for an answer, and no other name', async () => {
      expect((await run(['erase', '--confirm', 'corp', '--json'])).json()).to.deep.equal({ erased: true });
      const { exitCode, stderr } = await run(['erase', '--confirm', 'crop']);
      expect([exitCode, stderr.split('\n')[0]]).to.deep.equal([
        2,
        'tufa: --confirm names another repository: expected "corp", found "crop"',
      ]);
    });

    it('is not satisfied with --yes where a name is asked for', async () => {
      expect((await run(['erase', '--yes'])).exitCode).to.equal(12);
      expect((await run(['go', '--yes'])).exitCode).to.equal(0);
    });

    it('asks on a terminal, and never with --no-input', async () => {
      const typed = (answer: string, more = ''): Promise<Run> =>
        shell(
          `(sleep 1.5; printf '${answer}\\r'; sleep 1.5) | script -qec "\\"$1\\" \\"$2\\" erase ${more}" /dev/null`,
          [],
          {
            TERM: 'xterm',
          },
        );
      const [yes, no, never] = await Promise.all([typed('corp'), typed('nope'), typed('corp', '--no-input')]);
      expect(yes.stdout).to.contain('To go on, type corp:');
      expect([yes.exitCode, no.exitCode, never.exitCode]).to.deep.equal([0, 12, 12]);
      expect(no.stdout).to.contain('not confirmed, nothing was done');
    });

    it('reads a passphrase from a file or descriptor, never as an argument from stdin', async () => {
      await writeFile(join(dir, 'secret'), 'correct horse\n', { mode: 0o600 });
      const file = await run(['secret', '--json', '--passphrase-file', join(dir, 'secret')]);
      expect(file.json()).to.deep.equal({ length: 13 });
      const fd = await run(['secret', '--json', '--passphrase-fd', '0'], { input: 'correct horse' });
      expect(fd.json()).to.deep.equal({ length: 13 });
      expect((await run(['secret'])).exitCode).to.equal(12);
    });
  });

  it('ends with 130 when it is interrupted', async () => {
    const child = spawn(process.execPath, [program, 'hang'], { cwd: dir, stdio: ['ignore', 'pipe', 'pipe'] });
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    child.stdout.once('data', () => child.kill('SIGINT'));
    const code = await new Promise((resolve) => child.on('close', resolve));
    expect([code, stderr]).to.deep.equal([
      130,
      'tufa: interrupted\nhint: run the command again: it finishes what was begun\n',
    ]);
  });

  it('tells warnings on stderr, and no progress where nobody looks', async () => {
    const { stdout, stderr } = await run(['work']);
    expect([stdout, stderr]).to.deep.equal(['done\n', 'warning: mind \\u001b[2J\n']);
    const logged = await run(['work', '--log-format', 'json']);
    expect(JSON.parse(logged.stderr)).to.include({ level: 'warning', message: 'mind \\u001b[2J' });
  });
});
