import {
  CreateAliasCommand,
  CreateKeyCommand,
  type CreateKeyCommandInput,
  DisableKeyCommand,
  KMSClient,
  ScheduleKeyDeletionCommand,
  UpdateAliasCommand,
} from '@aws-sdk/client-kms';
import { expect } from 'chai';
import { importKey, openSigner, pinUri } from '../../../src/signers/registry.ts';
import { keyidOf } from '../../../src/tuf/keys.ts';
import { useAwsEnvironment } from '../../support/kms/aws.ts';
import { type RunningServer, startMinistack, startMoto } from '../../support/kms/python-servers.ts';
import { describeSignerContract } from '../contract.ts';
import { expectWords, kmsOptions, refusal } from './expect.ts';

/** The real library against servers of others. Building them takes minutes, once. */
const BUILD = 600_000;

function kmsOf(server: () => RunningServer | undefined) {
  const client = () => new KMSClient({ endpoint: server()?.url ?? '', region: 'us-east-1' });
  return {
    async create(KeySpec: CreateKeyCommandInput['KeySpec'], alias?: string): Promise<string> {
      const { KeyMetadata } = await client().send(new CreateKeyCommand({ KeySpec, KeyUsage: 'SIGN_VERIFY' }));
      const arn = KeyMetadata?.Arn ?? '';
      if (alias !== undefined) await client().send(new CreateAliasCommand({ AliasName: alias, TargetKeyId: arn }));
      return arn;
    },
    move: (alias: string, arn: string) => client().send(new UpdateAliasCommand({ AliasName: alias, TargetKeyId: arn })),
    disable: (arn: string) => client().send(new DisableKeyCommand({ KeyId: arn })),
    remove: (arn: string) => client().send(new ScheduleKeyDeletionCommand({ KeyId: arn, PendingWindowInDays: 7 })),
  };
}

describe('awskms against ministack', () => {
  useAwsEnvironment();
  let server: RunningServer | undefined;
  const kms = kmsOf(() => server);
  const at = (name: string) => `awskms:${name}?endpoint=${server?.url}`;
  const sign = async (uri: string) => {
    const signer = await openSigner(uri, await importKey(uri, kmsOptions()), kmsOptions());
    return signer.sign({ payload: Buffer.from('payload'), subject: 'timestamp 7' });
  };

  before(async function () {
    this.timeout(BUILD);
    server = await startMinistack();
  });
  after(() => server?.stop());

  for (const spec of ['ECC_NIST_P256', 'RSA_2048', 'RSA_3072', 'RSA_4096'] as const) {
    describeSignerContract(`awskms, ${spec} of ministack`, async () => {
      const uri = at(await kms.create(spec));
      return { uri, key: await importKey(uri, kmsOptions()), options: kmsOptions() };
    });
  }

  it('keeps the ARN of an alias, and refuses the alias once it was moved', async () => {
    const first = await kms.create('ECC_NIST_P256', 'alias/online');
    const key = await importKey(at('alias/online'), kmsOptions());
    expect(await pinUri(at('alias/online'), kmsOptions())).to.equal(at(first));
    const second = await kms.create('ECC_NIST_P256');
    await kms.move('alias/online', second);
    const error = await refusal(openSigner(at('alias/online'), key, kmsOptions()));
    expect(error).to.include({ code: 'signer.wrong-key', exitCode: 6 });
    expectWords(error, keyidOf(key), keyidOf(await importKey(at(second), kmsOptions())));
    const pinned = await openSigner(at(first), key, kmsOptions());
    expect(await pinned.sign({ payload: Buffer.from('payload'), subject: 'timestamp 7' })).to.match(/^30/);
  });

  it('says that a key is disabled, and that one is about to be deleted', async () => {
    const [disabled, removed] = [await kms.create('ECC_NIST_P256'), await kms.create('ECC_NIST_P256')];
    await kms.disable(disabled);
    await kms.remove(removed);
    expectWords(await refusal(sign(at(disabled))), 'disabled', 'DisabledException');
    expectWords(await refusal(sign(at(removed))), 'deleted', 'KMSInvalidStateException');
  });

  it('says that there is no such key, and no such alias', async () => {
    for (const name of ['arn:aws:kms:us-east-1:000000000000:key/00000000-0000-4000-8000-000000000000', 'alias/nobody'])
      expect(await refusal(importKey(at(name), kmsOptions()))).to.include({
        code: 'signer.kms-not-found',
        exitCode: 6,
      });
  });

  it('reliability 13: refuses an Ed25519 key', async () => {
    const error = await refusal(
      importKey(at(await kms.create('ECC_NIST_EDWARDS25519' as 'ECC_NIST_P256')), kmsOptions()),
    );
    expect(error).to.include({ code: 'configuration.kms-ed25519', exitCode: 3 });
  });

  it('refuses P-384, which clients do not read', async () => {
    expectWords(await refusal(importKey(at(await kms.create('ECC_NIST_P384')), kmsOptions())), 'found secp384r1');
  });
});

describe('awskms against moto, which signs something else', () => {
  useAwsEnvironment();
  let server: RunningServer | undefined;
  const kms = kmsOf(() => server);

  before(async function () {
    this.timeout(BUILD);
    server = await startMoto();
  });
  after(() => server?.stop());

  for (const spec of ['ECC_NIST_P256', 'RSA_2048'] as const) {
    it(`is refused, ${spec}`, async () => {
      const uri = `awskms:${await kms.create(spec)}?endpoint=${server?.url}`;
      const signer = await openSigner(uri, await importKey(uri, kmsOptions()), kmsOptions());
      for (let i = 0; i < 5; i++) {
        const error = await refusal(signer.sign({ payload: Buffer.from(`payload ${i}`), subject: 'timestamp 7' }));
        expect(error).to.include({ code: 'signer.invalid-signature', exitCode: 6 });
        expect(error.message).to.match(/^timestamp 7: signer produced a signature that key [0-9a-f]{12}… rejects$/);
      }
    });
  }
});
