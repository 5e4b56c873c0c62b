import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Status } from '../../src/jobs/status.ts';
import type { TransactionResult } from '../../src/transaction/transact.ts';
import { type Loose, live, liveRoles, metadataFiles, metadataPath, sha256, targetFile } from '../support/planted.ts';
import { attempt, done, workspaceAt } from '../support/published.ts';
import { refused } from '../support/refused.ts';

const DAY = 864e5;
const FIVE_BITS = { bits: { bins: 5, recent: 0 } };
const KILLED_AT_THE_SWAP = {
  file: 'transaction/commit.js',
  from: 'store.swap(TIMESTAMP_KEY',
  to: 'process.exit(70), store.swap(TIMESTAMP_KEY',
};

describe('what is published: bins, snapshots, deadlines', function () {
  this.timeout(180_000);

  it('standards 15: a path is in the bin of the first bits of its sha256', async () => {
    const bins = Object.entries(await liveRoles(await workspaceAt('published', FIVE_BITS))).filter(([name]) =>
      name.startsWith('bin5-'),
    );
    const placed = bins.flatMap(([name, role]) =>
      Object.keys(role['targets'] as Loose).map((path) => ({ name, path })),
    );
    expect(placed.length).to.equal(18);
    for (const { name, path } of placed) {
      const index = createHash('sha256').update(path, 'utf8').digest().readUInt8(0) >> 3;
      expect(name, path).to.equal(`bin5-${index.toString(16).padStart(2, '0')}`);
    }
  });

  it('standards 16: all 2^b bins exist before their delegator is published, named in zero-padded lower hex', async () => {
    const dir = await workspaceAt('signed', FIVE_BITS);
    // Killed at the swap: everything is there but the timestamp that would name it.
    const run = await attempt(dir, ['publish'], { mutant: KILLED_AT_THE_SWAP });
    expect(run.exitCode).to.equal(70);
    const names = Array.from({ length: 32 }, (_, i) => `bin5-${i.toString(16).padStart(2, '0')}`);
    expect(await metadataFiles(dir))
      .to.include.members(names.map((name) => `1.${name}.json`))
      .and.not.to.include('timestamp.json');
    const all = await liveRoles(await workspaceAt('published', FIVE_BITS));
    expect(Object.keys(all).filter((name) => name.startsWith('bin5-'))).to.have.members(names);
    expect(all['bins']!['delegations'].succinct_roles).to.include({ bit_length: 5, name_prefix: 'bin5' });
  });

  it('standards 20: the delegation to bins matches every path that is published', async () => {
    const all = await liveRoles(await workspaceAt('published', FIVE_BITS));
    const { paths } = (all['targets']!['delegations'].roles as Loose[]).find((role) => role['name'] === 'bins')!;
    const published = Object.entries(all)
      .filter(([name]) => name.startsWith('bin5-'))
      .flatMap(([, role]) => Object.keys(role['targets'] as Loose));
    for (const path of published) {
      const depth = path.split('/').length;
      expect(
        (paths as string[]).some(
          (pattern) => pattern.split('/').length === depth && path.startsWith(pattern.split('/')[0]!),
        ),
        path,
      ).to.equal(true);
    }
  });

  it('standards 22: the snapshot lists every role and neither root nor timestamp', async () => {
    const dir = await workspaceAt('published');
    const { signed } = await live(dir, 'snapshot');
    expect(Object.keys(signed['meta'] as Loose).sort(byName)).to.deep.equal([
      'bin0.json',
      'claimed.json',
      'deny.json',
      'recent0.json',
      'targets.json',
      'trust.json',
    ]);
  });

  it('standards 23: versions rise, and no version is used for other bytes', async () => {
    const dir = await workspaceAt('published');
    const digests = async (): Promise<[string, string][]> =>
      Promise.all(
        (await metadataFiles(dir))
          .filter((name) => name !== 'timestamp.json')
          .map(async (name) => [name, sha256(await readFile(join(dir, 'public', 'metadata', name)))]),
      );
    const versions = async (): Promise<number[]> =>
      Promise.all(['timestamp', 'snapshot', 'bin0'].map(async (role) => (await live(dir, role)).signed['version']));
    expect(await versions()).to.deep.equal([1, 1, 1]);
    // Somebody's orphan, or an attack: the number is left to it.
    await writeFile(metadataPath(dir, 'bin0', 2), 'other bytes');
    const first = await digests();
    await done(dir, ['target', 'remove', 'decorator']);
    const { stderr } = await done(dir, ['publish']);
    expect(stderr).to.match(/warning: metadata\/2\.bin0\.json: /);
    expect(await versions()).to.deep.equal([3, 3, 3]);
    const second = await digests();
    expect(second).to.include.deep.members(first);
    await done(dir, ['refresh'], { ahead: 4 * DAY });
    expect(await versions()).to.deep.equal([4, 4, 3]);
    expect(await digests()).to.include.deep.members(second);
    await done(dir, ['verify']);
  });

  it('standards 24: the timestamp lists version, length and sha256 of the snapshot', async () => {
    const dir = await workspaceAt('published');
    const snapshot = await live(dir, 'snapshot');
    const { signed } = await live(dir, 'timestamp');
    expect(signed['meta']).to.deep.equal({
      'snapshot.json': { version: 1, length: snapshot.bytes.length, hashes: { sha256: sha256(snapshot.bytes) } },
    });
  });

  it('standards 26: a publish whose last step fails leaves the old state live and readable', async () => {
    const dir = await workspaceAt('published');
    await done(dir, ['target', 'remove', 'decorator']);
    const before = await readFile(join(dir, 'public', 'metadata', 'timestamp.json'));
    expect((await attempt(dir, ['publish'], { mutant: KILLED_AT_THE_SWAP })).exitCode).to.equal(70);
    expect(await readFile(join(dir, 'public', 'metadata', 'timestamp.json'))).to.deep.equal(before);
    await done(dir, ['verify']);
    await done(dir, ['publish']);
    await done(dir, ['verify']);
  });

  it('standards 27: files are called V.name.json and HASH.file, with one object for each hash', async () => {
    const dir = await workspaceAt('published');
    for (const name of await metadataFiles(dir))
      expect(name).to.match(/^(timestamp|[1-9]\d*\.[a-z][a-z0-9.-]*)\.json$/);
    for (const role of Object.values(await liveRoles(dir))) {
      for (const [path, target] of Object.entries((role['targets'] ?? {}) as Record<string, Loose>)) {
        const slash = path.lastIndexOf('/') + 1;
        const file = join(
          dir,
          'public',
          'targets',
          `${path.slice(0, slash)}${target['hashes'].sha256}.${path.slice(slash)}`,
        );
        expect(sha256(await readFile(file))).to.equal(target['hashes'].sha256);
      }
    }
  });

  it('standards 29: snapshot and timestamp are new whenever a role is', async () => {
    const dir = await workspaceAt('published');
    await done(dir, ['target', 'remove', 'decorator']);
    const { signed } = (await done(dir, ['publish', '--json'])).json<TransactionResult>();
    expect(signed).to.include.members(['bin0', 'snapshot', 'timestamp']);
    expect((await live(dir, 'timestamp')).signed['version']).to.equal(2);
    expect((await live(dir, 'snapshot')).signed['version']).to.equal(2);
  });

  it('standards 31: each snapshot has the files and the pages that list them, JSON and HTML', async () => {
    const dir = await workspaceAt('published');
    await pagesListTheirFiles(dir, ['decorator', 'iniconfig', 'mdurl', 'six', 'sniffio', 'zipp']);
    await done(dir, ['target', 'remove', 'decorator', 'six==1.17.0']);
    await done(dir, ['publish']);
    await pagesListTheirFiles(dir, ['iniconfig', 'mdurl', 'sniffio', 'zipp']);
  });

  it('standards 32: what is about to expire is signed anew with a higher version, and deadlines are shown', async () => {
    const dir = await workspaceAt('published');
    const before = (await live(dir, 'bin0')).signed;
    const ahead = 16 * DAY;
    const { signed } = (await done(dir, ['refresh', '--json'], { ahead })).json<TransactionResult>();
    expect(signed).to.include.members(['bin0', 'recent0', 'deny', 'snapshot', 'timestamp']);
    const after = (await live(dir, 'bin0')).signed;
    expect(after['version']).to.be.greaterThan(before['version'] as number);
    expect(after['targets']).to.deep.equal(before['targets']);
    const { roles: shown } = (await done(dir, ['status', '--json'], { ahead })).json<Status>();
    expect(shown.map((role) => role.role)).to.include.members(['root', 'timestamp', 'snapshot', 'targets', 'bin0']);
    const deadlines = shown.map((role) => new Date(role.expires).getTime());
    expect(deadlines).to.deep.equal([...deadlines].sort((a, b) => a - b));
  });

  it("standards 33: the expiries are the design's, or PEP 458's, and a timestamp never outlives its snapshot", async () => {
    const dir = await workspaceAt('published', { profile: 'company' });
    const days = async (role: string) =>
      Math.round((Date.parse((await live(dir, role)).signed['expires']) - Date.now()) / DAY);
    expect([
      await days('timestamp'),
      await days('snapshot'),
      await days('deny'),
      await days('root'),
      await days('claimed'),
    ]).to.deep.equal([1, 7, 30, 365, 180]);
    await done(dir, ['init', 'pep', '--pep458-expiry']);
    expect(await readFile(join(dir, 'pep', 'tufa.yaml'), 'utf8')).to.match(
      /snapshot: 1d\n {2}timestamp: 1d .*\n {2}leaves: 1d/,
    );
    const config = join(dir, 'tufa.yaml');
    await writeFile(config, (await readFile(config, 'utf8')).replace(/timestamp: 1d/, 'timestamp: 8d'));
    await refused(dir, ['refresh'], { exitCode: 3, object: /tufa\.yaml:\d+:\d+: expires\.timestamp/ });
  });
});

