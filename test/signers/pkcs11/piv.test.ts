import { expect } from 'chai';
import { CKF_TOKEN, CKR } from '../../../src/signers/pkcs11/constants.ts';
import { openDevice } from '../../../src/signers/pkcs11/devices.ts';
import { ModuleFailure } from '../../../src/signers/pkcs11/failure.ts';
import { ModuleProcess } from '../../../src/signers/pkcs11/process.ts';
import type { OpenOptions, SecretSource } from '../../../src/signers/port.ts';
import { importKey, listTokens, openSigner } from '../../../src/signers/registry.ts';
import type { Key } from '../../../src/tuf/model.ts';
import { PivCard, type Slot } from '../../support/piv-card.ts';
import { describeSignerContract } from '../contract.ts';
import { answering, privateFolder } from '../folder.ts';
import { type ModuleName, moduleFor } from './install.ts';
import { type CardReader, startReader } from './support/pcscd.ts';
import { PIN } from './support/softhsm.ts';

const MODULES = ['opensc', 'ykcs11'] as const satisfies ModuleName[];
const VERIFY = 0x20;
const GENERAL_AUTHENTICATE = 0x87;
/** The PIV slots as PKCS#11 numbers them. */
const SLOTS = [
  ['9a (RSA)', '%01', 0x9a],
  ['9c (PIN always)', '%02', 0x9c],
  ['9e (PIN never)', '%04', 0x9e],
] as const satisfies [string, string, Slot][];

const card = new PivCard({
  pin: PIN,
  serial: 12_345_678,
  slots: { 154: 'rsa2048', 156: 'p256', 157: 'p384', 158: 'p256' },
});

