import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { LocalStore } from '../../src/stores/local.ts';
import { keys, refusal } from '../support/store-expect.ts';
import { leftovers, scratch } from '../support/store-folder.ts';
import { count, read } from '../support/store-race.ts';

const CHILD = join(import.meta.dirname, '..', 'support', 'store-child.ts');

describe('local store: processes', () => {
  const folder = scratch();
  const root = (): string => join(folder(), 'store');
  const open = (patience?: number): LocalStore => new LocalStore(root(), patience === undefined ? {} : { patience });

  it('lose no update when three count together', async () => {
    const children = ['one', 'two'].map(() => start('count', root(), 'counter', '25'));
    await Promise.all([count(open(), 'counter', 25), ...children.map(ended)]);
    expect(await read(open(), 'counter')).to.equal('75');
    expect(leftovers(root())).to.deep.equal([]);
  });

  it('go on when the one that holds the lock is killed', async () => {
    const { etag } = (await open().swap('timestamp.json', Buffer.from('one'), undefined)) as { etag: string };
    const holder = start('hold', root(), 'timestamp.json');
    await once(holder.stdout!, 'data');
    // It does hold the lock, and has a temporary file.
    expect((await refusal(open(20).swap('timestamp.json', Buffer.from('two'), etag))).code).to.equal('storage.locked');
    expect(leftovers(root())).to.have.lengthOf(1);

    const waiting = open().swap('timestamp.json', Buffer.from('two'), etag);
    const end = once(holder, 'exit');
    holder.kill('SIGKILL');
    expect(await waiting).to.have.property('etag');
    await end;
    expect(await read(open(), 'timestamp.json')).to.equal('two');
    await open().create('next', Buffer.from('x'));
    expect(leftovers(root())).to.deep.equal([]);
  });

  it('may be killed before any change to the file system: every object is whole, and the next run goes on', async function () {
    this.timeout(120_000);
    let killed = 0;
    for (let call = 1; ; call++) {
      rmSync(root(), { recursive: true, force: true });
      await open().swap('timestamp.json', Buffer.from('one'), undefined);
      const signal = await signalOf(start('crash', root(), `${call}`));
      if (signal === undefined) break;
      killed++;
      expect(await read(open(), 'a/new'), `call ${call}`).to.be.oneOf([undefined, 'whole']);
      const live = await open().get('timestamp.json', { maxLength: 9 });
      expect(Buffer.from(live!.bytes).toString()).to.be.oneOf(['one', 'two']);

      const next = open();
      await next.create('a/new', Buffer.from('whole'));
      await next.swap('timestamp.json', Buffer.from('three'), live!.etag);
      expect(await read(next, 'a/new')).to.equal('whole');
      expect(await keys(next, '')).to.deep.equal(['a/new', 'timestamp.json']);
      expect(leftovers(root()), `call ${call}`).to.deep.equal([]);
    }
    // Two temporary files, each opened, written, synced, closed and named, and their folders: fewer would prove nothing.
    expect(killed).to.be.greaterThan(20);
  });
});

function start(...args: string[]): ChildProcess {
  return spawn(process.execPath, [CHILD, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
}

async function ended(child: ChildProcess): Promise<void> {
  expect(await signalOf(child)).to.equal(undefined);
}

/** @returns the signal that has killed it; undefined when it came to a good end */
async function signalOf(child: ChildProcess): Promise<string | undefined> {
  const [status, signal] = (await once(child, 'exit')) as [number | null, string | null];
  expect(status, 'exit status').to.be.oneOf([0, null]);
  return signal ?? undefined;
}
