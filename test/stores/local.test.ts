import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { expect } from 'chai';
import { FolderLock } from '../../src/stores/local/lock.ts';
import { LocalStore } from '../../src/stores/local.ts';
import { keys, refusal } from '../support/store-expect.ts';
import { leftovers, scratch } from '../support/store-folder.ts';
import { intercept, systemError } from '../support/store-fs.ts';
import { raceCreates, raceSwaps, read } from '../support/store-race.ts';
import { describeStoreContract } from './contract.ts';

const bytes = (text: string): Buffer => Buffer.from(text);

describe('local store', () => {
  const folder = scratch();
  const root = (): string => join(folder(), 'not', 'yet', 'there');
  const open = (): LocalStore => new LocalStore(root());

  describeStoreContract('local folder', async () => ({ store: open(), dispose: async () => undefined }));

  it('makes nothing before the first write', async () => {
    await open().get('a/b', { maxLength: 1 });
    await keys(open(), 'a/');
    await open().remove('a/b');
    expect(readdirSync(folder())).to.deep.equal([]);
  });

  it('makes files of mode 0644 and folders of mode 0755, whatever a generous umask allows', async () => {
    const umask = process.umask(0);
    try {
      await open().create('packages/x/file', bytes('x'));
      await open().swap('timestamp.json', bytes('x'), undefined);
    } finally {
      process.umask(umask);
    }
    const mode = (name: string): number => statSync(join(root(), name)).mode & 0o777;
    for (const file of ['packages/x/file', 'timestamp.json', '.tufa-store/lock.sqlite']) {
      expect(mode(file), file).to.equal(0o644);
    }
    for (const one of ['.', 'packages', 'packages/x', '.tufa-store', '.tufa-store/tmp']) {
      expect(mode(one), one).to.equal(0o755);
    }
  });

  it('keeps its own folder for itself', async () => {
    const store = open();
    await store.create('object', bytes('x'));
    writeFileSync(join(root(), '.tufa-store', 'tmp', 'half'), 'ha');
    for (const key of ['.tufa-store', '.tufa-store/lock.sqlite', '.tufa-store/tmp/half']) {
      expect((await refusal(store.get(key, { maxLength: 99 }))).code, key).to.equal('storage.key');
      expect((await refusal(store.create(key, bytes('x')))).code, key).to.equal('storage.key');
      expect((await refusal(store.remove(key))).code, key).to.equal('storage.key');
    }
    expect(await keys(store, '')).to.deep.equal(['object']);
    expect(await keys(store, '.')).to.deep.equal([]);
    expect((await refusal(keys(store, '.tufa-store/'))).code).to.equal('storage.key');
  });

  it('lists no file whose name is no key, and nothing that is no file', async () => {
    await open().create('ok', bytes('x'));
    for (const name of ['with space', 'é', 'back\\slash']) writeFileSync(join(root(), name), 'x');
    symlinkSync('ok', join(root(), 'link'));
    execFileSync('mkfifo', [join(root(), 'pipe')]);
    expect(await keys(open(), '')).to.deep.equal(['ok']);
  });

  it('refuses a key whose parent is a file, and an object that is a folder or a pipe', async () => {
    const store = open();
    await store.create('file', bytes('x'));
    await store.create('folder/x', bytes('x'));
    execFileSync('mkfifo', [join(root(), 'pipe')]);
    for (const [key, code] of [
      ['file/below', 'storage.enotdir'],
      ['file/far/below', 'storage.enotdir'],
      ['folder', 'storage.no-file'],
      ['pipe', 'storage.no-file'],
    ] as const) {
      const { code: found, message } = await refusal(store.get(key, { maxLength: 9 }));
      expect(found, key).to.equal(code);
      expect(message).to.contain(key);
      expect((await refusal(store.open(key))).code, key).to.equal(code);
      expect((await refusal(store.swap(key, bytes('x'), undefined))).code, key).to.equal(code);
    }
    expect((await refusal(store.create('file/far/below', bytes('x')))).code).to.equal('storage.enotdir');
    expect(readFileSync(join(root(), 'file'), 'utf8')).to.equal('x');
  });

  it('holds no file open for a stream that nobody reads, or leaves early', async () => {
    await open().create('object', Buffer.alloc(1_000_000));
    let held = 0;
    const restore = await intercept(async (call, _, go) => {
      const answer = await go();
      if (call === 'open') held++;
      if (call === 'close') held--;
      return answer;
    });
    try {
      await open().open('object');
      expect(held).to.equal(0);
      const { stream } = (await open().open('object'))!;
      for await (const piece of stream) {
        expect(piece.length).to.be.greaterThan(0);
        expect(held).to.equal(1);
        break;
      }
      expect(held).to.equal(0);
    } finally {
      restore();
    }
  });

  it('refuses to stream an object that was replaced since it was opened', async () => {
    const first = await open().swap('timestamp.json', bytes('one'), undefined);
    const { stream } = (await open().open('timestamp.json'))!;
    await open().swap('timestamp.json', bytes('two, longer'), (first as { etag: string }).etag);
    const reading = (async () => {
      for await (const piece of stream) expect(piece).to.equal(undefined);
    })();
    expect((await refusal(reading)).code).to.equal('storage.changed');
  });

  it('lets one win on a file system without hard links, too', async () => {
    const restore = await intercept(async (call, _, go) => {
      if (call === 'link') throw systemError('EPERM');
      return go();
    });
    try {
      const winners = await raceCreates(open(), 'a/created');
      expect(winners).to.have.lengthOf(1);
      expect(await read(open(), 'a/created')).to.equal(winners[0]);
      expect(await raceSwaps(open(), 'timestamp.json', undefined)).to.have.lengthOf(1);
      expect(leftovers(root())).to.deep.equal([]);
    } finally {
      restore();
    }
  });

  describe('symbolic links', () => {
    const outside = (): string => join(folder(), 'outside');

    beforeEach(async () => {
      mkdirSync(outside());
      writeFileSync(join(outside(), 'secret'), 'theirs');
      await open().create('metadata/1.root.json', bytes('root'));
    });

    const untouched = (): void => {
      expect(readdirSync(outside())).to.deep.equal(['secret']);
      expect(readFileSync(join(outside(), 'secret'), 'utf8')).to.equal('theirs');
    };

    for (const [what, target] of [
      ['a folder outside', () => outside()],
      ['another folder of the store', () => join(root(), 'metadata')],
    ] as const) {
      it(`are not followed when a folder is one: to ${what}`, async () => {
        symlinkSync(target(), join(root(), 'planted'));
        const store = open();
        for (const attempt of [
          () => store.get('planted/secret', { maxLength: 99 }),
          () => store.open('planted/secret'),
          () => store.create('planted/new', bytes('x')),
          () => store.create('planted/deeper/new', bytes('x')),
          () => store.swap('planted/new', bytes('x'), undefined),
          () => store.remove('planted/secret'),
          () => keys(store, 'planted/'),
        ]) {
          expect((await refusal(attempt())).code).to.equal('storage.symlink');
        }
        expect(await keys(store, '')).to.deep.equal(['metadata/1.root.json']);
        untouched();
      });
    }

    it('are not made into folders when they lead nowhere', async () => {
      symlinkSync(join(outside(), 'nothing'), join(root(), 'planted'));
      expect((await refusal(open().create('planted/new', bytes('x')))).code).to.equal('storage.symlink');
      expect((await refusal(open().create('planted/deeper/new', bytes('x')))).code).to.equal('storage.symlink');
      untouched();
    });

    it('are not followed when the object is one: neither read, nor written, nor removed through', async () => {
      symlinkSync(join(outside(), 'secret'), join(root(), 'planted'));
      const store = open();
      expect((await refusal(store.get('planted', { maxLength: 99 }))).code).to.equal('storage.symlink');
      expect((await refusal(store.open('planted'))).code).to.equal('storage.symlink');
      expect((await refusal(store.swap('planted', bytes('x'), undefined))).code).to.equal('storage.symlink');
      expect(await store.create('planted', bytes('x'))).to.equal('exists');
      await store.remove('planted');
      untouched();
      expect(await store.create('planted', bytes('x'))).to.equal('created');
    });

    for (const name of ['.tufa-store', '.tufa-store/tmp', '.tufa-store/lock.sqlite']) {
      it(`are not followed when ${name} is one`, async () => {
        const store = new LocalStore(join(folder(), 'second'));
        mkdirSync(join(folder(), 'second', name, '..'), { recursive: true });
        symlinkSync(join(outside(), name.endsWith('sqlite') ? 'new' : ''), join(folder(), 'second', name));
        const { code } = await refusal(store.create('new', bytes('x')));
        expect(code).to.equal(name.endsWith('sqlite') ? 'storage.lock' : 'storage.symlink');
        untouched();
      });
    }

    it('may name the store itself', async () => {
      symlinkSync(root(), join(folder(), 'current'));
      const store = new LocalStore(join(folder(), 'current'));
      expect(await read(store, 'metadata/1.root.json')).to.equal('root');
      expect(await store.create('metadata/2.root.json', bytes('x'))).to.equal('created');
      expect(await keys(open(), '')).to.deep.equal(['metadata/1.root.json', 'metadata/2.root.json']);
    });
  });

  describe('lock', () => {
    const lock = (patience: number): FolderLock =>
      new FolderLock(async () => join(root(), '.tufa-store', 'lock.sqlite'), patience);

    beforeEach(() => open().create('object', bytes('x')));

    it('lets other work go on while it waits, and gives up after its patience', async () => {
      const store = new LocalStore(root(), { patience: 50 });
      await lock(50).single(async () => {
        const { code, message, exitCode } = await refusal(store.swap('timestamp.json', bytes('one'), undefined));
        expect([code, exitCode]).to.deep.equal(['storage.locked', 8]);
        expect(message).to.contain('lock.sqlite');
        expect(await store.create('beside', bytes('x'))).to.equal('created');
      });
      let waiting: Promise<unknown> | undefined;
      await lock(50).single(async () => {
        waiting = open().swap('timestamp.json', bytes('one'), undefined);
        // Would not come to its end, were this process put to sleep by the one that waits.
        for (let tick = 0; tick < 20; tick++) await setTimeout(1);
      });
      expect(await waiting).to.have.property('etag');
    });

    it('says what is wrong with a file that is no lock', async () => {
      writeFileSync(
        join(root(), '.tufa-store', 'lock.sqlite'),
        'something else, long enough to be looked at'.repeat(9),
      );
      const { code, message, hint } = await refusal(open().create('new', bytes('x')));
      expect(code).to.equal('storage.lock');
      expect(message).to.contain('lock.sqlite');
      expect(hint).to.contain('lock.sqlite');
      expect(await read(open(), 'object')).to.equal('x');
    });
  });
});
