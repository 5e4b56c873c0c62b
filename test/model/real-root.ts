import { expect } from 'chai';
import type { TrustError } from '../../src/errors.ts';
import { sha256Hex } from '../../src/tuf/digest.ts';
import { PENDING_PREFIX, pendingKey, rootKey, TIMESTAMP_KEY } from '../../src/tuf/layout.ts';
import type { Root, Verified } from '../../src/tuf/model.ts';
import { Gate } from '../support/gate.ts';
import { inOrder, Killed, meant, once } from '../support/hooked-store.ts';
import { job, keysBelow, later, liveNow, published, WHEEL, watched } from '../support/jobs.ts';
import type { NextRoot, TestRepository } from '../support/repository.ts';
import { nextRoot, putPending, testKey } from '../support/repository.ts';
import type { Real, TraceId } from './traces.ts';

const HOUR = 3_600_000;

/** Traces about root changes, played with the program. */
export const ROOT: Readonly<
  Record<Exclude<TraceId, 'E1' | 'E4' | 'E5' | 'E6' | 'E8' | 'E9' | 'V7' | 'V8' | 'V9'>, Real>
> = {
  E2: {
    'a publisher that has read the old chain signs for the root that the timestamp names': async () => {
      const { repository, audience } = await published();
      const online = testKey();
      await putPending(repository.store, drawn(repository, { online }));
      await repository.enqueue(1, { [WHEEL]: 'one' });
      const bridged = new Gate();
      const goOn = new Gate();
      const carrier = await job(repository, {
        keys: [online],
        hooks: {
          ...watched(audience),
          // Between its bridge and the root: it is let go on when the publisher is about to swap.
          before: once(
            (operation, key) => operation === 'create' && key === rootKey(2),
            async () => {
              bridged.open();
              await goOn.wait();
            },
          ),
        },
      });
      let carrying: Promise<unknown> | undefined;
      const publisher = await job(repository, {
        keys: [online],
        hooks: {
          ...watched(audience),
          before: inOrder([
            [meant('get', rootKey(2)), () => undefined],
            [
              meant('get', TIMESTAMP_KEY),
              async () => {
                carrying = carrier.refresh();
                await bridged.wait();
              },
            ],
            [
              (operation) => operation === 'swap',
              async () => {
                goOn.open();
                await carrying;
              },
            ],
          ]),
        },
      });
      expect((await publisher.publish()).live.root).to.equal(2);
      const { timestamp, root } = await liveNow(repository);
      expect([root.signed.version, timestamp!.signed.root!.version]).to.deep.equal([2, 2]);
    },
  },

  E3: {
    'garbage in the place of a pending root stops no ceremony, and of two of them the swap decides': async () => {
      const { repository, store, audience } = await published();
      const keys = [testKey(), testKey()];
      const [a, b] = keys.map((online) => drawn(repository, { online }));
      store.plant(pendingKey(2, sha256Hex(a!.bytes)), Buffer.from('garbage'));
      store.plant(pendingKey(2, 'f'.repeat(64)), Buffer.from('garbage'));
      await putPending(store, b!);
      await (await job(repository, { hooks: watched(audience), keys })).refresh();
      expect((await liveNow(repository)).root.bytes).to.deep.equal(b!.bytes);
    },
  },

  E7: {
    'what does not verify because the root moved between two reads is no alarm': async () => {
      const { repository, store } = await published();
      const online = testKey();
      await putPending(store, drawn(repository, { online }));
      await repository.enqueue(1, { [WHEEL]: 'one' });
      const other = await job(repository, { keys: [online] });
      const slow = await job(repository, {
        keys: [online],
        hooks: {
          before: inOrder([
            [meant('get', rootKey(2)), () => undefined],
            [
              meant('get', TIMESTAMP_KEY),
              async () => {
                await other.refresh();
                later(repository, 13 * HOUR);
                await other.refresh();
              },
            ],
          ]),
        },
      });
      expect((await slow.publish()).live).to.deep.include({ root: 2 });
    },
  },

  V1: {
    'a root that another than the named one took the place of is followed': async () => {
      const { repository, store, audience } = await published();
      const keys = [testKey(), testKey()];
      const [a, b] = keys.map((online) => drawn(repository, { online }));
      await putPending(store, a!);
      const copy = once(
        (operation, key) => operation === 'create' && key === rootKey(2),
        () => store.plant(rootKey(2), b!.bytes),
      );
      await (await job(repository, { keys, hooks: { before: copy } })).refresh();
      await audience.look();
      const { root, timestamp } = await liveNow(repository);
      expect(root.bytes).to.deep.equal(b!.bytes);
      expect(timestamp!.signed.root).to.deep.include({ version: 2, sha256: sha256Hex(b!.bytes) });
      expect(repository.warnings.join()).to.match(/another root than the one that timestamp.json names took the place/);
    },
  },

  V2: {
    'a timestamp-only job goes on for the named root, and a job with all keys repairs': async () => {
      const { repository, store } = await published();
      const [t2, s2, t3, s3] = [testKey(), testKey(), testKey(), testKey()];
      const two = drawn(repository, { online: t2, snapshot: s2 });
      await putPending(store, two);
      await (await job(repository, { keys: [t2, s2] })).refresh();
      later(repository, 13 * HOUR);
      // In ordinary times it refreshes what it can.
      const stamps = await job(repository, { keys: [t2, t3] });
      expect((await stamps.refresh()).live.timestamp?.root).to.deep.include({ version: 2 });
      const three = nextRoot(two, repository.keys.root, { online: t3, snapshot: s3 });
      store.plant(rootKey(3), three.bytes);
      later(repository, 13 * HOUR);
      const kept = (await stamps.refresh()).live.timestamp;
      expect(kept?.root).to.deep.include({ version: 2, sha256: sha256Hex(two.bytes) });
      expect(repository.warnings.join()).to.match(/root 3 is in its place without its bridge/);
      const whole = await job(repository, { keys: [t2, s2, t3, s3] });
      expect((await whole.refresh()).live.timestamp?.root).to.deep.include({ version: 3 });
      expect((await liveNow(repository)).root.bytes).to.deep.equal(three.bytes);
    },
  },

  V3: {
    'a root that was copied to its place makes the timestamp due': async () => {
      const { repository, store, audience } = await published();
      const online = testKey();
      const two = drawn(repository, { online });
      store.plant(rootKey(2), two.bytes);
      expect(await refusal(audience.look())).to.equal('5.4.2');
      const done = await (await job(repository, { keys: [online] })).refresh();
      expect(done.live.timestamp?.root).to.deep.include({ version: 2, sha256: sha256Hex(two.bytes) });
      await audience.look();
    },
  },

  V4: {
    'the grace begins with the first commit that found the root in its place': async () => {
      const { repository, store, audience } = await published();
      const online = testKey();
      await putPending(store, drawn(repository, { online }));
      const stall = once(
        (operation, key) => operation === 'create' && key === rootKey(2),
        () => {
          throw new Killed();
        },
      );
      const killed = await job(repository, { keys: [online], hooks: { ...watched(audience), before: stall } });
      expect(await killed.refresh().catch((error: unknown) => error)).to.be.instanceOf(Killed);
      later(repository, HOUR);
      await (await job(repository, { keys: [online], hooks: watched(audience) })).refresh();
      const since = (await liveNow(repository)).timestamp!;
      expect(since.signed.root!.since).to.deep.equal(repository.now);
      expect(since.signatures, 'both sets sign').to.have.length(2);
      later(repository, repository.settings.grace);
      await repository.enqueue(1, { [WHEEL]: 'one' });
      await (await job(repository, { keys: [online], hooks: watched(audience) })).publish();
      expect((await liveNow(repository)).timestamp!.signatures, 'as long as the grace is not over').to.have.length(2);
    },
  },

  V5: {
    'the bridge to the next root waits for the grace, but for an urgent one': async () => {
      for (const urgent of [false, true]) {
        const { repository, store } = await published();
        const keys = [testKey(), testKey()];
        const two = drawn(repository, { online: keys[0]! });
        await putPending(store, two);
        await (await job(repository, { keys })).refresh();
        await putPending(store, nextRoot(two, repository.keys.root, { online: keys[1]! }));
        const done = await (await job(repository, { keys })).refresh({ urgent });
        expect(done.live.root).to.equal(urgent ? 3 : 2);
        later(repository, HOUR);
        expect((await (await job(repository, { keys })).refresh()).live.root).to.equal(3);
      }
    },
  },

  V6: {
    'a root that was put between two reads is not said to be lost': async () => {
      const { repository, store, audience } = await published();
      const online = testKey();
      const other = await job(repository, { keys: [online], hooks: watched(audience) });
      const stalled = await job(repository, {
        keys: [online],
        hooks: { before: once(meant('create', rootKey(2)), kill) },
      });
      const slow = await job(repository, {
        keys: [online],
        hooks: {
          before: inOrder([
            [meant('get', rootKey(2)), () => undefined],
            [meant('list', PENDING_PREFIX), () => undefined],
            [
              meant('get', TIMESTAMP_KEY),
              async () => {
                await putPending(store, drawn(repository, { online }));
                await stalled.refresh().catch(() => undefined);
              },
            ],
            // It lists what is pending again, and meanwhile the root goes to its place and is pending no more.
            [meant('list', PENDING_PREFIX), () => other.refresh()],
          ]),
        },
      });
      expect((await slow.refresh()).live.root).to.equal(2);
      expect(await keysBelow(store, PENDING_PREFIX)).to.deep.equal([]);
    },
    'nor are two, one after the other': async () => {
      const { repository, store } = await published();
      const keys = [testKey()];
      // Root 2 keeps the online keys: what names root 3 verifies by root 1 too.
      const two = drawn(repository, {});
      const three = nextRoot(two, repository.keys.root, { online: keys[0]! });
      const other = await job(repository, { keys });
      const stalled = await job(repository, { keys, hooks: { before: once(meant('create', rootKey(3)), kill) } });
      const slow = await job(repository, {
        keys,
        hooks: {
          before: inOrder([
            [meant('get', rootKey(2)), () => undefined],
            [
              meant('get', TIMESTAMP_KEY),
              async () => {
                await putPending(store, two);
                await other.refresh();
                await putPending(store, three);
                await stalled.refresh({ urgent: true }).catch(() => undefined);
              },
            ],
            // Between its second walk of the chain, which ends without root 3, and whatever it reads afterwards.
            [meant('get', rootKey(3)), () => undefined],
          ]),
          after: inOrder([
            [meant('get', rootKey(2)), () => undefined],
            [meant('get', rootKey(3)), () => other.refresh()],
          ]),
        },
      });
      expect((await slow.refresh()).live.root).to.equal(3);
    },
  },
};

function drawn(repository: TestRepository, next: NextRoot): Verified<Root> {
  return nextRoot(repository.genesis.root, repository.keys.root, next);
}

function kill(): never {
  throw new Killed();
}

async function refusal(doing: Promise<unknown>): Promise<string | undefined> {
  return doing.then(
    () => undefined,
    (error: TrustError) => error.details.check,
  );
}
