import { randomInt } from 'node:crypto';
import { closeSync, openSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { CKF_TOKEN, CKR } from '../../../src/signers/pkcs11/constants.ts';
import { attempt, done, written } from '../../support/published.ts';
import { filesWith, shownIn, watched } from '../../support/watched.ts';
import { privateFolder } from '../folder.ts';
import { moduleFor } from './install.ts';
import { type TokenIndex, tokenIndex } from './support/index.ts';
import { buildShim, type Shim } from './support/shim.ts';
import { type SoftHsm, softHsm } from './support/softhsm.ts';

/** Statements of reliability.md, section 5, through the program itself; the module counts what it is asked. */
describe('a token that fails while tufa works', () => {
  const folder = privateFolder();
  /** Nothing else on this machine is called so. */
  const pin = `pin-${randomInt(1e12, 9e12)}`;
  let hsm: SoftHsm;
  let shim: Shim;
  let index: TokenIndex;

  before(async function () {
    await moduleFor(this, 'shim');
    hsm = await softHsm(folder(), await moduleFor(this, 'softhsm'));
    await hsm.token('online', pin);
    shim = await buildShim(join(folder(), 'shim'), hsm);
    await shim.plan();
    index = await tokenIndex(shim.settings, { on: 'pkcs11:token=online', pin, pinFile: join(folder(), 'pin') });
  });

  beforeEach(() => shim.plan());

  async function changed(): Promise<string> {
    const dir = await index.copy();
    await done(dir, ['target', 'remove', 'packages/six/six-1.17.0-py2.py3-none-any.whl', ...index.pin]);
    return dir;
  }

  /** Store and trusted state, but for the number that a publish takes before it signs anything (design, section 5). */
  async function kept(dir: string): Promise<string[]> {
    return (await written(dir)).split('\n').filter((line) => !line.includes(':.tufa/claims/'));
  }

  async function wrongPin(): Promise<string[]> {
    const path = join(folder(), 'wrong');
    await writeFile(path, '123456\n', { mode: 0o600 });
    return ['--pin-file', path];
  }

  it('reliability 9: a wrong PIN ends with 6 after one login, and the last try needs a person', async () => {
    const dir = await changed();
    const before = await kept(dir);
    await shim.plan();
    const wrong = await attempt(dir, ['publish', '--json', ...(await wrongPin())]);
    const { error } = wrong.json<{ error: Record<string, unknown> }>();
    expect([wrong.exitCode, error['code'], error['committed']]).to.deep.equal([6, 'signer.pin-wrong', 'no']);
    expect(error['message']).to.match(/^token "online", serial [0-9a-f]{16}: the PIN is wrong/);
    expect(await shim.count('C_Login')).to.equal(1);
    expect(await kept(dir)).to.deep.equal(before);

    const finalTry = { call: 'C_GetTokenInfo', action: 'flags', number: CKF_TOKEN.USER_PIN_FINAL_TRY } as const;
    await shim.plan(finalTry);
    const last = await attempt(dir, ['publish', ...index.pin]);
    expect(last.exitCode).to.equal(12);
    expect(last.stderr).to.match(/^hint: .*--final-pin-try/m);
    expect(await shim.count('C_Login')).to.equal(0);
    expect(await kept(dir)).to.deep.equal(before);
    await done(dir, ['publish', '--final-pin-try', ...index.pin]);
    expect(await shim.count('C_Login')).to.equal(1);
  });

  it('reliability 10: a token pulled before the signature of timestamp ends with 6, and the next run succeeds', async () => {
    const clean = await changed();
    await shim.plan();
    await done(clean, ['publish', ...index.pin]);
    const signatures = await shim.count('C_Sign');
    expect(signatures).to.be.above(2);

    const dir = await changed();
    const live = await readFile(join(dir, 'public', 'metadata', 'timestamp.json'), 'utf8');
    await shim.plan({ call: 'C_Sign', from: signatures, action: 'remove' });
    const pulled = await attempt(dir, ['publish', '--json', ...index.pin]);
    const { error } = pulled.json<{ error: Record<string, unknown> }>();
    expect([pulled.exitCode, error['committed']]).to.deep.equal([6, 'no']);
    expect(error['message']).to.match(/^timestamp \d+, token "online", serial /);
    expect(error['code']).to.equal('signer.token-removed');
    expect(await readFile(join(dir, 'public', 'metadata', 'timestamp.json'), 'utf8')).to.equal(live);

    await shim.plan();
    await done(dir, ['publish', ...index.pin]);
    const now = await readFile(join(dir, 'public', 'metadata', 'timestamp.json'), 'utf8');
    const version = (text: string): number => JSON.parse(text).signed.version;
    expect(version(now)).to.be.above(version(live));
    await done(dir, ['verify']);
  });

  it('reliability 12: a signature that does not verify ends with 6, and nothing is written', async () => {
    const dir = await changed();
    const before = await kept(dir);
    await shim.plan({ call: 'C_Sign', action: 'corrupt' });
    const { exitCode, stderr } = await attempt(dir, ['publish', ...index.pin]);
    expect(exitCode).to.equal(6);
    expect(stderr).to.match(/signer produced a signature that key [0-9a-f]{12}… rejects/);
    expect(await kept(dir)).to.deep.equal(before);
  });

  it('reliability 14: a PIN on the command line is refused, with the option that exists', async () => {
    const dir = await index.copy();
    for (const args of [['--pin', '73205080'], ['--pin=73205080']]) {
      const { exitCode, stdout, stderr } = await attempt(dir, ['publish', ...args]);
      expect(exitCode).to.equal(2);
      expect(stderr).to.contain('--pin does not exist').and.to.contain('--pin-fd N');
      expect(stdout + stderr).not.to.contain('73205080');
    }
  });

  it('a module that crashes takes nothing with it, and nothing is committed', async () => {
    const dir = await changed();
    const live = await readFile(join(dir, 'public', 'metadata', 'timestamp.json'), 'utf8');
    await shim.plan({ call: 'C_Sign', action: 'abort' });
    const { exitCode, stderr } = await attempt(dir, ['publish', ...index.pin]);
    expect(exitCode).to.equal(6);
    expect(stderr).to.contain('the module crashed').and.to.contain('the module said: shim: out of luck');
    expect(await readFile(join(dir, 'public', 'metadata', 'timestamp.json'), 'utf8')).to.equal(live);
  });

  describe('the PIN', () => {
    const ENV = { DEBUG: '*', TUFA_TEST_MARK: 'marked' };

    const runs: [what: string, args: () => readonly string[], exitCode: number, prepare: () => Promise<void>][] = [
      [
        'that works',
        () => ['publish', ...index.pin],
        0,
        () => shim.plan({ call: 'C_Sign', to: 1, action: 'sleep', number: 700 }),
      ],
      [
        'with --json and --verbose that fails at a signature',
        () => ['publish', '--json', '--verbose', ...index.pin],
        6,
        () => shim.plan({ call: 'C_Sign', to: 1, action: 'ckr', number: CKR.DEVICE_ERROR }),
      ],
      [
        'that the token refuses',
        () => ['publish', ...index.pin],
        6,
        () => shim.plan({ call: 'C_Login', action: 'ckr', number: CKR.PIN_INCORRECT }),
      ],
      [
        'in which the module crashes',
        () => ['publish', ...index.pin],
        6,
        () => shim.plan({ call: 'C_Sign', action: 'abort' }),
      ],
      [
        'that imports',
        () => ['key', 'import', 'pkcs11:token=online;object=online', '--holder', 'x', ...index.pin],
        7,
        () => shim.plan(),
      ],
    ];
    for (const [what, args, exitCode, prepare] of runs) {
      it(`appears nowhere in a run ${what}`, async () => {
        const dir = await changed();
        await prepare();
        const run = await watched(dir, args(), { env: ENV });
        expect(run.exitCode, run.stderr).to.equal(exitCode);
        expect(shownIn(run, pin)).to.deep.equal([]);
        expect(await filesWith(pin, dir)).to.deep.equal([]);
        expect(await filesWith(pin, join(folder(), 'shim'))).to.deep.equal([]);
      });
    }

    it('is given by a file descriptor, and appears nowhere', async () => {
      const dir = await changed();
      await shim.plan({ call: 'C_Sign', to: 1, action: 'sleep', number: 700 });
      const fd = openSync(join(folder(), 'pin'), 'r');
      const run = await watched(dir, ['publish', '--pin-fd', '3'], { fd, env: ENV });
      closeSync(fd);
      expect(run.exitCode, run.stderr).to.equal(0);
      expect(shownIn(run, pin)).to.deep.equal([]);
      expect(await filesWith(pin, dir)).to.deep.equal([]);
      // The process that holds the module was seen, with its environment; of ours it has what it needs.
      const child = run.seen.filter((text) => text.includes('signers/pkcs11/child.js'));
      expect(child.length).to.be.above(0);
      expect(child.join()).to.contain('SHIM_MODULE=').and.not.to.contain('TUFA_TEST_MARK');
      expect(run.seen.join()).to.contain('TUFA_TEST_MARK');
    });
  });
});
