import { expect } from 'chai';
import { MemoryStore } from '../../src/stores/memory.ts';
import { collect } from '../../src/transaction/read.ts';
import { transact } from '../../src/transaction/transact.ts';
import { isNoted, noteEntries, recallEntries } from '../../src/trusted/entries.ts';
import { TrustedState } from '../../src/trusted/state.ts';
import { composeSnapshot, metaValue } from '../../src/tuf/compose.ts';
import { metadataFile } from '../../src/tuf/encode.ts';
import { Evidence } from '../../src/tuf/evidence.ts';
import type { Snapshot, Verified } from '../../src/tuf/model.ts';
import { readMetadata } from '../../src/tuf/read.ts';
import { knownRun, splice } from '../../src/tuf/run.ts';
import { TestRepository } from '../support/repository.ts';
import { EXPIRES, UUID } from '../tuf/repository.ts';

describe('the note of where the entries of a kept snapshot begin', () => {
  it('is made of many entries, and says what the strict reader says', () => {
    expect(isNoted(snapshot(999))).to.equal(false);
    const many = snapshot(1000);
    expect(isNoted(many)).to.equal(true);
    const alone = knownRun(many.signed.meta)!;
    // In the middle of other memory, as a file that was read may lie.
    const padded = Buffer.concat([Buffer.alloc(3), noteEntries(many)]);
    const entries = recallEntries(many.bytes, padded.subarray(3))!;
    expect(Buffer.from(entries).equals(alone.run)).to.equal(true);
    expect([...knownRun(entries)!.starts]).to.deep.equal([...alone.starts]);
    const evidence = new Evidence();
    evidence.expect('snapshot.json', entries);
    const again = evidence.read(Buffer.from(many.bytes), 'snapshot', '1.snapshot.json');
    expect([...knownRun(again.signed.meta)!.starts]).to.deep.equal([...alone.starts]);
  });

  it('of other bytes, or of another order of bytes, is none', () => {
    const many = snapshot(1000);
    const note = noteEntries(many);
    expect(recallEntries(snapshot(1000, 'another').bytes, note)).to.equal(undefined);
    expect(recallEntries(many.bytes, Buffer.from(note).swap32())).to.equal(undefined);
    expect(recallEntries(many.bytes, note.subarray(0, 8))).to.equal(undefined);
    expect(recallEntries(many.bytes, Buffer.alloc(0))).to.equal(undefined);
  });

  it('lies beside the snapshot, goes with it, and is not needed', async () => {
    const repository = await TestRepository.make({ bits: 10 });
    const store = new MemoryStore();
    const context = await repository.context({ trusted: new TrustedState(store) });
    const files = async () => (await collect(store.list(''))).map(({ key }) => key.replace(/[0-9a-f]{64}/, 'HASH'));
    await transact(context, { fold: true, genesis: repository.genesis });
    expect(await files()).to.deep.equal(['1-HASH.snapshot', '1-HASH.snapshot-entries', 'state.json']);
    await repository.enqueue(1, { 'packages/foo/foo-1.0-py3-none-any.whl': 'one' });
    await transact(context, { fold: true });
    expect(await files()).to.deep.equal(['2-HASH.snapshot', '2-HASH.snapshot-entries', 'state.json']);
    const kept = await context.trusted.require();
    const [, note] = (await collect(store.list(''))).map(({ key }) => key);
    for (const bytes of [Buffer.from('something else'), undefined]) {
      store.plant(note!, bytes);
      const again = await context.trusted.require();
      expect(Buffer.from(again.snapshot!.signed.meta).equals(kept.snapshot!.signed.meta)).to.equal(true);
    }
  });
});

function snapshot(roles: number, name = 'role'): Verified<Snapshot> {
  const changes = Array.from({ length: roles }, (_, i) => [
    `${name}-${String(i).padStart(5, '0')}.json`,
    metaValue({ version: 1 + (i % 3), sha256: undefined }),
  ]);
  const meta = splice(Buffer.alloc(0), new Map(changes as [string, ReturnType<typeof metaValue>][]));
  const parts = { version: 1, expires: EXPIRES, repository: UUID, meta, queue: 0, receipt: undefined };
  return readMetadata(metadataFile(composeSnapshot(parts), []), 'snapshot', 'x') as Verified<Snapshot>;
}
