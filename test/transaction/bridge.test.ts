import { expect } from 'chai';
import { sha256Hex } from '../../src/tuf/digest.ts';
import { pendingKey, rootKey } from '../../src/tuf/layout.ts';
import { HookedStore, Killed } from '../support/hooked-store.ts';
import {
  job,
  keysBelow,
  killedAt,
  later,
  liveNow,
  OTHER_WHEEL,
  published,
  WHEEL,
  watched,
  watchedWhereSeen,
} from '../support/jobs.ts';
import { note } from '../support/proof.ts';
import { nextRoot, putPending, testKey } from '../support/repository.ts';

const HOUR = 3_600_000;

describe('a change of root', function () {
  this.timeout(120_000);
  let refreshes = 0;

  for (const scheme of ['ed25519', 'p-256'] as const) {
    for (const first of ['publish', 'refresh'] as const) {
      it(`goes 1 -> 2 -> 3 by whichever job comes by (${first} first, ${scheme}), and every client follows each write`, async () => {
        const { repository, store, audience } = await published({ scheme });
        const [second, third] = [testKey(scheme), testKey(scheme)];
        const hooks = watched(audience);
        const writer = new HookedStore(store, hooks);
        const all = await job(repository, { hooks, keys: [second, third] });
        const other = first === 'publish' ? 'refresh' : 'publish';

        const two = nextRoot(repository.genesis.root, repository.keys.root, { online: second });
        await putPending(writer, two);
        await repository.enqueue(1, { [WHEEL]: 'one' });
        const bridged = await all[first]();
        expect(bridged.live).to.deep.include({ root: 2 });
        await (await job(repository, { hooks, keys: [second, third] }))[other]();
        expect(await keysBelow(store, '.tufa/pending/')).to.deep.equal([]);

        const three = nextRoot(two, repository.keys.root, { online: third });
        await putPending(writer, three);
        const early = await (await job(repository, { hooks, keys: [second, third] }))[first]();
        expect(early.live.root, 'the bridge waits for the grace').to.equal(2);
        audience.hurry();
        later(repository, HOUR);
        const again = await (await job(repository, { hooks, keys: [second, third] }))[other]();
        expect(again.live).to.deep.include({ root: 3 });
        expect(again.live.timestamp?.root).to.deep.include({ version: 3, since: repository.now });

        audience.hurry();
        later(repository, 13 * HOUR);
        await repository.enqueue(2, { [OTHER_WHEEL]: 'two' }, { after: 1 });
        // The old keys are gone: the last job has only those of root 3.
        await (await job(repository, { hooks, keys: [third] })).publish();
        const { root, timestamp, snapshot } = await liveNow(repository);
        expect(root.signed.version).to.equal(3);
        for (const file of [timestamp!, snapshot!])
          expect(file.signatures.map((s) => s.keyid)).to.deep.equal([third.keyid]);
        refreshes += audience.refreshes;
      });
    }
  }

  it('is finished by the next job, wherever the one before was killed', async () => {
    let kills = 0;
    for (const [first, next] of [
      ['publish', 'refresh'],
      ['refresh', 'publish'],
    ] as const) {
      for (const when of ['before', 'after'] as const) {
        for (let at = 0; ; at++) {
          const { repository, store, audience } = await published();
          const online = testKey();
          const root = nextRoot(repository.genesis.root, repository.keys.root, { online });
          await putPending(store, root);
          await repository.enqueue(1, { [WHEEL]: 'one' });
          const hooks = killedAt(at, when, audience);
          const killed = await job(repository, { hooks, keys: [online] });
          const error = await killed[first]().catch((cause: unknown) => cause);
          if (!hooks.reached) break;
          // A process that is killed while it confirms has committed, and the job says so.
          expect(error).to.satisfy((e: unknown) => e instanceof Killed || (e as Error).cause instanceof Killed);
          kills++;
          await (await job(repository, { hooks: watchedWhereSeen(audience), keys: [online] }))[next]();
          await (await job(repository, { hooks: watchedWhereSeen(audience), keys: [online] })).publish();
          const { root: newest, timestamp, snapshot } = await liveNow(repository);
          expect(newest.signed.version, `killed ${when} write ${at}`).to.equal(2);
          expect(timestamp!.signed.root).to.deep.include({ version: 2, sha256: sha256Hex(root.bytes) });
          expect(timestamp!.signed.root!.since).to.be.instanceOf(Date);
          expect(snapshot!.signed.queue).to.equal(1);
          refreshes += audience.refreshes;
        }
      }
    }
    expect(kills).to.be.greaterThan(20);
  });

  it('is finished when any answer is lost, or comes late', async () => {
    for (const fate of ['lost', 'late'] as const) {
      for (let at = 0; ; at++) {
        const { repository, store, audience } = await published();
        const online = testKey();
        await putPending(store, nextRoot(repository.genesis.root, repository.keys.root, { online }));
        let writes = 0;
        store.faults = (operation) => (isWrite(operation) && writes++ === at ? fate : 'ok');
        await (await job(repository, { hooks: watched(audience), keys: [online] })).refresh();
        store.faults = () => 'ok';
        store.land();
        await audience.look();
        await (await job(repository, { hooks: watched(audience), keys: [online] })).refresh();
        expect((await liveNow(repository)).timestamp!.signed.root).to.deep.include({ version: 2 });
        if (writes <= at) break;
      }
    }
  });

  it('two ceremonies for one version: the first bridge decides, the other root is ignored', async () => {
    const { repository, store, audience } = await published();
    const keys = [testKey(), testKey()];
    const [a, b] = keys.map((online) => nextRoot(repository.genesis.root, repository.keys.root, { online }));
    await putPending(store, a!);
    await putPending(store, b!);
    await (await job(repository, { hooks: watched(audience), keys })).refresh();
    const { root, timestamp } = await liveNow(repository);
    expect([a, b].map((one) => sha256Hex(one!.bytes))).to.include(sha256Hex(root.bytes));
    expect(timestamp!.signed.root!.sha256).to.equal(sha256Hex(root.bytes));
    expect(await keysBelow(store, '.tufa/pending/')).to.deep.equal([]);
  });

  it('two ceremonies, carried at the same time by two jobs: one wins the swap, both end on the same root', async () => {
    const { repository, store, audience } = await published();
    const keys = [testKey(), testKey()];
    const [a, b] = keys.map((online) => nextRoot(repository.genesis.root, repository.keys.root, { online }));
    await putPending(store, a!);
    let bridged = false;
    const hooks = watched(audience);
    const second = await job(repository, { hooks, keys: [keys[1]!] });
    const first = await job(repository, {
      keys: [keys[0]!],
      hooks: {
        ...hooks,
        before: async (operation) => {
          if (operation !== 'swap' || bridged) return;
          bridged = true;
          // The other ceremony's command sees its own root alone.
          await store.remove(pendingKey(2, sha256Hex(a!.bytes)));
          await putPending(store, b!);
          await second.refresh();
        },
      },
    });
    await putPending(store, a!);
    // It loses its swap, and has not the keys of the root that won.
    await expect(await failure(first.refresh())).to.match(/this job can commit nothing now/);
    expect((await liveNow(repository)).root.bytes).to.deep.equal(b!.bytes);
  });

  it('a job without the new keys goes on for the old root and warns; after the bridge it commits nothing', async () => {
    const { repository, store, audience } = await published();
    const online = testKey();
    await putPending(store, nextRoot(repository.genesis.root, repository.keys.root, { online }));
    await repository.enqueue(1, { [WHEEL]: 'one' });
    const old = await job(repository, { hooks: watched(audience) });
    expect((await old.publish()).live).to.deep.include({ root: 1 });
    expect(repository.warnings.join()).to.match(/root 2 is pending, and this job has not its keys/);
    await (await job(repository, { hooks: watched(audience), keys: [online] })).refresh();
    await repository.enqueue(2, { [OTHER_WHEEL]: 'two' }, { after: 1 });
    expect(await failure(old.publish())).to.match(/no keys for the timestamp of root 2/);
  });

  it('what is planted as pending is reported and ignored', async () => {
    const { repository, store, audience } = await published();
    const forged = nextRoot(repository.genesis.root, repository.keys.root, { online: testKey() });
    const plants: [string, Uint8Array][] = [
      [pendingKey(2, 'a'.repeat(64)), Buffer.from('garbage')],
      [pendingKey(2, sha256Hex(Buffer.from('{}'))), Buffer.from('{}')],
      [pendingKey(2, 'b'.repeat(64)), forged.bytes],
      [pendingKey(2, 'c'.repeat(64)), Buffer.alloc(600_000, 0x20)],
      [pendingKey(3, sha256Hex(forged.bytes)), forged.bytes],
      ['.tufa/pending/2-x.root.json', forged.bytes],
    ];
    for (const [key, bytes] of plants) store.plant(key, bytes);
    await repository.enqueue(1, { [WHEEL]: 'one' });
    const done = await (await job(repository, { hooks: watched(audience) })).publish();
    expect(done.live.root).to.equal(1);
    expect(done.entries.map((e) => e.result)).to.deep.equal(['done']);
    expect(repository.warnings.filter((w) => w.includes('ignored'))).to.have.length(4);
    const online = testKey();
    await putPending(store, nextRoot(repository.genesis.root, repository.keys.root, { online }));
    expect((await (await job(repository, { hooks: watched(audience), keys: [online] })).refresh()).live.root).to.equal(
      2,
    );
  });

  it('a job without the keys of a copied root keeps what it has seen: a rolled back store is refused', async () => {
    const { repository, store } = await published();
    store.plant(rootKey(2), nextRoot(repository.genesis.root, repository.keys.root, { online: testKey() }).bytes);
    const before = store.snapshot();
    await repository.enqueue(1, { [WHEEL]: 'one' });
    const old = await job(repository);
    expect((await old.publish()).version).to.equal(2);
    store.restore(before);
    expect(await failure(old.publish())).to.match(/the storage is older than the trusted state/);
  });

  it('an expired root can be replaced', async () => {
    const { repository, store } = await published();
    later(repository, 400 * 24 * HOUR);
    const expires = new Date(repository.now.getTime() + 365 * 24 * HOUR);
    const online = testKey();
    await putPending(store, nextRoot(repository.genesis.root, repository.keys.root, { online, expires }));
    const done = await (await job(repository, { keys: [online] })).refresh();
    expect(done.live.root).to.equal(2);
    expect((await liveNow(repository)).root.signed.version).to.equal(2);
  });

  after(() => note('bridge', { refreshes }));
});

function isWrite(operation: string): boolean {
  return ['create', 'swap', 'remove'].includes(operation);
}

async function failure(doing: Promise<unknown>): Promise<string> {
  return doing.then(
    () => 'nothing failed',
    (cause: Error & { details?: { found?: string } }) => `${cause.message} ${cause.details?.found ?? ''}`,
  );
}
