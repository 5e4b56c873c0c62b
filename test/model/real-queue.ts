import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { acceptHeld } from '../../src/jobs/accept.ts';
import { addTargets, removeTargets } from '../../src/jobs/targets.ts';
import { encodeRoleEntry } from '../../src/queue/role-entry.ts';
import { roleMeta } from '../../src/tuf/checks.ts';
import { composeTargets } from '../../src/tuf/compose.ts';
import { sha256Hex } from '../../src/tuf/digest.ts';
import { metadataFile } from '../../src/tuf/encode.ts';
import { metadataKey, queueKey } from '../../src/tuf/layout.ts';
import type { Targets, Verified } from '../../src/tuf/model.ts';
import { HookedStore, Killed, once } from '../support/hooked-store.ts';
import { job, keysBelow, later, published, targetsNow, WHEEL } from '../support/jobs.ts';
import { memoryWorkspace } from '../support/memory-workspace.ts';
import type { TestRepository } from '../support/repository.ts';
import type { Real, TraceId } from './traces.ts';

/** Traces about the queue, played with the program. */
export const QUEUE: Readonly<Record<Extract<TraceId, 'E5' | 'E6' | 'V7' | 'V8' | 'V9'>, Real>> = {
  E5: {
    'an uploader fills the hole before a planted entry, and the drain stops at holes': async () => {
      const { repository, store } = await published();
      store.plant(queueKey(2), Buffer.from('garbage'));
      store.plant(queueKey(9), Buffer.from('garbage'));
      await withWheel('foo-1.0-py3-none-any.whl', async (file) => {
        const alice = await memoryWorkspace(repository);
        expect((await addTargets(alice, [file], { replace: false })).number).to.equal(1);
      });
      const done = await (await job(repository)).publish();
      expect(done.entries.map((e) => [e.number, e.result])).to.deep.equal([
        [1, 'done'],
        [2, 'refused'],
      ]);
      expect(done.live.snapshot?.queue).to.equal(2);
    },
  },

  E6: {
    'an uploader that is killed after its put adds no second entry when it is run again': async () => {
      for (const when of ['before', 'after'] as const) {
        const { repository, store } = await published();
        await withWheel('foo-1.0-py3-none-any.whl', async (file) => {
          const kill = once((operation, key) => operation === 'create' && key.startsWith('queue/'), stop);
          const alice = await memoryWorkspace(repository, new HookedStore(store, { [when]: kill }));
          expect(await failure(addTargets(alice, [file], { replace: false }))).to.be.instanceOf(Killed);
          expect((await addTargets(alice, [file], { replace: false })).number).to.equal(1);
        });
        expect(await keysBelow(store, 'queue/')).to.deep.equal([queueKey(1)]);
      }
    },
    'an unknown answer is settled with the same number and the same bytes': async () => {
      for (const fate of ['lost', 'late'] as const) {
        const { repository, store } = await published();
        await withWheel('foo-1.0-py3-none-any.whl', async (file) => {
          let puts = 0;
          store.faults = (operation, key) =>
            operation === 'create' && key.startsWith('queue/') && puts++ === 0 ? fate : 'ok';
          const alice = await memoryWorkspace(repository);
          expect((await addTargets(alice, [file], { replace: false })).number).to.equal(1);
        });
        store.land();
        expect(await keysBelow(store, 'queue/')).to.deep.equal([queueKey(1)]);
      }
    },
  },

  V7: {
    'a row whose path came and went since its plan is refused': async () => {
      const { repository } = await published();
      const { publish } = await job(repository);
      await repository.enqueue(1, { [WHEEL]: 'one' });
      await publish();
      await repository.enqueue(2, { [WHEEL]: null }, { was: { [WHEEL]: sha256Hex('one') }, after: 1 });
      await publish();
      // Planned while the path was absent, before both.
      await repository.enqueue(3, { [WHEEL]: 'one' }, { after: 0 });
      expect((await publish()).entries)
        .to.have.nested.property('[0].rows[0].why')
        .that.matches(/changed by an entry above 0/);
      expect(await targetsNow(repository)).not.to.include(WHEEL);
    },
    'a command that was killed, and is run again after its change was undone, undoes nothing': async () => {
      const { repository, store } = await published();
      const { publish } = await job(repository);
      await withWheel('foo-1.0-py3-none-any.whl', async (file) => {
        const kill = once((operation, key) => operation === 'create' && key.startsWith('queue/'), stop);
        const alice = await memoryWorkspace(repository, new HookedStore(store, { after: kill }));
        expect(await failure(addTargets(alice, [file], { replace: false }))).to.be.instanceOf(Killed);
        await publish();
        expect(await targetsNow(repository)).to.include(WHEEL);
        const bob = await memoryWorkspace(repository);
        await removeTargets(bob, [WHEEL]);
        await publish();
        expect((await addTargets(alice, [file], { replace: false })).number).to.equal(1);
        await publish();
        expect(await targetsNow(repository)).not.to.include(WHEEL);
        // Typed once more it is a command of its own.
        expect((await addTargets(alice, [file], { replace: false })).number).to.equal(3);
        await publish();
        expect(await targetsNow(repository)).to.include(WHEEL);
      });
    },
    'so does one whose number was taken by somebody else meanwhile': async () => {
      const { repository, store } = await published();
      const { publish } = await job(repository);
      await withWheel('foo-1.0-py3-none-any.whl', async (file) => {
        const kill = once((operation, key) => operation === 'create' && key.startsWith('queue/'), stop);
        const alice = await memoryWorkspace(repository, new HookedStore(store, { before: kill }));
        expect(await failure(addTargets(alice, [file], { replace: false }))).to.be.instanceOf(Killed);
        later(repository, 1000);
        await repository.enqueue(1, { [WHEEL]: 'one' });
        await repository.enqueue(2, { [WHEEL]: null }, { was: { [WHEEL]: sha256Hex('one') }, after: 1 });
        await publish();
        expect((await addTargets(alice, [file], { replace: false })).number).to.equal(3);
        const { entries } = await publish();
        expect(entries.map((e) => [e.number, e.result])).to.deep.equal([[3, 'refused']]);
      });
    },
  },

  V8: {
    'a removal that was held and accepted twice removes once': async () => {
      const { repository } = await published({ settings: { hold: 0 } });
      const { publish } = await job(repository);
      await repository.enqueue(1, { [WHEEL]: 'one' });
      await publish();
      await repository.enqueue(2, { [WHEEL]: null }, { was: { [WHEEL]: sha256Hex('one') }, after: 1 });
      expect((await publish()).entries.map((e) => e.result)).to.deep.equal(['held']);
      const [first, second] = [await memoryWorkspace(repository), await memoryWorkspace(repository)];
      expect((await acceptHeld(first, 2)).number).to.equal(3);
      await publish();
      expect(await targetsNow(repository)).not.to.include(WHEEL);
      await repository.enqueue(4, { [WHEEL]: 'one' }, { after: 3 });
      await publish();
      expect((await acceptHeld(second, 2)).number).to.equal(5);
      expect((await publish()).entries.map((e) => e.result)).to.deep.equal(['refused']);
      expect(await targetsNow(repository)).to.include(WHEEL);
    },
  },

  V9: {
    'an offline role whose next name is taken is redrawn at the first free one': async () => {
      const { repository, store } = await published();
      const { publish } = await job(repository);
      store.plant(metadataKey('claimed', 2), Buffer.from('{}'));
      await store.create(queueKey(1), encodeRoleEntry(1, 'claimed', drawn(repository, 2, 1)));
      expect((await publish()).entries.map((e) => [e.result, e.equivocation])).to.deep.equal([['refused', true]]);
      await store.create(queueKey(2), encodeRoleEntry(2, 'claimed', drawn(repository, 3, 1)));
      const done = await publish();
      expect(done.entries.map((e) => e.result)).to.deep.equal(['done']);
      expect(roleMeta({ signed: done.live.snapshot! }, 'claimed')?.version).to.equal(3);
    },
    'of two drafts on one version one is folded': async () => {
      for (const together of [true, false]) {
        const { repository, store } = await published();
        const { publish } = await job(repository);
        const results: string[] = [];
        for (const [number, version] of [
          [1, 2],
          [2, 3],
        ] as const) {
          await store.create(queueKey(number), encodeRoleEntry(number, 'claimed', drawn(repository, version, 1)));
          if (!together || number === 2) results.push(...(await publish()).entries.map((e) => e.result));
        }
        expect(results).to.deep.equal(['done', 'refused']);
      }
    },
  },
};

/** The next version of `claimed`, complete. */
function drawn({ genesis, keys, settings }: TestRepository, version: number, base: number): Buffer {
  const old = genesis.offline.get('claimed') as Verified<Targets>;
  const signed = composeTargets({ ...old.signed, repository: settings.repository, version, base });
  return metadataFile(
    signed,
    keys.root.slice(0, 2).map((key) => key.sign(signed)),
  );
}

async function withWheel(name: string, use: (file: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'tufa-trace-'));
  try {
    const file = join(folder, name);
    await writeFile(file, 'one');
    await use(file);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function stop(): never {
  throw new Killed();
}

async function failure(doing: Promise<unknown>): Promise<unknown> {
  return doing.then(
    () => undefined,
    (error: unknown) => error,
  );
}
