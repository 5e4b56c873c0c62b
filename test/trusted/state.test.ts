import { expect } from 'chai';
import { MemoryStore } from '../../src/stores/memory.ts';
import { collect } from '../../src/transaction/read.ts';
import { transact } from '../../src/transaction/transact.ts';
import { TrustedState } from '../../src/trusted/state.ts';
import { TestRepository } from '../support/repository.ts';

const HOUR = 3_600_000;

describe('trusted state', () => {
  it('has the snapshot that its timestamp names, and no other, whatever was signed', async () => {
    const repository = await TestRepository.make();
    const store = new MemoryStore();
    const context = await repository.context({ trusted: new TrustedState(store) });
    await transact(context, { fold: true, genesis: repository.genesis });
    // The timestamp alone, then both, then the timestamp alone again.
    for (const [hours, snapshot] of [
      [13, 1],
      [90, 3],
      [13, 3],
    ] as const) {
      repository.now = new Date(repository.now.getTime() + hours * HOUR);
      await transact(context, { fold: false });
      const kept = await context.trusted.require();
      expect(kept.snapshot?.signed.version).to.equal(snapshot);
      const files = (await collect(store.list(''))).map(({ key }) => key).filter((key) => key.endsWith('.snapshot'));
      expect(files)
        .to.have.length(1)
        .and.to.satisfy(([file]: string[]) => file!.startsWith(`${snapshot}-`));
    }
  });

  it('leaves no snapshot behind when somebody else was first with a later one', async () => {
    const repository = await TestRepository.make();
    const store = new MemoryStore();
    const context = await repository.context({ trusted: new TrustedState(store) });
    await transact(context, { fold: true, genesis: repository.genesis });
    const late = new Proxy(store, {
      get: (target, name) => {
        if (name !== 'swap') return Reflect.get(target, name).bind?.(target) ?? Reflect.get(target, name);
        return async (...args: Parameters<MemoryStore['swap']>) => {
          if (overtakes) {
            overtakes = false;
            await publish(context, 2);
          }
          return store.swap(...args);
        };
      },
    });
    let overtakes = true;
    const publish = async (by: typeof context, number: number): Promise<void> => {
      await repository.enqueue(
        number,
        { [`packages/foo/foo-${number}.0-py3-none-any.whl`]: 'x' },
        { after: number - 1 },
      );
      await transact(by, { fold: true });
    };
    await publish({ ...context, trusted: new TrustedState(late) }, 1);
    expect((await context.trusted.require()).snapshot?.signed.queue).to.equal(2);
    const files = (await collect(store.list(''))).map(({ key }) => key).filter((key) => key.endsWith('.snapshot'));
    expect(files).to.have.length(1);
  });
});
