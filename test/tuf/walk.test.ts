import { expect } from 'chai';
import { TrustError } from '../../src/errors.ts';
import { binName, binNames } from '../../src/tuf/bins.ts';
import { trustRoot } from '../../src/tuf/checks.ts';
import { sha256Hex } from '../../src/tuf/digest.ts';
import { rolesFor } from '../../src/tuf/lint.ts';
import type { Delegations, TargetFile } from '../../src/tuf/model.ts';
import { splice } from '../../src/tuf/run.ts';
import { succinctDelegations } from '../../src/tuf/tree.ts';
import { Client, delegationsFor } from '../../src/tuf/walk.ts';
import { drive, keyring, NOW, roleKeys, TestRepository, targetsRun, testKey, theirDelegations } from './repository.ts';

function clientOf(repository: TestRepository): Client {
  const root = trustRoot(repository.files.get('1.root.json')!);
  return new Client({ root, timestamp: undefined, snapshot: undefined });
}

function fresh(repository: TestRepository): Client {
  const client = clientOf(repository);
  drive(client.refresh(NOW), repository.files);
  return client;
}

function find(
  client: Client,
  { files }: TestRepository,
  path: string,
  notes?: Parameters<typeof drive>[2],
): TargetFile | undefined {
  return drive(client.findTarget(path, NOW), files, notes);
}

describe('Client.refresh', () => {
  it('asks for the next root, timestamp and snapshot, in this order, and for nothing else', () => {
    const repository = new TestRepository();
    const asked: string[] = [];
    drive(clientOf(repository).refresh(NOW), repository.files, { asked });
    expect(asked).to.deep.equal(['2.root.json', 'timestamp.json', '1.snapshot.json']);
  });

  it('does not ask for a snapshot that it has', () => {
    const repository = new TestRepository();
    const client = fresh(repository);
    const asked: string[] = [];
    drive(client.refresh(NOW), repository.files, { asked });
    expect(asked).to.deep.equal(['2.root.json', 'timestamp.json']);
  });

  it('follows roots one by one, and keeps those that it could verify', () => {
    const repository = new TestRepository();
    repository.root(2);
    repository.root(3);
    repository.root(4, {}, [testKey()]);
    const client = clientOf(repository);
    const asked: string[] = [];
    expect(() => drive(client.refresh(NOW), repository.files, { asked })).to.throw(TrustError, '4.root.json');
    expect(client.trusted.root.signed.version).to.equal(3);
    expect(asked).to.deep.equal(['2.root.json', '3.root.json', '4.root.json']);
  });

  it('refuses an expired root only after it has looked for a newer one', () => {
    const repository = new TestRepository();
    repository.root(1, { expires: NOW });
    repository.publish(1);
    expect(() => fresh(repository))
      .to.throw(TrustError, 'root 1: expired')
      .with.nested.property('details.check', '5.3.10');
    repository.root(2);
    expect(fresh(repository).trusted.root.signed.version).to.equal(2);
  });

  it('says what is missing', () => {
    const repository = new TestRepository();
    repository.files.delete('1.snapshot.json');
    expect(() => fresh(repository))
      .to.throw(TrustError, '1.snapshot.json: not there')
      .with.property('code', 'trust.missing');
    repository.files.delete('timestamp.json');
    expect(() => fresh(repository)).to.throw(TrustError, 'timestamp.json: not there');
  });

  it('allows each file what clients allow, and what is signed where it is', () => {
    const repository = new TestRepository();
    const steps = clientOf(repository).refresh(NOW);
    const allowed: number[] = [];
    for (let step = steps.next(); !step.done; ) {
      allowed.push(step.value.maxLength);
      step = steps.next(repository.files.get(step.value.name));
    }
    expect(allowed).to.deep.equal([512_000, 16_384, repository.files.get('1.snapshot.json')!.length]);
  });
});

