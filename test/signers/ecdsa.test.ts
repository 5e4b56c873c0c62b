import { createHash, createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto';
import { expect } from 'chai';
import { derOfRaw } from '../../src/signers/ecdsa.ts';
import { keyFromPublic, verifySignature } from '../../src/tuf/keys.ts';
import { ecdsaRaw, pss } from '../support/kms/prehashed.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');
const number = (first: string, size = 32): string => first.padEnd(size * 2, '1');

describe('an ECDSA signature in DER', () => {
  const cases: [name: string, r: string, s: string, der: string][] = [
    ['two plain numbers', number('01'), number('7f'), `3044 0220${number('01')} 0220${number('7f')}`],
    ['the highest bit set', number('80'), number('ff'), `3046 022100${number('80')} 022100${number('ff')}`],
    ['a zero in front', number('0001'), number('01'), `3043 021f${number('0001').slice(2)} 0220${number('01')}`],
    ['a zero in front of a high bit', number('0080'), number('01'), `3044 0220${number('0080')} 0220${number('01')}`],
    ['a short number', '05'.padStart(64, '0'), number('01'), `3025 020105 0220${number('01')}`],
    ['zero', '00'.repeat(32), number('01'), `3025 020100 0220${number('01')}`],
  ];
  for (const [name, r, s, der] of cases) {
    it(`has the shortest form: ${name}`, () => {
      expect(derOfRaw(hex(r + s)).toString('hex')).to.equal(der.replaceAll(' ', ''));
    });
  }

  it('is what clients read, for 500 signatures', () => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const key = keyFromPublic(publicKey);
    for (let i = 0; i < 500; i++) {
      const payload = Buffer.from(`payload ${i}`);
      const raw = sign('sha256', payload, { key: privateKey, dsaEncoding: 'ieee-p1363' });
      expect(verifySignature(key, payload, derOfRaw(raw).toString('hex'))).to.equal(true);
    }
  });
});

describe('signatures over a ready digest, with which the stand-ins sign', () => {
  const payload = Buffer.from('payload');
  const digest = createHash('sha256').update(payload).digest();

  it('are those of node:crypto, P-256', () => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    for (let i = 0; i < 50; i++) {
      const signature = ecdsaRaw(privateKey, digest);
      expect(verify('sha256', payload, { key: publicKey, dsaEncoding: 'ieee-p1363' }, signature)).to.equal(true);
    }
  });

  for (const modulusLength of [2048, 3072]) {
    it(`are those of node:crypto, RSA-PSS of ${modulusLength} bits, by the length of their salt`, () => {
      const { privateKey } = generateKeyPairSync('rsa', { modulusLength });
      const key = { key: createPublicKey(privateKey), padding: 6 };
      const verifies = (made: number, wanted: number) =>
        verify('sha256', payload, { ...key, saltLength: wanted }, pss(privateKey, digest, made));
      expect([verifies(32, 32), verifies(20, 32), verifies(20, 20)]).to.deep.equal([true, false, true]);
    });
  }
});
