import { expect } from 'chai';
import { encodeRoleEntry } from '../../src/queue/role-entry.ts';
import { transact } from '../../src/transaction/transact.ts';
import { roleMeta } from '../../src/tuf/checks.ts';
import { composeTargets } from '../../src/tuf/compose.ts';
import { metadataFile } from '../../src/tuf/encode.ts';
import { metadataKey, queueKey } from '../../src/tuf/layout.ts';
import type { Targets, Verified } from '../../src/tuf/model.ts';
import { succinctDelegations } from '../../src/tuf/tree.ts';
import { type TestKey, TestRepository, testKey, testKeyring } from '../support/repository.ts';

const PATH = 'packages/foo/foo-1.0-py3-none-any.whl';

async function published(
  bits = 2,
): Promise<{ repository: TestRepository; context: Awaited<ReturnType<TestRepository['context']>> }> {
  const repository = await TestRepository.make({ bits });
  const context = await repository.context();
  await repository.enqueue(1, { [PATH]: 'one' });
  await transact(context, { fold: true, genesis: repository.genesis });
  return { repository, context };
}

function next(
  repository: TestRepository,
  name: string,
  changes: Partial<Targets> & { signers?: readonly TestKey[] } = {},
): Buffer {
  const old = repository.genesis.offline.get(name) as Verified<Targets>;
  const signed = composeTargets({
    ...old.signed,
    repository: repository.settings.repository,
    version: 2,
    base: 1,
    ...changes,
  });
  return metadataFile(
    signed,
    (changes.signers ?? repository.keys.root.slice(0, 2)).map((key) => key.sign(signed)),
  );
}

describe('an entry of kind role', () => {
  it('replaces an offline role by its own signatures', async () => {
    const { repository, context } = await published();
    await repository.store.create(queueKey(2), encodeRoleEntry(2, 'claimed', next(repository, 'claimed')));
    const result = await transact(context, { fold: true });
    expect(result.entries.map((e) => e.result)).to.deep.equal(['done']);
    expect(roleMeta({ signed: result.live.snapshot! }, 'claimed')?.version).to.equal(2);
  });

  const refused: [string, (repository: TestRepository) => Promise<Buffer> | Buffer, RegExp][] = [
    ['one signature of two', (r) => next(r, 'claimed', { signers: r.keys.root.slice(0, 1) }), /signed by 1 of 2/],
    ['a base that is not live', (r) => next(r, 'claimed', { base: 0 }), /drawn on version 0/],
    ['a version that is not higher', (r) => next(r, 'claimed', { version: 1 }), /stands under version 1|not higher/],
    ['another repository', (r) => next(r, 'claimed', { repository: 'f'.repeat(8) }), /another repository/],
    [
      'a name where other bytes stand',
      async (r) => {
        await r.store.create(metadataKey('claimed', 2), Buffer.from('{}'));
        return next(r, 'claimed');
      },
      /stands under version 2/,
    ],
  ];
  for (const [what, make, why] of refused) {
    it(`is refused alone for ${what}`, async () => {
      const { repository, context } = await published();
      await repository.store.create(queueKey(2), encodeRoleEntry(2, 'claimed', await make(repository)));
      await repository.enqueue(3, { 'packages/bar/bar-1.0-py3-none-any.whl': 'bar' }, { after: 1 });
      const { entries } = await transact(context, { fold: true });
      expect(entries.map((e) => e.result)).to.deep.equal(['refused', 'done']);
      expect(entries[0]?.why).to.match(why);
    });
  }

  it("changes the bins' key: with both keys first, then with the new one alone, once no bin has only the old one", async () => {
    const { repository, context } = await published();
    const fresh = testKey();
    const keys = new Map([repository.keys.online, fresh].map((k) => [k.keyid, k.key]));
    const bins = (keyids: string[], version: number): Buffer =>
      next(repository, 'bins', {
        version,
        base: version - 1,
        delegations: succinctDelegations(keys, { keyids, threshold: 1 }, 'bin', 2),
      });
    const both = { ...context, keyring: testKeyring([fresh, repository.keys.online]) };

    await repository.store.create(
      queueKey(2),
      encodeRoleEntry(2, 'bins', bins([repository.keys.online.keyid, fresh.keyid], 2)),
    );
    expect((await transact(both, { fold: true })).entries.map((e) => e.result)).to.deep.equal(['done']);

    await repository.store.create(queueKey(3), encodeRoleEntry(3, 'bins', bins([fresh.keyid], 3)));
    const early = await transact(both, { fold: true });
    expect(early.entries.map((e) => e.why)).to.deep.equal([
      '4 roles below it are signed by the old key alone: re-sign them first',
    ]);

    await repository.store.create(queueKey(4), encodeRoleEntry(4, 'bins', bins([fresh.keyid], 3)));
    const urgent = await transact(both, { fold: true, urgent: true });
    expect(urgent.entries.map((e) => e.result)).to.deep.equal(['done']);
    expect(urgent.signed).to.include.members(['bin2-0', 'bin2-1', 'bin2-2', 'bin2-3']);
  });
});
