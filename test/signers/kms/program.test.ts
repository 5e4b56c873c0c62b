import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CreateAliasCommand, CreateKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import { expect } from 'chai';
import { keyidOf } from '../../../src/tuf/keys.ts';
import {
  AWS_ENVIRONMENT,
  type AwsStandIn,
  arnOf,
  awsError,
  operationOf,
  startAws,
  useAwsEnvironment,
} from '../../support/kms/aws.ts';
import { type RunningServer, startMinistack, startMoto } from '../../support/kms/python-servers.ts';
import { serviceKey } from '../../support/kms/stand-in.ts';
import { startVault, VAULT_TOKEN } from '../../support/kms/vault.ts';
import { KmsWorkspace, preloading } from '../../support/kms/workspace.ts';
import { emptyFolder, written } from '../../support/published.ts';
import type { Run } from '../../support/run.ts';

/** Through bin/run.js, with the real library: what an operator sees of a key service that is not well. */
const SECRETS = [AWS_ENVIRONMENT.AWS_SECRET_ACCESS_KEY, VAULT_TOKEN];
const BUILD = 600_000;

function expectNoSecret({ stdout, stderr }: Run): void {
  for (const secret of SECRETS) expect(stdout + stderr).not.to.contain(secret);
}

const isClaim = (key: string) => key.startsWith('.tufa/claims/');

describe('tufa with a key in AWS KMS', () => {
  useAwsEnvironment();
  let aws: AwsStandIn;
  const id = '1234abcd-12ab-34cd-56ef-1234567890ab';

  before(async () => {
    aws = await startAws();
    aws.keys.set(id, serviceKey('p-256'));
    aws.aliases.set('alias/online', id);
  });
  beforeEach(() => {
    aws.trouble = () => undefined;
  });
  after(() => aws.stop());

  it('reliability 11: throttled for ever, it backs off, then exits 6 and has written nothing', async () => {
    const workspace = await KmsWorkspace.make(`awskms:alias/online?endpoint=${aws.url}`, AWS_ENVIRONMENT);
    expect((await workspace.holder('online')).uri).to.equal(`awskms:${arnOf(id)}?endpoint=${aws.url}`);
    const before = (await workspace.objects()).filter((key) => !isClaim(key));
    let tries = 0;
    aws.trouble = (asked) => {
      if (operationOf(asked) !== 'Sign') return undefined;
      tries++;
      return awsError('ThrottlingException');
    };
    const start = performance.now();
    const run = await workspace.run('publish', '--json');
    expect(performance.now() - start).to.be.within(29_000, 75_000);
    expect(run.exitCode).to.equal(6);
    const { error } = run.json<{ error: Record<string, string> }>();
    expect(error).to.include({ code: 'signer.kms-throttled', exitCode: 6, committed: 'no' });
    expect(error['message']).to.match(/AWS KMS asks to slow down: expected an answer within 30 s, found Throttling/);
    expect(error['hint']).to.be.a('string');
    // Pauses grow to five seconds: some ten tries for each role that is signed at the same time, not thousands.
    expect(tries).to.be.within(6, 60);
    expectNoSecret(run);
    expect((await workspace.objects()).filter((key) => !isClaim(key))).to.deep.equal(before);

    aws.trouble = () => undefined;
    await workspace.done('publish');
    await workspace.done('verify');
    expect(await workspace.objects()).to.include('metadata/timestamp.json');
  }).timeout(120_000);

  it('has no word of the credentials in what it says, also under DEBUG', async () => {
    const workspace = await KmsWorkspace.begin({ ...AWS_ENVIRONMENT, DEBUG: 'tufa' });
    const secret = AWS_ENVIRONMENT.AWS_SECRET_ACCESS_KEY;
    for (const name of ['AccessDeniedException', 'ExpiredTokenException', 'UnrecognizedClientException', secret]) {
      aws.trouble = () => awsError(name, 400, `not with ${secret}`);
      const run = await workspace.run('key', 'import', `awskms:alias/online?endpoint=${aws.url}`, '--holder', 'online');
      expect(run.exitCode).to.equal(6);
      expect(run.stderr).to.match(/^tufa: /m);
      expectNoSecret(run);
    }
  });

  it('loads the library of AWS for awskms: alone', async () => {
    const vault = await startVault([serviceKey('p-256')]);
    const loaded = join(await emptyFolder(), 'loaded');
    const env = { VAULT_ADDR: vault.url, VAULT_TOKEN, TUFA_TEST_LOADED: loaded, NODE_OPTIONS: preloading('loaded') };
    const packages = async () => (await readFile(loaded, 'utf8')).split('\n');
    const amazon = async () => (await packages()).filter((name) => /^@(?:aws|smithy)/.test(name));
    try {
      const workspace = await KmsWorkspace.begin({ ...AWS_ENVIRONMENT, ...env });
      await workspace.done('key', 'import', 'hv:online', '--holder', 'online');
      expect((await workspace.holder('online')).uri).to.equal('hv:online/1');
      expect(await amazon()).to.deep.equal([]);
      for (const command of [['key', 'list'], ['doctor', 'signers'], ['doctor', 'store'], ['--help']]) {
        await workspace.run(...command);
        expect(await packages()).to.include('@oclif/core');
        expect(await amazon(), command.join(' ')).to.deep.equal([]);
      }
      await workspace.done('key', 'import', `awskms:alias/online?endpoint=${aws.url}`, '--holder', 'standby');
      expect(await amazon()).to.include('@aws-sdk/client-kms');
    } finally {
      await vault.stop();
    }
  });
});

