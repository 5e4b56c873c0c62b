import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { inspect } from 'node:util';
import { expect } from 'chai';
import { Secret, type SecretOptions, secretSource } from '../../src/cli/secrets.ts';
import { ConfigurationError, PersonError, type TufaError } from '../../src/errors.ts';
import { passphraseQuestion } from '../../src/signers/file.ts';
import type { SecretQuestion } from '../../src/signers/port.ts';

const alice = passphraseQuestion('private/alice.pem', 'decrypt');
const bob = passphraseQuestion('private/bob.pem', 'decrypt');
const pin: SecretQuestion = { kind: 'pin', subject: 'token "root a"', name: 'root-a', reason: 'login' };

const CTRL_C = '\u0003';
const CTRL_D = '\u0004';

/** stdin and stderr that may be a terminal, and the person at it: types a line when the screen says what it waits for. */
function terminal(isTTY: boolean, ...lines: readonly (readonly [waitsFor: string, line: string])[]) {
  const stdin = Object.assign(new PassThrough(), { isTTY });
  // `_isStdio` is how Node marks the streams that stay open when what is piped into them ends.
  const stderr = Object.assign(new PassThrough(), { isTTY, columns: 80, _isStdio: true });
  const left = [...lines];
  let shown = '';
  let since = '';
  stderr.on('data', (chunk: Buffer) => {
    shown += chunk.toString();
    since += chunk.toString();
    if (left.length === 0 || !since.includes(left[0]![0])) return;
    const [, line] = left.shift()!;
    since = '';
    setImmediate(() => stdin.write(line === CTRL_D || line === CTRL_C ? line : `${line}\n`));
  });
  return { stdin, stderr, shown: () => shown };
}

