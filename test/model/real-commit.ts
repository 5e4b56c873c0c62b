import { expect } from 'chai';
import type { UnknownOutcomeError } from '../../src/errors.ts';
import type { TransactionResult } from '../../src/transaction/transact.ts';
import { roleMeta } from '../../src/tuf/checks.ts';
import { sha256Hex } from '../../src/tuf/digest.ts';
import { canonical, metadataFile } from '../../src/tuf/encode.ts';
import { map } from '../../src/tuf/fields.ts';
import { parseJson } from '../../src/tuf/json.ts';
import { claimKey, metadataKey, receiptKey, recordKey, TIMESTAMP_KEY } from '../../src/tuf/layout.ts';
import { Killed, once } from '../support/hooked-store.ts';
import { job, keysBelow, later, liveNow, OTHER_WHEEL, published, WHEEL, watched } from '../support/jobs.ts';
import type { TestRepository } from '../support/repository.ts';
import type { Real, TraceId } from './traces.ts';

/** Traces about the commit and its number, played with the program. */
export const COMMIT: Readonly<Record<Extract<TraceId, 'E1' | 'E4' | 'E8' | 'E9'>, Real>> = {
  E1: {
    'a swap that landed late and was superseded is committed, and nothing is folded again': async () => {
      const { repository, store, audience } = await published();
      await repository.enqueue(1, { [WHEEL]: 'one' });
      const other = await job(repository, { hooks: watched(audience) });
      let swapped = false;
      const first = await job(repository, {
        hooks: {
          before: once(
            (operation, key) => swapped && operation === 'get' && key === TIMESTAMP_KEY,
            async () => {
              store.faults = () => 'ok';
              expect(store.land()).to.equal(1);
              await repository.enqueue(2, { [WHEEL]: null }, { was: { [WHEEL]: sha256Hex('one') }, after: 1 });
              expect((await other.publish()).version).to.equal(3);
            },
          ),
        },
      });
      store.faults = (operation) => {
        swapped ||= operation === 'swap';
        return operation === 'swap' ? 'late' : 'ok';
      };
      const done = await first.publish();
      expect(done.version).to.equal(2);
      expect(entriesOf(done)).to.deep.equal([[1, 'done']]);
      const { timestamp, snapshot } = await liveNow(repository);
      expect([timestamp!.signed.version, snapshot!.signed.queue]).to.deep.equal([3, 2]);
    },
    'a swap that never landed is sent again while nothing has moved': async () => {
      const { repository, store } = await published();
      await repository.enqueue(1, { [WHEEL]: 'one' });
      let lost = 2;
      store.faults = (operation) => (operation === 'swap' && lost-- > 0 ? 'late' : 'ok');
      const done = await (await job(repository)).publish();
      expect(done.version).to.equal(2);
      expect(store.land()).to.equal(2);
      expect((await liveNow(repository)).timestamp!.signed.version).to.equal(2);
    },
    'a swap that was overtaken is lost, and its entries are folded on the new state': async () => {
      const { repository, store, audience } = await published();
      await repository.enqueue(1, { [WHEEL]: 'one' });
      const other = await job(repository, { hooks: watched(audience) });
      const overtake = once(
        (operation) => operation === 'swap',
        async () => {
          later(repository, 13 * 3_600_000);
          await other.refresh();
        },
      );
      const done = await (await job(repository, { hooks: { before: overtake } })).publish();
      expect(entriesOf(done)).to.deep.equal([[1, 'done']]);
      expect(done.version).to.equal(4);
      expect(await keysBelow(store, '.tufa/claims/')).to.include(claimKey(2));
    },
  },

  E4: {
    'who is killed between its claim and its swap leaves a number, and the next job takes another': async () => {
      const { repository, store, audience } = await published();
      await repository.enqueue(1, { [WHEEL]: 'one' });
      const killed = await job(repository, { hooks: { before: once((operation) => operation === 'swap', kill) } });
      expect(await killed.publish().catch((error: unknown) => error)).to.be.instanceOf(Killed);
      later(repository, 60_000);
      const done = await (await job(repository, { hooks: watched(audience) })).publish();
      expect(done.version).to.equal(3);
      expect(await keysBelow(store, metadataKey('snapshot', 2))).to.have.length(1);
    },
    'a claim whose answer is lost is not ours, and two jobs never send two bodies under one name': async () => {
      const { repository, store } = await published();
      await repository.enqueue(1, { [WHEEL]: 'one' });
      let claims = 0;
      store.faults = (_, key) => (key.startsWith('.tufa/claims/') && claims++ === 0 ? 'lost' : 'ok');
      const second = await job(repository);
      const both = await job(repository, {
        hooks: {
          before: once(
            (_, key) => key === claimKey(3),
            () => second.refresh({ due: async () => [] }),
          ),
        },
      });
      expect((await both.publish()).version).to.equal(3);
    },
  },

  E8: {
    'a planted snapshot or receipt is an alarm, and the next number is free': async () => {
      for (const key of [metadataKey('snapshot', 2), receiptKey(1, 2), metadataKey('bin0', 2)]) {
        const { repository, store, audience } = await published();
        store.plant(key, Buffer.from('{"planted":true}'));
        await repository.enqueue(1, { [WHEEL]: 'one' });
        const done = await (await job(repository, { hooks: watched(audience) })).publish();
        expect(done.version, key).to.equal(3);
        expect(repository.warnings.join(), key).to.include(key);
      }
    },
    'a wrong record stops no publisher': async () => {
      const { repository, store, audience } = await published();
      store.plant(recordKey(1), Buffer.from('{"planted":true}'));
      await repository.enqueue(1, { [WHEEL]: 'one' });
      const done = await (await job(repository, { hooks: watched(audience) })).publish();
      expect(done.version).to.equal(2);
      expect(repository.warnings.join()).to.include(recordKey(1));
    },
    'where the record of the own number is wrong the outcome is unknown': async () => {
      const { repository, store } = await published();
      await repository.enqueue(1, { [WHEEL]: 'one' });
      store.plant(recordKey(2), Buffer.from('{"planted":true}'));
      const other = await job(repository);
      const overtake = once(
        (operation) => operation === 'swap',
        async () => {
          later(repository, 13 * 3_600_000);
          await other.refresh();
        },
      );
      const first = await job(repository, { hooks: { before: overtake } });
      const error = await first.publish().then(nothing, (cause: UnknownOutcomeError) => cause);
      expect(error).to.deep.include({ exitCode: 9, committed: 'unknown' });
      expect(entriesOf(await (await job(repository)).publish())).to.deep.equal([[1, 'done']]);
    },
    'a planted receipt that nobody can read hides none': async () => {
      const { repository, store, audience } = await published();
      await repository.enqueue(1, { [WHEEL]: 'one' });
      await (await job(repository)).publish();
      store.plant(receiptKey(1, 9), Buffer.from('garbage'));
      store.plant(receiptKey(1, 1), Buffer.alloc(65 * 1024 * 1024));
      // Planned on a mark below the live one: what was applied since is asked of the receipts.
      await repository.enqueue(2, { [OTHER_WHEEL]: 'two' }, { after: 0 });
      const done = await (await job(repository, { hooks: watched(audience) })).publish();
      expect(entriesOf(done)).to.deep.equal([[2, 'done']]);
    },
  },

  E9: {
    'the next number is above every online role of an imported repository': async () => {
      const { repository, store } = await published();
      await repository.enqueue(1, { [WHEEL]: 'one' });
      await imported(repository, 9);
      const done = await (await job(repository, { store })).publish();
      expect(done.version).to.equal(10);
      expect(roleMeta({ signed: done.live.snapshot! }, 'bin0')?.version).to.equal(10);
    },
  },
};

