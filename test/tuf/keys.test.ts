import { execFileSync } from 'node:child_process';
import { constants, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { canonicalize } from '@tufjs/canonical-json';
import { expect } from 'chai';
import { InputError } from '../../src/errors.ts';
import { sha256Hex } from '../../src/tuf/digest.ts';
import { assertPublishable, keyFromPublic, keyidOf, publicKeyOf, verifySignature } from '../../src/tuf/keys.ts';
import type { Key } from '../../src/tuf/model.ts';
import vectors from './keyids.json' with { type: 'json' };

const BYTES = Buffer.from('{"_type":"timestamp","version":1}');
const P256 = { namedCurve: 'P-256' };
const PSS = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 };

const hex = (signature: Buffer): string => signature.toString('hex');
const text = (key: Key, replacement: string): Key => ({ ...key, keyval: { public: replacement } });

function openssl(input: string, ...args: string[]): string {
  return execFileSync('openssl', args, { input, stdio: ['pipe', 'pipe', 'ignore'] }).toString();
}

describe('keyidOf', () => {
  for (const { keyid, ...key } of vectors.keys) {
    it(`equals python-securesystemslib's keyid of a key of ${key.scheme}`, () => {
      expect(keyidOf(key)).to.equal(keyid);
      expect(sha256Hex(canonicalize(key)), '@tufjs/canonical-json').to.equal(keyid);
    });
    it(`is what keyFromPublic leads to for ${key.scheme}`, () => {
      expect(keyFromPublic(publicKeyOf(key))).to.deep.equal(key);
    });
  }

  it('ignores what is not part of the key', () => {
    const { keyid, ...key } = vectors.keys[0]!;
    const named = { ...key, 'x-name': 'alice', keyval: { ...key.keyval, private: '' } };
    expect(keyidOf(named)).to.equal(keyid);
  });
});

describe('keyFromPublic', () => {
  const { publicKey } = generateKeyPairSync('ec', P256);
  const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
  const key = keyFromPublic(publicKey);

  for (const [form, option] of [
    ['explicit curve parameters', '-param_enc=explicit'],
    ['a compressed point', '-conv_form=compressed'],
  ] as const) {
    const other = openssl(pem, 'ec', '-pubin', '-pubout', ...option.split('='));

    it(`gives ${form} the keyid of the same point with a named curve`, () => {
      expect(other).not.to.equal(pem);
      expect(keyidOf(keyFromPublic(createPublicKey(other)))).to.equal(keyidOf(key));
    });
    it(`does not verify with a key that was published with ${form}`, () => {
      expect(() => publicKeyOf(text(key, other))).to.throw(InputError, /not a public key that can be used/);
    });
  }

  for (const [kind, publicKey] of [
    ['RSA-PSS parameters in the key', generateKeyPairSync('rsa-pss', { modulusLength: 2048 }).publicKey],
    ['secp256k1', generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).publicKey],
    ['Ed448', generateKeyPairSync('ed448').publicKey],
    ['RSA-1024', generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey],
  ] as const) {
    it(`refuses ${kind}`, () => expect(() => keyFromPublic(publicKey)).to.throw(InputError));
  }
});

describe('assertPublishable', () => {
  it('takes the kinds that every client reads, with the old key type too', () => {
    for (const key of vectors.keys) if (key.scheme !== 'ecdsa-sha2-nistp384') assertPublishable(key);
    const ecdsa = vectors.keys.find(({ keytype }) => keytype === 'ecdsa')!;
    assertPublishable({ ...ecdsa, keytype: ecdsa.scheme });
  });

  it('refuses P-384, which older tuf-js and tough cannot read, and says whose key it is', () => {
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-384' });
    expect(() => assertPublishable(keyFromPublic(publicKey), 'key of alice')).to.throw(
      InputError,
      /^key of alice: .* found ecdsa-sha2-nistp384, which tough cannot read$/,
    );
  });

  it('refuses PEM that was wrapped in another way: its keyid would be another one', () => {
    const ecdsa = vectors.keys.find(({ keytype }) => keytype === 'ecdsa')!;
    const { public: pem } = ecdsa.keyval;
    for (const other of [pem.trimEnd(), pem.replaceAll('\n', '\r\n'), `${pem}\n`]) {
      expect(() => assertPublishable(text(ecdsa, other)), JSON.stringify(other)).to.throw(InputError, /another form/);
    }
  });
});

