import { expect } from 'chai';
import type { MemoryStore } from '../../src/stores/memory.ts';
import type { TransactionResult } from '../../src/transaction/transact.ts';
import { sha256Hex } from '../../src/tuf/digest.ts';
import type { Audience } from '../support/audience.ts';
import { type Job, job, later, liveNow, OTHER_WHEEL, published, WHEEL, watchedWhereSeen } from '../support/jobs.ts';
import { note } from '../support/proof.ts';
import type { TestKey, TestRepository } from '../support/repository.ts';
import { nextRoot, putPending, testKey } from '../support/repository.ts';

/**
 * The program itself, interrupted by itself: before each operation of one job another job runs from its first step to its
 * last. The model explores the protocol's steps; this is what lies between them.
 */

type Task = 'publish' | 'refresh' | 'change the root';

const PAIRS: readonly (readonly [Task, Task])[] = [
  ['publish', 'publish'],
  ['publish', 'refresh'],
  ['refresh', 'publish'],
  ['publish', 'change the root'],
  ['change the root', 'publish'],
  ['change the root', 'change the root'],
];

interface Scene {
  readonly repository: TestRepository;
  readonly store: MemoryStore;
  readonly audience: Audience;
  readonly keys: readonly TestKey[];
}

describe('two jobs at once', function () {
  this.timeout(180_000);
  let schedules = 0;
  let refreshes = 0;

  for (const [first, second] of PAIRS) {
    it(`${first}, interrupted by ${second} before each of its operations`, async () => {
      for (let at = 0; ; at++) {
        const scene = await setTheScene(first, second);
        const { repository, audience, keys } = scene;
        const other = await job(repository, { hooks: watchedWhereSeen(audience), keys });
        const results: TransactionResult[] = [];
        let operations = 0;
        let reached = false;
        const interrupted = await job(repository, {
          keys,
          hooks: {
            ...watchedWhereSeen(audience),
            before: async () => {
              if (operations++ !== at) return;
              reached = true;
              results.push(await run(second, other));
            },
          },
        });
        results.push(await run(first, interrupted));
        await expectRight(scene, results, `before operation ${at}`);
        refreshes += audience.refreshes;
        if (!reached) break;
        schedules++;
      }
    });
  }

  for (const fate of ['lost', 'late'] as const) {
    it(`publish, with the answer to each of its writes ${fate}, and another publisher behind it`, async () => {
      for (let at = 0; ; at++) {
        const scene = await setTheScene('publish', 'publish');
        const { repository, store, keys } = scene;
        let writes = 0;
        store.faults = (operation) => (WRITES.has(operation) && writes++ === at ? fate : 'ok');
        const results = [await run('publish', await job(repository, { keys }))];
        store.faults = () => 'ok';
        store.land();
        results.push(await run('publish', await job(repository, { keys })));
        await expectRight(scene, results, `write ${at}`);
        if (writes <= at) break;
        schedules++;
      }
    });
  }

  after(() => note('interleaving', { schedules, refreshes }));
});

const WRITES = new Set<string>(['create', 'swap', 'remove']);

async function setTheScene(...tasks: readonly Task[]): Promise<Scene> {
  const { repository, store, audience } = await published();
  const online = testKey();
  await repository.enqueue(1, { [WHEEL]: 'one' });
  await repository.enqueue(2, { [OTHER_WHEEL]: 'two' });
  await repository.enqueue(3, { [WHEEL]: null }, { was: { [WHEEL]: sha256Hex('one') }, after: 1 });
  if (tasks.includes('change the root'))
    await putPending(store, nextRoot(repository.genesis.root, repository.keys.root, { online }));
  else later(repository, 13 * 3_600_000);
  return { repository, store, audience, keys: [online] };
}

function run(task: Task, { publish, refresh }: Job): Promise<TransactionResult> {
  return task === 'publish' ? publish() : refresh();
}

/** Whoever did it: each entry is folded once, in order, and with a root that was pending the last job is through. */
async function expectRight(
  { repository, store, audience, keys }: Scene,
  results: readonly TransactionResult[],
  when: string,
): Promise<void> {
  const last = await job(repository, { keys });
  const rest = [await last.publish(), await last.publish()];
  const folded = [...results, ...rest].flatMap(({ entries }) => entries);
  expect(folded.map((entry) => [entry.number, entry.result]).sort(), when).to.deep.equal([
    [1, 'done'],
    [2, 'done'],
    [3, 'done'],
  ]);
  expect(rest[1]?.version, `${when}: nothing is left to be done`).to.equal(undefined);
  await audience.look();
  const { root, timestamp, snapshot } = await liveNow(repository);
  expect(snapshot!.signed.queue, when).to.equal(3);
  expect(timestamp!.signed.root, when).to.deep.include({ version: root.signed.version, sha256: sha256Hex(root.bytes) });
  expect(timestamp!.signed.root!.since, when).not.to.equal(undefined);
  for await (const { key } of store.list('.tufa/pending/')) expect.fail(`${when}: ${key} is left`);
}