describe('secretSource', () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tufa-secrets-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  function file(name: string, content: string | Uint8Array, mode = 0o600): string {
    const path = join(folder, name);
    writeFileSync(path, content);
    chmodSync(path, mode);
    return path;
  }

  const source = (options: Partial<SecretOptions>) => secretSource({ env: {}, tty: terminal(false), ...options });

  async function ask(options: Partial<SecretOptions>, question = alice): Promise<string | undefined> {
    const secret = await source(options).get(question);
    return secret && Buffer.from(secret).toString();
  }

  describe('where it looks', () => {
    it('--passphrase-file, without one newline at its end', async () => {
      for (const [content, expected] of [
        ['a b', 'a b'],
        ['a\n', 'a'],
        ['a\r\n', 'a'],
        ['a\n\n', 'a\n'],
        [' ä ', ' ä '],
      ] as const) {
        expect(await ask({ passphraseFile: file('p', content) })).to.equal(expected);
      }
    });

    it('--passphrase-fd before --passphrase-file before $TUFA_PASSPHRASE_FILE before $CREDENTIALS_DIRECTORY', async () => {
      file('alice.passphrase', 'credential');
      const env = { TUFA_PASSPHRASE_FILE: file('e', 'environment'), CREDENTIALS_DIRECTORY: folder };
      const passphraseFile = file('f', 'flag');
      expect(await ask({ env: { CREDENTIALS_DIRECTORY: folder } })).to.equal('credential');
      expect(await ask({ env })).to.equal('environment');
      expect(await ask({ env, passphraseFile })).to.equal('flag');
      // That a descriptor comes first is seen by its being read: there is none of that number.
      const error = await refusal(ask({ env, passphraseFile, passphraseFd: 987 }), ConfigurationError);
      expect(error.message).to.equal('file descriptor 987: cannot be read');
    });

    it('a credential for each key and for each token', async () => {
      file('alice.passphrase', 'for alice');
      file('bob.passphrase', 'for bob');
      file('root-a.pin', '123456');
      const credentials = source({ env: { CREDENTIALS_DIRECTORY: folder } });
      const got = await Promise.all([alice, bob, pin].map((question) => credentials.get(question)));
      expect(got.map((secret) => Buffer.from(secret!).toString())).to.deep.equal(['for alice', 'for bob', '123456']);
    });

    it('a passphrase is never tried as a PIN: three wrong ones lock a token', async () => {
      const passphraseFile = file('p', 'passphrase');
      const env = { TUFA_PASSPHRASE_FILE: passphraseFile };
      expect((await refusal(ask({ passphraseFile, env }, pin), PersonError)).message).to.contain('a pin is needed');
    });

    it('a PIN: --pin-fd before --pin-file before $TUFA_PIN_FILE before $CREDENTIALS_DIRECTORY', async () => {
      file('root-a.pin', 'credential');
      const env = { TUFA_PIN_FILE: file('e', 'environment\n'), CREDENTIALS_DIRECTORY: folder };
      const pinFile = file('f', 'flag');
      expect(await ask({ env: { CREDENTIALS_DIRECTORY: folder } }, pin)).to.equal('credential');
      expect(await ask({ env }, pin)).to.equal('environment');
      expect(await ask({ env, pinFile }, pin)).to.equal('flag');
      const error = await refusal(ask({ env, pinFile, pinFd: 987 }, pin), ConfigurationError);
      expect(error.message).to.equal('file descriptor 987: cannot be read');
      expect(error.hint).to.contain('--pin-fd 987');
      expect((await refusal(ask({ env }, alice), PersonError)).message).to.contain('a passphrase is needed');
    });

    it('a PIN that was given for one token is not sent to another', async () => {
      const secrets = source({ pinFile: file('f', '123456') });
      expect(Buffer.from((await secrets.get(pin))!).toString()).to.equal('123456');
      const other: SecretQuestion = { ...pin, subject: 'token "root b"', name: 'root-b' };
      const error = await refusal(secrets.get(other), PersonError);
      expect(error.message).to.match(/^token "root b": a pin is needed/);
      expect(error.hint).to.contain('?pin-source=file:PATH');
      expect(Buffer.from((await secrets.get(pin))!).toString()).to.equal('123456');
    });

    it('a person, for the last try before a token is locked', async () => {
      const question = 'token "root a"';
      expect(await source({}).confirmFinalTry?.(question)).to.equal(false);
      expect(await source({ finalPinTry: true }).confirmFinalTry?.(question)).to.equal(true);
      for (const [answer, expected] of [
        ['y', true],
        ['n', false],
        ['', false],
      ] as const) {
        const tty = terminal(true, ['one more wrong PIN locks it', answer]);
        expect(await source({ tty }).confirmFinalTry?.(question)).to.equal(expected);
        expect(tty.shown()).to.contain('token "root a": one more wrong PIN locks it');
      }
    });

    it('nowhere, without a terminal: exit 12, names the flags and the key', async () => {
      for (const tty of [
        terminal(false),
        { ...terminal(true), stderr: terminal(false).stderr },
        { ...terminal(true), stdin: terminal(false).stdin },
      ]) {
        const error = await refusal(ask({ tty, env: { CREDENTIALS_DIRECTORY: folder } }), PersonError);
        expect(error.exitCode).to.equal(12);
        expect(error.message).to.match(/^key "alice" \(private\/alice.pem\): a passphrase is needed/);
        expect(error.hint).to.contain('--passphrase-file FILE').and.to.contain('--passphrase-fd N');
      }
    });
  });

  describe('files', () => {
    it('that others may read are refused, with the mode and the command', async () => {
      for (const mode of [0o640, 0o604, 0o660]) {
        const path = file('wide', 'S3cr3t', mode);
        const error = await refusal(ask({ passphraseFile: path }), ConfigurationError);
        expect(error.message)
          .to.contain(`mode 0${mode.toString(8)}`)
          .and.not.to.contain('S3cr3t');
        expect(error.hint).to.equal(`chmod 600 ${path}`);
      }
    });

    it('that are not files, or not there, are refused', async () => {
      for (const path of [folder, '/dev/null', join(folder, 'absent')]) {
        const error = await refusal(ask({ passphraseFile: path }), ConfigurationError);
        expect(error.message).to.contain(`passphrase file ${path}: `);
      }
    });

    it('that hold nothing, or too much for OpenSSL, are refused', async () => {
      for (const content of ['', '\n', 'x'.repeat(1025)]) {
        await refusal(ask({ passphraseFile: file('p', content) }), ConfigurationError);
      }
      expect(await ask({ passphraseFile: file('p', `${'x'.repeat(1024)}\n`) })).to.have.length(1024);
    });

    it('may be mounted through links, as Kubernetes does it', async () => {
      symlinkSync(file('data', 'secret'), join(folder, 'link'));
      expect(await ask({ passphraseFile: join(folder, 'link') })).to.equal('secret');
    });

    it('bad credentials are refused rather than passed over', async () => {
      file('alice.passphrase', 'secret', 0o644);
      await refusal(ask({ env: { CREDENTIALS_DIRECTORY: folder } }), ConfigurationError);
    });
  });

  describe('once for each subject', () => {
    it('a file is read once and serves every key; each asker wipes a copy of its own', async () => {
      const path = file('p', 'secret');
      const secrets = source({ passphraseFile: path });
      const [first, second] = await Promise.all([secrets.get(alice), secrets.get(bob)]);
      first!.fill(0);
      rmSync(path);
      expect(Buffer.from(second!).toString()).to.equal('secret');
      expect(Buffer.from((await secrets.get(alice))!).toString()).to.equal('secret');
    });

    it('a person is asked once for each key, one question at a time', async () => {
      const tty = terminal(true, ['key "alice"', 'for alice'], ['key "bob"', 'for bob']);
      const secrets = source({ tty });
      const got = await Promise.all([alice, alice, bob, alice].map((question) => secrets.get(question)));
      expect(got.map((secret) => Buffer.from(secret!).toString())).to.deep.equal([
        'for alice',
        'for alice',
        'for bob',
        'for alice',
      ]);
      expect(tty.shown().match(/✔/g)).to.have.length(2);
    });

    it('forgets all when it is disposed', async () => {
      const path = file('p', 'secret');
      const secrets = source({ passphraseFile: path });
      await secrets.get(alice);
      secrets[Symbol.dispose]();
      rmSync(path);
      await refusal(secrets.get(alice), ConfigurationError);
    });
  });

  describe('on a terminal', () => {
    it('names the key on stderr and never shows what was typed', async () => {
      const tty = terminal(true, ['alice', 'S3cr3t-7f']);
      expect(await ask({ tty })).to.equal('S3cr3t-7f');
      expect(tty.shown()).to.contain('passphrase for key "alice" (private/alice.pem)');
      expect(tty.shown()).not.to.contain('S3cr3t').and.not.to.contain('ctrl+t');
    });

    it('asks twice for the passphrase of a new key, until both are the same', async () => {
      const again = 'the same passphrase again';
      const tty = terminal(true, ['alice', 'new'], [again, 'nwe'], ['they differ', 'new one'], [again, 'new one']);
      const secret = await source({ tty }).get(passphraseQuestion('private/alice.pem', 'encrypt'));
      expect(Buffer.from(secret!).toString()).to.equal('new one');
    });

    it('gives up after three slips: exit 12', async () => {
      const slip = [
        ['alice', 'one'],
        ['the same passphrase again', 'two'],
      ] as const;
      const tty = terminal(true, ...slip, ...slip, ...slip);
      const error = await refusal(source({ tty }).get({ ...alice, reason: 'encrypt' }), PersonError);
      expect(error.message).to.contain('differed three times');
    });

    it('ends when the input ends: exit 12', async () => {
      const error = await refusal(ask({ tty: terminal(true, ['alice', CTRL_D]) }), PersonError);
      expect(error.message).to.equal('key "alice" (private/alice.pem): no passphrase was typed');
    });

    it('lets an interruption be one', async () => {
      const error = await ask({ tty: terminal(true, ['alice', CTRL_C]) }).catch((reason: unknown) => reason);
      expect(error).to.have.property('name', 'ExitPromptError');
    });

    it('says when a PIN is the last try', async () => {
      const tty = terminal(true, ['root a', '123456']);
      await source({ tty }).get({ ...pin, finalTry: true });
      expect(tty.shown()).to.contain('pin for token "root a" (last try before it is locked)');
    });
  });

  describe('--passphrase-fd', () => {
    /** Reads descriptor 3 in a process of its own, which prints what it got. */
    function readInChild(feed: (pipe: NodeJS.WritableStream) => void): Promise<string> {
      const module = new URL('../../src/cli/secrets.ts', import.meta.url).href;
      const script = `import { secretSource } from ${JSON.stringify(module)};
        const tty = { stdin: {}, stderr: {} };
        const secrets = secretSource({ passphraseFd: 3, env: {}, tty });
        const ask = async (subject) => Buffer.from(await secrets.get({ kind: 'passphrase', subject, reason: 'decrypt' }));
        try { console.log((await ask('a')).equals(await ask('b')), (await ask('a')).toString('hex')); }
        catch (error) { console.log(error.message); }`;
      const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
        stdio: ['ignore', 'pipe', 'inherit', 'pipe'],
      });
      const pipe = child.stdio[3] as unknown as NodeJS.WritableStream;
      // The child has read enough before all is written, and is gone.
      pipe.on('error', () => undefined);
      feed(pipe);
      return new Promise((resolve, reject) => {
        let out = '';
        child.stdout!.on('data', (chunk: Buffer) => {
          out += chunk.toString();
        });
        child.on('close', () => resolve(out.trim()));
        child.on('error', reject);
      });
    }

    it('is read to its end, in pieces, once for all keys', async () => {
      const answer = await readInChild((pipe) => {
        pipe.write('S3cr');
        setTimeout(() => pipe.end('3t\n'), 100);
      });
      expect(answer).to.equal(`true ${Buffer.from('S3cr3t').toString('hex')}`);
    });

    it('is refused when it holds nothing or too much, without repeating it', async () => {
      expect(await readInChild((pipe) => pipe.end())).to.match(/^file descriptor 3: holds no secret .* found none$/);
      const long = await readInChild((pipe) => pipe.end('y'.repeat(5000)));
      expect(long)
        .to.match(/^file descriptor 3: holds no secret .* found more$/)
        .and.not.to.contain('yyy');
    });
  });
});

describe('Secret', () => {
  it('never prints itself', () => {
    const secret = new Secret(Buffer.from('S3cr3t'));
    const object = { secret, nested: [{ secret }] };
    const error = new PersonError('x', { cause: object });
    const printed = [
      `${secret}`,
      String(secret),
      JSON.stringify(object),
      inspect(object, { depth: 9 }),
      inspect(error),
    ];
    for (const text of printed) expect(text).not.to.match(/S3cr3t|83|53,/);
    expect(printed[0]).to.equal('***');
  });
});

async function refusal<E extends TufaError>(promise: Promise<unknown>, kind: new (what: string) => E): Promise<E> {
  const error = await promise.then(
    () => new Error('nothing was refused'),
    (reason: unknown) => reason,
  );
  expect(error).to.be.instanceOf(kind);
  return error as E;
}
