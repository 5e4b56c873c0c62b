import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { expect } from 'chai';
import { StorageError } from '../../src/errors.ts';
import { LocalStore } from '../../src/stores/local.ts';
import type { StreamBody } from '../../src/stores/port.ts';
import { UnknownAnswer } from '../../src/stores/port.ts';
import { keys, refusal } from '../support/store-expect.ts';
import { leftovers, scratch } from '../support/store-folder.ts';
import { type Call, type Failed, failing, intercept } from '../support/store-fs.ts';
import { read } from '../support/store-race.ts';

const bytes = (text: string): Buffer => Buffer.from(text);

interface WriteOperation {
  readonly name: string;
  readonly run: (store: LocalStore) => Promise<unknown>;
  readonly key: string;
  readonly before: string | undefined;
  readonly after: string | undefined;
  /** At least these must have been made to fail, or the test proves nothing. */
  readonly calls: readonly Call[];
}

const WRITE: readonly Call[] = ['open', 'write', 'sync', 'close', 'unlink', 'realpath', 'lstat', 'readdir'];

const OPERATIONS: readonly WriteOperation[] = [
  {
    name: 'create',
    run: (store) => store.create('deep/er/new', bytes('new')),
    key: 'deep/er/new',
    before: undefined,
    after: 'new',
    calls: [...WRITE, 'mkdir', 'link'],
  },
  {
    name: 'the first swap',
    run: (store) => store.swap('first', bytes('new'), undefined),
    key: 'first',
    before: undefined,
    after: 'new',
    calls: [...WRITE, 'link'],
  },
  {
    name: 'swap',
    run: async (store) => store.swap('old', bytes('new'), (await store.get('old', { maxLength: 9 }))?.etag),
    key: 'old',
    before: 'old',
    after: 'new',
    calls: [...WRITE, 'stat', 'read', 'rename'],
  },
  {
    name: 'remove',
    run: (store) => store.remove('old'),
    key: 'old',
    before: 'old',
    after: undefined,
    calls: ['realpath', 'lstat', 'unlink', 'open', 'sync', 'close'],
  },
];

/** A `StorageError` means that nothing happened; success, that it did; only an unknown answer leaves both open. */
async function assertHonest(
  store: LocalStore,
  { key, before, after }: WriteOperation,
  { reached, error }: Failed<unknown>,
  code: string,
): Promise<void> {
  const found = await read(store, key);
  if (error === undefined) expect(found, reached).to.equal(after);
  else if (error instanceof UnknownAnswer) {
    expect(found, reached).to.be.oneOf([before, after]);
    expect(error.message).to.contain(key);
  } else {
    expect(found, reached).to.equal(before);
    expect(error, String(error)).to.be.instanceOf(StorageError);
    const { exitCode, committed, message } = error as StorageError;
    expect([exitCode, committed]).to.deep.equal([8, 'no']);
    expect(message).to.contain(key).and.contain(code);
  }
}

