import { expect } from 'chai';
import { StorageError, TufaError } from '../../src/errors.ts';
import { type Fate, MemoryStore } from '../../src/stores/memory.ts';
import { UnknownAnswer } from '../../src/stores/port.ts';
import { keys, refusal } from '../support/store-expect.ts';
import { raceCreates, raceSwaps, read } from '../support/store-race.ts';
import { describeStoreContract } from './contract.ts';

const bytes = (text: string): Buffer => Buffer.from(text);

describeStoreContract('memory', async () => ({ store: new MemoryStore(), dispose: async () => undefined }));

describe('memory store', () => {
  it('has a clock of its own, and etags of the content alone', async () => {
    const now = new Date('2030-01-02T03:04:05Z');
    const store = new MemoryStore({ clock: () => now });
    await store.create('a', bytes('same'));
    await store.create('b', bytes('same'));
    const [a, b] = [await store.get('a', { maxLength: 9 }), await new MemoryStore().get('b', { maxLength: 9 })];
    expect(a!.modified).to.equal(now);
    expect(b).to.equal(undefined);
    expect((await store.get('b', { maxLength: 9 }))!.etag).to.equal(a!.etag);
  });

  describe('opinions', () => {
    /** Not a `TufaError`: no program may mistake it for an answer of a store. */
    const objection = async (promise: Promise<unknown>): Promise<void> => {
      const error = await refusal(promise, Error);
      expect(error).not.to.be.instanceOf(TufaError);
      expect(error.message).to.contain('metadata/1.bin0.json').and.contain('would change');
    };

    it('objects when an immutable object would be swapped', async () => {
      const store = new MemoryStore();
      await store.create('metadata/1.bin0.json', bytes('one'));
      const { etag } = (await store.get('metadata/1.bin0.json', { maxLength: 9 }))!;
      await objection(store.swap('metadata/1.bin0.json', bytes('two'), etag));
      expect(await read(store, 'metadata/1.bin0.json')).to.equal('one');
    });

    it('objects when one that was removed comes back with other bytes; the same are welcome', async () => {
      const store = new MemoryStore();
      await store.create('metadata/1.bin0.json', bytes('one'));
      await store.remove('metadata/1.bin0.json');
      await objection(store.create('metadata/1.bin0.json', bytes('two')));
      await objection(store.swap('metadata/1.bin0.json', bytes('two'), undefined));
      expect(await store.create('metadata/1.bin0.json', bytes('one'))).to.equal('created');
    });

    it('lets a test plant what it likes', async () => {
      const store = new MemoryStore();
      await store.create('metadata/1.bin0.json', bytes('one'));
      store.plant('metadata/1.bin0.json', bytes('forged'));
      expect(await read(store, 'metadata/1.bin0.json')).to.equal('forged');
      store.plant('metadata/1.bin0.json', undefined);
      expect(await keys(store, '')).to.deep.equal([]);
    });
  });

  describe('faults', () => {
    const faulty = (fate: Fate): MemoryStore => {
      const store = new MemoryStore();
      store.faults = (_, key) => (key === 'hit' ? fate : 'ok');
      return store;
    };

    it('fail: nothing is done', async () => {
      const store = faulty('fail');
      const error = await refusal(store.create('hit', bytes('x')));
      expect(error.message).to.contain('hit').and.contain('create');
      await refusal(store.swap('hit', bytes('x'), undefined));
      await refusal(store.remove('hit'));
      expect(await store.create('missed', bytes('x'))).to.equal('created');
      expect(await keys(store, '')).to.deep.equal(['missed']);
    });

    it('lost: it is done, and the answer is unknown', async () => {
      const store = faulty('lost');
      const error = await refusal(store.create('hit', bytes('x')), UnknownAnswer);
      expect(error.committed).to.equal('unknown');
      expect(await keys(store, '')).to.deep.equal(['hit']);
      await refusal(store.remove('hit'), UnknownAnswer);
      await refusal(store.swap('hit', bytes('x'), undefined), UnknownAnswer);
      store.faults = () => 'ok';
      expect(await read(store, 'hit')).to.equal('x');
    });

    it('late: it is done when it lands, if its condition still holds then', async () => {
      const store = faulty('late');
      await refusal(store.swap('hit', bytes('late'), undefined), UnknownAnswer);
      expect(await keys(store, '')).to.deep.equal([]);
      expect(store.land()).to.equal(1);
      expect(store.land()).to.equal(0);
      store.faults = () => 'ok';
      expect(await read(store, 'hit')).to.equal('late');

      store.faults = () => 'late';
      await refusal(store.swap('other', bytes('late'), undefined), UnknownAnswer);
      store.faults = () => 'ok';
      await store.swap('other', bytes('in time'), undefined);
      expect(store.land()).to.equal(1);
      expect(await read(store, 'other')).to.equal('in time');
    });

    it('reading only fails', async () => {
      for (const fate of ['fail', 'lost', 'late'] as const) {
        const store = faulty(fate);
        await refusal(store.get('hit', { maxLength: 9 }), StorageError);
        await refusal(store.open('hit'), StorageError);
        await refusal(keys(store, 'hit'), StorageError);
      }
    });
  });

  it('goes back to a snapshot, twice, with what is late', async () => {
    const store = new MemoryStore();
    await store.swap('timestamp.json', bytes('one'), undefined);
    store.faults = () => 'late';
    await refusal(store.create('late', bytes('x')), UnknownAnswer);
    store.faults = () => 'ok';
    const before = store.snapshot();
    for (let time = 0; time < 2; time++) {
      const { etag } = (await store.get('timestamp.json', { maxLength: 9 }))!;
      await store.swap('timestamp.json', bytes('two'), etag);
      await store.create('metadata/2.root.json', bytes(`${time}`));
      expect(store.land()).to.equal(1);
      expect(await keys(store, '')).to.deep.equal(['late', 'metadata/2.root.json', 'timestamp.json']);
      store.restore(before);
      expect(await keys(store, '')).to.deep.equal(['timestamp.json']);
      expect(await read(store, 'timestamp.json')).to.equal('one');
    }
  });
});

describe('the races of the contract', () => {
  /** Answers 200 and overwrites, as some look-alikes of S3 do. */
  class Careless extends MemoryStore {
    override async create(key: string, body: Uint8Array): Promise<'created'> {
      this.plant(key, body);
      return 'created';
    }

    override async swap(key: string, bytes: Uint8Array): Promise<{ etag: string }> {
      this.plant(key, bytes);
      return { etag: (await this.get(key, { maxLength: bytes.length }))!.etag };
    }
  }

  it('find out a store that ignores conditions', async () => {
    expect(await raceCreates(new Careless(), 'a')).to.have.lengthOf(32);
    expect(await raceSwaps(new Careless(), 'a', undefined)).to.have.lengthOf(32);
  });
});
