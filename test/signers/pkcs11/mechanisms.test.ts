import { constants, createHash, generateKeyPairSync, privateDecrypt, randomBytes, verify } from 'node:crypto';
import { expect } from 'chai';
import { emsaPss } from '../../../src/signers/pkcs11/mechanisms.ts';
import { signDigest } from '../../support/ready-digest.ts';

describe('EMSA-PSS', () => {
  // Moduli whose length is not whole bytes have a block that is shorter than they are.
  for (const bits of [2048, 2050, 2052, 2054, 3072]) {
    it(`makes what RSA of ${bits} bits signs: node:crypto verifies it, with a salt of 32 bytes`, () => {
      const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: bits });
      for (let i = 0; i < 5; i++) {
        const payload = randomBytes(50);
        const block = emsaPss(createHash('sha256').update(payload).digest(), randomBytes(32), bits);
        const signature = privateDecrypt({ key: privateKey, padding: constants.RSA_NO_PADDING }, block);
        const key = { key: publicKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 };
        expect(verify('sha256', payload, key, signature)).to.equal(true);
      }
    });
  }
});

describe('the card’s ECDSA', () => {
  for (const [curve, hash] of [
    ['prime256v1', 'sha256'],
    ['secp384r1', 'sha384'],
  ] as const) {
    it(`signs a digest on ${curve}: node:crypto verifies it`, () => {
      const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: curve });
      for (let i = 0; i < 5; i++) {
        const payload = randomBytes(50);
        const signature = signDigest(privateKey, createHash(hash).update(payload).digest());
        expect(verify(hash, payload, publicKey, signature)).to.equal(true);
      }
    });
  }
});