describe('local store: faults', () => {
  const folder = scratch();
  const root = (): string => join(folder(), 'store');
  const open = (): LocalStore => new LocalStore(root());

  describe('short writes', () => {
    it('are continued until everything is written', async () => {
      const sizes: number[] = [];
      const restore = await intercept(async (call, args, go) => {
        if (call !== 'write') return go();
        const [buffer, offset, length, position] = args as [Buffer, number, number, number];
        sizes.push(length);
        return go([buffer, offset, Math.min(length, 7), position]);
      });
      const text = 'a text that is longer than what the kernel takes at once';
      try {
        expect(await open().create('created', bytes(text))).to.equal('created');
        expect(await open().swap('swapped', bytes(text), undefined)).to.have.property('etag');
      } finally {
        restore();
      }
      expect(sizes).to.have.lengthOf(2 * Math.ceil(text.length / 7));
      expect(await read(open(), 'created')).to.equal(text);
      expect(await read(open(), 'swapped')).to.equal(text);
    });

    it('of nothing at all end in an error', async () => {
      const restore = await intercept(async (call, args, go) =>
        call === 'write' ? { bytesWritten: 0, buffer: args[0] } : go(),
      );
      try {
        expect((await refusal(open().create('created', bytes('x')))).code).to.equal('storage.eio');
      } finally {
        restore();
      }
      expect(await keys(open(), '')).to.deep.equal([]);
    });
  });

  it('the bytes are on the disk before they have a name, and the name before the answer', async () => {
    const steps = async (work: () => Promise<unknown>): Promise<string> => {
      const made: string[] = [];
      const names = new Map<unknown, string>();
      const restore = await intercept(async (call, args, go, self) => {
        const answer = await go();
        if (call === 'open') names.set(answer, String(args[0]).includes('/.tufa-store/tmp/') ? 'file' : 'folder');
        if (['write', 'sync', 'link', 'rename', 'unlink'].includes(call))
          made.push(`${call} ${names.get(self) ?? ''}`.trim());
        return answer;
      });
      await work().finally(restore);
      return made.join(', ');
    };
    const store = new LocalStore(root());
    await store.create('first', bytes('x'));
    expect(await steps(() => store.create('a', bytes('x')))).to.equal(
      'write file, sync file, link, sync folder, unlink',
    );
    const { etag } = (await store.get('a', { maxLength: 9 }))!;
    const swapped = await steps(() => store.swap('a', bytes('y'), etag));
    expect(swapped).to.match(/^write file, sync file, rename, sync folder\b/);
    expect(await steps(() => store.remove('a'))).to.equal('unlink, sync folder');
    expect(await steps(() => store.create('new/folder', bytes('x')))).to.match(/^sync folder, write file/);
  });

  for (const operation of OPERATIONS) {
    for (const code of ['EIO', 'ENOSPC']) {
      it(`${code} at any call of ${operation.name}: an honest error, nothing half done, and the next run does it`, async () => {
        const reached = new Set<Call>();
        for (let at = 1; ; at++) {
          rmSync(root(), { recursive: true, force: true });
          await open().create('old', bytes('old'));
          writeFileSync(join(root(), '.tufa-store', 'tmp', 'crashed'), 'ne');

          const failed = await failing(at, code, () => operation.run(open()));
          if (failed.reached === undefined) break;
          reached.add(failed.reached);
          await assertHonest(open(), operation, failed, code);

          if ((await read(open(), operation.key)) !== operation.after) await operation.run(open());
          await open().create('next', bytes('next'));
          expect(await read(open(), operation.key)).to.equal(operation.after);
          expect(leftovers(root()), `${failed.reached} ${at}`).to.deep.equal([]);
        }
        expect([...reached]).to.include.members(operation.calls);
      });
    }
  }

  for (const [what, reading] of [
    ['an object', (): Promise<unknown> => read(open(), 'a/object')],
    ['a list', (): Promise<unknown> => keys(open(), 'a/')],
  ] as const) {
    it(`EIO at any call of reading ${what}: an honest error, and never half of it`, async () => {
      await open().create('a/object', bytes('whole'));
      const right = await reading();
      const reached = new Set<Call>();
      for (let at = 1; ; at++) {
        const failed = await failing(at, 'EIO', reading);
        if (failed.reached === undefined) break;
        reached.add(failed.reached);
        if (failed.error === undefined) expect(failed.result).to.deep.equal(right);
        else expect(failed.error).to.be.instanceOf(StorageError).and.have.property('code', 'storage.eio');
      }
      expect([...reached]).to.include.members(
        what === 'a list' ? ['realpath', 'opendir', 'lstat'] : ['open', 'stat', 'read'],
      );
    });
  }

  it('a full disk: the old objects stand, nothing is cut off, and there is a way on', async function () {
    mkdirSync(root());
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'none', root()], { stdio: 'ignore' });
    } catch {
      this.skip(); // Only root may mount; the injected ENOSPC above is for everybody.
    }
    try {
      const { etag } = (await open().swap('timestamp.json', bytes('old'), undefined)) as { etag: string };
      const filler = join(root(), 'filler');
      expect(() => writeFileSync(filler, Buffer.alloc(100_000))).to.throw('ENOSPC');
      const { code, exitCode, message, hint } = await refusal(open().create('packages/file', Buffer.alloc(20_000)));
      expect([code, exitCode]).to.deep.equal(['storage.enospc', 8]);
      expect(message).to.contain('packages/file');
      expect(hint).to.contain('df');
      expect((await refusal(open().swap('timestamp.json', Buffer.alloc(20_000), etag))).code).to.equal(
        'storage.enospc',
      );
      expect(await keys(open(), '')).to.deep.equal(['filler', 'timestamp.json']);
      expect(await read(open(), 'timestamp.json')).to.equal('old');
      expect(leftovers(root())).to.deep.equal([]);
      rmSync(filler);
      expect(await open().create('packages/file', Buffer.alloc(20_000))).to.equal('created');
      expect(await open().swap('timestamp.json', bytes('new'), etag)).to.have.property('etag');
    } finally {
      execFileSync('umount', [root()]);
    }
  });

  describe('what a crashed run has left', () => {
    const crashed = (): string => join(root(), '.tufa-store', 'tmp', 'crashed');

    beforeEach(async () => {
      await open().create('object', bytes('x'));
      writeFileSync(crashed(), 'half');
    });

    it('is removed by the first write of the next run, and by that alone', async () => {
      const next = open();
      await read(next, 'object');
      await keys(next, '');
      expect(leftovers(root())).to.deep.equal(['crashed']);
      await next.create('next', bytes('x'));
      expect(leftovers(root())).to.deep.equal([]);
    });

    it('stays while somebody else is writing, whose temporary file looks the same', async () => {
      const { promise: gate, resolve: letGo } = Promise.withResolvers<void>();
      const slow: StreamBody = {
        length: 4,
        async *open() {
          yield bytes('sl');
          await gate;
          yield bytes('ow');
        },
      };
      const writer = open();
      await writer.create('warm', bytes('x'));
      writeFileSync(crashed(), 'half');
      const writing = writer.create('slow', slow);
      while (leftovers(root()).length < 2) await setTimeout(1);
      await open().create('next', bytes('x'));
      expect(leftovers(root())).to.have.lengthOf(2);
      letGo();
      expect(await writing).to.equal('created');
      expect(await read(open(), 'slow')).to.equal('slow');
    });
  });
});
