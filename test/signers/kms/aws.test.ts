import { rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { ConfigurationError, SignerError } from '../../../src/errors.ts';
import { importKey, openSigner, pinUri } from '../../../src/signers/registry.ts';
import { keyidOf } from '../../../src/tuf/keys.ts';
import { type AwsStandIn, arnOf, awsError, operationOf, startAws, useAwsEnvironment } from '../../support/kms/aws.ts';
import { type Reply, serviceKey } from '../../support/kms/stand-in.ts';
import { describeSignerContract } from '../contract.ts';
import { expectWords, kmsOptions, refusal } from './expect.ts';

const ID = '1234abcd-12ab-34cd-56ef-1234567890ab';
const OTHER = '9876dcba-12ab-34cd-56ef-1234567890ab';

describe('awskms, contract with a stand-in', () => {
  useAwsEnvironment();
  let aws: AwsStandIn;
  before(async () => {
    aws = await startAws();
  });
  after(() => aws.stop());

  for (const kind of ['p-256', 'rsa-2048'] as const) {
    describeSignerContract(`awskms, ${kind}`, async () => {
      const made = serviceKey(kind);
      aws.keys.set(kind, made);
      const uri = `awskms:${arnOf(kind)}?endpoint=${aws.url}`;
      return { uri, key: made.key, options: kmsOptions() };
    });
  }
});

describe('awskms, with the real library', () => {
  useAwsEnvironment();
  let aws: AwsStandIn;
  let uri: string;
  const key = serviceKey('p-256');
  const short = kmsOptions({}, { deadlineMs: 1_500 });

  before(async () => {
    aws = await startAws();
    uri = `awskms:${arnOf(ID)}?endpoint=${aws.url}`;
  });
  beforeEach(() => {
    aws.keys.clear();
    aws.keys.set(ID, key).set(OTHER, serviceKey('p-256'));
    aws.aliases.clear();
    aws.aliases.set('alias/online', ID);
    aws.disabled.clear();
    aws.asked.length = 0;
    aws.trouble = () => undefined;
  });
  after(() => aws.stop());

  const open = (options = kmsOptions()) => openSigner(uri, key.key, options);
  const sign = async (options = kmsOptions()) =>
    (await open(options)).sign({ payload: Buffer.from('payload'), subject: 'timestamp 7' });
  const troubleSign = (reply: Reply) => {
    aws.trouble = (asked) => (operationOf(asked) === 'Sign' ? reply : undefined);
  };

  it('sends the digest and never the payload', async () => {
    await (await open()).sign({ payload: Buffer.alloc(100_000, 'x'), subject: 'snapshot 7' });
    const { json } = aws.asked.at(-1)!;
    expect(json).to.include({ KeyId: arnOf(ID), MessageType: 'DIGEST', SigningAlgorithm: 'ECDSA_SHA_256' });
    expect(Buffer.from((json as { Message: string }).Message, 'base64')).to.have.length(32);
  });

  it('keeps the ARN of an alias, without the region that it holds, and with endpoint and profile', async () => {
    const asked = `awskms:alias/online?region=eu-west-1&endpoint=${aws.url}`;
    expect(await pinUri(asked, kmsOptions())).to.equal(uri);
    expect(await pinUri(uri, kmsOptions())).to.equal(uri);
    expect(keyidOf(await importKey(asked, kmsOptions()))).to.equal(keyidOf(key.key));
  });

  it('takes the region from the ARN', async () => {
    await open();
    expect(aws.asked[0]?.headers['authorization']).to.contain('/eu-west-1/kms/');
  });

  it('signs with the key that the alias stood for when it was opened', async () => {
    const signer = await openSigner(`awskms:alias/online?endpoint=${aws.url}`, key.key, kmsOptions());
    aws.aliases.set('alias/online', OTHER);
    await signer.sign({ payload: Buffer.from('payload'), subject: 'timestamp 7' });
    expect(aws.asked.at(-1)?.json).to.include({ KeyId: arnOf(ID) });
  });

  it('refuses an alias that was moved to another key, and names both', async () => {
    aws.aliases.set('alias/online', OTHER);
    const error = await refusal(openSigner(`awskms:alias/online?endpoint=${aws.url}`, key.key, kmsOptions()));
    expect(error).to.include({ code: 'signer.wrong-key', exitCode: 6 });
    expectWords(error, keyidOf(key.key), keyidOf(aws.keys.get(OTHER)!.key));
  });

  it('refuses a signature that the service says is by another key', async () => {
    troubleSign({ status: 200, body: { KeyId: arnOf(OTHER), Signature: 'MEUCIQ==' } });
    const error = await refusal(sign());
    expect(error).to.include({ code: 'signer.wrong-key', exitCode: 6 });
    expectWords(error, /^timestamp 7: /, ID, OTHER);
  });

  it('refuses a public key that the service says is another one', async () => {
    aws.trouble = () => ({ status: 200, body: { KeyId: arnOf(OTHER), PublicKey: 'AAAA' } });
    expect(await refusal(open())).to.include({ code: 'signer.wrong-key', exitCode: 6 });
  });

  it('refuses a signature over something else, without an answer that says so', async () => {
    const { publicKey } = key;
    aws.keys.set(ID, { ...aws.keys.get(OTHER)!, publicKey });
    expect(await refusal(sign())).to.include({ code: 'signer.invalid-signature', exitCode: 6 });
  });

  it('waits while it is throttled, and signs then', async () => {
    let times = 0;
    aws.trouble = (asked) =>
      operationOf(asked) === 'Sign' && times++ < 3 ? awsError('ThrottlingException') : undefined;
    expect(await sign()).to.match(/^30/);
    expect(times).to.equal(4);
  });

  const passing: [name: string, reply: () => Reply, code: string, found: RegExp][] = [
    ['throttled for ever', () => awsError('ThrottlingException'), 'throttled', /ThrottlingException \(\d+ tries\)/],
    ['out of order', () => awsError('KMSInternalException', 500), 'busy', /KMSInternalException \(\d+ tries\)/],
    ['silent', () => 'hang', 'unreachable', /none \(1 try\)/],
    ['cut off', () => 'reset', 'unreachable', /ECONNRESET \(\d+ tries\)/],
  ];
  for (const [name, reply, code, found] of passing) {
    it(`ends within the deadline when the service is ${name}`, async () => {
      aws.trouble = (asked) => (operationOf(asked) === 'Sign' ? reply() : undefined);
      const signer = await open(short);
      const start = performance.now();
      const error = await refusal(signer.sign({ payload: Buffer.from('payload'), subject: 'timestamp 7' }));
      expect(performance.now() - start).to.be.within(1_200, 6_000);
      expect(error)
        .to.be.instanceOf(SignerError)
        .and.to.include({ code: `signer.kms-${code}`, committed: 'no' });
      expectWords(error, /^timestamp 7: /, 'within 1.5 s', found);
    });
  }

  const final: [name: string, code: string, status?: number][] = [
    ['AccessDeniedException', 'access'],
    ['ExpiredTokenException', 'expired'],
    ['UnrecognizedClientException', 'credentials'],
    ['InvalidSignatureException', 'credentials', 403],
    ['NotFoundException', 'not-found'],
    ['DisabledException', 'disabled'],
    ['KMSInvalidStateException', 'disabled'],
    ['InvalidKeyUsageException', 'usage'],
    ['ValidationException', 'request'],
  ];
  for (const [name, code, status] of final) {
    it(`asks once when it is answered ${name}`, async () => {
      troubleSign(awsError(name, status));
      const error = await refusal(sign());
      expect(error)
        .to.be.instanceOf(SignerError)
        .and.to.include({ code: `signer.kms-${code}`, exitCode: 6 });
      expectWords(error, /^timestamp 7: /, `found ${name}`);
      expect(aws.asked.filter((asked) => operationOf(asked) === 'Sign')).to.have.length(1);
    });
  }

  it('repeats nothing of what the service says in its own sentences', async () => {
    const secret = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY';
    for (const name of ['AccessDeniedException', 'ExpiredTokenException', `Odd ${secret}`]) {
      troubleSign(awsError(name, 400, `the key ${secret} is not welcome`));
      const error = await refusal(sign());
      expect(JSON.stringify([error.message, error.hint, error.details, error.cause])).not.to.contain(secret);
    }
  });

  it('reliability 13: refuses an Ed25519 key before it signs anything, with the reason', async () => {
    const ed25519 = serviceKey('ed25519');
    aws.keys.set(ID, ed25519);
    for (const work of [
      importKey(uri, kmsOptions()),
      pinUri(uri, kmsOptions()),
      openSigner(uri, ed25519.key, kmsOptions()),
    ]) {
      const error = await refusal(work);
      expect(error)
        .to.be.instanceOf(ConfigurationError)
        .and.to.include({ code: 'configuration.kms-ed25519', exitCode: 3 });
      expectWords(error, arnOf(ID), '4,096 bytes', 'P-256');
    }
    expect(aws.asked.map(operationOf)).not.to.include('Sign');
  });

  it('knows why: Amazon signs no more than 4,096 bytes of a message', async () => {
    aws.keys.set(ID, serviceKey('ed25519'));
    const raw = (length: number) =>
      fetch(aws.url, {
        method: 'POST',
        headers: { 'x-amz-target': 'TrentService.Sign' },
        body: JSON.stringify({
          KeyId: arnOf(ID),
          Message: Buffer.alloc(length).toString('base64'),
          MessageType: 'RAW',
        }),
      });
    expect([(await raw(4096)).status, (await raw(4097)).status]).to.deep.equal([200, 400]);
  });

  it('refuses a key of a kind that clients do not read', async () => {
    aws.keys.set(ID, serviceKey('p-384'));
    const error = await refusal(importKey(uri, kmsOptions()));
    expect(error).to.include({ code: 'signer.kms-usage', exitCode: 6 });
    expectWords(error, 'P-256', 'found secp384r1');
  });

  it('refuses a key that is not for signing', async () => {
    const spki = key.publicKey.export({ type: 'spki', format: 'der' }).toString('base64');
    aws.trouble = () => ({ status: 200, body: { KeyId: arnOf(ID), KeyUsage: 'KEY_AGREEMENT', PublicKey: spki } });
    expectWords(await refusal(importKey(uri, kmsOptions())), 'found KEY_AGREEMENT');
  });

  for (const [name, body] of [
    ['no signature', { KeyId: arnOf(ID) }],
    ['no key id', { Signature: 'AAAA' }],
  ] as const) {
    it(`refuses an answer with ${name}`, async () => {
      troubleSign({ status: 200, body });
      expect(await refusal(sign())).to.be.instanceOf(SignerError);
    });
  }

  const unreadable: [name: string, uri: string, found: string][] = [
    ['nothing', 'awskms:', 'another form'],
    ['an unknown parameter', `awskms:${ID}?secret=hunter2`, 'another query'],
    ['a parameter twice', `awskms:${ID}?region=a&region=b`, 'region= twice'],
    ['an empty parameter', `awskms:${ID}?region=`, 'another query'],
    ['a fragment', `awskms:${ID}#x`, 'another form'],
    ['a path', 'awskms:a/b/c', 'another form'],
  ];
  for (const [name, text, found] of unreadable) {
    it(`cannot read a uri with ${name}`, async () => {
      const error = await refusal(importKey(text, kmsOptions()));
      expect(error).to.be.instanceOf(ConfigurationError).and.to.include({ code: 'configuration.key-uri' });
      expectWords(error, `found ${found}`);
      expect(error.message).not.to.contain('hunter2');
    });
  }

  it('sends no requests without TLS to another machine', async () => {
    const error = await refusal(importKey(`awskms:${ID}?endpoint=http://kms.example.org`, kmsOptions()));
    expect(error).to.include({ code: 'configuration.endpoint', exitCode: 3 });
    expectWords(error, 'https://', 'found http://kms.example.org');
  });
});

describe('awskms, without what the library looks for', () => {
  describe('the credentials of the process', () => {
    const file = join(tmpdir(), `tufa-aws-${process.pid}`);
    useAwsEnvironment({
      AWS_ACCESS_KEY_ID: undefined,
      AWS_SECRET_ACCESS_KEY: undefined,
      AWS_SHARED_CREDENTIALS_FILE: file,
    });
    before(() => writeFile(file, '[index]\naws_access_key_id = AKIAOFAPROFILE\naws_secret_access_key = x\n'));
    after(() => rm(file));
    it('are those of the profile that the uri names', async () => {
      const aws = await startAws();
      try {
        aws.keys.set(ID, serviceKey('p-256'));
        const uri = `awskms:${ID}?region=eu-north-1&profile=index&endpoint=${aws.url}`;
        expect(await pinUri(uri, kmsOptions())).to.equal(`awskms:${arnOf(ID)}?profile=index&endpoint=${aws.url}`);
        expect(aws.asked[0]?.headers['authorization']).to.match(/Credential=AKIAOFAPROFILE\/\d+\/eu-north-1\/kms/);
      } finally {
        await aws.stop();
      }
    });
  });
  describe('a region', () => {
    useAwsEnvironment({ AWS_REGION: undefined, AWS_DEFAULT_REGION: undefined });
    it('is asked for', async () => {
      const error = await refusal(importKey('awskms:alias/online', kmsOptions()));
      expect(error).to.include({ code: 'signer.kms-region', exitCode: 6 });
      expectWords(error, 'AWS_REGION');
    });
  });
  describe('credentials', () => {
    useAwsEnvironment({ AWS_ACCESS_KEY_ID: undefined, AWS_SECRET_ACCESS_KEY: undefined });
    it('are asked for', async () => {
      const error = await refusal(importKey(`awskms:${ID}?endpoint=http://127.0.0.1:9`, kmsOptions()));
      expect(error).to.include({ code: 'signer.kms-credentials', exitCode: 6 });
      expectWords(error, 'AWS_PROFILE');
    });
  });
  describe('a server', () => {
    useAwsEnvironment();
    it('is named as not reached', async () => {
      const options = kmsOptions({}, { deadlineMs: 500 });
      const error = await refusal(importKey(`awskms:${ID}?endpoint=http://127.0.0.1:9`, options));
      expect(error).to.include({ code: 'signer.kms-unreachable', exitCode: 6 });
      expectWords(error, 'ECONNREFUSED');
    });
  });
});
