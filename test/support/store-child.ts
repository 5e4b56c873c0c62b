/**
 * A process that works on a store in a folder:
 *
 *     count ROOT KEY TIMES      adds 1 to a counter, TIMES times
 *     hold ROOT KEY             swaps KEY and stops, for ever, in the moment before the rename; says `holding`
 *     crash ROOT CALL           create `a/new`, swap `timestamp.json`; kills itself before change number CALL to the file system
 */
import { LocalStore } from '../../src/stores/local.ts';
import { type Call, intercept } from './store-fs.ts';
import { count } from './store-race.ts';

const [command, root = '', key = '', times = ''] = process.argv.slice(2);
const store = new LocalStore(root);

if (command === 'count') await count(store, key, Number(times));
if (command === 'hold') await hold();
if (command === 'crash') await crash(Number(key));

async function hold(): Promise<void> {
  const old = await store.get(key, { maxLength: 1000 });
  setInterval(() => undefined, 1000);
  await intercept(async (call, _, go) => {
    if (call !== 'rename') return go();
    process.stdout.write('holding\n');
    return new Promise(() => undefined);
  });
  await store.swap(key, Buffer.from('never'), old?.etag);
}

async function crash(at: number): Promise<void> {
  const old = await store.get('timestamp.json', { maxLength: 1000 });
  const harmless = new Set<Call>(['realpath', 'lstat', 'stat', 'read', 'readdir']);
  let calls = 0;
  await intercept(async (call, _, go) => {
    if (!harmless.has(call) && ++calls === at) process.kill(process.pid, 'SIGKILL');
    return go();
  });
  await store.create('a/new', Buffer.from('whole'));
  await store.swap('timestamp.json', Buffer.from('two'), old?.etag);
}
