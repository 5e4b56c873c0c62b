import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { ConfigurationError } from '../../../src/errors.ts';
import { crc32c } from '../../../src/signers/kms/crc32c.ts';
import { importKey, openSigner } from '../../../src/signers/registry.ts';
import { keyidOf } from '../../../src/tuf/keys.ts';
import { type GcpStandIn, gcpError, startGcp, versionName } from '../../support/kms/gcp.ts';
import { type Asked, type Reply, serviceKey } from '../../support/kms/stand-in.ts';
import { describeSignerContract } from '../contract.ts';
import { expectWords, kmsOptions, refusal } from './expect.ts';

describe('gcpkms', () => {
  let gcp: GcpStandIn;
  let folder: string;
  let tokenFile: Record<string, string>;
  const key = serviceKey('p-256');
  const at = (version: number) => `gcpkms:${versionName(version)}?endpoint=${gcp.url}`;
  const isSign = ({ url }: Asked) => url.endsWith(':asymmetricSign');

  before(async () => {
    gcp = await startGcp();
    folder = await mkdtemp(join(tmpdir(), 'tufa-gcp-'));
    tokenFile = { TUFA_GCP_TOKEN_FILE: await secretFile('token', 'ya29.from-a-file\n') };
  });
  beforeEach(() => {
    gcp.keys.set(versionName(1), key);
    gcp.tokens.clear();
    gcp.tokens.add('ya29.from-a-file');
    gcp.asked.length = 0;
    gcp.trouble = () => undefined;
  });
  after(async () => {
    await gcp.stop();
    await rm(folder, { recursive: true });
  });

  async function secretFile(name: string, text: string): Promise<string> {
    const path = join(folder, name);
    await writeFile(path, text, { mode: 0o600 });
    return path;
  }
  const accountFile = (more: object = {}) =>
    secretFile('account.json', JSON.stringify({ ...gcp.account, token_uri: `${gcp.url}/token`, ...more }));
  const sign = async (env = tokenFile, deadlineMs?: number) => {
    const signer = await openSigner(at(1), key.key, kmsOptions(env, deadlineMs === undefined ? {} : { deadlineMs }));
    return signer.sign({ payload: Buffer.from('payload'), subject: 'timestamp 7' });
  };
  const troubleSign = (change: (real: Record<string, unknown>) => object, times = Number.POSITIVE_INFINITY) => {
    let left = times;
    gcp.trouble = (asked) => {
      if (!isSign(asked) || left-- <= 0) return undefined;
      const { digest } = asked.json as { digest: { sha256: string } };
      return { status: 200, body: change({ name: versionName(1), digest }) };
    };
  };

  for (const [version, kind] of [
    [11, 'p-256'],
    [12, 'rsa-2048'],
  ] as const) {
    describeSignerContract(`gcpkms, ${kind}`, async () => {
      const made = serviceKey(kind);
      gcp.keys.set(versionName(version), made);
      return { uri: at(version), key: made.key, options: kmsOptions(tokenFile) };
    });
  }

  it('sends the digest with its checksum, and the token', async () => {
    await sign();
    const { json, headers } = gcp.asked.at(-1)!;
    const { digest, digestCrc32c, ...rest } = json as { digest: { sha256: string }; digestCrc32c: string };
    const bytes = Buffer.from(digest.sha256, 'base64');
    expect(bytes).to.have.length(32);
    expect(digestCrc32c).to.equal(`${crc32c(bytes)}`);
    expect(rest).to.deep.equal({});
    expect(headers['authorization']).to.equal('Bearer ya29.from-a-file');
  });

  it('computes CRC32C as RFC 3720 has it', () => {
    const ascending = Uint8Array.from({ length: 32 }, (_, i) => i);
    expect(crc32c(Buffer.from('123456789'))).to.equal(0xe3069283);
    expect(crc32c(Buffer.alloc(32))).to.equal(0x8a9136aa);
    expect(crc32c(Buffer.alloc(32, 0xff))).to.equal(0x62a8ab43);
    expect(crc32c(ascending)).to.equal(0x46dd794e);
    expect(crc32c(ascending.toReversed())).to.equal(0x113fdb5c);
  });

  const damaged: [name: string, change: (real: Record<string, unknown>) => object, found: string][] = [
    [
      'a signature that does not fit its checksum',
      (real) => ({ ...real, signature: 'MEUCIQ==', signatureCrc32c: '1', verifiedDigestCrc32c: true }),
      'signatureCrc32c 1',
    ],
    [
      'a digest whose checksum was not looked at',
      (real) => ({ ...real, signature: 'MEUCIQ==', signatureCrc32c: '1', verifiedDigestCrc32c: false }),
      'an unchecked digest',
    ],
  ];
  for (const [name, change, found] of damaged) {
    it(`asks again after ${name}, and gives up within the deadline`, async () => {
      troubleSign(change, 1);
      expect(await sign()).to.match(/^30/);
      troubleSign(change);
      const error = await refusal(sign(tokenFile, 1_000));
      expect(error).to.include({ code: 'signer.kms-damaged', exitCode: 6 });
      expectWords(error, found, 'within 1 s');
    });
  }

  it('asks again after a public key that does not fit its checksum', async () => {
    let times = 0;
    gcp.trouble = (): Reply | undefined =>
      times++ === 0
        ? { status: 200, body: { name: versionName(1), pem: 'x', pemCrc32c: '7', algorithm: 'EC_SIGN_P256_SHA256' } }
        : undefined;
    expect(keyidOf(await importKey(at(1), kmsOptions(tokenFile)))).to.equal(keyidOf(key.key));
  });

  it('refuses a signature of another version, and a public key of one', async () => {
    gcp.trouble = () => ({ status: 200, body: { name: versionName(2) } });
    const error = await refusal(sign());
    expect(error).to.include({ code: 'signer.wrong-key', exitCode: 6 });
    expectWords(error, versionName(1), versionName(2));
  });

  it('reliability 13: refuses an Ed25519 key, whose messages are sent whole', async () => {
    gcp.keys.set(versionName(1), serviceKey('ed25519'));
    const error = await refusal(importKey(at(1), kmsOptions(tokenFile)));
    expect(error).to.include({ code: 'configuration.kms-ed25519', exitCode: 3 });
  });

  it('refuses a key that signs in another way', async () => {
    gcp.keys.set(versionName(1), serviceKey('p-384'));
    expectWords(await refusal(importKey(at(1), kmsOptions(tokenFile))), 'found EC_SIGN_P384_SHA384');
  });

  it('needs the number of a version', async () => {
    const error = await refusal(importKey(at(1).replace('/cryptoKeyVersions/1', ''), kmsOptions(tokenFile)));
    expect(error).to.include({ code: 'configuration.key-uri', exitCode: 3 });
  });

  const answers: [name: string, reply: Reply, code: string][] = [
    ['PERMISSION_DENIED', gcpError(403, 'PERMISSION_DENIED'), 'signer.kms-access'],
    ['UNAUTHENTICATED', gcpError(401, 'UNAUTHENTICATED'), 'signer.kms-credentials'],
    ['NOT_FOUND', gcpError(404, 'NOT_FOUND'), 'signer.kms-not-found'],
    ['FAILED_PRECONDITION', gcpError(400, 'FAILED_PRECONDITION'), 'signer.kms-disabled'],
    ['INVALID_ARGUMENT', gcpError(400, 'INVALID_ARGUMENT'), 'signer.kms-request'],
    ['RESOURCE_EXHAUSTED', gcpError(429, 'RESOURCE_EXHAUSTED'), 'signer.kms-throttled'],
    ['UNAVAILABLE', gcpError(503, 'UNAVAILABLE'), 'signer.kms-busy'],
    ['HTTP 302', { status: 302, body: '', headers: { location: 'http://127.0.0.1:9/' } }, 'signer.kms-answer'],
    ['no name', { status: 200, body: 'an error page' }, 'signer.kms-answer'],
    ['more than', { status: 200, body: 'x'.repeat(2_000_000) }, 'signer.kms-answer'],
    ['none', 'hang', 'signer.kms-unreachable'],
  ];
  for (const [name, reply, code] of answers) {
    it(`says what ${name} means`, async () => {
      gcp.trouble = (asked) => (isSign(asked) ? reply : undefined);
      const error = await refusal(sign(tokenFile, 1_000));
      expect(error).to.include({ code, exitCode: 6 });
      expectWords(error, name);
    });
  }

  it('waits as long as it is asked to', async () => {
    let times = 0;
    gcp.trouble = (asked) =>
      isSign(asked) && times++ === 0
        ? { status: 429, body: { error: { status: 'RESOURCE_EXHAUSTED' } }, headers: { 'retry-after': '1' } }
        : undefined;
    const start = performance.now();
    await sign();
    expect(performance.now() - start).to.be.within(990, 6_000);
  });

  describe('credentials', () => {
    it('are a file that holds a token', async () => {
      expect(await sign()).to.match(/^30/);
    });

    it('are a service account, which signs for its token', async () => {
      expect(await sign({ GOOGLE_APPLICATION_CREDENTIALS: await accountFile() })).to.match(/^30/);
      expect(gcp.asked.filter(({ url }) => url === '/token')).to.have.length(1);
    });

    it('are those of the machine', async () => {
      expect(await sign({ GCE_METADATA_HOST: gcp.url.replace('http://', '') })).to.match(/^30/);
    });

    it('are renewed, once, when the token has expired', async () => {
      const signer = await openSigner(
        at(1),
        key.key,
        kmsOptions({ GOOGLE_APPLICATION_CREDENTIALS: await accountFile() }),
      );
      gcp.tokens.clear();
      expect(await signer.sign({ payload: Buffer.from('payload'), subject: 'timestamp 7' })).to.match(/^30/);
      expect(gcp.asked.filter(({ url }) => url === '/token')).to.have.length(2);
    });

    it('are asked for where there are none', async () => {
      const error = await refusal(sign({ GCE_METADATA_HOST: '127.0.0.1:9' }));
      expect(error).to.include({ code: 'signer.kms-credentials', exitCode: 6 });
      expectWords(error, 'GOOGLE_APPLICATION_CREDENTIALS', 'no metadata server');
    });

    it('are refused when Google refuses them, without what it says', async () => {
      const env = { GOOGLE_APPLICATION_CREDENTIALS: await accountFile({ client_email: 'thief@example.org' }) };
      const error = await refusal(sign(env));
      expect(error).to.include({ code: 'signer.kms-credentials', exitCode: 6 });
      expectWords(error, 'found invalid_grant');
    });

    it('are refused in a file that others may read', async () => {
      const path = await accountFile();
      await chmod(path, 0o644);
      const error = await refusal(sign({ GOOGLE_APPLICATION_CREDENTIALS: path }));
      expect(error).to.be.instanceOf(ConfigurationError);
      expectWords(error, 'others may read it', 'mode 0644');
      await rm(path);
    });

    for (const [name, text, found] of [
      ['of a person', JSON.stringify({ type: 'authorized_user', refresh_token: 'secret-1' }), 'another type'],
      ['that are no JSON', 'secret-1', 'another type'],
      ['without a key', JSON.stringify({ type: 'service_account', client_email: 'secret-1' }), 'no private_key'],
    ] as const) {
      it(`cannot be those ${name}`, async () => {
        const error = await refusal(sign({ GOOGLE_APPLICATION_CREDENTIALS: await secretFile('other.json', text) }));
        expect(error).to.include({ code: 'configuration.kms-credentials', exitCode: 3 });
        expectWords(error, found);
        expect(JSON.stringify([error.message, error.hint, `${error.cause}`])).not.to.contain('secret-1');
      });
    }

    it('are sent nowhere without TLS', async () => {
      const env = { GOOGLE_APPLICATION_CREDENTIALS: await accountFile({ token_uri: 'http://example.org/token' }) };
      expect(await refusal(sign(env))).to.include({ code: 'configuration.endpoint', exitCode: 3 });
    });
  });
});
