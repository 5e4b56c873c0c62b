import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { Workspace } from '../../src/config/workspace.ts';
import { ConfigurationError, StorageError, TufaError } from '../../src/errors.ts';
import { openContext, SILENT } from '../../src/jobs/context.ts';
import { checkStore } from '../../src/jobs/doctor/races.ts';
import { doctorStore } from '../../src/jobs/doctor/store.ts';
import { LocalStore } from '../../src/stores/local.ts';
import { MemoryStore } from '../../src/stores/memory.ts';
import type { Store } from '../../src/stores/port.ts';
import { collect } from '../../src/transaction/read.ts';
import { edit, layDown, temporaryFolders } from '../support/workspace.ts';

const PREFIX = '.tufa/probe/0123-';
const DAY = 24 * 60 * 60 * 1000;

async function run(store: Store): Promise<string[]> {
  const requests: string[] = [];
  for await (const { request } of checkStore(store, PREFIX)) requests.push(request);
  return requests;
}

async function refusal(work: Promise<unknown>): Promise<TufaError> {
  const error = await work.then(
    () => new Error('nothing was refused'),
    (reason: unknown) => reason,
  );
  if (!(error instanceof TufaError)) throw error;
  return error;
}

/** A store that breaks one promise: what stands here replaces the method of an honest one. */
function liar(change: (honest: MemoryStore) => Partial<Store>): Store {
  const honest = new MemoryStore();
  const bound = (name: keyof Store) => (honest[name] as () => unknown).bind(honest);
  const methods = Object.fromEntries(
    (['get', 'open', 'create', 'swap', 'list', 'remove'] as const).map((n) => [n, bound(n)]),
  );
  return { uri: 'memory:', ...methods, ...change(honest) } as Store;
}

