import { execFileSync } from 'node:child_process';
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { ConfigurationError, InputError, PersonError, SignerError, type TufaError } from '../../src/errors.ts';
import { generateKeyFile, passphraseQuestion } from '../../src/signers/file.ts';
import { encryptPkcs8 } from '../../src/signers/pkcs8.ts';
import type { OpenOptions, SecretQuestion, SecretSource } from '../../src/signers/port.ts';
import { importKey, openSigner } from '../../src/signers/registry.ts';
import { keyFromPublic, keyidOf, SUPPORTED_SCHEMES } from '../../src/tuf/keys.ts';
import type { Key } from '../../src/tuf/model.ts';
import { describeSignerContract } from './contract.ts';
import { answering, privateFolder } from './folder.ts';

const PASSPHRASE = 'correct horse battery stäple';
const secret = Buffer.from(PASSPHRASE);

for (const scheme of SUPPORTED_SCHEMES) {
  describe(`file signer, ${scheme}`, () => {
    const folder = privateFolder();
    describeSignerContract(`file, ${scheme}, encrypted`, async () => {
      const key = await generateKeyFile({ path: join(folder(), 'private/alice.pem'), scheme, passphrase: secret });
      return { uri: 'file:private/alice.pem', key, options: options(folder(), answering(PASSPHRASE)) };
    });
    describeSignerContract(`file, ${scheme}, plain`, async () => {
      const path = join(folder(), 'private/plain.pem');
      const key = await generateKeyFile({ path, scheme, passphrase: undefined });
      return { uri: `file:${path}?encryption=none`, key, options: options('/nowhere', answering(undefined)) };
    });
  });
}

describe('generateKeyFile', () => {
  const folder = privateFolder();
  const generate = (name: string, passphrase?: Uint8Array, scheme: (typeof SUPPORTED_SCHEMES)[number] = 'ed25519') =>
    generateKeyFile({ path: join(folder(), name), scheme, passphrase });

  it('makes a file of mode 0600 in a folder of mode 0700, whatever the umask, and nothing else', async () => {
    const umask = process.umask(0);
    try {
      await generate('new/deep/alice.pem');
    } finally {
      process.umask(umask);
    }
    expect(mode(join(folder(), 'new/deep/alice.pem'))).to.equal('600');
    expect(mode(join(folder(), 'new/deep'))).to.equal('700');
    expect(readdirSync(join(folder(), 'new/deep'))).to.deep.equal(['alice.pem']);
  });

  it('never overwrites a key', async () => {
    const path = join(folder(), 'twice.pem');
    await generate('twice.pem');
    const before = readFileSync(path);
    expect((await refusal(generate('twice.pem'), InputError)).code).to.equal('input.key-exists');
    expect(readFileSync(path)).to.deep.equal(before);
  });

  it('refuses a folder that others can reach, and leaves nothing in it', async () => {
    const open = join(folder(), 'open');
    mkdirSync(open);
    chmodSync(open, 0o750);
    const error = await refusal(generate('open/alice.pem'), ConfigurationError);
    expect(error.message).to.contain('mode 0750');
    expect(error.hint).to.equal(`chmod 700 ${open}`);
    expect(readdirSync(open)).to.deep.equal([]);
  });

  it('says which folder cannot be one', async () => {
    writeFileSync(join(folder(), 'a-file'), '');
    expect((await refusal(generate('a-file/alice.pem'), ConfigurationError)).message).to.contain('a-file/alice.pem');
  });

  it('refuses an empty passphrase', async () => {
    await refusal(generate('empty.pem', Buffer.alloc(0)), InputError);
    expect(readdirSync(folder())).not.to.include('empty.pem');
  });

  for (const scheme of SUPPORTED_SCHEMES) {
    it(`writes what openssl opens: ${scheme}, scrypt with N=16384 r=8 p=8, AES-256-CBC`, async () => {
      const name = `openssl-${scheme}.pem`;
      const key = await generate(name, secret, scheme);
      const path = join(folder(), name);
      expect(readFileSync(path, 'latin1')).to.match(/^-----BEGIN ENCRYPTED PRIVATE KEY-----\n/);
      const publicPem = openssl('pkey', '-in', path, '-passin', `pass:${PASSPHRASE}`, '-pubout');
      if (scheme === 'ed25519') {
        expect(Buffer.from(publicPem.split('\n')[1]!, 'base64').toString('hex')).to.contain(key.keyval.public);
      } else {
        expect(publicPem).to.equal(key.keyval.public);
      }
      const structure = openssl('asn1parse', '-in', path);
      for (const part of [':PBES2', ':scrypt', ':4000', ':08', ':aes-256-cbc']) expect(structure).to.contain(part);
      expect(() => openssl('pkey', '-in', path, '-passin', 'pass:wrong', '-noout')).to.throw();
    });
  }
});

