import { expect } from 'chai';
import { StorageError, TrustError } from '../../src/errors.ts';
import { MemoryStore } from '../../src/stores/memory.ts';
import type { Store, StoredObject } from '../../src/stores/port.ts';
import { transact } from '../../src/transaction/transact.ts';
import { TrustedState } from '../../src/trusted/state.ts';
import { TestRepository } from '../support/repository.ts';

/** The same store, except that something happens before a snapshot is read. */
function interrupted(store: Store, happens: () => Promise<void>): Store {
  let done = false;
  return {
    uri: store.uri,
    get: async (key, options): Promise<StoredObject | undefined> => {
      if (key.endsWith('.snapshot') && !done) {
        done = true;
        await happens();
      }
      return store.get(key, options);
    },
    open: (key) => store.open(key),
    create: (key, body) => store.create(key, body),
    swap: (key, bytes, etag) => store.swap(key, bytes, etag),
    list: (prefix, options) => store.list(prefix, options),
    remove: (key) => store.remove(key),
  };
}

describe('a trusted state that several jobs share', () => {
  it('reliability 24: is read whole while another job moves it and takes the old snapshot away', async () => {
    const repository = await TestRepository.make();
    const store = new MemoryStore();
    const context = await repository.context({ trusted: new TrustedState(store) });
    await repository.enqueue(1, { 'packages/foo/foo-1.0-py3-none-any.whl': 'one' });
    await transact(context, { fold: true, genesis: repository.genesis });
    const other = new TrustedState(
      interrupted(store, async () => {
        await repository.enqueue(2, { 'packages/foo/foo-2.0-py3-none-any.whl': 'two' }, { after: 1 });
        await transact(context, { fold: true });
      }),
    );
    expect((await other.require()).snapshot?.signed.version).to.equal(2);
  });

  it('reliability 36: without its snapshot it is damaged', async () => {
    const repository = await TestRepository.make();
    const store = new MemoryStore();
    const context = await repository.context({ trusted: new TrustedState(store) });
    await transact(context, { fold: true, genesis: repository.genesis });
    for await (const { key } of store.list('')) if (key.endsWith('.snapshot')) await store.remove(key);
    const error: unknown = await context.trusted.require().catch((reason: unknown) => reason);
    expect(error).to.be.instanceOf(TrustError).with.property('code', 'trust.state');
  });

  it('reliability 29: that cannot be read is not called damaged', async () => {
    const repository = await TestRepository.make();
    const store = new MemoryStore();
    const context = await repository.context({ trusted: new TrustedState(store) });
    await transact(context, { fold: true, genesis: repository.genesis });
    const other = new TrustedState(
      interrupted(store, async () => {
        throw new StorageError('the disk is away');
      }),
    );
    const error: unknown = await other.require().catch((reason: unknown) => reason);
    expect(error).to.be.instanceOf(StorageError);
  });
});
