/** The folders that `tufa demo` leaves, given to the real clients: they take the good index and refuse every attack. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { tufa } from '../support/run.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { type Client, type ClientResult, startClient } from './support/clients.ts';
import { chosenClients } from './support/selection.ts';

const TARGETS = ['packages/aardvark/aardvark-1.1-py3-none-any.whl', 'simple/aardvark/vnd.pypi.simple.v1.json'];

interface Demo {
  attacks: { name: string; verdict: string; check: string; folder: string }[];
}

describe('the attacks of tufa demo', () => {
  const { clients: names } = chosenClients();
  const clients: Client[] = [];
  let keep: string;
  let server: TestServer;
  let demo: Demo;

  before(async () => {
    keep = join(await mkdtemp(join(tmpdir(), 'tufa-attacks-')), 'kept');
    const run = await tufa(['demo', '--keep', keep, '--json'], { cwd: tmpdir() });
    expect(run.exitCode, run.stderr).to.equal(0);
    demo = run.json<Demo>();
    server = await startServer(new Map());
    for (const name of names) clients.push(await startClient(name));
  });

  after(async () => {
    await Promise.all(clients.map((client) => client.stop()));
    await server?.stop();
    await rm(join(keep, '..'), { recursive: true });
  });

  /** A client that was never here before. */
  function look(client: Client, folder: string): Promise<ClientResult> {
    server.serve(folder);
    return client.run({
      metadataUrl: `${server.url}metadata/`,
      targetsUrl: `${server.url}targets/`,
      root: join(folder, 'root.json'),
      state: join(keep, 'clients', client.name, folder.slice(keep.length + 1)),
      targets: TARGETS,
    });
  }

  it('are five, each refused by a check of the specification', () => {
    expect(demo.attacks.map(({ name }) => name))
      .to.have.length(5)
      .and.to.include('changed-wheel');
    for (const { name, verdict, check, folder } of demo.attacks) {
      expect([verdict, folder]).to.deep.equal(['refused', join(keep, name)]);
      expect(check, name).to.match(/^5\.\d/);
    }
  });

  for (const name of names) {
    it(`${name} ${name === 'tough' ? 'cannot read its succinct bins at all' : 'takes the good index and refuses each'}`, async () => {
      const client = clients.find((one) => one.name === name)!;
      const good = await look(client, join(keep, 'good'));
      expect(isWhole(good), JSON.stringify(good)).to.equal(name !== 'tough');
      for (const { name: attack, folder } of demo.attacks)
        expect(isWhole(await look(client, folder)), attack).to.equal(false);
    });
  }
});

function isWhole({ refresh, targets }: ClientResult): boolean {
  return refresh === 'ok' && TARGETS.every((path) => typeof targets[path] === 'object' && 'sha256' in targets[path]);
}
