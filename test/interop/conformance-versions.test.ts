import { expect } from 'chai';
import { sha256Hex, sha512Hex } from '../../src/tuf/digest.ts';
import { TARGETS_PREFIX, targetKey } from '../../src/tuf/layout.ts';
import { testKey } from '../support/repository.ts';
import { inDays, Simulator } from './support/simulator.ts';
import { ClientUnderTest } from './support/tufa-client.ts';

/** tufa-client while a repository goes through versions: what the conformance suite asks about rollback, keys and content. */
describe('tufa-client through the versions of a repository', function () {
  this.timeout(120_000);
  let client: ClientUnderTest;

  beforeEach(async () => {
    client = await ClientUnderTest.make();
  });

  afterEach(() => client.remove());

  /** A repository that the client has seen once. */
  async function seen(options: { hashes?: boolean } = {}): Promise<Simulator> {
    const simulator = new Simulator(options);
    expect(await client.init(simulator.files)).to.equal(0);
    return simulator;
  }

  const versions = async () => {
    const roles = ['root', 'timestamp', 'snapshot', 'targets'];
    return Promise.all(roles.map((role) => client.version(role)));
  };

  for (const hashes of [false, true]) {
    it(`keeps what it has when snapshot or targets go back, ${hashes ? 'with' : 'without'} hashes`, async () => {
      const repository = await seen({ hashes });
      repository.publish('targets', 'snapshot', 'timestamp');
      expect(await client.refresh()).to.equal(0);
      expect(await versions()).to.deep.equal([1, 2, 2, 2]);

      repository.snapshot.version = 1;
      repository.put('snapshot');
      repository.publish('timestamp');
      expect(await client.refresh()).to.equal(1);
      expect(await versions()).to.deep.equal([1, 2, 2, 2]);

      repository.targets['targets']!.version = 1;
      repository.put('targets');
      repository.snapshot.version = 2;
      repository.publish('snapshot', 'timestamp');
      expect(await client.refresh()).to.equal(1);
      expect((await versions()).slice(2)).to.deep.equal([2, 2]);
    });
  }

  it('takes lower versions of timestamp, snapshot and targets again after a root that drops the keys which signed the higher', async () => {
    const repository = await seen();
    repository.targets['targets']!.version = 100;
    repository.snapshot.version = 100;
    repository.timestamp.version = 100;
    for (const role of ['targets', 'snapshot', 'timestamp']) repository.put(role);
    expect(await client.refresh()).to.equal(0);
    repository.rotate('timestamp');
    repository.rotate('snapshot');
    repository.publish('root');
    repository.targets['targets']!.version = 1;
    repository.snapshot.version = 2;
    repository.timestamp.version = 3;
    for (const role of ['targets', 'snapshot', 'timestamp']) repository.put(role);
    expect(await client.refresh()).to.equal(0);
    expect(await versions()).to.deep.equal([2, 3, 2, 1]);
  });

  it('keeps root and timestamp when the snapshot is another one than was listed, and asks for nothing more', async () => {
    const repository = await seen();
    repository.snapshot.version = 2;
    repository.put('snapshot');
    repository.files.set('metadata/1.snapshot.json', repository.files.get('metadata/2.snapshot.json')!);
    expect(await client.refresh()).to.equal(1);
    expect(client.asked()).to.deep.equal([
      'metadata/2.root.json',
      'metadata/timestamp.json',
      'metadata/1.snapshot.json',
    ]);
    expect(await client.kept()).to.deep.equal(['root.json', 'timestamp.json']);
  });

  it('refuses targets that are not what the snapshot lists', async () => {
    const repository = await seen({ hashes: true });
    expect(await client.refresh()).to.equal(0);
    repository.publish('targets', 'snapshot', 'timestamp');
    const file = Buffer.from(repository.files.get('metadata/2.targets.json')!);
    repository.files.set('metadata/2.targets.json', Buffer.concat([file, Buffer.from(' ')]));
    expect(await client.refresh()).to.equal(1);
    expect(await versions()).to.deep.equal([1, 2, 2, 1]);
  });

  it('follows roots one by one, each signed by the keys before it, and stays with the last good one', async () => {
    const repository = await seen();
    repository.root.roles.root.threshold = 2;
    repository.addKey('root');
    repository.publish('root');
    const two = repository.signers.get('root')!;
    repository.rotate('root');
    repository.signers.set('root', [...two, ...repository.signers.get('root')!]);
    repository.root.expires = inDays(-1);
    repository.publish('root');
    repository.root.expires = inDays(30);
    repository.publish('root');
    expect(await client.refresh()).to.equal(0);
    expect(client.asked().slice(0, 4)).to.deep.equal([2, 3, 4, 5].map((version) => `metadata/${version}.root.json`));
    expect(await client.version('root')).to.equal(4);

    repository.signers.set('root', two);
    repository.publish('root');
    expect(await client.refresh()).to.equal(1);
    expect(await client.version('root')).to.equal(4);
  });

  it('moves root forward when the rest fails: a threshold that nobody reaches, and then is reached', async () => {
    const repository = await seen();
    repository.root.roles.snapshot.threshold = 3;
    repository.publish('root', 'snapshot', 'timestamp');
    expect(await client.refresh()).to.equal(1);
    expect(await client.version('root')).to.equal(2);

    repository.addKey('snapshot');
    repository.addKey('snapshot');
    repository.publish('root', 'snapshot', 'timestamp');
    expect(await client.refresh()).to.equal(0);
    expect(await versions()).to.deep.equal([3, 3, 3, 1]);
  });

  it('refuses a root in which one key has two keyids, which would reach a threshold alone', async () => {
    const repository = await seen();
    const { key, sign } = testKey();
    repository.root.roles.snapshot.threshold = 2;
    repository.root.roles.snapshot.keyids = [];
    repository.signers.delete('snapshot');
    for (const keyid of ['a'.repeat(64), 'b'.repeat(64)])
      repository.addKey('snapshot', { keyid, key, sign: (payload) => ({ ...sign(payload), keyid }) });
    repository.publish('root', 'snapshot', 'timestamp');
    expect(await client.refresh()).to.equal(1);
    expect(await client.version('root')).to.equal(1);
  });

  it('takes fields that it does not know, in keys and roles as well, and keeps files as they were fetched', async () => {
    const repository = await seen();
    const [keyid = ''] = repository.root.roles.root.keyids;
    Object.assign(repository.root, { 'a-field': { deep: [1, null, true] } });
    Object.assign(repository.root.keys[keyid]!, { keyid_hash_algorithms: ['md5'] });
    Object.assign(repository.root.roles.timestamp, { 'b-field': 'text' });
    repository.publish('root');
    expect(await client.refresh()).to.equal(0);
    for (const [role, version] of [
      ['root', '2.'],
      ['timestamp', ''],
      ['snapshot', '1.'],
      ['targets', '1.'],
    ])
      expect(await client.bytes(role!), role).to.deep.equal(repository.files.get(`metadata/${version}${role}.json`));
  });

  for (const role of ['timestamp', 'snapshot', 'targets', 'delegated'] as const) {
    it(`refuses ${role} metadata that has expired`, async () => {
      const repository = await seen();
      repository.delegate('targets', 'delegated');
      repository.add('delegated', 'file', 'text');
      const { timestamp, snapshot, targets } = repository;
      const part = { timestamp, snapshot, targets: targets['targets']!, delegated: targets['delegated']! }[role];
      part.expires = inDays(-1);
      repository.publish('delegated', 'targets', 'snapshot', 'timestamp');
      expect(await client.download('file')).to.equal(1);
      expect(await client.texts()).to.deep.equal([]);
    });
  }

  it('downloads from a folder, by a sha512 alone, and a changed target anew; never what was put in its place', async () => {
    const repository = await seen();
    repository.add('targets', 'a/b/file', 'one');
    const long = sha512Hex('long');
    repository.targets['targets']!.targets['long'] = { length: 4, hashes: { sha512: long } };
    repository.files.set(`${TARGETS_PREFIX}${long}.long`, Buffer.from('long'));
    repository.publish('targets', 'snapshot', 'timestamp');
    expect(await client.download('a/b/file', 'long')).to.equal(0);
    expect(await client.texts()).to.deep.equal(['long', 'one']);

    repository.add('targets', 'a/b/file', 'two');
    repository.publish('targets', 'snapshot', 'timestamp');
    expect(await client.download('a/b/file')).to.equal(0);
    expect(await client.texts()).to.deep.equal(['long', 'two']);

    repository.add('targets', 'a/b/file', 'six');
    repository.files.set(targetKey('a/b/file', sha256Hex('six')), Buffer.from('bad'));
    repository.publish('targets', 'snapshot', 'timestamp');
    expect(await client.download('a/b/file')).to.equal(1);
    expect(await client.texts()).to.deep.equal(['long', 'two']);
  });

  it('verifies what it has kept of a role by the key that its delegator names now', async () => {
    const repository = await seen();
    repository.delegate('targets', 'a');
    repository.add('a', 'file', 'text');
    repository.publish('a', 'targets', 'snapshot', 'timestamp');
    expect(await client.download('file')).to.equal(0);
    client.asked();
    repository.publish('snapshot', 'timestamp');
    expect(await client.download('file')).to.equal(0);
    expect(client.asked()).to.deep.equal([
      'metadata/2.root.json',
      'metadata/timestamp.json',
      'metadata/3.snapshot.json',
    ]);

    delete repository.targets['targets']!.delegations;
    repository.signers.set('a', [testKey()]);
    repository.delegate('targets', 'a');
    repository.publish('targets', 'snapshot', 'timestamp');
    expect(await client.download('file')).to.equal(1);
  });
});
