import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { CKF_TOKEN, CKM, CKR } from '../../../src/signers/pkcs11/constants.ts';
import type { OpenOptions, SecretSource, Signer } from '../../../src/signers/port.ts';
import { generateKeyOn, importKey, listTokens, openSigner } from '../../../src/signers/registry.ts';
import type { Key } from '../../../src/tuf/model.ts';
import { answering, privateFolder } from '../folder.ts';
import { moduleFor } from './install.ts';
import { buildShim, type Fault, type Shim } from './support/shim.ts';
import { PIN, softHsm } from './support/softhsm.ts';

type Refusal = Error & { code?: string; exitCode?: number; hint?: string };

/** By the table of PKCS#11's codes: what C_Login answers, and what is said then. */
const LOGIN: readonly (readonly [ckr: number, code: string])[] = [
  [CKR.PIN_INCORRECT, 'signer.pin-wrong'],
  [CKR.PIN_INVALID, 'signer.pin-wrong'],
  [CKR.PIN_LEN_RANGE, 'signer.pin-wrong'],
  [CKR.ARGUMENTS_BAD, 'signer.pin-wrong'],
  [CKR.PIN_LOCKED, 'signer.pin-locked'],
  [CKR.PIN_EXPIRED, 'signer.pin-setup'],
  [CKR.USER_PIN_NOT_INITIALIZED, 'signer.pin-setup'],
  [CKR.TOKEN_NOT_PRESENT, 'signer.token-missing'],
  [CKR.TOKEN_NOT_RECOGNIZED, 'signer.token-missing'],
  [CKR.DEVICE_REMOVED, 'signer.token-removed'],
  [CKR.DEVICE_ERROR, 'signer.token-removed'],
  [CKR.SESSION_HANDLE_INVALID, 'signer.token-removed'],
  [CKR.FUNCTION_CANCELED, 'signer.canceled'],
  [CKR.GENERAL_ERROR, 'signer.token-failure'],
  [CKR.HOST_MEMORY, 'signer.token-failure'],
  [CKR.DEVICE_MEMORY, 'signer.token-failure'],
  [0x80000383, 'signer.pkcs11'],
];

/** What C_Sign answers, how often it is called then, and what is said. */
const SIGN: readonly (readonly [ckr: number, calls: number, code: string])[] = [
  [CKR.DEVICE_REMOVED, 1, 'signer.token-removed'],
  [CKR.DEVICE_ERROR, 1, 'signer.token-removed'],
  [CKR.SESSION_HANDLE_INVALID, 1, 'signer.token-removed'],
  [CKR.SESSION_CLOSED, 1, 'signer.token-removed'],
  [CKR.SLOT_ID_INVALID, 1, 'signer.token-removed'],
  [CKR.TOKEN_NOT_PRESENT, 1, 'signer.token-missing'],
  [CKR.KEY_TYPE_INCONSISTENT, 1, 'signer.key-unusable'],
  [CKR.FUNCTION_CANCELED, 1, 'signer.canceled'],
  [CKR.FUNCTION_REJECTED, 1, 'signer.canceled'],
  [CKR.GENERAL_ERROR, 3, 'signer.token-failure'],
  [CKR.HOST_MEMORY, 3, 'signer.token-failure'],
  [CKR.DEVICE_MEMORY, 3, 'signer.token-failure'],
  [CKR.FUNCTION_FAILED, 1, 'signer.token-failure'],
  [0x80000383, 1, 'signer.pkcs11'],
];

const REQUEST = { payload: Buffer.from('payload'), subject: 'timestamp 7' };