describe('doctor store', () => {
  const folder = temporaryFolders();

  it('believes a store in memory, and a folder', async () => {
    expect(await run(new MemoryStore())).to.have.length(7);
    expect(await run(new LocalStore(join(await folder(), 'store')))).to.have.length(7);
  });

  it('believes a store whose answers get lost now and then', async () => {
    let n = 0;
    const store = new MemoryStore({ faults: (operation) => (operation === 'create' && n++ < 5 ? 'lost' : 'ok') });
    expect(await run(store)).to.have.length(7);
  });

  const liars: [name: string, change: (honest: MemoryStore) => Partial<Store>, request: RegExp, found: string][] = [
    [
      'answers 200 to every create, and overwrites',
      (honest) => ({
        create: async (key, body) => {
          honest.plant(key, body as Uint8Array);
          return 'created';
        },
      }),
      /^memory:: .*32 x PUT with If-None-Match: \*/,
      '32 created',
    ],
    [
      'says that the first has won, and keeps the last',
      (honest) => {
        let first = true;
        return {
          create: async (key, body) => {
            honest.plant(key, body as Uint8Array);
            const answer = first ? 'created' : 'exists';
            first = false;
            return answer;
          },
        };
      },
      /PUT with If-None-Match: \*/,
      '"racer 31 of race 1"',
    ],
    [
      'answers 200 to every swap, and overwrites',
      (honest) => ({
        swap: async (key, bytes) => {
          honest.plant(key, bytes);
          return { etag: (await honest.get(key, { maxLength: 99 }))!.etag };
        },
      }),
      /32 x PUT with If-None-Match: \*/,
      '32 swapped',
    ],
    [
      'looks at the first swap only',
      (honest) => ({
        swap: async (key, bytes, etag) => {
          if (etag === undefined) return honest.swap(key, bytes, etag);
          honest.plant(key, bytes);
          return { etag: '"x"' };
        },
      }),
      /32 x PUT with If-Match/,
      '32 swapped',
    ],
    [
      'takes an etag to be right that was',
      (honest) => {
        const known = new Map<string, string>();
        return {
          swap: async (key, bytes, etag) => {
            const right = (await honest.get(key, { maxLength: 99 }))?.etag;
            const blind = Buffer.from(bytes).equals(Buffer.from('stale')) && known.get(key) === etag;
            const answer = await honest.swap(key, bytes, blind ? right : etag);
            if (answer !== 'moved' && right !== undefined) known.set(key, right);
            return answer;
          },
        };
      },
      /PUT with If-Match /,
      'swapped',
    ],
    [
      'makes an object of a swap that has nothing to replace',
      (honest) => ({
        swap: async (key, bytes, etag) => honest.swap(key, bytes, key.endsWith('absent') ? undefined : etag),
      }),
      /PUT with If-Match .*absent/,
      'swapped',
    ],
    [
      'shows what was there before',
      (honest) => ({
        get: async (key, options) => (key.endsWith('created') ? undefined : honest.get(key, options)),
      }),
      /PUT with If-None-Match/,
      'no object',
    ],
    [
      'lists what it lists later',
      () => ({
        list: async function* () {
          yield* [];
        },
      }),
      /list \.tufa\/probe/,
      'nothing',
    ],
    [
      'keeps what it was told to remove',
      () => ({ remove: async () => undefined }),
      /GET after DELETE/,
      '"racer 0 of race 1"',
    ],
  ];
  for (const [name, change, request, found] of liars) {
    it(`finds out a store that ${name}`, async () => {
      const error = await refusal(run(liar(change)));
      expect(error).to.be.instanceOf(ConfigurationError);
      expect(error).to.include({ code: 'configuration.store-conditions', exitCode: 3 });
      expect(error.message).to.match(request).and.to.contain(`found ${found}`);
      expect(error.hint).to.contain('publishers: one');
    });
  }

  it('says nothing about a store that it cannot reach', async () => {
    const error = await refusal(run(new MemoryStore({ faults: () => 'fail' })));
    expect(error).to.be.instanceOf(StorageError).and.to.have.property('exitCode', 8);
  });

  async function many(now: () => Date = () => new Date()): Promise<Workspace> {
    const dir = await folder();
    await layDown(dir);
    await edit(dir, 'publishers: one', 'publishers: many');
    await edit(dir, /^uploaders:[\s\S]*/m, 'uploaders: []\n');
    return Workspace.open(dir, { clock: now });
  }
  const write = (workspace: Workspace) => openContext(workspace, SILENT);

  it('takes away what it wrote, and what a killed one left a day ago', async () => {
    const workspace = await many();
    const store = (await workspace.store()) as LocalStore;
    await store.create('.tufa/probe/dead-created', Buffer.from('racer 1'));
    await store.create('.tufa/claims/1', Buffer.from('claim'));
    await doctorStore(workspace);
    const keys = async () => (await collect(store.list(''))).map(({ key }) => key);
    expect(await keys()).to.deep.equal(['.tufa/claims/1', '.tufa/probe/dead-created']);
    const later = await Workspace.open(workspace.dir, { clock: () => new Date(Date.now() + 2 * DAY) });
    await doctorStore(later);
    expect(await keys()).to.deep.equal(['.tufa/claims/1']);
  });

  it('lets several publishers write for 30 days', async () => {
    let now = new Date('2026-11-25T12:00:00Z');
    const workspace = await many(() => now);
    const missing = await refusal(write(workspace));
    expect(missing).to.include({ code: 'configuration.store-proof', exitCode: 3 });
    expect(missing.message).to.contain('found none');
    expect(missing.hint).to.contain('tufa doctor store');
    const { made, until } = await doctorStore(workspace);
    expect([made, until].map((date) => date.toISOString())).to.deep.equal([
      '2026-11-25T12:00:00.000Z',
      '2026-12-25T12:00:00.000Z',
    ]);
    await write(workspace);
    now = new Date('2026-12-25T11:59:59Z');
    await write(workspace);
    now = new Date('2026-12-25T12:00:00Z');
    expect((await refusal(write(workspace))).message).to.contain('found one of 2026-11-25T12:00:00Z');
    now = new Date('2026-11-24T12:00:00Z');
    expect(await refusal(write(workspace))).to.have.property('code', 'configuration.store-proof');
  });

  it('proves nothing about another store, nor by a damaged proof; reading needs none', async () => {
    const workspace = await many();
    await doctorStore(workspace);
    await edit(workspace.dir, 'store: file:public', 'store: file:elsewhere');
    const other = await Workspace.open(workspace.dir);
    expect((await refusal(write(other))).message).to.contain('one of another store');
    await edit(workspace.dir, 'store: file:elsewhere', 'store: file:public');
    await writeFile(join(workspace.dir, 'private/cache/store-proof.json'), '{"store": 1}');
    const damaged = await Workspace.open(workspace.dir);
    expect((await refusal(write(damaged))).message).to.contain('found none');
    await openContext(damaged, SILENT, 'read');
  });

  it('forgets an older proof when it is run again', async () => {
    const workspace = await many();
    await doctorStore(workspace);
    const store = await workspace.store();
    Object.assign(store, { create: async () => 'created' });
    expect(await refusal(doctorStore(workspace))).to.have.property('code', 'configuration.store-conditions');
    expect((await refusal(write(workspace))).message).to.contain('found none');
  });
});