describe('verifySignature', () => {
  const ed25519 = generateKeyPairSync('ed25519');
  const p256 = generateKeyPairSync('ec', P256);
  const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' });
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const edKey = keyFromPublic(ed25519.publicKey);
  const ecKey = keyFromPublic(p256.publicKey);
  const rsaKey = keyFromPublic(rsa.publicKey);
  const edSig = hex(sign(null, BYTES, ed25519.privateKey));
  const ecSig = hex(sign('sha256', BYTES, p256.privateKey));
  const rsaSig = hex(sign('sha256', BYTES, { key: rsa.privateKey, ...PSS }));
  const sigs: [string, Key, string][] = [
    ['Ed25519', edKey, edSig],
    ['P-256', ecKey, ecSig],
    ['P-256 with its old key type', { ...ecKey, keytype: 'ecdsa-sha2-nistp256' }, ecSig],
    ['P-384 over SHA-384', keyFromPublic(p384.publicKey), hex(sign('sha384', BYTES, p384.privateKey))],
    ['RSA-PSS', rsaKey, rsaSig],
  ];

  for (const [kind, key, sig] of sigs) {
    it(`accepts ${kind}`, () => expect(verifySignature(key, BYTES, sig)).to.equal(true));

    it(`refuses ${kind} over other bytes, in capitals, cut, prolonged, or nothing`, () => {
      expect(verifySignature(key, Buffer.from('other'), sig), 'other bytes').to.equal(false);
      const others = [sig.toUpperCase(), sig.slice(0, -1), sig.slice(2), sig.slice(0, -2), `${sig}00`, ` ${sig}`, ''];
      for (const other of others) expect(verifySignature(key, BYTES, other), `"${other}"`).to.equal(false);
    });
  }

  const refused: [string, Key, string][] = [
    ['P-256 as raw r||s', ecKey, hex(sign('sha256', BYTES, { key: p256.privateKey, dsaEncoding: 'ieee-p1363' }))],
    ['P-256 over SHA-384', ecKey, hex(sign('sha384', BYTES, p256.privateKey))],
    ['P-384 over SHA-256', keyFromPublic(p384.publicKey), hex(sign('sha256', BYTES, p384.privateKey))],
    ['P-384 under the name of P-256', text(ecKey, keyFromPublic(p384.publicKey).keyval.public), ecSig],
    ['RSA with the longest salt', rsaKey, rsaSigned(rsa.privateKey, constants.RSA_PSS_SALTLEN_MAX_SIGN)],
    ['RSA without salt', rsaKey, rsaSigned(rsa.privateKey, 0)],
    ['RSA with a salt of 20 bytes', rsaKey, rsaSigned(rsa.privateKey, 20)],
    ['RSA by PKCS#1 v1.5', rsaKey, hex(sign('sha256', BYTES, rsa.privateKey))],
    ['a scheme of another key type', { ...edKey, scheme: 'ecdsa-sha2-nistp256' }, ecSig],
    ['a key type of another scheme', { ...ecKey, keytype: 'ed25519' }, ecSig],
    ['an unknown scheme', { ...rsaKey, scheme: 'rsassa-pss-sha512' }, rsaSig],
    ['a scheme that is a property of objects', { ...edKey, scheme: 'constructor' }, edSig],
    ['Ed25519 as PEM', text(edKey, ed25519.publicKey.export({ type: 'spki', format: 'pem' }).toString()), edSig],
    ['Ed25519 in capitals', text(edKey, edKey.keyval.public.toUpperCase()), edSig],
    ['Ed25519 with 31 bytes', text(edKey, edKey.keyval.public.slice(2)), edSig],
    ['a private key in the place of a public one', text(ecKey, pkcs8(p256.privateKey)), ecSig],
    ['PEM that is no key', text(ecKey, '-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n'), ecSig],
    ['no PEM', text(ecKey, ''), ecSig],
  ];
  for (const [what, key, sig] of refused) {
    it(`refuses ${what}`, () => expect(verifySignature(key, BYTES, sig)).to.equal(false));
  }

  it('refuses every DER form of an ECDSA signature but the shortest', () => {
    const der = Buffer.from(ecSig, 'hex');
    const rLength = der[3]!;
    const r = der.subarray(4, 4 + rLength);
    const s = der.subarray(6 + rLength);
    const zero = Buffer.of(0);
    const forms = {
      'padded r': encoded(Buffer.concat([zero, r]), s),
      'padded s': encoded(r, Buffer.concat([zero, s])),
      'negative r': encoded(Buffer.concat([Buffer.of(0xff), r]), s),
      'empty s': encoded(r, Buffer.alloc(0)),
      'long form of the length': Buffer.concat([Buffer.of(0x30, 0x81), der.subarray(1)]),
      'indefinite length': Buffer.concat([Buffer.of(0x30, 0x80), der.subarray(2), Buffer.of(0, 0)]),
      'a third integer': Buffer.concat([Buffer.of(0x30, der[1]! + 3), der.subarray(2), Buffer.of(2, 1, 1)]),
      'another tag': Buffer.concat([Buffer.of(0x31), der.subarray(1)]),
    };
    expect(verifySignature(ecKey, BYTES, hex(encoded(r, s))), 'as it was').to.equal(true);
    for (const [form, other] of Object.entries(forms)) {
      expect(verifySignature(ecKey, BYTES, hex(other)), form).to.equal(false);
    }
  });

  it('verifies P-256 signatures of every length (r and s with a high bit, and short)', () => {
    for (let i = 0; i < 300; i++) {
      const bytes = Buffer.from(`${i}`);
      expect(verifySignature(ecKey, bytes, hex(sign('sha256', bytes, p256.privateKey))), `${i}`).to.equal(true);
    }
  });

  it('verifies nothing with an Ed25519 key of small order, for which anybody could sign', () => {
    const base = `58${'66'.repeat(31)}`;
    const one = `01${'00'.repeat(31)}`;
    for (const order of [one, `ec${'ff'.repeat(30)}7f`, '00'.repeat(32), `01${'00'.repeat(30)}80`]) {
      for (const sig of [`${base}${one}`, `${one}${'00'.repeat(32)}`]) {
        expect(verifySignature(text(edKey, order), BYTES, sig), order).to.equal(false);
      }
    }
  });

  it('takes RSA of 2048 to 8192 bits, with an odd exponent', () => {
    const { n } = rsa.publicKey.export({ format: 'jwk' });
    const even = createPublicKey({
      key: { kty: 'RSA', n: n!, e: Buffer.of(1, 0, 0).toString('base64url') },
      format: 'jwk',
    });
    const one = createPublicKey({ key: { kty: 'RSA', n: n!, e: Buffer.of(1).toString('base64url') }, format: 'jwk' });
    const large = createPublicKey({ key: { kty: 'RSA', n: modulus(8200), e: 'AQAB' }, format: 'jwk' });
    for (const key of [even, one, large]) expect(() => keyFromPublic(key)).to.throw(InputError);
    const largest = createPublicKey({ key: { kty: 'RSA', n: modulus(8192), e: 'AQAB' }, format: 'jwk' });
    expect(keyFromPublic(largest).scheme).to.equal('rsassa-pss-sha256');
  });
});

function rsaSigned(key: KeyObject, saltLength: number): string {
  return hex(sign('sha256', BYTES, { ...PSS, key, saltLength }));
}

function pkcs8(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}

function encoded(r: Buffer, s: Buffer): Buffer {
  const body = Buffer.concat([Buffer.of(2, r.length), r, Buffer.of(2, s.length), s]);
  return Buffer.concat([Buffer.of(0x30, body.length), body]);
}

/** An odd number of so many bits: nobody looks for its factors here. */
function modulus(bits: number): string {
  return Buffer.alloc(bits / 8, 0xff).toString('base64url');
}
