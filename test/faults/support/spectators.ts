import { cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { RepositoryClient } from '../../../src/jobs/client.ts';
import { SILENT } from '../../../src/jobs/context.ts';
import { verify } from '../../../src/jobs/verify.ts';
import { LocalStore } from '../../../src/stores/local.ts';
import { MemoryStore } from '../../../src/stores/memory.ts';
import { TrustedState } from '../../../src/trusted/state.ts';
import type { Trusted } from '../../../src/tuf/checks.ts';
import { trustRoot } from '../../../src/tuf/checks.ts';
import { type Client, type ClientResult, startClient } from '../../interop/support/clients.ts';
import { startServer, type TestServer } from '../../support/server.ts';
import { fingerprint } from './fingerprint.ts';

/** The published state of a workspace, and what is asked of it. */
export interface View {
  /** The workspace; its store is `public/`. */
  readonly folder: string;
  readonly now: Date;
  /** A target that every state lists. */
  readonly target: string;
  /** Clients that saw an earlier state; undefined: nobody did. */
  readonly before: Memory | undefined;
}

/** What each client keeps of a state that it has seen. */
export interface Memory {
  readonly ours: Trusted;
  /** Folder with a state folder for each real client. */
  readonly states: string;
}

/** python-tuf, tuf-js and our own walk, each fresh and with the state that it kept from before. */
export class Spectators {
  private readonly server: TestServer;
  private readonly clients: readonly Client[];
  private readonly base: string;
  private readonly seen = new Map<string, Promise<void>>();
  /** What the server serves, by the first segment of the path. */
  private readonly folders: Map<string, string>;
  private next = 0;
  /** How many client runs there were. */
  runs = 0;

  private constructor(base: string, clients: readonly Client[], server: TestServer, folders: Map<string, string>) {
    this.base = base;
    this.clients = clients;
    this.server = server;
    this.folders = folders;
  }

  /** @param base a folder for the clients' states */
  static async start(base: string): Promise<Spectators> {
    const folders = new Map<string, string>();
    const server = await startServer(async (key) => {
      const [id = '', ...rest] = key.split('/');
      const folder = folders.get(id);
      return folder === undefined ? undefined : readFile(join(folder, ...rest)).catch(() => undefined);
    });
    const clients = await Promise.all([startClient('python-tuf'), startClient('tuf-js')]);
    return new Spectators(base, clients, server, folders);
  }

  async stop(): Promise<void> {
    await Promise.all(this.clients.map((client) => client.stop()));
    await this.server.stop();
  }

  /** Lets each client see a state, which must work, and keeps what it keeps. */
  async remember(folder: string, now: Date, target: string): Promise<Memory> {
    const states = await mkdtemp(join(this.base, 'memory-'));
    const view = { folder, now, target, before: undefined };
    for (const client of this.clients) {
      assertGood(client.name, await this.run(client, view, join(states, client.name)), target);
    }
    return { ours: await this.ourWalk(view, undefined), states };
  }

  /** Every client refreshes and downloads, or this throws. Two states of the same bytes are looked at once. */
  async look(view: View): Promise<void> {
    const what = await fingerprint(join(view.folder, 'public', 'metadata'), join(view.folder, 'public', 'targets'));
    const key = `${what}\n${view.now.getTime()} ${view.target} ${view.before?.states}`;
    const looking = this.seen.get(key) ?? this.lookNow(view);
    this.seen.set(key, looking);
    await looking;
  }

  private async lookNow(view: View): Promise<void> {
    const { before, target } = view;
    await this.ourWalk(view, undefined);
    if (before !== undefined) await this.ourWalk(view, before.ours);
    for (const client of this.clients) {
      const state = await mkdtemp(join(this.base, 'state-'));
      assertGood(`${client.name}, fresh`, await this.run(client, view, join(state, 'fresh')), target);
      if (before !== undefined) {
        await cp(join(before.states, client.name), join(state, 'kept'), { recursive: true });
        assertGood(`${client.name}, kept state`, await this.run(client, view, join(state, 'kept')), target);
      }
      await rm(state, { recursive: true });
    }
  }

  private async run(client: Client, view: View, state: string): Promise<ClientResult> {
    this.runs++;
    const id = String(++this.next);
    this.folders.set(id, join(view.folder, 'public'));
    try {
      return await client.run({
        metadataUrl: `${this.server.url}${id}/metadata/`,
        targetsUrl: `${this.server.url}${id}/targets/`,
        root: join(view.folder, 'ceremony', 'root-1', '1.root.json'),
        state,
        now: view.now.toISOString(),
        targets: [view.target],
      });
    } finally {
      this.folders.delete(id);
    }
  }

  /** Our own walk; fresh, it looks at every role and file, and asks tuf-js and `@tufjs/models`. */
  private async ourWalk({ folder, now, target }: View, before: Trusted | undefined): Promise<Trusted> {
    this.runs++;
    const store = new LocalStore(join(folder, 'public'));
    const root = before?.root ?? trustRoot((await store.get('metadata/1.root.json', { maxLength: 1 << 20 }))!.bytes);
    const state = new TrustedState(new MemoryStore());
    await state.begin(root);
    if (before !== undefined) await state.advance(await state.require(), before);
    const client = new RepositoryClient(store, state, await state.require(), now);
    if (before === undefined) await verify(client, { now, metadataOnly: false }, SILENT);
    else await client.refresh();
    await client.require(target);
    return client.trusted;
  }
}

function assertGood(who: string, result: ClientResult, target: string): void {
  expect(result.refresh, `${who}: refresh`).to.equal('ok');
  expect(result.targets[target], `${who}: ${target}`).to.have.property('sha256');
}
