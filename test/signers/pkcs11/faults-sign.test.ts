import { readFile } from 'node:fs/promises';
import { expect } from 'chai';
import { CKM, CKR } from '../../../src/signers/pkcs11/constants.ts';
import { answering } from '../folder.ts';
import { childrenOfThis, faultyToken, refusal } from './support/faulty.ts';
import type { Fault } from './support/shim.ts';
import { PIN } from './support/softhsm.ts';

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

describe('a module that fails while it signs', () => {
  const { shim, options, open, signing } = faultyToken();

  describe('C_Sign', () => {
    for (const [ckr, calls, code] of SIGN) {
      it(`is called ${calls} times where it answers ${ckr}: ${code}`, async () => {
        await signing([{ call: 'C_Sign', action: 'ckr', number: ckr }], async (signer) => {
          const error = await refusal(signer.sign(REQUEST));
          expect([error.code, error.exitCode]).to.deep.equal([code, 6]);
          expect(error.message).to.match(
            new RegExp(`^timestamp 7, token "faulty", serial .*\\(${ckr}\\) from C_Sign$`),
          );
          expect(await shim().count('C_Sign')).to.equal(calls);
          await shim().plan();
          expect(await signer.sign(REQUEST)).to.match(/^30/);
        });
      });
    }

    for (const ckr of [CKR.GENERAL_ERROR, CKR.DEVICE_MEMORY]) {
      it(`is called again in a new session where it answers ${ckr} once`, async () => {
        await signing([{ call: 'C_Sign', to: 1, action: 'ckr', number: ckr }], async (signer) => {
          expect(await signer.sign(REQUEST)).to.match(/^30/);
          expect(await shim().count('C_Sign')).to.equal(2);
          expect(await shim().count('C_Initialize')).to.equal(0);
        });
      });
    }

    it('is called again after a login of its own where it says that nobody is logged in', async () => {
      // SoftHSM has no use for that login, and would refuse it.
      const benign = { call: 'C_Login', from: 3, action: 'ckr', number: CKR.USER_ALREADY_LOGGED_IN } as const;
      const faults: Fault[] = [{ call: 'C_Sign', to: 1, action: 'ckr', number: CKR.USER_NOT_LOGGED_IN }, benign];
      await signing(faults, async (signer) => {
        await signer.sign(REQUEST);
        const logins = (await shim().log()).filter((line) => line.startsWith('  user'));
        expect(logins).to.deep.equal(['  user 1, PIN of 6', '  user 2, PIN of 6']);
        // From now on that login comes first.
        await signer.sign(REQUEST);
        expect((await shim().log()).filter((line) => line.startsWith('  user 2'))).to.have.length(2);
        expect(await shim().count('C_Sign')).to.equal(3);
      });
    });

    it('says in vain that nobody is logged in', async () => {
      const benign = { call: 'C_Login', from: 3, action: 'ckr', number: CKR.USER_ALREADY_LOGGED_IN } as const;
      await signing([{ call: 'C_Sign', action: 'ckr', number: CKR.USER_NOT_LOGGED_IN }, benign], async (signer) => {
        expect((await refusal(signer.sign(REQUEST))).code).to.equal('signer.auth-required');
        expect(await shim().count('C_Sign')).to.equal(2);
      });
    });

    it('may hang: the process is killed, and another one signs', async () => {
      await shim().plan();
      const signer = await open('ec', options(answering(PIN), { deadlineMs: 1500 }));
      await shim().plan({ call: 'C_Sign', to: 1, action: 'sleep', number: 60_000 });
      const error = await refusal(signer.sign(REQUEST));
      expect(error.code).to.equal('signer.timeout');
      expect(error.hint).to.contain('touch the key if it blinks');
      await shim().plan();
      expect(await signer.sign(REQUEST)).to.match(/^30/);
      await signer.close();
      expect(await childrenOfThis()).to.deep.equal([]);
    });

    it('works in a process that leaves no core file behind', async () => {
      await signing([{ call: 'C_Sign', action: 'sleep', number: 1500 }], async (signer) => {
        const signed = signer.sign(REQUEST);
        const [pid] = await childrenOfThis();
        const limits = await readFile(`/proc/${pid}/limits`, 'utf8');
        expect(limits).to.match(/^Max core file size +0 +0 /m);
        await signed;
      });
    });

    it('may take its time: somebody is told to touch the key', async () => {
      await shim().plan();
      const warnings: string[] = [];
      const signer = await open('ec', options(answering(PIN), { warn: (text) => warnings.push(text) }));
      await shim().plan({ call: 'C_Sign', to: 1, action: 'sleep', number: 4000 });
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
        await shim().plan();
        expect(await signer.sign(REQUEST)).to.match(/^30/);
      });
    });

    it('meets a token that was removed, and one that is back', async () => {
      await signing([{ call: 'C_Sign', action: 'remove' }], async (signer) => {
        expect((await refusal(signer.sign(REQUEST))).code).to.equal('signer.token-removed');
        await shim().plan({ call: 'C_GetSlotList', action: 'remove' });
        const gone = await refusal(signer.sign(REQUEST));
        expect(gone.code).to.equal('signer.token-missing');
        expect(gone.message).to.contain('timestamp 7, pkcs11:token=faulty;object=ec: the token is not there');
        await shim().plan();
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
            const tried = (await shim().log()).filter((line) => line.startsWith('  mechanism'));
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
        expect(await shim().count('C_SignInit')).to.equal(2);
      });
    });

    it('are not gone through after another error', async () => {
      const fault: Fault = { call: 'C_SignInit', action: 'ckr', number: CKR.KEY_TYPE_INCONSISTENT };
      await signing([fault], async (signer) => {
        expect((await refusal(signer.sign(REQUEST))).code).to.equal('signer.key-unusable');
        expect(await shim().count('C_SignInit')).to.equal(1);
      });
    });
  });
});
