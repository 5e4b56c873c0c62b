import { expect } from 'chai';
import type { Store } from '../../src/stores/port.ts';
import { keys, refusal } from '../support/store-expect.ts';
import { read } from '../support/store-race.ts';

/** The part of the contract that is about keys: which there can be, their order, and their end. */
export function describeNames(store: () => Store): void {
  describe('list', () => {
    const ALL = ['a-b', 'a.json', 'a/b', 'a/b-c', 'a/b.d/e', 'a/b0', 'a0', 'b/1', 'b/10', 'b/2', 'c'];

    beforeEach(async () => {
      for (const key of [...ALL].reverse()) await store().create(key, Buffer.from(key));
    });

    it('gives all keys in the order of their bytes, with lengths and dates', async () => {
      const found = [];
      for await (const one of store().list('')) found.push(one);
      expect(found.map(({ key }) => key)).to.deep.equal(ALL);
      expect(found.map(({ length }) => length)).to.deep.equal(ALL.map((key) => key.length));
      for (const { modified } of found) expect(modified.getTime()).to.be.greaterThan(0);
    });

    it('gives what begins with a prefix, be it a folder or not', async () => {
      for (const prefix of ['a', 'a/', 'a/b', 'a/b.', 'a/b.d/', 'b/1', 'c', 'z', 'z/', 'c0']) {
        expect(await keys(store(), prefix), prefix).to.deep.equal(ALL.filter((key) => key.startsWith(prefix)));
      }
    });

    it('begins after a key, be it there or not', async () => {
      for (const after of ['', 'a', 'a-b', 'a/', 'a/b', 'a/b.', 'a/b.d/e', 'a/c', 'b/', 'b/10', 'c', 'z']) {
        for (const prefix of ['', 'a/', 'b/1']) {
          const expected = ALL.filter((key) => key.startsWith(prefix) && key > after);
          expect(await keys(store(), prefix, after), `${prefix} after ${after}`).to.deep.equal(expected);
        }
      }
    });

    it('knows nothing of what was removed', async () => {
      await store().remove('a/b');
      expect(await keys(store(), 'a/')).to.deep.equal(['a/b-c', 'a/b.d/e', 'a/b0']);
    });
  });

  describe('remove', () => {
    it('takes an object away; what is absent can be removed too', async () => {
      await store().create('queue/000000000001.json', Buffer.from('x'));
      await store().remove('queue/000000000001.json');
      await store().remove('queue/000000000001.json');
      await store().remove('never/was/there');
      expect(await store().get('queue/000000000001.json', { maxLength: 9 })).to.equal(undefined);
      expect(await keys(store(), '')).to.deep.equal([]);
    });

    it('standards 37: keeps every version of root for ever, whoever asks', async () => {
      const bytes = Buffer.from('root');
      for (const key of ['metadata/1.root.json', 'metadata/12.root.json']) {
        await store().create(key, bytes);
        expect((await refusal(store().remove(key))).code).to.equal('storage.root');
        expect((await store().get(key, { maxLength: 9 }))?.bytes).to.deep.equal(bytes);
      }
      // A ceremony's own, and what is pending, are not what clients walk.
      for (const key of ['root-2/2.root.json', '.tufa/pending/2-x.root.json', 'metadata/2.roots.json']) {
        await store().create(key, bytes);
        await store().remove(key);
        expect(await store().get(key, { maxLength: 9 })).to.equal(undefined);
      }
    });

    it('makes room for a first swap', async () => {
      await store().swap('state.json', Buffer.from('one'), undefined);
      await store().remove('state.json');
      expect(await store().swap('state.json', Buffer.from('two'), undefined)).to.have.property('etag');
    });
  });

  describe('keys', () => {
    const BAD = [
      '',
      '/',
      '/a',
      'a/',
      'a//b',
      '.',
      '..',
      '../a',
      'a/../b',
      './a',
      'a/.',
      'a\\b',
      'a b',
      'é',
      'a\0b',
      'a\nb',
    ];

    for (const key of [...BAD, 'x'.repeat(1025)]) {
      it(`refuses ${JSON.stringify(key).slice(0, 20)} in every operation`, async () => {
        const bytes = Buffer.from('x');
        for (const attempt of [
          () => store().get(key, { maxLength: 9 }),
          () => store().open(key),
          () => store().create(key, bytes),
          () => store().swap(key, bytes, undefined),
          () => store().remove(key),
        ]) {
          expect((await refusal(attempt())).code).to.equal('storage.key');
        }
        expect(await keys(store(), '')).to.deep.equal([]);
      });
    }

    it('refuses a prefix that could leave the store', async () => {
      for (const prefix of ['../', '/', 'a/../', 'a//', 'a b']) {
        expect((await refusal(keys(store(), prefix))).code, prefix).to.equal('storage.key');
      }
    });

    it('takes every other printable character, and dots inside of names', async () => {
      const odd = `!"#$%&'()*+,-.:;<=>?@[]^_\`{|}~`;
      for (const key of [odd, `a/${odd}`, '...', '.hidden', 'a/..b', '%2e%2e/x']) {
        expect(await store().create(key, Buffer.from(key)), key).to.equal('created');
        expect(await read(store(), key)).to.equal(key);
      }
    });
  });
}
