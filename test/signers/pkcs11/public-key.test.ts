import { createECDH, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { expect } from 'chai';
import { CKK } from '../../../src/signers/pkcs11/constants.ts';
import type { ObjectReport } from '../../../src/signers/pkcs11/messages.ts';
import { publicKeyIn } from '../../../src/signers/pkcs11/public-key.ts';
import { keyFromPublic } from '../../../src/tuf/keys.ts';
import { selfSigned } from '../../support/certificate.ts';
import { bitString, der, integer, oid, sequence } from '../../support/der.ts';

const EMPTY: ObjectReport = {
  label: '',
  id: new Uint8Array(),
  keyType: undefined,
  ecParams: undefined,
  ecPoint: undefined,
  modulus: undefined,
  publicExponent: undefined,
  value: undefined,
  alwaysAuthenticate: false,
};

const NAMED = oid('2a8648ce3d030107');
/** The parameters of P-256 one by one (SEC 1, appendix C.2), as a token gives them that does not name curves. */
const EXPLICIT = sequence(
  integer(Buffer.of(1)),
  sequence(oid('2a8648ce3d0101'), integer(hex('ffffffff00000001000000000000000000000000ffffffffffffffffffffffff'))),
  sequence(
    der(0x04, hex('ffffffff00000001000000000000000000000000fffffffffffffffffffffffc')),
    der(0x04, hex('5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b')),
    bitString(hex('c49d360886e704936a6678e1139d26b7819f7e90')),
  ),
  der(
    0x04,
    hex(
      '046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c2964fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5',
    ),
  ),
  integer(hex('ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551')),
  integer(Buffer.of(1)),
);

function hex(text: string): Buffer {
  return Buffer.from(text, 'hex');
}

function pointOf(key: KeyObject): Buffer {
  const { x = '', y = '' } = key.export({ format: 'jwk' });
  return Buffer.concat([Buffer.of(4), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')]);
}

describe('public key on a token', () => {
  const ec = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const ed = generateKeyPairSync('ed25519').publicKey;
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const point = pointOf(ec.publicKey);
  const bare = Buffer.from(ed.export({ format: 'jwk' }).x!, 'base64url');
  const compressed = createECDH('prime256v1');
  compressed.generateKeys();

  const forms: [name: string, params: Buffer, point: Buffer][] = [
    ['an OCTET STRING', NAMED, der(0x04, point)],
    ['a BIT STRING', NAMED, bitString(point)],
    ['nothing around it', NAMED, point],
    ['the curve’s parameters one by one', EXPLICIT, der(0x04, point)],
  ];
  for (const [name, ecParams, ecPoint] of forms) {
    it(`is read from a P-256 point with ${name}`, () => {
      const found = publicKeyIn({ ...EMPTY, keyType: CKK.EC, ecParams, ecPoint });
      expect(found).to.deep.equal(keyFromPublic(ec.publicKey));
    });
  }

  it('is read from a compressed point', () => {
    const ecPoint = Buffer.from(compressed.getPublicKey('binary', 'compressed'), 'binary');
    const whole = Buffer.from(compressed.getPublicKey('binary', 'uncompressed'), 'binary');
    for (const form of [ecPoint, der(0x04, ecPoint)])
      expect(publicKeyIn({ ...EMPTY, keyType: CKK.EC, ecParams: NAMED, ecPoint: form })).to.deep.equal(
        publicKeyIn({ ...EMPTY, keyType: CKK.EC, ecParams: NAMED, ecPoint: whole }),
      );
  });

  it('is read from an Ed25519 point, whatever its parameters are called', () => {
    const parameters = [der(0x13, Buffer.from('edwards25519')), oid('2b6570'), undefined];
    for (const ecParams of parameters)
      for (const ecPoint of [der(0x04, bare), bitString(bare), bare])
        expect(publicKeyIn({ ...EMPTY, keyType: CKK.EC_EDWARDS, ecParams, ecPoint })).to.deep.equal(keyFromPublic(ed));
  });

  it('is read from RSA’s two numbers, and from a certificate', () => {
    const { n = '', e = '' } = rsa.publicKey.export({ format: 'jwk' });
    const [modulus, publicExponent] = [Buffer.from(n, 'base64url'), Buffer.from(e, 'base64url')];
    const expected = keyFromPublic(rsa.publicKey);
    expect(publicKeyIn({ ...EMPTY, keyType: CKK.RSA, modulus, publicExponent })).to.deep.equal(expected);
    expect(publicKeyIn({ ...EMPTY, value: selfSigned('rsa', rsa) })).to.deep.equal(expected);
    expect(publicKeyIn({ ...EMPTY, value: selfSigned('ec', ec) })).to.deep.equal(keyFromPublic(ec.publicKey));
  });

  const none: [name: string, object: Partial<ObjectReport>][] = [
    ['a private key alone', { keyType: CKK.EC, ecParams: NAMED }],
    ['another curve', { keyType: CKK.EC, ecParams: oid('2b8104000a'), ecPoint: der(0x04, point) }],
    ['a point that is not on the curve', { keyType: CKK.EC, ecParams: NAMED, ecPoint: Buffer.alloc(65, 4) }],
    ['half a point', { keyType: CKK.EC, ecParams: NAMED, ecPoint: der(0x04, point.subarray(0, 30)) }],
    ['a short Ed25519 point', { keyType: CKK.EC_EDWARDS, ecPoint: der(0x04, bare.subarray(1)) }],
    ['an RSA key of 1024 bits', { keyType: CKK.RSA, modulus: Buffer.alloc(128, 255), publicExponent: Buffer.of(3) }],
    ['a broken certificate', { value: Buffer.from('3000', 'hex') }],
    ['a kind of which nobody has heard', { keyType: 0x99 }],
  ];
  for (const [name, object] of none) {
    it(`is not found in ${name}`, () => {
      expect(publicKeyIn({ ...EMPTY, ...object })).to.equal(undefined);
    });
  }
});
