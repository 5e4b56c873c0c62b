/** After `recover compromise`: real clients that the thief has poisoned, and fresh ones, end on the good tree. */
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { recover, replaceAndOpen, stolen } from '../recover/stolen.ts';
import { done, NAME } from '../support/published.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { EVIL, HUGE, squat, strike } from '../support/thief.ts';
import { type Client, type ClientResult, startClient } from './support/clients.ts';
import { chosenClients } from './support/selection.ts';

/** tough reads no succinct roles, which this index has. */
const names = chosenClients().clients.filter((name) => name !== 'tough');

describe('clients after a compromise', () => {
  const clients: Client[] = [];
  let server: TestServer;
  let dir: string;
  let touched: Awaited<ReturnType<typeof strike>> | undefined;
  const poisoned = new Map<string, ClientResult>();

  before(async () => {
    for (const name of names) clients.push(await startClient(name));
    dir = await stolen();
    server = await startServer(join(dir, 'public'));
    for (const client of clients) expect((await look(client, 'old')).refresh).to.equal('ok');
    touched = await strike(dir);
    await squat(dir, 2, ['2.bins.json']);
    for (const client of clients) {
      await cp(join(dir, 'states', client.name, 'old'), join(dir, 'states', client.name, 'poisoned'), {
        recursive: true,
      });
      poisoned.set(client.name, await look(client, 'poisoned'));
    }
    await replaceAndOpen(dir);
    await done(dir, ['sign', '--confirm', NAME]);
    await recover(dir);
  });

  after(async () => {
    await Promise.all(clients.map((client) => client.stop()));
    await server?.stop();
  });

  for (const name of names) {
    it(`${name} takes the evil wheel before`, () => {
      const { refresh, targets, timestampVersion } = poisoned.get(name)!;
      expect(refresh).to.equal('ok');
      expect(targets[EVIL.path]).to.be.an('object').with.property('sha256');
      if (timestampVersion !== undefined) expect(timestampVersion).to.equal(HUGE);
    });

    for (const state of ['old', 'poisoned', 'fresh']) {
      it(`${name}, ${state}: the evil wheel is gone, the good ones are back`, async () => {
        const { refresh, targets } = await look(clients.find((one) => one.name === name)!, state);
        expect(refresh).to.equal('ok');
        expect(targets[EVIL.path]).to.equal('absent');
        for (const path of [touched!.changed, touched!.removed])
          expect(targets[path], path).to.be.an('object').with.property('sha256');
        expect(targets[touched!.changed]).not.to.deep.equal(poisoned.get(name)!.targets[touched!.changed]);
      });
    }
  }

  function look(client: Client, state: string): Promise<ClientResult> {
    return client.run({
      metadataUrl: `${server.url}metadata/`,
      targetsUrl: `${server.url}targets/`,
      root: join(dir, 'public', 'metadata', '1.root.json'),
      state: join(dir, 'states', client.name, state),
      targets: [EVIL.path, ...(touched === undefined ? [] : [touched.changed, touched.removed])],
    });
  }
});