describe('encryptPkcs8', () => {
  it('uses a new salt and a new iv each time', async () => {
    const der = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'der' });
    expect(await encryptPkcs8(der, secret)).not.to.equal(await encryptPkcs8(der, secret));
  });
});

describe('passphraseQuestion', () => {
  it('names the key by its file', () => {
    const { subject, name } = passphraseQuestion('private/alice.pem', 'encrypt');
    expect(subject).to.equal('key "alice" (private/alice.pem)');
    expect(name).to.equal('alice');
    expect(passphraseQuestion('/etc/tufa/v1.2/online', 'decrypt').name).to.equal('online');
  });
});

describe('key files written by openssl', () => {
  const folder = privateFolder();
  for (const [how, ...args] of [
    ['pbkdf2', '-v2', 'aes-256-cbc', '-iter', '600000'],
    ['scrypt', '-scrypt'],
    ['scrypt with other parameters', '-scrypt', '-scrypt_N', '1024', '-scrypt_r', '4', '-scrypt_p', '1'],
    ['pbkdf2 with sha512 and AES-128', '-v2', 'aes-128-cbc', '-v2prf', 'hmacWithSHA512'],
  ] as const) {
    it(`are opened: ${how}`, async () => {
      const path = join(folder(), `${how.replaceAll(' ', '-')}.pem`);
      const key = opensslKey(path, ...args);
      const signer = await openSigner(`file:${path}`, key, options('/', answering(PASSPHRASE)));
      expect(await signer.sign({ payload: Buffer.from('x'), subject: 'root 1' })).to.match(/^30/);
    });
  }

  it('are opened with text before the PEM, as some tools write it', async () => {
    const path = join(folder(), 'bag.pem');
    const key = opensslKey(path, '-scrypt');
    writeFileSync(path, `Bag Attributes\n    friendlyName: alice\n${readFileSync(path, 'latin1')}`);
    expect(await importKey(`file:${path}`, options('/', answering(PASSPHRASE)))).to.deep.equal(key);
  });

  it('lead to the same keyid with explicit curve parameters', async () => {
    const path = join(folder(), 'explicit.pem');
    const key = opensslKey(path, '-scrypt');
    const plain = openssl('pkey', '-in', path, '-passin', `pass:${PASSPHRASE}`, '-ec_param_enc', 'explicit');
    const explicit = join(folder(), 'explicit-plain.pem');
    writeFileSync(explicit, plain, { mode: 0o600 });
    expect(plain.length).to.be.greaterThan(500);
    const uri = `file:${explicit}?encryption=none`;
    expect(keyidOf(await importKey(uri, options('/', answering(undefined))))).to.equal(keyidOf(key));
    await openSigner(uri, key, options('/', answering(undefined)));
  });
});

