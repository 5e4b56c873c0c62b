/** The drivers themselves: each of the four tells a good repository from a bad one before it judges tufa's. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { startServer, type TestServer } from '../support/server.ts';
import pins from './pins.json' with { type: 'json' };
import { type Client, type ClientName, type ClientResult, startClient } from './support/clients.ts';
import { type KeyKind, type ReferenceRepository, referenceRepository } from './support/reference.ts';
import { chosenClients } from './support/selection.ts';

const { clients: CHOSEN, leftOut } = chosenClients();
const PATHS = ['one.txt', 'two.txt'];

/** Each client's own words for the check that refused. */
const REFUSALS: Record<'root' | 'timestamp' | 'rollback' | 'content' | 'expired', Record<ClientName, RegExp>> = {
  timestamp: {
    'python-tuf': /^UnsignedMetadataError: timestamp was signed by 0\/1 keys/,
    'tuf-js': /^UnsignedMetadataError: timestamp was signed by 0\/1 keys/,
    'go-tuf': /^ErrUnsignedMetadata: .*timestamp/,
    tough: /^VerifyMetadata: .*timestamp/i,
  },
  root: {
    'python-tuf': /^UnsignedMetadataError: root was signed by 0\/2 keys/,
    'tuf-js': /^UnsignedMetadataError: root was signed by 0\/2 keys/,
    'go-tuf': /^ErrUnsignedMetadata: .*root/,
    tough: /^VerifyMetadata: .*root/i,
  },
  rollback: {
    'python-tuf': /^BadVersionNumberError: /,
    'tuf-js': /^BadVersionError: /,
    'go-tuf': /^ErrBadVersionNumber: /,
    tough: /^OlderMetadata: /,
  },
  content: {
    'python-tuf': /^LengthOrHashMismatchError: /,
    'tuf-js': /^LengthOrHashMismatchError: /,
    'go-tuf': /^ErrLengthOrHashMismatch: /,
    tough: /^Transport: .*hash mismatch/i,
  },
  expired: {
    'python-tuf': /^ExpiredMetadataError: /,
    'tuf-js': /^ExpiredMetadataError: /,
    'go-tuf': /^ErrExpiredMetadata: /,
    tough: /^ExpiredMetadata: /,
  },
};

