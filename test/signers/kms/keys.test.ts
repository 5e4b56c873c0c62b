import { constants, generateKeyPairSync, sign } from 'node:crypto';
import { expect } from 'chai';
import { asLongAsModulus, digestOf, keyOfJwk, keyOfPem, keyOfSpki } from '../../../src/signers/kms/keys.ts';
import { keyFromPublic, verifySignature } from '../../../src/tuf/keys.ts';
import { serviceKey } from '../../support/kms/stand-in.ts';

describe('keys of key services', () => {
  for (const kind of ['p-256', 'rsa-2048', 'ed25519'] as const) {
    it(`are the same in each form, ${kind}`, () => {
      const { publicKey, key } = serviceKey(kind);
      const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
      expect(keyOfSpki(publicKey.export({ type: 'spki', format: 'der' }))).to.deep.equal(key);
      expect(keyOfPem(pem)).to.deep.equal(key);
      expect(keyOfPem(pem.replaceAll('PUBLIC KEY', 'RSA PUBLIC KEY').trim())).to.deep.equal(key);
      expect(keyOfJwk(publicKey.export({ format: 'jwk' }))).to.deep.equal(key);
    });
  }

  for (const [name, read, kind] of [
    ['no DER', () => keyOfSpki(Buffer.from('x')), 'answer'],
    ['no PEM', () => keyOfPem('x'), 'answer'],
    ['an empty JWK', () => keyOfJwk({ kty: 'EC' }), 'answer'],
    ['a point that is on no curve', () => keyOfJwk({ kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA' }), 'answer'],
    ['P-384', () => keyOfSpki(serviceKey('p-384').publicKey.export({ type: 'spki', format: 'der' })), 'usage'],
    [
      'RSA of 1024 bits',
      () =>
        keyOfSpki(
          generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ type: 'spki', format: 'der' }),
        ),
      'usage',
    ],
    [
      'another kind of key',
      () => keyOfSpki(generateKeyPairSync('x25519').publicKey.export({ type: 'spki', format: 'der' })),
      'usage',
    ],
  ] as const) {
    it(`refuse ${name}`, () => {
      expect(read).to.throw().with.property('kind', kind);
    });
  }

  it('sign RSA with zeros in front, whatever a service leaves away', () => {
    const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const key = keyFromPublic(publicKey);
    const options = { key: privateKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 };
    const payload = Buffer.from('payload');
    // One signature of 256 begins with a zero.
    let signature = sign('sha256', payload, options);
    for (let i = 0; i < 5_000 && signature[0] !== 0; i++) signature = sign('sha256', payload, options);
    const short = signature.subarray(1);
    expect(verifySignature(key, payload, short.toString('hex'))).to.equal(false);
    expect(asLongAsModulus(short, key)).to.deep.equal(signature);
    expect(verifySignature(key, payload, Buffer.from(asLongAsModulus(short, key)).toString('hex'))).to.equal(true);
    expect(asLongAsModulus(signature, key)).to.equal(signature);
  });

  it('sign the SHA-256 of a payload', () => {
    expect(digestOf(Buffer.from('abc')).toString('hex')).to.match(/^ba7816bf/);
  });
});