describe('tufa against ministack and moto', () => {
  useAwsEnvironment();
  const servers: RunningServer[] = [];
  const running = async (start: () => Promise<RunningServer>): Promise<[url: string, kms: KMSClient]> => {
    const server = await start();
    servers.push(server);
    return [server.url, new KMSClient({ endpoint: server.url })];
  };
  const create = async (kms: KMSClient, KeySpec: 'ECC_NIST_P256' | 'RSA_3072') =>
    (await kms.send(new CreateKeyCommand({ KeySpec, KeyUsage: 'SIGN_VERIFY' }))).KeyMetadata?.Arn ?? '';

  before(function () {
    this.timeout(BUILD);
  });
  after(() => Promise.all(servers.map((server) => server.stop())));

  it('publishes with a key that an alias stood for', async () => {
    const [url, kms] = await running(startMinistack);
    const arn = await create(kms, 'ECC_NIST_P256');
    await kms.send(new CreateAliasCommand({ AliasName: 'alias/online', TargetKeyId: arn }));
    const workspace = await KmsWorkspace.make(`awskms:alias/online?endpoint=${url}`, AWS_ENVIRONMENT);
    expect((await workspace.holder('online')).uri).to.equal(`awskms:${arn}?endpoint=${url}`);
    await workspace.done('publish');
    await workspace.done('verify');
    const run = await workspace.done('doctor', 'signers');
    expect(run.stdout).to.contain('all keys that are needed here sign').and.to.contain(arn);
  }).timeout(BUILD);

  it('reliability 12: a signature of something else is refused, exit 6, and nothing is written', async () => {
    const [url, kms] = await running(startMoto);
    for (const spec of ['ECC_NIST_P256', 'RSA_3072'] as const) {
      const workspace = await KmsWorkspace.make(`awskms:${await create(kms, spec)}?endpoint=${url}`, AWS_ENVIRONMENT);
      const { keyid } = await workspace.holder('online');
      // The first attempt has taken its number, which is all that a later one sees of it.
      await workspace.run('publish');
      const before = (await written(workspace.dir)).split('\n').filter((line) => !line.includes(' 0:.tufa/claims/'));
      const run = await workspace.run('publish', '--json');
      expect(run.exitCode).to.equal(6);
      const { error } = run.json<{ error: Record<string, string> }>();
      expect(error).to.include({ code: 'signer.invalid-signature', exitCode: 6, committed: 'no' });
      expect(error['message']).to.contain(`signer produced a signature that key ${keyid.slice(0, 12)}… rejects`);
      expect(error['hint']).to.contain('nothing was written').and.to.contain('tufa key list');
      const after = (await written(workspace.dir)).split('\n').filter((line) => !line.includes(' 0:.tufa/claims/'));
      expect(after).to.deep.equal(before);
      expect((await workspace.objects()).filter((key) => key.startsWith('metadata/'))).to.deep.equal([]);

      const doctor = await workspace.run('doctor', 'signers');
      expect(doctor.exitCode).to.equal(6);
      expect(doctor.stdout).to.contain('rejects');
    }
  }).timeout(BUILD);

  it('reliability 13: an Ed25519 key is refused at import and at doctor, exit 3, before anything is signed', async () => {
    const aws = await startAws();
    try {
      const ed25519 = serviceKey('ed25519');
      aws.keys.set('online', ed25519);
      const uri = `awskms:${arnOf('online')}?endpoint=${aws.url}`;
      const workspace = await KmsWorkspace.begin(AWS_ENVIRONMENT);
      const run = await workspace.run('key', 'import', uri, '--holder', 'online', '--json');
      expect(run.exitCode).to.equal(3);
      const { error } = run.json<{ error: Record<string, string> }>();
      expect(error['message']).to.contain(arnOf('online')).and.to.contain('4,096 bytes');
      expect(error['hint']).to.contain('P-256');
      // One that an older version, or a person, has taken in.
      const holder = { name: 'online', keyid: keyidOf(ed25519.key), key: ed25519.key, uri };
      await writeFile(join(workspace.dir, 'holders/online.json'), JSON.stringify(holder));
      const doctor = await workspace.run('doctor', 'signers', '--json');
      expect(doctor.exitCode).to.equal(3);
      const [key] = doctor.json<{ keys: { state: string; problem: { code: string } }[] }>().keys;
      expect(key).to.include({ state: 'failed' });
      expect(key?.problem).to.include({ code: 'configuration.kms-ed25519', exitCode: 3 });
      expect(aws.asked.map(operationOf)).not.to.include('Sign');
    } finally {
      await aws.stop();
    }
  });
});