describe('key files that are refused', () => {
  const folder = privateFolder();
  let path: string;
  let key: Key;
  let pem: string;

  before(() => {
    path = join(folder(), 'alice.pem');
    // One round of PBKDF2: what is tested here is what happens to hundreds of wrong passphrases, not their price.
    key = opensslKey(path, '-v2', 'aes-256-cbc', '-iter', '1');
    pem = readFileSync(path, 'latin1');
  });

  const open = (name: string, secrets: SecretSource = answering(PASSPHRASE)) =>
    openSigner(`file:${name}`, key, options(folder(), secrets));

  function file(name: string, text: string, fileMode = 0o600): string {
    writeFileSync(join(folder(), name), text);
    chmodSync(join(folder(), name), fileMode);
    return name;
  }

  for (const [found, wrong] of [
    ['mode 0640', 0o640],
    ['mode 0604', 0o604],
    ['mode 0620', 0o620],
    ['mode 0777', 0o777],
  ] as const) {
    it(`${found}: exit 3, names the mode and chmod 600, and asks for no passphrase`, async () => {
      const secrets = answering(PASSPHRASE);
      const error = await refusal(open(file('wide.pem', pem, wrong), secrets), ConfigurationError);
      expect(error.exitCode).to.equal(3);
      expect(error.message).to.equal(`key file wide.pem: others may read it: expected mode 0600, found ${found}`);
      expect(error.hint).to.equal(`chmod 600 ${join(folder(), 'wide.pem')}`);
      expect(secrets.asked).to.deep.equal([]);
    });
  }

  it('a symbolic link: exit 3', async () => {
    symlinkSync(path, join(folder(), 'link.pem'));
    const error = await refusal(open('link.pem'), ConfigurationError);
    expect(error.message).to.contain('key file link.pem').and.to.contain('a symbolic link');
    expect(error.hint).to.contain('chmod 600');
  });

  it("somebody else's file", async () => {
    let foreign = '/etc/passwd';
    if (process.geteuid?.() === 0) {
      foreign = join(folder(), file('foreign.pem', pem));
      chownSync(foreign, 12345, 12345);
    }
    const error = await refusal(open(foreign), ConfigurationError);
    expect(error.message).to.match(/belongs to somebody else: expected user \d+, found user \d+/);
  });

  it('a folder, a named pipe, nothing, something huge', async () => {
    execFileSync('mkfifo', ['-m', '600', join(folder(), 'pipe.pem')]);
    mkdirSync(join(folder(), 'folder.pem'), { mode: 0o700 });
    for (const name of ['folder.pem', 'pipe.pem', 'absent.pem', file('huge.pem', 'x'.repeat(70_000))]) {
      const error = await refusal(open(name), ConfigurationError);
      expect(error.message).to.contain(`key file ${name}: `);
    }
  });

  it('300 wrong passphrases: always the same words', async () => {
    for (let i = 0; i < 300; i++) {
      const error = await refusal(open('alice.pem', answering(`wrong ${i}`)), SignerError);
      expect(error.message).to.equal('key file alice.pem: wrong passphrase or damaged file');
      expect(error.exitCode).to.equal(6);
      expect(JSON.stringify(error.details) + error.stack).not.to.contain(`wrong ${i}`);
    }
  });

  it('a damaged file: refused, or (where the damage is in a byte that OpenSSL ignores) the right key still', async () => {
    const [first, ...rest] = pem.trim().split('\n');
    const der = Buffer.from(rest.slice(0, -1).join(''), 'base64');
    let opened = 0;
    for (let at = 0; at < der.length; at++) {
      const damaged = Buffer.from(der);
      damaged[at]! ^= 0x55;
      const signer = await open(
        file('damaged.pem', [first, damaged.toString('base64'), rest.at(-1), ''].join('\n')),
      ).catch((error: unknown) => expect(error).to.be.instanceOf(SignerError) && undefined);
      if (signer === undefined) continue;
      opened++;
      await signer.sign({ payload: Buffer.from('verified by the signer itself'), subject: 'root 1' });
    }
    expect(opened).to.be.lessThan(8);
    await refusal(open(file('cut.pem', pem.slice(0, 200))), SignerError);
  });

  it('no passphrase: exit 12, names the flag', async () => {
    const error = await refusal(open('alice.pem', answering(undefined)), PersonError);
    expect(error.hint).to.contain('--passphrase-file');
  });

  it('asks once, by the name of the key, and wipes the answer', async () => {
    const answer = Buffer.from(PASSPHRASE);
    const subjects: string[] = [];
    const get = async ({ subject }: SecretQuestion) => {
      subjects.push(subject);
      return answer;
    };
    await open('alice.pem', { get });
    expect(subjects).to.deep.equal(['key "alice" (alice.pem)']);
    expect(answer.equals(Buffer.alloc(answer.length)), 'wiped').to.equal(true);
  });

  it('a plain file without ?encryption=none, and an encrypted one with it', async () => {
    const plain = file('plain.pem', openssl('pkey', '-in', path, '-passin', `pass:${PASSPHRASE}`));
    const error = await refusal(open(plain), ConfigurationError);
    expect(error.message).to.contain('key is not encrypted');
    expect(error.hint).to.contain('file:plain.pem?encryption=none');
    await open(`${plain}?encryption=none`);
    expect((await refusal(open('alice.pem?encryption=none'), ConfigurationError)).message).to.contain('is encrypted');
    expect(
      (await refusal(open(`${file('broken.pem', PLAIN_BROKEN)}?encryption=none`), SignerError)).message,
    ).to.contain('damaged file');
  });

  it('another format than PKCS#8, by its name, with the command that converts it', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const pkcs1 = file('pkcs1.pem', privateKey.export({ type: 'pkcs1', format: 'pem' }).toString());
    const error = await refusal(open(pkcs1), SignerError);
    expect(error.message).to.contain('found RSA PRIVATE KEY');
    expect(error.hint).to.match(/^openssl pkcs8 -topk8 -scrypt -in .*pkcs1\.pem/);
    const spki = file('public.pem', publicKey.export({ type: 'spki', format: 'pem' }).toString());
    expect((await refusal(open(spki), SignerError)).message).to.contain('found PUBLIC KEY');
    expect((await refusal(open(file('empty.pem', '')), SignerError)).message).to.contain('found no PEM');
  });

  it('a private key of a kind that metadata cannot have', async () => {
    const { privateKey } = generateKeyPairSync('ed448');
    const uri = `file:${file('ed448.pem', pkcs8(privateKey))}?encryption=none`;
    const keys = options(folder(), answering(undefined));
    for (const opening of [openSigner(uri, key, keys), importKey(uri, keys)]) {
      expect((await refusal(opening, SignerError)).message).to.match(/cannot hold a key of this kind.* found ed448$/);
    }
  });

  it('a trusted key that cannot verify anything, before the file is looked at', async () => {
    const weak = { keytype: 'rsa', scheme: 'rsassa-pss-sha512', keyval: key.keyval };
    await refusal(openSigner('file:absent.pem', weak, options(folder(), answering(undefined))), InputError);
  });
});

