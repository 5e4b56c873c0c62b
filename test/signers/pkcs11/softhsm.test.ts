import { expect } from 'chai';
import type { OpenOptions } from '../../../src/signers/port.ts';
import { generateKeyOn, importKey, listTokens, openSigner, pinUri } from '../../../src/signers/registry.ts';
import { SUPPORTED_SCHEMES } from '../../../src/tuf/keys.ts';
import { describeSignerContract } from '../contract.ts';
import { answering, privateFolder } from '../folder.ts';
import { moduleFor } from './install.ts';
import { PIN, type SoftHsm, softHsm } from './support/softhsm.ts';

const KINDS = [
  ['P-256', 'EC:prime256v1', 'ecdsa-sha2-nistp256'],
  ['Ed25519', 'EC:edwards25519', 'ed25519'],
  ['RSA-2048', 'rsa:2048', 'rsassa-pss-sha256'],
  ['RSA-3072', 'rsa:3072', 'rsassa-pss-sha256'],
  ['RSA-4096', 'rsa:4096', 'rsassa-pss-sha256'],
] as const;

describe('SoftHSM', () => {
  const folder = privateFolder();
  let hsm: SoftHsm;
  let options: OpenOptions;

  before(async function () {
    hsm = await softHsm(folder(), await moduleFor(this, 'softhsm'));
    await hsm.token('root a');
    for (const [i, [kind, type]] of KINDS.entries()) await hsm.key('root a', { type, label: kind, id: `0${i + 1}` });
    options = { secrets: answering(PIN), base: folder(), modules: { softhsm: hsm.settings } };
  });

  const uri = (object: string): string => `pkcs11:token=root%20a;${object}`;

  for (const [i, [kind, , scheme]] of KINDS.entries()) {
    describeSignerContract(`SoftHSM, ${kind} made by pkcs11-tool`, async () => {
      const key = await importKey(uri(`object=${kind}`), options);
      expect(key.scheme).to.equal(scheme);
      return { uri: uri(`id=%0${i + 1}`), key, options };
    });
  }

  for (const scheme of SUPPORTED_SCHEMES) {
    describeSignerContract(`SoftHSM, ${scheme} made by us`, async () => {
      const made = await generateKeyOn('pkcs11:token=root%20a', { name: `made-${scheme}`, scheme }, options);
      expect(made.uri).to.equal(uri(`object=made-${scheme}`));
      return { ...made, options };
    });
  }

  it('shows public keys without a PIN, and uris that find them again', async () => {
    const secrets = answering(undefined);
    const [token, ...more] = await listTokens(undefined, { ...options, secrets });
    expect(more).to.deep.equal([]);
    expect(token).to.deep.include({ label: 'root a', manufacturer: 'SoftHSM project', pin: undefined });
    expect(token?.uri).to.match(/^pkcs11:token=root%20a;serial=[0-9a-f]{16}\?module-name=softhsm$/);
    expect(token?.keys.length).to.be.at.least(KINDS.length);
    for (const key of token?.keys ?? []) {
      const found = await importKey(key.uri, { ...options, secrets });
      expect(found.scheme).to.equal(key.scheme);
    }
    expect(secrets.asked).to.deep.equal([]);
  });

  it('lists one module that was named, and says why it cannot be listed', async () => {
    const [token] = await listTokens(hsm.module, { ...options, modules: {}, env: hsm.env });
    expect(token?.uri).to.contain(`?module-path=${hsm.module}`);
    const error = await listTokens('/usr/lib/none.so', options).catch((reason: unknown) => reason);
    expect(error).to.have.property('code', 'configuration.pkcs11-module');
  });

  it('asks for one PIN for all keys of a token, and none where a file has it', async () => {
    const secrets = answering(PIN);
    const keys = await Promise.all(KINDS.map(([kind]) => importKey(uri(`object=${kind}`), options)));
    const signers = await Promise.all(
      keys.map((key, i) => openSigner(uri(`object=${KINDS[i]![0]}`), key, { ...options, secrets })),
    );
    await Promise.all(signers.map((signer) => signer.sign({ payload: Buffer.from('x'), subject: 'root 2' })));
    await Promise.all(signers.map((signer) => signer.close()));
    expect(secrets.asked).to.have.length(1);
    expect(secrets.asked[0]).to.match(/^token "root a", serial [0-9a-f]{16}$/);
  });

  it('keeps securesystemslib’s uris in our form', async () => {
    expect(await pinUri('hsm:2?label=root+a', options)).to.equal('pkcs11:token=root%20a;id=%02');
    const key = await importKey('hsm:2?label=root+a', options);
    expect(key.scheme).to.equal('ed25519');
    const signer = await openSigner('hsm:2?label=root+a', key, options);
    expect(signer.uri).to.equal('pkcs11:token=root%20a;id=%02');
    await signer.close();
  });

  it('never takes a key of the same label for a new one', async () => {
    const again = generateKeyOn('pkcs11:token=root%20a', { name: 'P-256', scheme: 'ecdsa-sha2-nistp256' }, options);
    const error = await again.catch((reason: unknown) => reason);
    expect(error).to.have.property('code', 'conflict.token-key');
    expect(error)
      .to.have.property('hint')
      .that.contains("tufa key import 'pkcs11:token=root%20a;object=P-256' --holder P-256");
  });
});
