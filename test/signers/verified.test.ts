import { constants, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { expect } from 'chai';
import { SignerError } from '../../src/errors.ts';
import type { Signer } from '../../src/signers/port.ts';
import { verified } from '../../src/signers/verified.ts';
import { keyFromPublic, keyidOf } from '../../src/tuf/keys.ts';

const payload = Buffer.from('payload');
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const PSS = { padding: constants.RSA_PKCS1_PSS_PADDING };

function signerOf(publicKey: KeyObject, signature: () => Buffer | string): Signer {
  const key = keyFromPublic(publicKey);
  return {
    keyid: keyidOf(key),
    key,
    uri: 'pkcs11:token=test',
    sign: async () => signature().toString('hex'),
    close: async () => undefined,
  };
}

describe('verified', () => {
  const wrong: [string, KeyObject, () => Buffer | string][] = [
    [
      'raw r||s, as PKCS#11 gives it',
      ec.publicKey,
      () => sign('sha256', payload, { key: ec.privateKey, dsaEncoding: 'ieee-p1363' }),
    ],
    ['another digest', ec.publicKey, () => sign('sha512', payload, ec.privateKey)],
    ['other bytes', ec.publicKey, () => sign('sha256', Buffer.from('other'), ec.privateKey)],
    [
      "another key's signature",
      ec.publicKey,
      () => sign('sha256', payload, generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey),
    ],
    [
      'the longest salt, which is the default of many libraries',
      rsa.publicKey,
      () => sign('sha256', payload, { key: rsa.privateKey, ...PSS }),
    ],
    ['nothing', rsa.publicKey, () => ''],
    ['capitals', ec.publicKey, () => sign('sha256', payload, ec.privateKey).toString('hex').toUpperCase()],
  ];

  for (const [what, publicKey, signature] of wrong) {
    it(`refuses a signer that returns ${what}`, async () => {
      const signer = verified(signerOf(publicKey, signature));
      const error = await signer.sign({ payload, subject: 'timestamp 7' }).catch((reason: unknown) => reason);
      expect(error).to.be.instanceOf(SignerError);
      const { message, code, exitCode } = error as SignerError;
      expect(message).to.equal(
        `timestamp 7: signer produced a signature that key ${signer.keyid.slice(0, 12)}… rejects`,
      );
      expect([code, exitCode]).to.deep.equal(['signer.invalid-signature', 6]);
    });
  }

  it('passes what verifies, and closes what it wraps once', async () => {
    let closed = 0;
    const inner = signerOf(rsa.publicKey, () =>
      sign('sha256', payload, { key: rsa.privateKey, ...PSS, saltLength: 32 }),
    );
    const signer = verified({ ...inner, close: async () => void closed++ });
    expect(await signer.sign({ payload, subject: 'root 1' })).to.have.length(512);
    await signer.close();
    await signer.close();
    expect(closed).to.equal(1);
  });
});