for (const bits of [
  { bins: 0, recent: 0 },
  { bins: 2, recent: 2 },
]) {
  describe(`Client.findTarget with bins ${bits.bins} and recent ${bits.recent}`, () => {
    const tree = new TestRepository(bits);
    const key = tree.keys.binLeaves;
    const delegations = new Map<string, Delegations>([['targets', tree.targetsDelegations()]]);
    for (const [role, prefix, width] of [
      ['bins', 'bin', bits.bins],
      ['recent', 'recent', bits.recent],
    ] as const)
      if (width > 0) delegations.set(role, succinctDelegations(keyring(key), roleKeys(1, key), prefix, width));
    const leafOf = (path: string): string => rolesFor(delegations, path).at(-1)!;

    const page = 'simple/foo/index.html';
    const policy = 'policies/foo.json';
    const claimed = 'policies/bar.json';
    const leaf = leafOf(page);
    const repository = new TestRepository({
      ...bits,
      listed: {
        [leaf]: [page],
        [leafOf(policy)]: [policy],
        claimed: [claimed],
        trust: ['trust/log.json'],
        deny: ['deny/deny.json'],
      },
    });

    it('finds each path in the role that lists it', () => {
      const client = fresh(repository);
      for (const path of [page, policy, claimed, 'trust/log.json', 'deny/deny.json'])
        expect(find(client, repository, path)?.sha256, path).to.equal(sha256Hex(path));
    });

    it('finds nothing at other paths', () => {
      const client = fresh(repository);
      for (const path of [
        'simple/foo',
        'simple/foo/bar/index.html',
        'trust/deep/log.json',
        'policies/x.json',
        'other',
        '',
      ])
        if (path !== '') expect(find(client, repository, path), path).to.equal(undefined);
    });

    it('asks only for roles on the way, each once', () => {
      const client = fresh(repository);
      const asked: string[] = [];
      find(client, repository, page, { asked });
      find(client, repository, page, { asked });
      const names = bits.bins === 0 ? ['targets', leaf] : ['targets', 'bins', leaf];
      expect(asked).to.deep.equal(names.map((name) => `1.${name}.json`));
    });

    it('takes what was kept where it is the file that the snapshot lists, and asks where it is not', () => {
      const kept = new Map(repository.files);
      kept.set(`1.${leaf}.json`, Buffer.from('damaged'));
      const asked: string[] = [];
      expect(find(fresh(repository), repository, page, { asked, kept })?.length).to.equal(page.length);
      expect(asked).to.deep.equal([`1.${leaf}.json`]);
    });

    it('takes a claimed policy before one of recent, and never one of a bin', () => {
      const forged = new TestRepository({ ...bits, listed: { claimed: [claimed] } });
      const forgery = {
        targets: Buffer.from(
          Buffer.from(targetsRun(claimed))
            .toString()
            .replace(/[0-9a-f]{64}/, '0'.repeat(64)),
        ),
      };
      forged.role(leafOf(claimed), 2, forgery);
      forged.role(bits.bins === 0 ? 'bin0' : binName('bin', bits.bins, 0), 2, { targets: targetsRun(claimed, policy) });
      forged.publish(2);
      const client = fresh(forged);
      expect(find(client, forged, claimed)?.sha256).to.equal(sha256Hex(claimed));
      expect(find(client, forged, policy)).to.equal(undefined);
    });

    it('does not fall through a claimed that failed', () => {
      const broken = new TestRepository({ ...bits, listed: { [leafOf(policy)]: [policy], [leaf]: [page] } });
      broken.role('claimed', 2, { expires: NOW });
      broken.publish(2);
      const client = fresh(broken);
      expect(() => find(client, broken, policy)).to.throw(TrustError, 'claimed 2: expired');
      expect(find(client, broken, page)?.length).to.equal(page.length);
      broken.files.delete('2.claimed.json');
      expect(() => find(fresh(broken), broken, policy)).to.throw(TrustError, '2.claimed.json: not there');
    });

    it('does not know a role by its name alone: a bin that delegates is refused', () => {
      const thief = testKey();
      const stolen: Delegations = {
        keys: keyring(thief),
        roles: [
          { ...roleKeys(1, thief), name: 'claimed', terminating: true, paths: ['*/*'], pathHashPrefixes: undefined },
        ],
        succinct: undefined,
      };
      const confused = new TestRepository({ ...bits, listed: { claimed: [claimed] } });
      confused.role(leaf, 2, { delegations: stolen });
      confused.publish(2);
      const client = fresh(confused);
      expect(() => find(client, confused, page)).to.throw(TrustError, 'must not delegate');
      expect(find(client, confused, claimed)?.sha256).to.equal(sha256Hex(claimed));
    });

    it('forgets roles when the snapshot changes', () => {
      const moving = new TestRepository({ ...bits, listed: { [leaf]: [page] } });
      const client = fresh(moving);
      expect(find(client, moving, page)?.length).to.equal(page.length);
      moving.role(leaf, 2);
      moving.publish(2);
      drive(client.refresh(NOW), moving.files);
      expect(find(client, moving, page)).to.equal(undefined);
    });
  });
}

