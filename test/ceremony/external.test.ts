import { execFileSync } from 'node:child_process';
import { createPublicKey } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Draft } from '../../src/ceremony/drafts.ts';
import { externalSignature } from '../../src/ceremony/external.ts';
import { InputError, TrustError } from '../../src/errors.ts';
import { keyFromPublic, verifySignature } from '../../src/tuf/keys.ts';
import type { Key } from '../../src/tuf/model.ts';

/** Signatures that openssl makes over the exact bytes of draft.json, as the hints say. */
describe('an external signature', () => {
  const draft: Draft = {
    role: 'root',
    version: 2,
    // A PEM key inside: raw newlines are part of what is signed.
    bytes: Buffer.from('{"_type":"root","key":"-----BEGIN\nPUBLIC KEY-----"}'),
    signatures: new Map(),
    complete: undefined,
  };
  let dir: string;

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'tufa-external-'));
    await writeFile(join(dir, 'draft.json'), draft.bytes);
  });
  after(() => rm(dir, { recursive: true, force: true }));

  const openssl = (...args: string[]): Buffer =>
    execFileSync('openssl', args, { cwd: dir, stdio: ['ignore', 'pipe', 'ignore'] });

  const kinds: Record<string, { make: string[]; sign: string[] }> = {
    ed25519: {
      make: ['genpkey', '-algorithm', 'ed25519'],
      sign: ['pkeyutl', '-sign', '-rawin', '-in', 'draft.json', '-inkey'],
    },
    'P-256': {
      make: ['genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256'],
      sign: ['dgst', '-sha256', '-sign'],
    },
    RSA: {
      make: ['genpkey', '-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048'],
      sign: ['dgst', '-sha256', '-sigopt', 'rsa_padding_mode:pss', '-sigopt', 'rsa_pss_saltlen:32', '-sign'],
    },
  };

  async function signedWith(kind: string): Promise<{ key: Key; signature: Buffer }> {
    const { make, sign } = kinds[kind]!;
    const pem = `${kind}.pem`;
    openssl(...make, '-out', pem);
    const tail = kind === 'ed25519' ? ['-out', 'sig'] : ['-out', 'sig', 'draft.json'];
    openssl(...sign, pem, ...tail);
    const key = keyFromPublic(createPublicKey(openssl('pkey', '-in', pem, '-pubout')));
    return { key, signature: await readFile(join(dir, 'sig')) };
  }

  for (const kind of Object.keys(kinds)) {
    it(`by openssl with ${kind} is taken as it is, in hexadecimal and in base64`, async () => {
      const { key, signature } = await signedWith(kind);
      const texts = [signature.toString('hex').toUpperCase(), `${signature.toString('base64')}\n`];
      for (const given of [signature, ...texts.map((text) => Buffer.from(text))]) {
        const hex = externalSignature(given, key, draft, 'alice');
        expect(verifySignature(key, draft.bytes, hex)).to.equal(true);
      }
    });

    it(`with ${kind} over another draft is refused`, async () => {
      const { key, signature } = await signedWith(kind);
      const other = { ...draft, bytes: Buffer.from('{}') };
      expect(() => externalSignature(signature, key, other, 'alice')).to.throw(
        TrustError,
        /root 2, signature of alice/,
      );
    });
  }

  it('standards 8: r and s without DER are refused, and the way to DER is said', async () => {
    const { key, signature } = await signedWith('P-256');
    const raw = rawOf(signature);
    for (const given of [raw, Buffer.from(raw.toString('hex'))]) {
      try {
        externalSignature(given, key, draft, 'alice');
        expect.fail('was taken');
      } catch (error) {
        expect(error).to.be.instanceOf(TrustError);
        expect((error as TrustError).message).to.contain('r and s without their DER form');
        expect((error as TrustError).hint).to.contain('--signature-format openssl');
      }
    }
  });

  it('of no bytes, or of far too many, is none', async () => {
    const { key } = await signedWith('ed25519');
    for (const bytes of [Buffer.alloc(0), Buffer.alloc(10_000)])
      expect(() => externalSignature(bytes, key, draft, 'alice')).to.throw(InputError);
  });
});

/** r || s, 32 bytes each, of a DER signature. */
function rawOf(der: Buffer): Buffer {
  const rLength = der[3]!;
  const r = der.subarray(4, 4 + rLength);
  const s = der.subarray(6 + rLength);
  const fixed = (n: Buffer): Buffer => Buffer.concat([Buffer.alloc(32), n]).subarray(-32);
  return Buffer.concat([fixed(r), fixed(s)]);
}
