import { expect } from 'chai';
import { transact } from '../../src/transaction/transact.ts';
import { keysOf } from '../../src/tuf/run.ts';
import { TestRepository } from '../support/repository.ts';

describe('transact', () => {
  for (const bits of [0, 2, 10]) {
    for (const scheme of ['ed25519', 'p-256', 'rsa-pss'] as const) {
      it(`publishes, changes, removes and refreshes with ${scheme} keys and ${bits} bits`, async () => {
        const repository = await TestRepository.make({ bits, scheme });
        const context = await repository.context();
        await repository.enqueue(1, { 'packages/foo/foo-1.0-py3-none-any.whl': 'one' });
        const first = await transact(context, { fold: true, genesis: repository.genesis });
        expect(first.version).to.equal(1);
        expect(first.entries.map((e) => e.result)).to.deep.equal(['done']);
        expect([...keysOf(first.live.snapshot!.meta)]).to.include.members([
          'targets.json',
          'trust.json',
          'deny.json',
          'claimed.json',
        ]);

        await repository.enqueue(2, { 'packages/foo/foo-2.0-py3-none-any.whl': 'two' }, { after: 1 });
        const second = await transact(context, { fold: true });
        expect(second.version).to.equal(2);

        const nothing = await transact(context, { fold: true });
        expect(nothing.version).to.equal(undefined);

        repository.now = new Date(repository.now.getTime() + 13 * 36e5);
        const refreshed = await transact(context, { fold: false });
        expect(refreshed.signed).to.deep.equal(['timestamp']);
        expect(refreshed.version).to.equal(3);
      });
    }
  }
});
