/**
 * One process of the stress test. Says what it has done as JSON lines on stdout, and ends by itself at its deadline.
 *
 *     publisher FOLDER NAME MS   adds files of its own and publishes, again and again: {"acked": PATH}
 *     refresher FOLDER MS        refreshes: {"refreshed": VERSION}
 *     client FOLDER MS           a client of the store with a state of its own: {"seen": VERSION}
 *
 * Whatever else happens is a failure: {"failed": MESSAGE, "exitCode": N}. With TUFA_FAULT_UNCONDITIONAL=1 the store swaps
 * whatever the etag says, as some look-alikes of S3 do: the negative control.
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ConflictError, TufaError } from '../../../src/errors.ts';
import { RepositoryClient } from '../../../src/jobs/client.ts';
import { publish } from '../../../src/jobs/publish.ts';
import { refresh } from '../../../src/jobs/refresh.ts';
import { addTargets } from '../../../src/jobs/targets.ts';
import { LocalStore } from '../../../src/stores/local.ts';
import { MemoryStore } from '../../../src/stores/memory.ts';
import { TrustedState } from '../../../src/trusted/state.ts';
import { trustRoot } from '../../../src/tuf/checks.ts';
import { rootKey, TIMESTAMP_KEY } from '../../../src/tuf/layout.ts';
import { tinyWheel, WHEELS, withWorkspace } from './stages.ts';

const [role = '', folder = '', ...rest] = process.argv.slice(2);
const deadline = performance.now() + Number(rest.at(-1));

function say(what: object): void {
  process.stdout.write(`${JSON.stringify(what)}\n`);
}

if (process.env['TUFA_FAULT_UNCONDITIONAL'] !== undefined) {
  const { swap } = LocalStore.prototype;
  LocalStore.prototype.swap = async function (key, bytes, etag) {
    if (key !== TIMESTAMP_KEY) return swap.call(this, key, bytes, etag);
    await sleep(30 * Math.random());
    for (;;) {
      const now = (await this.get(key, { maxLength: 1 << 20 }))?.etag;
      const answer = await swap.call(this, key, bytes, now);
      if (answer !== 'moved') return answer;
    }
  };
}

async function publisher(name: string): Promise<void> {
  for (let n = 0; performance.now() < deadline; n++) {
    const project = `${name}-${n}`;
    const file = await tinyWheel(folder, project.replaceAll('-', '_'));
    await withWorkspace(folder, async (workspace) => {
      const { rows } = await addTargets(workspace, [file], { replace: false });
      // Others may be first every time: the command says 7, and is run again.
      for (;;) {
        try {
          await publish(workspace);
          break;
        } catch (error) {
          if (!(error instanceof ConflictError)) throw error;
        }
      }
      for (const { path } of rows) say({ acked: path });
    });
    await rm(file);
  }
}

async function refresher(): Promise<void> {
  while (performance.now() < deadline) {
    const { version } = await withWorkspace(folder, (workspace) => refresh(workspace, {}));
    if (version !== undefined) say({ refreshed: version });
    await sleep(50);
  }
}

async function client(): Promise<void> {
  const store = new LocalStore(join(folder, 'public'));
  const state = new TrustedState(new MemoryStore());
  await state.begin(trustRoot((await store.get(rootKey(1), { maxLength: 1 << 20 }))!.bytes));
  for (let seen = 0; performance.now() < deadline; ) {
    const one = new RepositoryClient(store, state, await state.require(), new Date());
    await one.refresh();
    await one.require(WHEELS.zipp.path);
    const { version } = one.trusted.timestamp!.signed;
    if (version !== seen) say({ seen: version });
    seen = version;
    await sleep(10);
  }
}

try {
  if (role === 'publisher') await publisher(rest[0] ?? '');
  if (role === 'refresher') await refresher();
  if (role === 'client') await client();
} catch (error) {
  say({
    failed: error instanceof Error ? error.message : String(error),
    exitCode: error instanceof TufaError ? error.exitCode : 1,
  });
}
