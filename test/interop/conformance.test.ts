import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import type { DelegatedRole, Delegations } from '../../src/tuf/model.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { HONEST, type Hostile, honest, lay, POLICY, WHEEL } from './support/hostile.ts';
import { aptInstall } from './support/tools.ts';

/**
 * The client for the TUF project's conformance suite, held against what the suite asks: options before the command word,
 * exit 0 or 1 only, `ROLE.json` in the metadata folder, no request that is not needed.
 */
const CLIENT = fileURLToPath(new URL('tufa-client', import.meta.url));
const FAKETIME = '/usr/bin/faketime';

describe('tufa-client', function () {
  this.timeout(120_000);
  let server: TestServer;
  let dir: string;

  beforeEach(async () => {
    server = await startServer(new Map());
    dir = await mkdtemp(join(tmpdir(), 'tufa-conformance-'));
  });

  afterEach(async () => {
    await server.stop();
    await rm(dir, { recursive: true, force: true });
  });

  const metadata = () => join(dir, 'metadata');
  const kept = async () => (await readdir(metadata())).sort();
  const run = (args: readonly string[], time?: string): Promise<number | null> =>
    new Promise((resolve, reject) => {
      const [command, ...rest] = time === undefined ? [CLIENT, ...args] : [FAKETIME, time, CLIENT, ...args];
      const child = spawn(command!, rest, { stdio: 'ignore', timeout: 60_000, killSignal: 'SIGKILL' });
      child.on('error', reject);
      child.on('close', resolve);
    });
  const at = (...more: string[]) => ['--metadata-url', `${server.url}metadata/`, '--metadata-dir', metadata(), ...more];
  const refresh = (time?: string) => run([...at(), 'refresh'], time);
  const download = (...paths: string[]) =>
    run([
      ...at(),
      ...paths.flatMap((p) => ['--target-name', p]),
      '--target-dir',
      join(dir, 'targets'),
      '--target-base-url',
      `${server.url}targets/`,
      'download',
    ]);
  const asked = () => server.requests.splice(0).map((request) => request.key);

  async function init(files: ReadonlyMap<string, Uint8Array>): Promise<void> {
    server.serve(files);
    await writeFile(join(dir, 'root.json'), files.get('metadata/1.root.json')!);
    expect(await run(['--metadata-dir', metadata(), 'init', join(dir, 'root.json')])).to.equal(0);
  }

  it('init copies the root and asks for nothing; refresh asks for what it needs and keeps it as it was fetched', async () => {
    const files = lay(honest());
    await init(files);
    expect(asked()).to.deep.equal([]);
    expect(await kept()).to.deep.equal(['root.json']);

    expect(await refresh()).to.equal(0);
    expect(asked()).to.deep.equal([
      'metadata/2.root.json',
      'metadata/timestamp.json',
      'metadata/3.snapshot.json',
      'metadata/3.targets.json',
    ]);
    expect(await kept()).to.deep.equal(['root.json', 'snapshot.json', 'targets.json', 'timestamp.json']);
    expect(await readFile(join(metadata(), 'targets.json'))).to.deep.equal(files.get('metadata/3.targets.json'));

    expect(await refresh()).to.equal(0);
    expect(asked()).to.deep.equal(['metadata/2.root.json', 'metadata/timestamp.json']);
  });

  it('downloads several targets in order, stops at the first failure, and asks for none twice', async () => {
    const files = lay(honest());
    await init(files);
    expect(await download(WHEEL, POLICY)).to.equal(0);
    const targets = await readdir(join(dir, 'targets'));
    expect(targets).to.have.length(2);
    const texts = await Promise.all(targets.map((name) => readFile(join(dir, 'targets', name), 'utf8')));
    expect(texts.sort()).to.deep.equal([HONEST[POLICY], HONEST[WHEEL]].sort());

    asked();
    expect(await download(WHEEL, POLICY)).to.equal(0);
    expect(asked().filter((key) => key.startsWith('targets/'))).to.deep.equal([]);

    await rm(join(dir, 'targets'), { recursive: true });
    expect(await download('packages/no/no-1.0.zip', WHEEL)).to.equal(1);
    expect(asked().filter((key) => key.startsWith('targets/'))).to.deep.equal([]);
  });

  it('refuses an older timestamp and keeps the newer one', async () => {
    const hostile = honest();
    const old = lay(hostile);
    await init(old);
    hostile.version = 4;
    server.serve(lay(hostile));
    expect(await refresh()).to.equal(0);
    const before = await readFile(join(metadata(), 'timestamp.json'));
    server.serve(old);
    expect(await refresh()).to.equal(1);
    expect(await readFile(join(metadata(), 'timestamp.json'))).to.deep.equal(before);
  });

  it('keeps the same timestamp when only its content changes', async () => {
    const hostile = honest();
    hostile.foreign = true;
    await init(lay(hostile));
    expect(await refresh()).to.equal(0);
    const before = await readFile(join(metadata(), 'timestamp.json'));
    hostile.now = new Date(hostile.now.getTime() + 3_600_000);
    server.serve(lay(hostile));
    expect(await refresh()).to.equal(0);
    expect(await readFile(join(metadata(), 'timestamp.json'))).to.deep.equal(before);
  });

  it('refuses a root that its own threshold has not signed, without a request', async () => {
    const files = lay(honest());
    const forged = Buffer.from(
      Buffer.from(files.get('metadata/1.root.json')!)
        .toString('utf8')
        .replaceAll(/"sig":"../g, '"sig":"00'),
    );
    await init(new Map([...files, ['metadata/1.root.json', forged]]));
    asked();
    expect(await refresh()).to.equal(1);
    expect(asked()).to.deep.equal([]);
  });

  it('refuses what has expired at the time that it is given', async () => {
    if (!existsSync(FAKETIME)) await aptInstall(['faketime']);
    if (!existsSync(FAKETIME)) throw new Error('faketime is missing: apt-get install faketime');
    const hostile = honest();
    await init(lay(hostile));
    const later = (days: number) =>
      `${new Date(hostile.now.getTime() + days * 864e5).toISOString().slice(0, 19).replace('T', ' ')}+00:00`;
    expect(await refresh(later(0.5))).to.equal(0);
    expect(await refresh(later(2))).to.equal(1);
  });

  it('walks delegations in pre-order, once each, through a cycle, and not past a terminating one', async () => {
    const hostile = graph({
      targets: [
        ['a', false],
        ['b', true],
        ['c', false],
      ],
      a: [
        ['b', false],
        ['a', false],
      ],
      b: [['a', false]],
    });
    await init(lay(hostile));
    expect(await download('nowhere')).to.equal(1);
    expect(asked().slice(3)).to.deep.equal(['metadata/3.targets.json', 'metadata/3.a.json', 'metadata/3.b.json']);
  });

  it('copes with odd names of roles and never lets them out of its folder', async () => {
    const names = ['?', '#', '/delegated', '../delegated', '.', 'ä'];
    const hostile = graph({ targets: names.map((name) => [name, false]) });
    server.serve((key) => lay(hostile).get(key));
    await init(lay(hostile));
    server.serve((key) => lay(hostile).get(decodeURIComponent(key)));
    expect(await download('nowhere')).to.equal(1);
    expect(await kept()).to.have.length(4 + names.length);
    expect(await readdir(dir)).to.have.members(['metadata', 'root.json']);
  });
});

/** Delegations by name: delegator -> [role, terminating], each for every path. */
function graph(edges: Readonly<Record<string, readonly (readonly [string, boolean])[]>>): Hostile {
  const hostile = honest();
  hostile.foreign = true;
  const key = hostile.keys.bins;
  const delegations = (roles: readonly (readonly [string, boolean])[]): Delegations => ({
    keys: new Map([[key.keyid, key.key]]),
    roles: roles.map(
      ([name, terminating]): DelegatedRole => ({
        name,
        keyids: [key.keyid],
        threshold: 1,
        terminating,
        paths: ['*'],
        pathHashPrefixes: undefined,
      }),
    ),
    succinct: undefined,
  });
  const plain = hostile.roles['trust']!;
  const targets = { ...hostile.roles['targets']!, delegations: delegations(edges['targets'] ?? []) };
  hostile.roles = { targets };
  for (const [name] of Object.values(edges).flat()) {
    hostile.roles[name] = {
      ...plain,
      signers: [key],
      delegations: edges[name] === undefined ? undefined : delegations(edges[name]),
    };
  }
  return hostile;
}
