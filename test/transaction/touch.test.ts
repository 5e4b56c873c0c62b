import { expect } from 'chai';
import { MemoryStore } from '../../src/stores/memory.ts';
import type { Store } from '../../src/stores/port.ts';
import { transact } from '../../src/transaction/transact.ts';
import { binIndex, binName } from '../../src/tuf/bins.ts';
import { count } from '../../src/tuf/run.ts';
import { TestRepository } from '../support/repository.ts';

/** A store that writes down which objects are read. */
function spied(store: Store, reads: string[]): Store {
  return new Proxy(store, {
    get(target, name) {
      const member = Reflect.get(target, name) as unknown;
      if (typeof member !== 'function') return member;
      return (key: string, ...rest: unknown[]) => {
        if (name === 'get' || name === 'open') reads.push(key);
        return Reflect.apply(member, target, [key, ...rest]) as unknown;
      };
    },
  });
}

/** Calls of what makes an object for each entry of something, while `work` runs. */
async function countObjects(work: () => Promise<unknown>): Promise<number> {
  const originals = {
    set: Map.prototype.set,
    push: Array.prototype.push,
    subarray: Uint8Array.prototype.subarray,
    parse: JSON.parse,
  };
  let calls = 0;
  Map.prototype.set = function (...args) {
    calls++;
    return originals.set.apply(this, args);
  };
  Uint8Array.prototype.subarray = function (...args) {
    calls++;
    return originals.subarray.apply(this, args);
  };
  JSON.parse = (...args) => {
    calls++;
    return originals.parse(...args) as unknown;
  };
  try {
    await work();
  } finally {
    Map.prototype.set = originals.set;
    Uint8Array.prototype.subarray = originals.subarray;
    JSON.parse = originals.parse;
  }
  return calls;
}

const PATH = 'packages/foo/foo-1.0-py3-none-any.whl';
const PAGES = ['simple/foo/vnd.pypi.simple.v1.json', 'simple/foo/vnd.pypi.simple.v1.html'];

describe('what a publish touches', function () {
  this.timeout(120_000);

  it('reads nothing but root, timestamp, snapshot, delegators, changed roles and pages, and what is of the transaction', async () => {
    const reads: string[] = [];
    const memory = new MemoryStore();
    const repository = await TestRepository.make({ bits: 4, store: memory });
    const context = await repository.context();
    await repository.enqueue(1, { [PATH]: 'one' });
    await transact(context, { fold: true, genesis: repository.genesis });
    await repository.enqueue(2, { 'packages/foo/foo-2.0-py3-none-any.whl': 'two' }, { after: 1 });
    await transact({ ...context, store: spied(memory, reads) }, { fold: true });

    const changed = [PATH.replace('1.0', '2.0'), ...PAGES].map((path) => binName('bin', 4, binIndex(path, 4)));
    const allowed = [
      /^metadata\/(timestamp|\d+\.root|\d+\.snapshot|\d+\.timestamp)\.json$/,
      /^metadata\/\d+\.(targets|bins)\.json$/,
      new RegExp(`^metadata/\\d+\\.(${changed.join('|')})\\.json$`),
      // The page that changes, and the file that a row promises: its bytes are compared with the row.
      /^targets\/simple\/foo\/[0-9a-f]{64}\.vnd\.pypi\.simple\.v1\.json$/,
      /^targets\/packages\/foo\/[0-9a-f]{64}\.foo-2\.0-py3-none-any\.whl$/,
      /^queue\/|^\.tufa\//,
    ];
    const others = reads.filter((key) => !allowed.some((pattern) => pattern.test(key)));
    expect(others).to.deep.equal([]);
    expect(reads).to.include('metadata/timestamp.json');
    expect(new Set(changed).size).to.be.lessThan(16);
  });

  it('builds no object for each entry of the snapshot', async () => {
    const repository = await TestRepository.make({ bits: 11 });
    const context = await repository.context();
    await repository.enqueue(1, { [PATH]: 'one' });
    const first = await transact(context, { fold: true, genesis: repository.genesis });
    const entries = count(first.live.snapshot!.meta);
    expect(entries).to.be.greaterThan(4096);
    await repository.enqueue(2, { 'packages/foo/foo-2.0-py3-none-any.whl': 'two' }, { after: 1 });
    const calls = await countObjects(() => transact(context, { fold: true }));
    expect(calls).to.be.lessThan(entries / 2);
  });
});