describe('delegationsFor', () => {
  const key = testKey();
  const role = { ...roleKeys(1, key), terminating: false, paths: undefined, pathHashPrefixes: undefined };

  it('is what tuf-js does with roles and with succinct roles', () => {
    const roles = [
      { ...role, name: 'a', paths: ['simple/*/*'] },
      { ...role, name: 'b', pathHashPrefixes: ['0', '1', '2', '3', '4', '5', '6', '7'] },
      { ...role, name: 'c', paths: ['packages/*/*', 'simple/x*/*'], terminating: true },
      { ...role, name: 'd', paths: ['*/*/*'] },
    ];
    const theirs = roles.map(({ paths, pathHashPrefixes, ...rest }) => ({
      ...rest,
      ...(paths === undefined ? { path_hash_prefixes: pathHashPrefixes! } : { paths }),
      keyids: [...rest.keyids],
    }));
    const succinct = { ...roleKeys(1, key), bitLength: 3, namePrefix: 'bin3' };
    for (let i = 0; i < 50; i++) {
      for (const path of [`simple/p${i}/index.html`, `simple/x${i}/index.html`, `packages/p${i}/f.whl`, `other${i}`]) {
        const ours = delegationsFor(
          { delegations: { keys: keyring(key), roles, succinct: undefined } },
          'targets',
          path,
        );
        const wanted = theirDelegations({ roles: theirs }, path);
        const end = wanted.findIndex(({ terminating }) => terminating);
        const until = end < 0 ? wanted : wanted.slice(0, end + 1);
        expect(ours.roles.map(({ name }) => name)).to.deep.equal(until.map((one) => one.role));
        expect(ours.terminating).to.equal(end >= 0);
        const bin = delegationsFor({ delegations: { keys: keyring(key), roles: [], succinct } }, 'bins', path);
        const succinct_roles = { keyids: [], threshold: 1, bit_length: 3, name_prefix: 'bin3' };
        expect(bin.roles.map(({ name }) => name)).to.deep.equal(
          theirDelegations({ succinct_roles }, path).map((one) => one.role),
        );
        expect(bin.terminating).to.equal(true);
      }
    }
  });

  it('is nothing without delegations', () => {
    expect(delegationsFor({ delegations: undefined }, 'bin0', 'a')).to.deep.equal({ roles: [], terminating: false });
  });
});

describe('a client of 16,384 bins', () => {
  it('finds a path without an object for each of them', () => {
    const repository = new TestRepository();
    const { bins: offline, binLeaves, targets } = repository.keys;
    const path = 'simple/foo/index.html';
    const delegations = succinctDelegations(keyring(binLeaves), roleKeys(1, binLeaves), 'bin', 14);
    const entry = {
      ...roleKeys(1, offline),
      name: 'bins',
      terminating: true,
      paths: ['simple/*/*'],
      pathHashPrefixes: undefined,
    };
    const leaf = delegationsFor({ delegations }, 'bins', path).roles[0]!.name;
    repository.role(
      'targets',
      2,
      { delegations: { keys: keyring(offline), roles: [entry], succinct: undefined } },
      targets,
    );
    repository.role('bins', 1, { delegations }, offline);
    repository.role(leaf, 2, { targets: targetsRun(path) });
    const bins = [...binNames('bin14', 14)].map(
      (name) => [`${name}.json`, { version: name === leaf ? 2 : 1 }] as const,
    );
    repository.meta = splice(repository.meta, new Map(bins));
    repository.publish(2);
    expect(find(fresh(repository), repository, path)?.sha256).to.equal(sha256Hex(path));
  });
});