describe(`real clients${leftOut.length > 0 ? ` (left out: ${leftOut.join(', ')})` : ''}`, () => {
  const clients = new Map<ClientName, Client>();
  let folder: string;
  let server: TestServer;
  let runs = 0;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tufa-clients-'));
    server = await startServer(new Map());
    for (const name of CHOSEN) {
      clients.set(name, await startClient(name));
    }
  });

  after(async () => {
    await Promise.all([...clients.values()].map((client) => client.stop()));
    await server?.stop();
    await rm(folder, { recursive: true });
  });

  /** One run of a client against a repository; a `state` of the same name is kept from run to run. */
  async function run(
    name: ClientName,
    repository: Pick<ReferenceRepository, 'root' | 'files'>,
    { state = `fresh-${runs}`, targets = PATHS, now }: { state?: string; targets?: string[]; now?: string } = {},
  ): Promise<ClientResult> {
    runs += 1;
    const root = join(folder, `root-${runs}.json`);
    await writeFile(root, repository.root);
    server.serve(repository.files);
    const request = {
      metadataUrl: `${server.url}metadata/`,
      targetsUrl: `${server.url}targets/`,
      root,
      state: join(folder, name, state),
      targets,
    };
    return clients.get(name)!.run(now === undefined ? request : { ...request, now });
  }

  it('pins.json, the lock files and the drivers name the same versions', async () => {
    const text = (file: string) => readFile(join(import.meta.dirname, 'clients', file), 'utf8');
    expect(pins['python-tuf'].packages.tuf).to.equal(pins['python-tuf'].version);
    expect(await text('go-tuf/go.mod')).to.contain(`${pins['go-tuf'].module} ${pins['go-tuf'].version}\n`);
    expect(await text('tough/Cargo.toml')).to.contain(`tough = { version = "=${pins.tough.version}"`);
    expect(await text('tough/Cargo.lock')).to.contain(`name = "tough"\nversion = "${pins.tough.version}"\n`);
    for (const [name, client] of clients) {
      expect(client.version).to.equal(pins[name].version);
    }
  });

  for (const name of CHOSEN) {
    describe(name, () => {
      for (const keys of ['ed25519', 'ecdsa', 'rsa'] satisfies KeyKind[]) {
        it(`downloads every target of a good repository, ${keys}, fresh and from a kept state`, async () => {
          const repository = referenceRepository({ keys });
          const first = repository.publish({ 'one.txt': 'one', 'two.txt': 'two' });
          const fresh = await run(name, repository, { state: keys, targets: [...PATHS, 'three.txt'] });
          expect(fresh).to.deep.equal({
            clock: 'wall',
            refresh: 'ok',
            rootVersion: 1,
            timestampVersion: 1,
            snapshotVersion: 1,
            targets: { 'one.txt': hash(first, 'one.txt'), 'two.txt': hash(first, 'two.txt'), 'three.txt': 'absent' },
          });
          repository.rotateTimestampKey();
          const second = repository.publish({ 'two.txt': 'changed', 'three.txt': 'three' });
          repository.refresh();
          const kept = await run(name, repository, { state: keys, targets: [...PATHS, 'three.txt'] });
          expect(kept).to.deep.equal({
            clock: 'wall',
            refresh: 'ok',
            rootVersion: 2,
            timestampVersion: 3,
            snapshotVersion: 3,
            targets: {
              'one.txt': 'absent',
              'two.txt': hash(second, 'two.txt'),
              'three.txt': hash(second, 'three.txt'),
            },
          });
        });
      }

      it('refuses a target whose bytes were changed, and downloads the next one', async () => {
        const repository = referenceRepository();
        const digests = repository.publish({ 'one.txt': 'one', 'two.txt': 'two' });
        repository.files.set(`targets/${digests['one.txt']}.one.txt`, Buffer.from('eno'));
        const { refresh, targets } = await run(name, repository);
        expect(refresh).to.equal('ok');
        expect(targets['one.txt']).to.have.property('error').that.matches(REFUSALS.content[name]);
        expect(targets['two.txt']).to.deep.equal(hash(digests, 'two.txt'));
      });

      it('refuses a timestamp older than the one it has seen', async () => {
        const repository = referenceRepository();
        repository.publish({ 'one.txt': 'one' });
        const old = new Map(repository.files);
        repository.refresh();
        expect((await run(name, repository, { state: 'rollback' })).refresh).to.equal('ok');
        const { refresh, targets } = await run(name, { ...repository, files: old }, { state: 'rollback' });
        expect(refresh).to.have.property('error').that.matches(REFUSALS.rollback[name]);
        expect(targets).to.deep.equal({});
        expect((await run(name, { ...repository, files: old })).refresh, 'a fresh client').to.equal('ok');
      });

      it('refuses a repository of another root', async () => {
        const other = referenceRepository().root;
        const repository = referenceRepository();
        repository.publish({ 'one.txt': 'one' });
        const timestamp = await run(name, { ...repository, root: other });
        expect(timestamp.refresh).to.have.property('error').that.matches(REFUSALS.timestamp[name]);
        repository.rotateTimestampKey();
        repository.refresh();
        const nextRoot = await run(name, { ...repository, root: other });
        expect(nextRoot.refresh).to.have.property('error').that.matches(REFUSALS.root[name]);
      });

      it('knows the time that it is given, or says that it took its own', async () => {
        const repository = referenceRepository();
        repository.publish({ 'one.txt': 'one' });
        const later = await run(name, repository, { now: '2098-01-02T00:00:00Z' });
        if (name === 'tough') {
          expect([later.clock, later.refresh]).to.deep.equal(['wall', 'ok']);
        } else {
          expect(later.clock).to.equal('given');
          expect(later.refresh).to.have.property('error').that.matches(REFUSALS.expired[name]);
        }
        const expired = referenceRepository({ expires: '2020-01-01T00:00:00Z' });
        expired.publish({ 'one.txt': 'one' });
        const { refresh } = await run(name, expired);
        expect(refresh).to.have.property('error').that.matches(REFUSALS.expired[name]);
      });

      it(`${name === 'tough' ? 'cannot read' : 'reads'} succinct bins`, async () => {
        const repository = referenceRepository({ bits: 2 });
        const names = Array.from({ length: 12 }, (_, index) => `file-${index}.txt`);
        const digests = repository.publish(Object.fromEntries(names.map((path) => [path, `text of ${path}`])));
        const { refresh, targets } = await run(name, repository, { targets: [...names, 'absent.txt'] });
        if (name === 'tough') {
          expect(refresh)
            .to.have.property('error')
            .that.matches(/^ParseMetadata: .*missing field .roles./);
          return;
        }
        expect(refresh).to.equal('ok');
        const expected = names.map((path) => [path, hash(digests, path)]);
        expect(targets).to.deep.equal(Object.fromEntries([...expected, ['absent.txt', 'absent']]));
      });

      it('downloads a file in a folder; tough only under a name of its own', async () => {
        const path = 'packages/one/one.whl';
        for (const toughNames of [false, true]) {
          const repository = referenceRepository({ toughNames });
          const digests = repository.publish({ [path]: 'a wheel' });
          const { refresh, targets } = await run(name, repository, { targets: [path] });
          expect(refresh).to.equal('ok');
          if (name === 'tough' && !toughNames) {
            expect(targets[path]).to.have.property('error').that.matches(/404/);
          } else {
            expect(targets[path]).to.deep.equal(hash(digests, path));
          }
        }
      });

      it('is ended and started again when it gives no answer in time', async () => {
        const repository = referenceRepository();
        repository.publish({ 'one.txt': 'one' });
        server.serve(() => new Promise(() => undefined));
        const root = join(folder, 'root-late.json');
        await writeFile(root, repository.root);
        const request = { metadataUrl: server.url, targetsUrl: server.url, root, state: join(folder, name, 'late') };
        const late = await clients
          .get(name)!
          .run({ ...request, targets: [] }, 300)
          .catch((error: Error) => error);
        expect(late).to.be.instanceOf(Error).with.property('message').that.contains('no answer in time');
        expect((await run(name, repository)).refresh).to.equal('ok');
      });
    });
  }
});

function hash(digests: Record<string, string>, path: string): { sha256: string } {
  return { sha256: digests[path]! };
}