/** In the live snapshot: every page lists its project's files with their digests, and no other. */
async function pagesListTheirFiles(dir: string, projects: readonly string[]): Promise<void> {
  const targets = (await live(dir, 'bin0')).signed['targets'] as Loose;
  const files = Object.keys(targets).filter((path) => path.startsWith('packages/'));
  expect([...new Set(files.map((path) => path.split('/')[1]))].sort(byName)).to.deep.equal(projects);
  for (const page of Object.keys(targets).filter((path) => path.startsWith('simple/'))) {
    const text = (await targetFile(dir, page, targets[page].hashes.sha256)).toString('utf8');
    const project = page.split('/')[1]!;
    const own = files.filter((path) => path.startsWith(`packages/${project}/`));
    if (page.endsWith('.html')) {
      expect(text.match(/<a /g)?.length ?? 0, page).to.equal(own.length);
      for (const path of own) expect(text).to.include(path.split('/')[2]).and.to.include(targets[path].hashes.sha256);
    } else {
      const listed = (JSON.parse(text) as { files: Loose[] }).files;
      expect(listed.map((file) => `packages/${project}/${file['filename']}`)).to.deep.equal(own);
      for (const [i, path] of own.entries())
        expect(listed[i]!['hashes']).to.deep.equal({ sha256: targets[path].hashes.sha256 });
    }
  }
}

function byName(a: string | undefined = '', b: string | undefined = ''): number {
  return a < b ? -1 : 1;
}