describe('uris of key files', () => {
  const folder = privateFolder();
  let key: Key;

  before(async () => {
    key = await generateKeyFile({ path: join(folder(), 'my key+1%.pem'), scheme: 'ed25519', passphrase: undefined });
  });

  const open = (uri: string) => openSigner(uri, key, options(folder(), answering(undefined)));

  it('relative, absolute, percent-encoded', async () => {
    const encoded = 'my%20key+1%25.pem?encryption=none';
    for (const uri of [
      `file:${encoded}`,
      `file:./${encoded}`,
      `file:${folder()}/${encoded}`,
      `file://${folder()}/${encoded}`,
    ]) {
      await open(uri);
    }
  });

  for (const uri of [
    'file:',
    'file:?encryption=none',
    'file://host/alice.pem',
    'file:alice.pem?encryption=aes',
    'file:alice.pem?passphrase=x',
    'file:alice.pem?encryption=none&encryption=none',
    'file:alice.pem#x',
    'file:a%00b.pem',
    'file:a%ff.pem',
    'file:100%.pem',
  ]) {
    it(`refuses ${uri}`, async () => {
      expect((await refusal(open(uri), ConfigurationError)).code).to.equal('configuration.key-uri');
    });
  }

  for (const uri of ['', 'private/alice.pem', 'constructor:x', 'http://example.org/key', 'yubikey:pin=123456', ':x']) {
    it(`knows no private keys behind "${uri}", and repeats only the scheme`, async () => {
      const error = await refusal(open(uri), ConfigurationError);
      expect(error.code).to.equal('configuration.signer-scheme');
      expect(error.message).to.contain('expected file:').and.not.to.contain('123456');
    });
  }
});

const PLAIN_BROKEN = '-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIAAA\n-----END PRIVATE KEY-----\n';

function options(base: string, secrets: SecretSource): OpenOptions {
  return { base, secrets };
}

function mode(path: string): string {
  return (statSync(path).mode & 0o777).toString(8);
}

function openssl(...args: string[]): string {
  return execFileSync('openssl', args, { stdio: ['ignore', 'pipe', 'ignore'] }).toString();
}

/** A P-256 key in a file that `openssl pkcs8` encrypted. */
function opensslKey(path: string, ...args: string[]): Key {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const command = ['pkcs8', '-topk8', ...args, '-passout', `pass:${PASSPHRASE}`, '-out', path];
  execFileSync('openssl', command, { input: pkcs8(privateKey), stdio: ['pipe', 'ignore', 'ignore'] });
  chmodSync(path, 0o600);
  return keyFromPublic(publicKey);
}

function pkcs8(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}

async function refusal<E extends TufaError>(promise: Promise<unknown>, kind: new (what: string) => E): Promise<E> {
  const error = await promise.then(
    () => new Error('nothing was refused'),
    (reason: unknown) => reason,
  );
  expect(error).to.be.instanceOf(kind);
  return error as E;
}