function entriesOf({ entries }: TransactionResult): [number, string][] {
  return entries.map((entry) => [entry.number, entry.result]);
}

function kill(): never {
  throw new Killed();
}

function nothing(): never {
  throw new Error('nothing failed');
}

/** Makes what is live look like another tool's: no fields of ours in the timestamp, and a bin that is far above it. */
async function imported({ store, keys }: TestRepository, version: number): Promise<void> {
  const leaf = await edited(store, metadataKey('bin0', 1), (signed) => signed.set('version', version));
  await write(metadataKey('bin0', version), leaf);
  const snapshot = await edited(store, metadataKey('snapshot', 1), (signed) => {
    signed.set('version', 2);
    map(signed.get('meta'), 'meta').set('bin0.json', new Map([['version', version]]));
    signed.delete('x-tufa-queue');
  });
  await write(metadataKey('snapshot', 2), snapshot);
  const timestamp = await edited(store, TIMESTAMP_KEY, (signed) => {
    signed.set('version', 2);
    signed.delete('x-tufa-made');
    signed.delete('x-tufa-root');
    signed.set('meta', new Map([['snapshot.json', new Map([['version', 2]])]]));
  });
  const live = await store.get(TIMESTAMP_KEY, { maxLength: 1e6 });
  await store.swap(TIMESTAMP_KEY, timestamp, live?.etag);

  async function edited(
    from: TestRepository['store'],
    key: string,
    edit: (signed: ReturnType<typeof map>) => void,
  ): Promise<Uint8Array> {
    const object = await from.get(key, { maxLength: 1e7 });
    const signed = map(map(parseJson(object!.bytes), key).get('signed'), key);
    edit(signed);
    const bytes = canonical(signed);
    return metadataFile(bytes, [keys.online.sign(bytes)]);
  }

  async function write(key: string, bytes: Uint8Array): Promise<void> {
    await store.create(key, bytes);
  }
}
