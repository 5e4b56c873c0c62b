import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { done, emptyFolder, NAME } from '../support/published.ts';
import { plainEnvironment, RUN_JS } from '../support/run.ts';
import { filesWith, formsOf, shownIn, type Watched, type WatchOptions, watched } from '../support/watched.ts';
import { KEPT_WHEELS } from '../support/wheels.ts';

/**
 * A passphrase of key files appears in no stream, no log, no command line, no environment and no file, whatever a command
 * does and however it ends. PINs of tokens: signers/pkcs11/reliability.test.ts and interop/tokens.test.ts.
 */
describe('a passphrase appears nowhere', function () {
  this.timeout(240_000);
  /** Nothing else on this machine is called so. */
  const secret = `horse ${randomInt(1e12, 9e12)}`;
  const wrong = `battery ${randomInt(1e12, 9e12)}`;
  let dir: string;
  let base: string;
  let right: string;

  before(async () => {
    dir = await emptyFolder();
    base = dirname(dir);
    for (const name of ['secrets', 'tmp', 'home', 'credentials']) await mkdir(join(base, name), { mode: 0o700 });
    right = join(base, 'secrets', 'right');
    await writeFile(right, `${secret}\n`, { mode: 0o600 });
    await writeFile(join(base, 'secrets', 'wrong'), `${wrong}\n`, { mode: 0o600 });
    for (const name of ['online', 'operator'])
      await writeFile(join(base, 'credentials', `${name}.passphrase`), secret, { mode: 0o600 });
  });

  async function run(exitCode: number, args: readonly string[], options: WatchOptions = {}): Promise<Watched> {
    const env = { DEBUG: '*', TMPDIR: join(base, 'tmp'), HOME: join(base, 'home'), ...options.env };
    const one = await watched(dir, args, { ...options, env });
    expect(one.exitCode, `${args.join(' ')}: ${one.stderr}${one.stdout}`).to.equal(exitCode);
    for (const text of [secret, wrong]) expect(shownIn(one, text), args.join(' ')).to.deep.equal([]);
    return one;
  }

  afterEach(async () => {
    const known = [
      'secrets/right',
      'secrets/wrong',
      'credentials/online.passphrase',
      'credentials/operator.passphrase',
    ];
    const except = known.map((name) => join(base, name));
    for (const text of [secret, wrong]) expect(await filesWith(text, base, except)).to.deep.equal([]);
  });

  it('from init to a published index, by a file', async () => {
    const asked = ['--passphrase-file', right];
    const holders = ['alice', 'bob', 'spare'].flatMap((name) => ['--holder', name]);
    await run(0, ['init', '--name', NAME]);
    await run(0, ['key', 'generate', ...holders, '--online', ...asked]);
    await run(0, ['sign', '--confirm', NAME, '--verbose', ...asked]);
    await run(0, ['target', 'add', KEPT_WHEELS, '--json', ...asked]);
    await run(0, ['publish', '--json', '--verbose', ...asked]);
    for (const args of [['status'], ['key', 'list'], ['ceremony', 'show'], ['verify'], ['doctor', 'signers', ...asked]])
      await run(0, [...args, '--json', '--verbose']);
  });

  it('in a ceremony, its backups, bundles and transcripts', async () => {
    const asked = ['--passphrase-file', right];
    await run(0, ['ceremony', 'open', 'trust', '--json']);
    await run(0, ['sign', '--confirm', NAME, '--json', ...asked]);
    await run(0, ['ceremony', 'export', join(base, 'bundle.json')]);
    await run(0, ['ceremony', 'backup', '--all', join(base, 'backup.json')]);
    await run(0, ['ceremony', 'publish', '--log-format', 'json', '--verbose', ...asked]);
  });

  it('by a file descriptor, a variable with the name of a file, and the credentials of systemd', async () => {
    const fd = openSync(right, 'r');
    await run(0, ['target', 'remove', 'six', '--passphrase-fd', '3'], { fd });
    closeSync(fd);
    await run(0, ['publish', '--verbose'], { env: { TUFA_PASSPHRASE_FILE: right } });
    await run(0, ['target', 'remove', 'zipp', '--verbose'], {
      env: { CREDENTIALS_DIRECTORY: join(base, 'credentials') },
    });
    await run(0, ['publish', '--json'], { env: { CREDENTIALS_DIRECTORY: join(base, 'credentials') } });
  });

  it('where it is the wrong one, in a file that others can read, or asked for where nobody is', async () => {
    const bad = ['--passphrase-file', join(base, 'secrets', 'wrong')];
    await run(0, ['target', 'remove', 'decorator', '--passphrase-file', right]);
    await run(6, ['publish', '--json', '--verbose', ...bad]);
    await run(6, ['publish', '--log-format', 'json', '--verbose', ...bad]);
    await run(12, ['publish', '--verbose']);
    await chmod(right, 0o644);
    await run(3, ['publish', '--json', '--passphrase-file', right]);
    await chmod(right, 0o600);
    await run(0, ['publish', '--passphrase-file', right]);
  });

  it('where it is typed at a terminal', async () => {
    const { exitCode, screen } = await typedAtPrompt(['target', 'remove', 'iniconfig']);
    expect(exitCode, screen).to.equal(0);
    expect(screen).to.contain('passphrase for').and.to.contain('next: ');
    for (const form of formsOf(secret)) expect(screen).not.to.contain(form);
  });

  /** On a terminal of its own, whose screen and whose log (`typescript`, a file) show what a person would see. */
  async function typedAtPrompt(args: readonly string[]): Promise<{ exitCode: number | null; screen: string }> {
    const command = [process.execPath, RUN_JS, ...args].map((word) => `'${word}'`).join(' ');
    const child = spawn('script', ['--quiet', '--return', '--command', command, join(base, 'typescript')], {
      cwd: dir,
      env: plainEnvironment({ DEBUG: '*', TERM: 'xterm', TMPDIR: join(base, 'tmp'), HOME: join(base, 'home') }),
      stdio: ['pipe', 'pipe', 'inherit'],
      timeout: 60_000,
      killSignal: 'SIGKILL',
    });
    let screen = '';
    let typed = false;
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      screen += text;
      if (typed || !screen.includes('passphrase for')) return;
      typed = true;
      child.stdin.write(`${secret}\r`);
    });
    const [exitCode] = await once(child, 'close');
    return { exitCode, screen };
  }

  it('and is seen by this test where it does appear', async () => {
    const shown = await watched(dir, ['status', secret]);
    expect(shownIn(shown, secret)).to.include('a process');
    const coded = await watched(dir, ['status', Buffer.from(`x${secret}`).toString('base64')]);
    expect(shownIn(coded, secret)).to.include('a process');
    expect(await filesWith(secret, base)).to.include('secrets/right');
    await done(dir, ['status']);
  });
});
