import { existsSync } from 'node:fs';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import type { DelegatedRole, Delegations } from '../../src/tuf/model.ts';
import { HONEST, type Hostile, honest, lay, POLICY, WHEEL } from './support/hostile.ts';
import { aptInstall } from './support/tools.ts';
import { ClientUnderTest, FAKETIME } from './support/tufa-client.ts';

/**
 * The client for the TUF project's conformance suite, held against what the suite asks: options before the command word,
 * exit 0 or 1 only, `ROLE.json` in the metadata folder, no request that is not needed.
 */
describe('tufa-client', function () {
  this.timeout(120_000);
  let client: ClientUnderTest;

  beforeEach(async () => {
    client = await ClientUnderTest.make();
  });

  afterEach(() => client.remove());

  it('init copies the root and asks for nothing; refresh asks for what it needs and keeps it as it was fetched', async () => {
    const files = lay(honest());
    expect(await client.init(files)).to.equal(0);
    expect(client.asked()).to.deep.equal([]);
    expect(await client.kept()).to.deep.equal(['root.json']);

    expect(await client.refresh()).to.equal(0);
    expect(client.asked()).to.deep.equal([
      'metadata/2.root.json',
      'metadata/timestamp.json',
      'metadata/3.snapshot.json',
      'metadata/3.targets.json',
    ]);
    expect(await client.kept()).to.deep.equal(['root.json', 'snapshot.json', 'targets.json', 'timestamp.json']);
    expect(await readFile(join(client.metadata, 'targets.json'))).to.deep.equal(files.get('metadata/3.targets.json'));

    expect(await client.refresh()).to.equal(0);
    expect(client.asked()).to.deep.equal(['metadata/2.root.json', 'metadata/timestamp.json']);
  });

  it('downloads several targets in order, stops at the first failure, and asks for none twice', async () => {
    const files = lay(honest());
    expect(await client.init(files)).to.equal(0);
    expect(await client.download(WHEEL, POLICY)).to.equal(0);
    const targets = await readdir(client.targets);
    expect(targets).to.have.length(2);
    const texts = await Promise.all(targets.map((name) => readFile(join(client.targets, name), 'utf8')));
    expect(texts.sort()).to.deep.equal([HONEST[POLICY], HONEST[WHEEL]].sort());

    client.asked();
    expect(await client.download(WHEEL, POLICY)).to.equal(0);
    expect(client.asked().filter((key) => key.startsWith('targets/'))).to.deep.equal([]);

    await rm(client.targets, { recursive: true });
    expect(await client.download('packages/no/no-1.0.zip', WHEEL)).to.equal(1);
    expect(client.asked().filter((key) => key.startsWith('targets/'))).to.deep.equal([]);
  });

  it('refuses an older timestamp and keeps the newer one', async () => {
    const hostile = honest();
    const old = lay(hostile);
    expect(await client.init(old)).to.equal(0);
    hostile.version = 4;
    client.serve(lay(hostile));
    expect(await client.refresh()).to.equal(0);
    const before = await readFile(join(client.metadata, 'timestamp.json'));
    client.serve(old);
    expect(await client.refresh()).to.equal(1);
    expect(await readFile(join(client.metadata, 'timestamp.json'))).to.deep.equal(before);
  });

  it('keeps the same timestamp when only its content changes', async () => {
    const hostile = honest();
    hostile.foreign = true;
    expect(await client.init(lay(hostile))).to.equal(0);
    expect(await client.refresh()).to.equal(0);
    const before = await readFile(join(client.metadata, 'timestamp.json'));
    hostile.now = new Date(hostile.now.getTime() + 3_600_000);
    client.serve(lay(hostile));
    expect(await client.refresh()).to.equal(0);
    expect(await readFile(join(client.metadata, 'timestamp.json'))).to.deep.equal(before);
  });

  it('refuses a root that its own threshold has not signed, without a request', async () => {
    const files = lay(honest());
    const forged = Buffer.from(
      Buffer.from(files.get('metadata/1.root.json')!)
        .toString('utf8')
        .replaceAll(/"sig":"../g, '"sig":"00'),
    );
    expect(await client.init(new Map([...files, ['metadata/1.root.json', forged]]))).to.equal(0);
    client.asked();
    expect(await client.refresh()).to.equal(1);
    expect(client.asked()).to.deep.equal([]);
  });

  it('refuses what has expired at the time that it is given', async () => {
    if (!existsSync(FAKETIME)) await aptInstall(['faketime']);
    if (!existsSync(FAKETIME)) throw new Error('faketime is missing: apt-get install faketime');
    const hostile = honest();
    expect(await client.init(lay(hostile))).to.equal(0);
    const later = (days: number) =>
      `${new Date(hostile.now.getTime() + days * 864e5).toISOString().slice(0, 19).replace('T', ' ')}+00:00`;
    expect(await client.refresh(later(0.5))).to.equal(0);
    expect(await client.refresh(later(2))).to.equal(1);
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
    expect(await client.init(lay(hostile))).to.equal(0);
    expect(await client.download('nowhere')).to.equal(1);
    expect(client.asked().slice(3)).to.deep.equal([
      'metadata/3.targets.json',
      'metadata/3.a.json',
      'metadata/3.b.json',
    ]);
  });

  it('copes with odd names of roles and never lets them out of its folder', async () => {
    const names = ['?', '#', '/delegated', '../delegated', '.', 'ä'];
    const hostile = graph({ targets: names.map((name) => [name, false]) });
    client.serve((key) => lay(hostile).get(key));
    expect(await client.init(lay(hostile))).to.equal(0);
    client.serve((key) => lay(hostile).get(decodeURIComponent(key)));
    expect(await client.download('nowhere')).to.equal(1);
    expect(await client.kept()).to.have.length(4 + names.length);
    expect(await readdir(client.dir)).to.have.members(['metadata', 'root.json']);
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
