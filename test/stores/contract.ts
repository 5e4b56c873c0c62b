import { createHash, randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { TufaError } from '../../src/errors.ts';
import { collect } from '../../src/stores/body.ts';
import type { Store, StreamBody } from '../../src/stores/port.ts';
import { keys, refusal } from '../support/store-expect.ts';
import { count, raceCreates, raceSwaps, read } from '../support/store-race.ts';
import { describeNames } from './contract-names.ts';

export interface StoreUnderTest {
  readonly store: Store;
  /** Takes away what the test has left. */
  dispose(): Promise<void>;
}

/** What every store promises, wherever it keeps its objects. `make` is called for each test and gives an empty store. */
export function describeStoreContract(name: string, make: () => Promise<StoreUnderTest>): void {
  describe(`store contract: ${name}`, () => {
    let made: StoreUnderTest;
    let store: Store;

    beforeEach(async () => {
      made = await make();
      store = made.store;
    });

    afterEach(() => made.dispose());

    describe('create and read', () => {
      it('gives back what was created, at once, with an etag and a date', async () => {
        expect(await store.create('metadata/1.root.json', Buffer.from('root'))).to.equal('created');
        const object = await store.get('metadata/1.root.json', { maxLength: 4 });
        expect(Buffer.from(object!.bytes).toString()).to.equal('root');
        expect(object!.etag).to.be.a('string').and.not.equal('');
        expect(Math.abs(object!.modified.getTime() - Date.now())).to.be.lessThan(86_400_000);
      });

      it('knows nothing of what is absent, also in a folder that is absent', async () => {
        for (const key of ['absent', 'no/such/folder/absent']) {
          expect(await store.get(key, { maxLength: 1 })).to.equal(undefined);
          expect(await store.open(key)).to.equal(undefined);
        }
      });

      it('creates once: other bytes and the same bytes are both answered exists, and change nothing', async () => {
        await store.create('a/object', Buffer.from('first'));
        const before = await store.get('a/object', { maxLength: 9 });
        for (const body of ['second', 'first']) {
          expect(await store.create('a/object', Buffer.from(body))).to.equal('exists');
        }
        const after = await store.get('a/object', { maxLength: 9 });
        expect(Buffer.from(after!.bytes).toString()).to.equal('first');
        expect(after!.etag).to.equal(before!.etag);
      });

      it('lets one of 32 racing creates win, five times, and keeps its bytes', async () => {
        for (let round = 0; round < 5; round++) {
          const winners = await raceCreates(store, `race/${round}`);
          expect(winners).to.have.lengthOf(1);
          expect(await read(store, `race/${round}`)).to.equal(winners[0]);
        }
      });

      it('keeps empty objects, and large ones whose bytes are any bytes', async () => {
        await store.create('empty', new Uint8Array());
        expect((await store.get('empty', { maxLength: 0 }))!.bytes).to.have.lengthOf(0);
        const large = randomBytes(3_000_001);
        await store.create('large', large);
        const { bytes } = (await store.get('large', { maxLength: large.length }))!;
        expect(Buffer.compare(bytes, large)).to.equal(0);
      });

      it('does not share memory with its callers', async () => {
        const body = Buffer.from('mine');
        await store.create('object', body);
        body.fill(0);
        (await store.get('object', { maxLength: 4 }))!.bytes.fill(0);
        expect(await read(store, 'object')).to.equal('mine');
      });

      it('refuses to read what is longer than the reader allows', async () => {
        await store.create('object', Buffer.from('12345'));
        expect(await read(store, 'object')).to.equal('12345');
        const error = await refusal(store.get('object', { maxLength: 4 }));
        expect(error.code).to.equal('storage.too-long');
        expect(error.message).to.contain('object').and.contain('4 bytes');
      });
    });

    describe('streams', () => {
      it('opens an object as a stream of its length', async () => {
        const bytes = randomBytes(1_000_000);
        await store.create('packages/file.whl', bytes);
        const object = (await store.open('packages/file.whl'))!;
        expect(object.length).to.equal(bytes.length);
        expect(object.modified).to.be.instanceOf(Date);
        expect(Buffer.compare(await collect(object.stream, bytes.length), bytes)).to.equal(0);
      });

      it('creates from a stream, whatever its pieces', async () => {
        const pieces = [0, 1, 65_537, 300_000].map((length) => randomBytes(length));
        expect(await store.create('streamed', streamOf(pieces))).to.equal('created');
        const whole = Buffer.concat(pieces);
        const { bytes } = (await store.get('streamed', { maxLength: whole.length }))!;
        expect(digest(bytes)).to.equal(digest(whole));
        expect(await store.create('streamed', streamOf([Buffer.from('other')]))).to.equal('exists');
      });

      for (const [what, length] of [
        ['longer', 9],
        ['shorter', 11],
      ] as const) {
        it(`stores nothing from a stream that is ${what} than it said`, async () => {
          const body = { ...streamOf([Buffer.from('01234'), Buffer.from('56789')]), length };
          expect((await refusal(store.create('cut', body))).code).to.equal('storage.body-length');
          expect(await store.get('cut', { maxLength: 99 })).to.equal(undefined);
          expect(await keys(store, '')).to.deep.equal([]);
          expect(await store.create('cut', Buffer.from('whole'))).to.equal('created');
        });
      }

      it('stores nothing from a stream that breaks, and passes its error on', async () => {
        const broken: StreamBody = {
          length: 10,
          async *open() {
            yield Buffer.from('01234');
            throw new TufaError('test', 5, 'the source broke');
          },
        };
        expect((await refusal(store.create('broken', broken), TufaError)).message).to.equal('the source broke');
        expect(await store.get('broken', { maxLength: 99 })).to.equal(undefined);
        expect(await keys(store, '')).to.deep.equal([]);
      });
    });

    describe('swap', () => {
      const key = 'metadata/timestamp.json';

      it('puts the first one only where there is none', async () => {
        expect(await store.swap(key, Buffer.from('one'), undefined)).to.have.property('etag');
        expect(await store.swap(key, Buffer.from('two'), undefined)).to.equal('moved');
        expect(await read(store, key)).to.equal('one');
      });

      it('replaces what has the right etag, and the etag that it answers is the right one then', async () => {
        let etag: string | undefined;
        for (const body of ['one', 'a longer two', '3']) {
          const answer = await store.swap(key, Buffer.from(body), etag);
          if (answer === 'moved') throw new Error(`${body} was refused`);
          etag = answer.etag;
          expect((await store.get(key, { maxLength: 99 }))!.etag).to.equal(etag);
          expect(await read(store, key)).to.equal(body);
        }
      });

      it('refuses a stale etag and one of nothing, and changes nothing', async () => {
        const first = await store.swap(key, Buffer.from('one'), undefined);
        const stale = (first as { etag: string }).etag;
        await store.swap(key, Buffer.from('two'), stale);
        expect(await store.swap(key, Buffer.from('three'), stale)).to.equal('moved');
        expect(await read(store, key)).to.equal('two');
        expect(await store.swap('absent', Buffer.from('three'), stale)).to.equal('moved');
        expect(await store.get('absent', { maxLength: 99 })).to.equal(undefined);
      });

      it('lets one of 32 racing swaps win: of the first, and of five that follow', async () => {
        let etag: string | undefined;
        for (let round = 0; round < 6; round++) {
          const winners = await raceSwaps(store, key, etag);
          expect(winners).to.have.lengthOf(1);
          const live = await store.get(key, { maxLength: 99 });
          expect(Buffer.from(live!.bytes).toString()).to.equal(winners[0]);
          // Another content for the next round, so that its stale etags are stale.
          etag = ((await store.swap(key, Buffer.from(`round ${round}`), live!.etag)) as { etag: string }).etag;
        }
      });

      it('loses no update of five that count together', async () => {
        await Promise.all(Array.from({ length: 5 }, () => count(store, key, 8)));
        expect(await read(store, key)).to.equal('40');
      });

      it('shows every reader a whole object while it is swapped', async () => {
        const bodies = ['a', 'b'].map((letter) => letter.repeat(50_000));
        let etag = ((await store.swap(key, Buffer.from(bodies[0]!), undefined)) as { etag: string }).etag;
        const writing = new AbortController();
        const reader = async (): Promise<number> => {
          let reads = 0;
          for (; !writing.signal.aborted; reads++) expect(await read(store, key)).to.be.oneOf(bodies);
          return reads;
        };
        const reads = reader();
        for (let i = 1; i < 20; i++) {
          etag = ((await store.swap(key, Buffer.from(bodies[i % 2]!), etag)) as { etag: string }).etag;
        }
        writing.abort();
        expect(await reads).to.be.greaterThan(0);
      });
    });

    describeNames(() => store);

    it('shows a uri', () => {
      expect(store.uri).to.match(/^[a-z][a-z0-9+.-]*:/);
    });
  });
}

function streamOf(pieces: Uint8Array[]): StreamBody {
  return {
    length: pieces.reduce((sum, piece) => sum + piece.length, 0),
    async *open() {
      yield* pieces;
    },
  };
}

function digest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
