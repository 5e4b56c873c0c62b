import { createPublicKey, generateKeyPairSync, type KeyObject, verify } from 'node:crypto';
import { Key as TufJsKey } from '@tufjs/models';
import { expect } from 'chai';
import { SignerError } from '../../src/errors.ts';
import type { OpenOptions, Signer } from '../../src/signers/port.ts';
import { importKey, openSigner } from '../../src/signers/registry.ts';
import { canonical } from '../../src/tuf/encode.ts';
import { keyFromPublic, keyidOf, publicKeyOf, schemeParameters } from '../../src/tuf/keys.ts';
import type { Key } from '../../src/tuf/model.ts';

export interface KeyUnderTest {
  readonly uri: string;
  readonly key: Key;
  readonly options: OpenOptions;
}

/** What every signer promises, whatever holds its private key. `make` is called once; `options` must serve all openings. */
export function describeSignerContract(name: string, make: () => Promise<KeyUnderTest>): void {
  describe(`signer contract: ${name}`, () => {
    let made: KeyUnderTest;
    let signer: Signer;

    before(async () => {
      made = await make();
      signer = await openSigner(made.uri, made.key, made.options);
    });

    after(() => signer.close());

    const sign = (payload: Uint8Array) => signer.sign({ payload, subject: 'timestamp 7' });

    it('shows the trusted key and its keyid, and a uri', () => {
      expect(signer.key).to.equal(made.key);
      expect(signer.keyid).to.equal(keyidOf(made.key));
      expect(signer.uri).to.equal(made.uri);
    });

    it('imports the public key that it signs with', async () => {
      expect(await importKey(made.uri, made.options)).to.deep.equal(made.key);
    });

    for (const [size, value] of [
      ['1 byte', 7],
      ['1 MB', 'x'.repeat(1_000_000)],
    ] as const) {
      it(`signs ${size}: node:crypto and @tufjs/models both verify it`, async () => {
        const payload = canonical(value);
        const signature = await sign(payload);
        expect(signature).to.match(/^(?:[0-9a-f]{2})+$/);
        expect(nodeVerifies(made.key, payload, signature), 'node:crypto').to.equal(true);
        expect(() => tufJsVerifies(made.key, value, signature), '@tufjs/models').not.to.throw();
      });
    }

    it('signs 20 payloads at the same time', async () => {
      const payloads = Array.from({ length: 20 }, (_, i) => Buffer.from(`payload ${i}`));
      const signatures = await Promise.all(payloads.map(sign));
      for (const [i, payload] of payloads.entries()) {
        expect(nodeVerifies(made.key, payload, signatures[i]!), `signature ${i}`).to.equal(true);
      }
    });

    it('refuses to sign nothing', async () => {
      expect(await refusal(sign(new Uint8Array()))).to.have.property('code', 'signer.empty');
    });

    it('refuses a trusted key that is not its own, and names both', async () => {
      const other = keyFromPublic(anotherPublicKey(made.key));
      const { message } = await refusal(openSigner(made.uri, other, made.options));
      expect(message).to.contain(keyidOf(other)).and.to.contain(keyidOf(made.key));
    });

    it('signs no more once it was closed, and can be closed twice', async () => {
      const second = await openSigner(made.uri, made.key, made.options);
      await second.close();
      await second.close();
      const error = await refusal(second.sign({ payload: Buffer.from('x'), subject: 'root 2' }));
      expect(error.code).to.equal('signer.closed');
      expect(error.message).to.match(/^root 2: /);
    });
  });
}

async function refusal(promise: Promise<unknown>): Promise<SignerError> {
  const error = await promise.then(
    () => new Error('nothing was refused'),
    (reason: unknown) => reason,
  );
  expect(error).to.be.instanceOf(SignerError);
  return error as SignerError;
}

function nodeVerifies(key: Key, payload: Uint8Array, signature: string): boolean {
  const { digest, options } = schemeParameters(key);
  return verify(digest, payload, { key: publicKeyOf(key), ...options }, Buffer.from(signature, 'hex'));
}

/** @throws when tuf-js would not count the signature */
function tufJsVerifies(key: Key, value: unknown, signature: string): void {
  const keyID = keyidOf(key);
  const metadata = { signatures: { [keyID]: { keyID, sig: signature } }, signed: { toJSON: () => value } };
  const theirs = new TufJsKey({ keyID, keyType: key.keytype, scheme: key.scheme, keyVal: { ...key.keyval } });
  theirs.verifySignature(metadata as unknown as Parameters<TufJsKey['verifySignature']>[0]);
}

function anotherPublicKey({ scheme }: Key): KeyObject {
  if (scheme === 'ed25519') return generateKeyPairSync('ed25519').publicKey;
  if (scheme === 'rsassa-pss-sha256') return generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey;
  return createPublicKey(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey);
}
