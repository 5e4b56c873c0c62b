import { expect } from 'chai';
import { CKF_TOKEN, CKR } from '../../../src/signers/pkcs11/constants.ts';
import { generateKeyOn, listTokens } from '../../../src/signers/registry.ts';
import { answering } from '../folder.ts';
import { childrenOfThis, faultyToken, refusal } from './support/faulty.ts';
import type { Fault } from './support/shim.ts';
import { PIN } from './support/softhsm.ts';

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

describe('a module that fails before it signs', () => {
  const { shim, options, open } = faultyToken();
  /** No PIN twice: one that was refused is not sent again in the same run. */
  let pins = 0;
  const otherPin = (): string => `${100_000 + ++pins}`;

  describe('C_Login', () => {
    for (const [ckr, code] of LOGIN) {
      it(`is called once where it answers ${ckr}: ${code}`, async () => {
        await shim().plan({ call: 'C_Login', action: 'ckr', number: ckr });
        const given = options(answering(otherPin()));
        const error = await refusal(open('ec', given));
        expect([error.code, error.exitCode]).to.deep.equal([code, 6]);
        expect(error.message).to.match(new RegExp(`^token "faulty", serial .*\\(${ckr}\\) from C_Login$`));
        expect(error.hint).not.to.equal(undefined);
        expect(await shim().count('C_Login')).to.equal(1);
        // Nor by another signer on the same token.
        const again = await refusal(open('rsa', given));
        expect(again.message).to.contain('it is not sent again');
        expect(await shim().count('C_Login')).to.equal(1);
      });
    }

    it('may say that the user is logged in already', async () => {
      await shim().plan({ call: 'C_Login', action: 'ckr', number: CKR.USER_ALREADY_LOGGED_IN });
      const error = await refusal(open());
      // SoftHSM, which has not heard of the login, shows no private key.
      expect(error.code).to.equal('signer.key-missing');
    });

    it('may hang: the process is killed, and the PIN not sent again', async () => {
      await shim().plan({ call: 'C_Login', action: 'sleep', number: 60_000 });
      const given = options(answering(otherPin()), { deadlineMs: 1500 });
      const error = await refusal(open('ec', given));
      expect(error.code).to.equal('signer.timeout');
      expect(error.message).to.contain('no answer to login in 1.5 s');
      await shim().plan();
      expect((await refusal(open('ec', given))).message).to.contain('it is not sent again');
      expect(await shim().count('C_Login')).to.equal(0);
      expect(await childrenOfThis()).to.deep.equal([]);
    });
  });

  describe('flags of the token', () => {
    const flags = (number: number): Fault => ({ call: 'C_GetTokenInfo', action: 'flags', number });

    it('locked: no login', async () => {
      await shim().plan(flags(CKF_TOKEN.USER_PIN_LOCKED));
      const secrets = answering(PIN);
      const error = await refusal(open('ec', options(secrets)));
      expect([error.code, secrets.asked]).to.deep.equal(['signer.pin-locked', []]);
      expect(await shim().count('C_Login')).to.equal(0);
    });

    it('last try: no login unless a person confirms it', async () => {
      await shim().plan(flags(CKF_TOKEN.USER_PIN_FINAL_TRY));
      const secrets = answering(PIN);
      const error = await refusal(open('ec', options(secrets)));
      expect([error.code, error.exitCode, secrets.asked]).to.deep.equal(['person.final-try', 12, []]);
      const declined = { ...secrets, confirmFinalTry: async () => false };
      expect((await refusal(open('ec', options(declined)))).code).to.equal('person.final-try');
      expect(await shim().count('C_Login')).to.equal(0);
      const confirmed = { ...secrets, confirmFinalTry: async () => true };
      await (await open('ec', options(confirmed))).close();
      expect(await shim().count('C_Login')).to.equal(1);
    });

    it('few tries left: somebody is told', async () => {
      await shim().plan(flags(CKF_TOKEN.USER_PIN_COUNT_LOW));
      const warnings: string[] = [];
      await (await open('ec', options(answering(PIN), { warn: (text) => warnings.push(text) }))).close();
      expect(warnings).to.have.length(1);
      expect(warnings[0]).to.match(/^token "faulty", serial .*: a wrong PIN was given before, few tries are left$/);
    });

    it('what is left after a wrong PIN is said', async () => {
      await shim().plan({ ...flags(CKF_TOKEN.USER_PIN_FINAL_TRY), from: 3 });
      const error = await refusal(open('ec', options(answering(otherPin()))));
      expect(error.hint).to.match(/^the token allows one more try; /);
    });

    it('a reader with keys of its own: nobody is asked, and it gets no PIN', async () => {
      await shim().plan(flags(CKF_TOKEN.PROTECTED_AUTHENTICATION_PATH));
      const secrets = answering(PIN);
      const warnings: string[] = [];
      await refusal(open('ec', options(secrets, { warn: (text) => warnings.push(text) })));
      expect(secrets.asked).to.deep.equal([]);
      expect(warnings.join()).to.contain('type the PIN on the keys of the reader');
      expect(await shim().log()).to.include('  user 1, PIN of 0');
    });

    it('are shown by key list', async () => {
      await shim().plan(flags(CKF_TOKEN.USER_PIN_LOCKED));
      expect((await listTokens(undefined, options()))[0]?.pin).to.equal('locked');
    });
  });

  describe('what comes before', () => {
    it('C_Initialize gets the locks of the system, and its arguments to the last character', async () => {
      await shim().plan();
      const settings = {
        ...shim().settings,
        initArgs: "dir='x' END",
        env: { ...shim().settings.env, SHIM_ARGUMENTS: '1' },
      };
      await listTokens(undefined, options(answering(PIN), { modules: { shim: settings } }));
      expect((await shim().log())[1]).to.equal("  flags 2, arguments dir='x' END");
    });

    it('C_Initialize may say that it was done already', async () => {
      await shim().plan({ call: 'C_Initialize', action: 'ckr', number: CKR.CRYPTOKI_ALREADY_INITIALIZED });
      expect(await listTokens(undefined, options())).to.have.length(1);
    });

    for (const [call, code] of [
      ['C_Initialize', 'signer.token-failure'],
      ['C_GetSlotList', 'signer.token-failure'],
      ['C_OpenSession', 'signer.token-failure'],
      ['C_FindObjectsInit', 'signer.token-failure'],
    ] as const) {
      it(`${call} may fail`, async () => {
        await shim().plan({ call, action: 'ckr', number: CKR.GENERAL_ERROR });
        const error = await refusal(open());
        expect([error.code, error.exitCode]).to.deep.equal([code, 6]);
        await shim().plan();
        await (await open()).close();
      });
    }

    it('C_Initialize may hang', async () => {
      await shim().plan({ call: 'C_Initialize', action: 'sleep', number: 60_000 });
      const error = await refusal(open('ec', options(answering(PIN), { deadlineMs: 1500 })));
      expect(error.code).to.equal('signer.timeout');
      expect(await childrenOfThis()).to.deep.equal([]);
    });

    it('a token that tells nothing of itself is not there', async () => {
      await shim().plan({ call: 'C_GetTokenInfo', action: 'ckr', number: CKR.DEVICE_ERROR });
      expect((await refusal(open())).code).to.equal('signer.token-missing');
    });

    it('C_GenerateKeyPair may fail', async () => {
      await shim().plan({ call: 'C_GenerateKeyPair', action: 'ckr', number: CKR.DEVICE_MEMORY });
      const making = generateKeyOn('pkcs11:token=faulty', { name: 'new', scheme: 'ecdsa-sha2-nistp256' }, options());
      expect((await refusal(making)).code).to.equal('signer.token-failure');
    });
  });
});
