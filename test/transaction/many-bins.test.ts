import { expect } from 'chai';
import type { Keyring } from '../../src/transaction/context.ts';
import { transact } from '../../src/transaction/transact.ts';
import { count } from '../../src/tuf/run.ts';
import { TestRepository, testKeyring } from '../support/repository.ts';

describe('a first publication with thousands of bins', () => {
  it('signs each of them empty, a few at a time', async function () {
    this.timeout(120_000);
    const repository = await TestRepository.make({ bits: 11 });
    const inner = testKeyring([repository.keys.online]);
    let running = 0;
    let most = 0;
    const keyring: Keyring = {
      ...inner,
      sign: async (...args) => {
        most = Math.max(most, ++running);
        // As a service would: the answer comes later.
        await new Promise((resolve) => setImmediate(resolve));
        running--;
        return inner.sign(...args);
      },
    };
    const context = await repository.context({ keyring });
    const { signed, live } = await transact(context, { fold: true, genesis: repository.genesis });
    expect(signed).to.have.length(2 * 2 ** 11 + 3);
    expect(count(live.snapshot!.meta)).to.equal(2 * 2 ** 11 + 6);
    expect(most).to.be.within(2, 16);
  });
});