describe('a PIV card in a reader', () => {
  const folder = privateFolder();
  let slot: CardReader | undefined;
  const paths = new Map<ModuleName, string>();
  const keys = new Map<string, { uri: string; key: Key; keyid: string | undefined }>();

  before(async function () {
    for (const name of MODULES) paths.set(name, await moduleFor(this, name));
    slot = await startReader(folder(), card);
    for (const name of MODULES) {
      const [token] = await listTokens(undefined, options(name));
      const place = token!.uri.replace(/\?.*/, '');
      for (const id of ['%01', '%02', '%03', '%04']) {
        const shown = token!.keys.find(({ uri }) => uri.includes(`id=${id}`));
        const uri = `${place};id=${id}`;
        keys.set(`${name} ${id}`, { uri, key: await importKey(uri, options(name)), keyid: shown?.keyid });
      }
    }
  });

  after(() => slot?.stop());

  afterEach(async () => {
    card.before = () => undefined;
    card.unlock();
    await slot?.reader.insert();
  });

  function withSecrets(name: ModuleName, secrets: SecretSource, deadlineMs?: number): OpenOptions {
    const more = deadlineMs === undefined ? {} : { deadlineMs };
    return { secrets, base: folder(), modules: { [name]: { path: paths.get(name)! } }, ...more };
  }

  const options = (name: ModuleName): OpenOptions => withSecrets(name, answering(PIN));

  const key = (name: ModuleName, id: string) => keys.get(`${name} ${id}`)!;

  async function refusal(work: Promise<unknown>): Promise<Error & { code?: string; hint?: string }> {
    return work.then(
      () => expect.fail('it was accepted'),
      (error: Error) => error,
    );
  }

  /** A test in which the module, which may take seconds to start, is started once. */
  function oneProcess(name: ModuleName, title: string, work: () => Promise<void>): void {
    it(title, async () => {
      const held = await openDevice({ name }, options(name));
      try {
        await work();
      } finally {
        await held.close();
      }
    });
  }

  for (const name of MODULES) {
    for (const [what, id] of SLOTS) {
      describeSignerContract(`${name}, slot ${what}`, async () => ({ ...key(name, id), options: options(name) }));
    }

    describe(name, () => {
      it('needs no PIN to show its public keys', async () => {
        const secrets = answering(undefined);
        const [shown] = await listTokens(undefined, withSecrets(name, secrets));
        expect(shown?.keys.map(({ scheme }) => scheme)).to.deep.equal([
          'rsassa-pss-sha256',
          'ecdsa-sha2-nistp256',
          'ecdsa-sha2-nistp384',
          'ecdsa-sha2-nistp256',
        ]);
        expect(secrets.asked).to.deep.equal([]);
      });

      it('does not open a P-384 key, which not every client reads', async () => {
        const p384 = key(name, '%03');
        const error = await refusal(openSigner(p384.uri, p384.key, options(name)));
        expect(error.code).to.equal('signer.key-kind');
      });

      oneProcess(name, 'tries a wrong PIN once, and does not send it again', async () => {
        const { uri, key: trusted } = key(name, '%02');
        const wrong = withSecrets(name, answering('111111'));
        const before = card.verifications;
        const error = await refusal(openSigner(uri, trusted, wrong));
        expect(error.code).to.equal('signer.pin-wrong');
        expect(card.verifications - before).to.equal(1);
        expect(card.triesLeft).to.equal(2);
        expect((await refusal(openSigner(uri, trusted, wrong))).message).to.contain('not sent again');
        expect(card.verifications - before).to.equal(1);
        await (await openSigner(uri, trusted, options(name))).close();
      });

      oneProcess(name, 'says of a PIN that is too short that it is wrong', async () => {
        const { uri, key: trusted } = key(name, '%01');
        const error = await refusal(openSigner(uri, trusted, withSecrets(name, answering('12'))));
        expect(error.code).to.equal('signer.pin-wrong');
      });

      oneProcess(name, 'uses the last try only where a person wants it, and no locked PIN', async () => {
        const { uri, key: trusted } = key(name, '%02');
        for (const pin of [`22222${name.length}`, `33333${name.length}`])
          await refusal(openSigner(uri, trusted, withSecrets(name, answering(pin))));
        expect(card.triesLeft).to.equal(1);
        const before = card.verifications;
        const asked = answering(PIN);
        const last = await refusal(openSigner(uri, trusted, withSecrets(name, asked)));
        expect([last.code, last.name]).to.deep.equal(['person.final-try', 'PersonError']);
        expect([card.verifications, asked.asked]).to.deep.equal([before, []]);
        expect((await listTokens(undefined, options(name)))[0]?.pin).to.equal('final-try');

        const confirmed = { ...answering('444444'), confirmFinalTry: async () => true };
        const lost = await refusal(openSigner(uri, trusted, withSecrets(name, confirmed)));
        expect(lost.code).to.match(/^signer\.pin-(?:wrong|locked)$/);
        expect([card.verifications, card.triesLeft]).to.deep.equal([before + 1, 0]);
        const locked = await refusal(openSigner(uri, trusted, options(name)));
        expect(locked.code).to.equal('signer.pin-locked');
        expect(locked.hint).to.contain('unblock-pin');
        expect(card.verifications).to.equal(before + 1);
      });

      oneProcess(name, 'takes the last try when it is right', async () => {
        const { uri, key: trusted } = key(name, '%02');
        for (const pin of [`55555${name.length}`, `66666${name.length}`])
          await refusal(openSigner(uri, trusted, withSecrets(name, answering(pin))));
        const confirmed = { ...answering(PIN), confirmFinalTry: async () => true };
        await (await openSigner(uri, trusted, withSecrets(name, confirmed))).close();
        expect(card.triesLeft).to.equal(3);
      });

      it('says that the card is not there, and which ones are', async () => {
        const { uri, key: trusted } = key(name, '%02');
        slot?.reader.pull();
        const error = await refusal(openSigner(uri, trusted, options(name)));
        expect(error.code).to.equal('signer.token-missing');
        expect(error.message).to.contain('found none');
      });

      it('says that the card was pulled while it signed, and signs when it is back', async () => {
        const { uri, key: trusted } = key(name, '%02');
        const signer = await openSigner(uri, trusted, options(name));
        card.before = (ins) => {
          if (ins === GENERAL_AUTHENTICATE) slot?.reader.pull();
        };
        const error = await refusal(signer.sign({ payload: Buffer.from('x'), subject: 'timestamp 7' }));
        expect(error.code).to.match(/^signer\.token-(?:removed|missing|failure)$/);
        expect(error.message).to.contain('timestamp 7');
        card.before = () => undefined;
        await slot?.reader.insert();
        await signer.sign({ payload: Buffer.from('x'), subject: 'timestamp 7' });
        await signer.close();
      });

      it('is not held up for ever by a card that is pulled while it checks the PIN', async () => {
        const { uri, key: trusted } = key(name, '%02');
        card.before = (ins, length) => {
          if (ins === VERIFY && length > 0) slot?.reader.pull();
        };
        const started = performance.now();
        const error = await refusal(
          openSigner(uri, trusted, withSecrets(name, answering(`${name.length}77777`), 4000)),
        );
        expect(error.code).to.match(/^signer\./);
        expect(performance.now() - started).to.be.below(15_000);
        card.before = () => undefined;
        await slot?.reader.insert();
        await (await openSigner(uri, trusted, options(name))).close();
      });
    });
  }

  it('has the same keyids through both modules, though one gives the curve’s parameters one by one', async () => {
    expect(key('opensc', '%02').key).to.deep.equal(key('ykcs11', '%02').key);
    await withProcess('ykcs11', async (process, { slot: where }) => {
      const match = { id: Uint8Array.of(2) };
      const [object] = await process.ask({ ask: 'objects', slot: where, kind: 'public', match }, 30_000);
      expect(object?.ecParams?.length).to.be.above(100);
    });
  });

  it('does not sign with slot 9c without the login before each signature', async () => {
    await withProcess('opensc', async (process, { slot: where }) => {
      await process.ask({ ask: 'login', slot: where, pin: Buffer.from(PIN) }, 30_000);
      const question = { ask: 'sign', slot: where, key: { id: Uint8Array.of(2) }, payload: Buffer.from('x') } as const;
      const signing = process.ask({ ...question, scheme: 'ecdsa-sha2-nistp256', pin: undefined }, 30_000);
      const failure = await refusal(signing);
      expect(failure).to.be.instanceOf(ModuleFailure);
      expect((failure as ModuleFailure).reason).to.deep.include({ kind: 'ckr', code: CKR.USER_NOT_LOGGED_IN });
    });
  });

  async function withProcess(
    name: ModuleName,
    work: (process: ModuleProcess, token: { slot: string }) => Promise<void>,
  ): Promise<void> {
    const process = new ModuleProcess({ path: paths.get(name)!, initArgs: undefined, env: {} });
    try {
      const [first] = await process.ask({ ask: 'tokens' }, 30_000);
      expect((first?.flags ?? 0) & CKF_TOKEN.LOGIN_REQUIRED).not.to.equal(0);
      await work(process, first!);
    } finally {
      await process.end();
    }
  }
});