describe('a module with faults', () => {
  const folder = privateFolder();
  let shim: Shim;
  const keys = new Map<string, Key>();
  /** No PIN twice: one that was refused is not sent again in the same run. */
  let pins = 0;

  before(async function () {
    await moduleFor(this, 'shim');
    const hsm = await softHsm(folder(), await moduleFor(this, 'softhsm'));
    await hsm.token('faulty');
    await hsm.key('faulty', { type: 'EC:prime256v1', label: 'ec', id: '01' });
    await hsm.key('faulty', { type: 'rsa:2048', label: 'rsa', id: '02' });
    shim = await buildShim(join(folder(), 'shim'), hsm);
    await shim.plan();
    for (const label of ['ec', 'rsa']) keys.set(label, await importKey(uri(label), options()));
  });

  const uri = (label: string): string => `pkcs11:token=faulty;object=${label}`;
  const otherPin = (): string => `${100_000 + ++pins}`;

  function options(secrets: SecretSource = answering(PIN), more: Partial<OpenOptions> = {}): OpenOptions {
    return { secrets, base: folder(), modules: { shim: shim.settings }, ...more };
  }

  const open = (label = 'ec', given = options()): Promise<Signer> => openSigner(uri(label), keys.get(label)!, given);

  async function refusal(work: Promise<unknown>): Promise<Refusal> {
    return work.then(
      () => expect.fail('it was accepted'),
      (error: Refusal) => error,
    );
  }

  /** With a signer that is open, under faults of which it did not know. */
  async function signing<T>(faults: readonly Fault[], work: (signer: Signer) => Promise<T>, label = 'ec'): Promise<T> {
    await shim.plan();
    const signer = await open(label);
    try {
      await shim.plan(...faults);
      return await work(signer);
    } finally {
      await signer.close();
    }
  }

  describe('C_Login', () => {
    for (const [ckr, code] of LOGIN) {
      it(`is called once where it answers ${ckr}: ${code}`, async () => {
        await shim.plan({ call: 'C_Login', action: 'ckr', number: ckr });
        const given = options(answering(otherPin()));
        const error = await refusal(open('ec', given));
        expect([error.code, error.exitCode]).to.deep.equal([code, 6]);
        expect(error.message).to.match(new RegExp(`^token "faulty", serial .*\\(${ckr}\\) from C_Login$`));
        expect(error.hint).not.to.equal(undefined);
        expect(await shim.count('C_Login')).to.equal(1);
        // Nor by another signer on the same token.
        const again = await refusal(open('rsa', given));
        expect(again.message).to.contain('it is not sent again');
        expect(await shim.count('C_Login')).to.equal(1);
      });
    }

    it('may say that the user is logged in already', async () => {
      await shim.plan({ call: 'C_Login', action: 'ckr', number: CKR.USER_ALREADY_LOGGED_IN });
      const error = await refusal(open());
      // SoftHSM, which has not heard of the login, shows no private key.
      expect(error.code).to.equal('signer.key-missing');
    });

    it('may hang: the process is killed, and the PIN not sent again', async () => {
      await shim.plan({ call: 'C_Login', action: 'sleep', number: 60_000 });
      const given = options(answering(otherPin()), { deadlineMs: 1500 });
      const error = await refusal(open('ec', given));
      expect(error.code).to.equal('signer.timeout');
      expect(error.message).to.contain('no answer to login in 1.5 s');
      await shim.plan();
      expect((await refusal(open('ec', given))).message).to.contain('it is not sent again');
      expect(await shim.count('C_Login')).to.equal(0);
      expect(await childrenOfThis()).to.equal(0);
    });
  });

  describe('flags of the token', () => {
    const flags = (number: number): Fault => ({ call: 'C_GetTokenInfo', action: 'flags', number });

    it('locked: no login', async () => {
      await shim.plan(flags(CKF_TOKEN.USER_PIN_LOCKED));
      const secrets = answering(PIN);
      const error = await refusal(open('ec', options(secrets)));
      expect([error.code, secrets.asked]).to.deep.equal(['signer.pin-locked', []]);
      expect(await shim.count('C_Login')).to.equal(0);
    });

    it('last try: no login unless a person confirms it', async () => {
      await shim.plan(flags(CKF_TOKEN.USER_PIN_FINAL_TRY));
      const secrets = answering(PIN);
      const error = await refusal(open('ec', options(secrets)));
      expect([error.code, error.exitCode, secrets.asked]).to.deep.equal(['person.final-try', 12, []]);
      const declined = { ...secrets, confirmFinalTry: async () => false };
      expect((await refusal(open('ec', options(declined)))).code).to.equal('person.final-try');
      expect(await shim.count('C_Login')).to.equal(0);
      const confirmed = { ...secrets, confirmFinalTry: async () => true };
      await (await open('ec', options(confirmed))).close();
      expect(await shim.count('C_Login')).to.equal(1);
    });

    it('few tries left: somebody is told', async () => {
      await shim.plan(flags(CKF_TOKEN.USER_PIN_COUNT_LOW));
      const warnings: string[] = [];
      await (await open('ec', options(answering(PIN), { warn: (text) => warnings.push(text) }))).close();
      expect(warnings).to.have.length(1);
      expect(warnings[0]).to.match(/^token "faulty", serial .*: a wrong PIN was given before, few tries are left$/);
    });

    it('what is left after a wrong PIN is said', async () => {
      await shim.plan({ ...flags(CKF_TOKEN.USER_PIN_FINAL_TRY), from: 3 });
      const error = await refusal(open('ec', options(answering(otherPin()))));
      expect(error.hint).to.match(/^the token allows one more try; /);
    });

    it('a reader with keys of its own: nobody is asked, and it gets no PIN', async () => {
      await shim.plan(flags(CKF_TOKEN.PROTECTED_AUTHENTICATION_PATH));
      const secrets = answering(PIN);
      const warnings: string[] = [];
      await refusal(open('ec', options(secrets, { warn: (text) => warnings.push(text) })));
      expect(secrets.asked).to.deep.equal([]);
      expect(warnings.join()).to.contain('type the PIN on the keys of the reader');
      expect(await shim.log()).to.include('  user 1, PIN of 0');
    });

    it('are shown by key list', async () => {
      await shim.plan(flags(CKF_TOKEN.USER_PIN_LOCKED));
      expect((await listTokens(undefined, options()))[0]?.pin).to.equal('locked');
    });
  });

  describe('C_Sign', () => {
    for (const [ckr, calls, code] of SIGN) {
      it(`is called ${calls} times where it answers ${ckr}: ${code}`, async () => {
        await signing([{ call: 'C_Sign', action: 'ckr', number: ckr }], async (signer) => {
          const error = await refusal(signer.sign(REQUEST));
          expect([error.code, error.exitCode]).to.deep.equal([code, 6]);
          expect(error.message).to.match(
            new RegExp(`^timestamp 7, token "faulty", serial .*\\(${ckr}\\) from C_Sign$`),
          );
          expect(await shim.count('C_Sign')).to.equal(calls);
          await shim.plan();
          expect(await signer.sign(REQUEST)).to.match(/^30/);
        });
      });
    }

    for (const ckr of [CKR.GENERAL_ERROR, CKR.DEVICE_MEMORY]) {
      it(`is called again in a new session where it answers ${ckr} once`, async () => {
        await signing([{ call: 'C_Sign', to: 1, action: 'ckr', number: ckr }], async (signer) => {
          expect(await signer.sign(REQUEST)).to.match(/^30/);
          expect(await shim.count('C_Sign')).to.equal(2);
          expect(await shim.count('C_Initialize')).to.equal(0);
        });
      });
    }

    it('is called again after a login of its own where it says that nobody is logged in', async () => {
      // SoftHSM has no use for that login, and would refuse it.
      const benign = { call: 'C_Login', from: 3, action: 'ckr', number: CKR.USER_ALREADY_LOGGED_IN } as const;
      const faults: Fault[] = [{ call: 'C_Sign', to: 1, action: 'ckr', number: CKR.USER_NOT_LOGGED_IN }, benign];
      await signing(faults, async (signer) => {
        await signer.sign(REQUEST);
        const logins = (await shim.log()).filter((line) => line.startsWith('  user'));
        expect(logins).to.deep.equal(['  user 1, PIN of 6', '  user 2, PIN of 6']);
        // From now on that login comes first.
        await signer.sign(REQUEST);
        expect((await shim.log()).filter((line) => line.startsWith('  user 2'))).to.have.length(2);
        expect(await shim.count('C_Sign')).to.equal(3);
      });
    });

    it('says in vain that nobody is logged in', async () => {
      const benign = { call: 'C_Login', from: 3, action: 'ckr', number: CKR.USER_ALREADY_LOGGED_IN } as const;
      await signing([{ call: 'C_Sign', action: 'ckr', number: CKR.USER_NOT_LOGGED_IN }, benign], async (signer) => {
        expect((await refusal(signer.sign(REQUEST))).code).to.equal('signer.auth-required');
        expect(await shim.count('C_Sign')).to.equal(2);
      });
    });

    it('may hang: the process is killed, and another one signs', async () => {
      await shim.plan();
      const signer = await open('ec', options(answering(PIN), { deadlineMs: 1500 }));
      await shim.plan({ call: 'C_Sign', to: 1, action: 'sleep', number: 60_000 });
      const error = await refusal(signer.sign(REQUEST));
      expect(error.code).to.equal('signer.timeout');
      expect(error.hint).to.contain('touch the key if it blinks');
      await shim.plan();
      expect(await signer.sign(REQUEST)).to.match(/^30/);
      await signer.close();
      expect(await childrenOfThis()).to.equal(0);
    });

    it('may take its time: somebody is told to touch the key', async () => {
      await shim.plan();
      const warnings: string[] = [];
      const signer = await open('ec', options(answering(PIN), { warn: (text) => warnings.push(text) }));
      await shim.plan({ call: 'C_Sign', to: 1, action: 'sleep', number: 4000 });
      await signer.sign(REQUEST);
      await signer.close();
      expect(warnings.join()).to.match(/^timestamp 7, token "faulty", .* touch it if it blinks$/);
    });

    it('may abort: the error has what the module has said', async () => {
      await signing([{ call: 'C_Sign', action: 'abort' }], async (signer) => {
        const error = await refusal(signer.sign(REQUEST));
        expect(error.code).to.equal('signer.module-died');
        expect(error.message).to.contain('its process ended with SIGABRT in sign');
        expect(error.hint).to.contain('shim: out of luck');
        await shim.plan();
        expect(await signer.sign(REQUEST)).to.match(/^30/);
      });
    });

    it('meets a token that was removed, and one that is back', async () => {
      await signing([{ call: 'C_Sign', action: 'remove' }], async (signer) => {
        expect((await refusal(signer.sign(REQUEST))).code).to.equal('signer.token-removed');
        await shim.plan({ call: 'C_GetSlotList', action: 'remove' });
        const gone = await refusal(signer.sign(REQUEST));
        expect(gone.code).to.equal('signer.token-missing');
        expect(gone.message).to.contain('timestamp 7, pkcs11:token=faulty;object=ec: the token is not there');
        await shim.plan();
        expect(await signer.sign(REQUEST)).to.match(/^30/);
      });
    });

    it('gives a signature that does not verify: nobody gets it', async () => {
      await signing([{ call: 'C_Sign', action: 'corrupt' }], async (signer) => {
        const error = await refusal(signer.sign(REQUEST));
        expect(error.code).to.equal('signer.invalid-signature');
        expect(error.message).to.match(/^timestamp 7: signer produced a signature that key [0-9a-f]{12}… rejects$/);
      });
    });
  });

  describe('ways to sign', () => {
    const WAYS = [CKM.SHA256_RSA_PKCS_PSS, CKM.RSA_PKCS_PSS, CKM.RSA_X_509];
    const next = [
      CKR.MECHANISM_INVALID,
      CKR.MECHANISM_PARAM_INVALID,
      CKR.FUNCTION_NOT_SUPPORTED,
      CKR.KEY_FUNCTION_NOT_PERMITTED,
    ];
    for (const [i, ckr] of next.entries()) {
      const ways = (i % 2) + 1;
      it(`go on to the next after ${ckr}, and the one that worked is the first from then on`, async () => {
        await signing(
          [{ call: 'C_SignInit', to: ways, action: 'ckr', number: ckr }],
          async (signer) => {
            for (let n = 0; n < 2; n++) expect(await signer.sign(REQUEST)).to.have.length(512);
            const tried = (await shim.log()).filter((line) => line.startsWith('  mechanism'));
            const expected = [...WAYS.slice(0, ways + 1), WAYS[ways]].map((mechanism) => `  mechanism ${mechanism}`);
            expect(tried).to.deep.equal(expected);
          },
          'rsa',
        );
      });
    }

    it('come to their end', async () => {
      const none: Fault = { call: 'C_SignInit', action: 'ckr', number: CKR.MECHANISM_INVALID };
      await signing([none], async (signer) => {
        expect((await refusal(signer.sign(REQUEST))).code).to.equal('signer.key-unusable');
        expect(await shim.count('C_SignInit')).to.equal(2);
      });
    });

    it('are not gone through after another error', async () => {
      const fault: Fault = { call: 'C_SignInit', action: 'ckr', number: CKR.KEY_TYPE_INCONSISTENT };
      await signing([fault], async (signer) => {
        expect((await refusal(signer.sign(REQUEST))).code).to.equal('signer.key-unusable');
        expect(await shim.count('C_SignInit')).to.equal(1);
      });
    });
  });

  describe('what comes before', () => {
    it('C_Initialize gets the locks of the system, and its arguments to the last character', async () => {
      await shim.plan();
      const settings = {
        ...shim.settings,
        initArgs: "dir='x' END",
        env: { ...shim.settings.env, SHIM_ARGUMENTS: '1' },
      };
      await listTokens(undefined, options(answering(PIN), { modules: { shim: settings } }));
      expect((await shim.log())[1]).to.equal("  flags 2, arguments dir='x' END");
    });

    it('C_Initialize may say that it was done already', async () => {
      await shim.plan({ call: 'C_Initialize', action: 'ckr', number: CKR.CRYPTOKI_ALREADY_INITIALIZED });
      expect(await listTokens(undefined, options())).to.have.length(1);
    });

    for (const [call, code] of [
      ['C_Initialize', 'signer.token-failure'],
      ['C_GetSlotList', 'signer.token-failure'],
      ['C_OpenSession', 'signer.token-failure'],
      ['C_FindObjectsInit', 'signer.token-failure'],
    ] as const) {
      it(`${call} may fail`, async () => {
        await shim.plan({ call, action: 'ckr', number: CKR.GENERAL_ERROR });
        const error = await refusal(open());
        expect([error.code, error.exitCode]).to.deep.equal([code, 6]);
        await shim.plan();
        await (await open()).close();
      });
    }

    it('C_Initialize may hang', async () => {
      await shim.plan({ call: 'C_Initialize', action: 'sleep', number: 60_000 });
      const error = await refusal(open('ec', options(answering(PIN), { deadlineMs: 1500 })));
      expect(error.code).to.equal('signer.timeout');
      expect(await childrenOfThis()).to.equal(0);
    });

    it('a token that tells nothing of itself is not there', async () => {
      await shim.plan({ call: 'C_GetTokenInfo', action: 'ckr', number: CKR.DEVICE_ERROR });
      expect((await refusal(open())).code).to.equal('signer.token-missing');
    });

    it('C_GenerateKeyPair may fail', async () => {
      await shim.plan({ call: 'C_GenerateKeyPair', action: 'ckr', number: CKR.DEVICE_MEMORY });
      const making = generateKeyOn('pkcs11:token=faulty', { name: 'new', scheme: 'ecdsa-sha2-nistp256' }, options());
      expect((await refusal(making)).code).to.equal('signer.token-failure');
    });
  });
});

/** Processes that this one has started and that have not ended. */
async function childrenOfThis(): Promise<number> {
  const text = await readFile(`/proc/self/task/${process.pid}/children`, 'utf8').catch(() => '');
  const pids = text.split(' ').filter((pid) => pid !== '');
  const states = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')));
  return states.filter((cmdline) => cmdline.includes('pkcs11/child')).length;
}
