import { expect } from 'chai';
import { TrustError } from '../../src/errors.ts';
import {
  afterRootChange,
  assertTarget,
  countSigners,
  newSnapshot,
  newTargets,
  newTimestamp,
  nextRoot,
  type Trusted,
  trustRoot,
} from '../../src/tuf/checks.ts';
import { sha256Hex } from '../../src/tuf/digest.ts';
import { canonical, type Encodable, metadataFile } from '../../src/tuf/encode.ts';
import { metadataName } from '../../src/tuf/layout.ts';
import type { RoleKeys } from '../../src/tuf/model.ts';
import { readMetadata } from '../../src/tuf/read.ts';
import { Client } from '../../src/tuf/walk.ts';
import {
  drive,
  EXPIRES,
  keyring,
  NOW,
  roleKeys,
  signedFile,
  type TestKey,
  TestRepository,
  targetsRun,
  testKey,
} from './repository.ts';

const OTHER = '6f1c1f1e-0000-4000-8000-000000000002';

/** What a client trusts after a refresh. */
function refreshed(repository: TestRepository, root = 1): Trusted {
  const trusted = trustRoot(repository.files.get(metadataName('root', root))!);
  const client = new Client({ root: trusted, timestamp: undefined, snapshot: undefined });
  drive(client.refresh(NOW), repository.files);
  return client.trusted;
}

function refused(act: () => unknown, check: string, code: string, message: string | RegExp): void {
  expect(act).to.throw(TrustError, message);
  try {
    act();
  } catch (error) {
    expect((error as TrustError).details.check).to.equal(check);
    expect((error as TrustError).code).to.equal(code);
    expect((error as TrustError).exitCode).to.equal(4);
  }
}

describe('signatures (keys, threshold, who signed, outcome)', () => {
  const [a, b, c] = [testKey(), testKey('ecdsa-sha2-nistp256'), testKey('rsassa-pss-sha256')] as const;
  const stranger = testKey();
  const bytes = canonical({
    _type: 'targets',
    spec_version: '1.0.31',
    version: 1,
    expires: '2026-02-01T00:00:00Z',
    targets: {},
  });
  const all = keyring(a, b, c);
  const table: [sentence: string, role: RoleKeys, signers: TestKey[], count: number][] = [
    ['nobody signed', roleKeys(1, a), [], 0],
    ['the one key signed', roleKeys(1, a), [a], 1],
    ['two of three signed', roleKeys(2, a, b, c), [a, c], 2],
    ['all three kinds signed', roleKeys(3, a, b, c), [a, b, c], 3],
    ['a stranger signed', roleKeys(1, a), [stranger], 0],
    ['a key of another role signed', roleKeys(1, a), [b], 0],
    ['a stranger signed beside the key', roleKeys(1, a), [stranger, a], 1],
  ];
  for (const [sentence, role, signers, expected] of table)
    it(`${sentence}: ${expected}`, () => {
      expect(countSigners(readMetadata(signedFile(bytes, ...signers), 'targets', 'x'), all, role)).to.equal(expected);
    });

  it('counts a public key once, under however many keyids', () => {
    const twin = 'ab'.repeat(32);
    const sig = a.sign(bytes);
    const file = readMetadata(
      metadataFile(bytes, [
        { keyid: a.keyid, sig },
        { keyid: twin, sig },
      ]),
      'targets',
      'x',
    );
    const keys = new Map([...keyring(a), [twin, { ...a.key }]]);
    expect(countSigners(file, keys, { keyids: [a.keyid, twin], threshold: 2 })).to.equal(1);
  });

  it('counts no signature over other bytes, and none that is damaged', () => {
    const other = Buffer.from(bytes.toString().replace('"version":1', '"version":2'));
    const role = roleKeys(1, a);
    for (const sig of [a.sign(other), '', 'zz', `${a.sign(bytes)}00`, a.sign(bytes).toUpperCase()]) {
      const file = readMetadata(metadataFile(bytes, [{ keyid: a.keyid, sig }]), 'targets', 'x');
      expect(countSigners(file, all, role), sig).to.equal(0);
    }
  });

  it('verifies what was signed of a file in any form', () => {
    const pretty = JSON.stringify(JSON.parse(signedFile(bytes, a, b).toString()), null, 2);
    expect(countSigners(readMetadata(Buffer.from(pretty), 'targets', 'x'), all, roleKeys(2, a, b))).to.equal(2);
  });
});

describe('trustRoot', () => {
  it('wants the threshold of the root itself', () => {
    const repository = new TestRepository();
    const { root } = repository.keys;
    const second = testKey();
    const { targets, snapshot, timestamp } = repository.keys;
    const keys = keyring(root, second, targets, snapshot, timestamp);
    const roles = {
      root: roleKeys(2, root, second),
      targets: roleKeys(1, targets),
      snapshot: roleKeys(1, snapshot),
      timestamp: roleKeys(1, timestamp),
    };
    repository.root(1, { keys, roles }, [root]);
    refused(
      () => trustRoot(repository.files.get('1.root.json')!),
      '5.2',
      'trust.threshold',
      'trusted root: not enough signatures: expected 2 valid signatures, found 1',
    );
    repository.root(1, { keys, roles }, [root, second]);
    expect(trustRoot(repository.files.get('1.root.json')!).signed.version).to.equal(1);
  });
});

describe('nextRoot (old keys, new keys, who signed, outcome)', () => {
  const repository = new TestRepository();
  const { root: old, targets, snapshot, timestamp } = repository.keys;
  const fresh = testKey();
  const root1 = trustRoot(repository.files.get('1.root.json')!);
  const rotation = {
    keys: keyring(fresh, targets, snapshot, timestamp),
    roles: {
      root: roleKeys(1, fresh),
      targets: roleKeys(1, targets),
      snapshot: roleKeys(1, snapshot),
      timestamp: roleKeys(1, timestamp),
    },
  };
  const next = (...args: Parameters<TestRepository['root']>): Buffer => {
    repository.root(...args);
    return repository.files.get(metadataName('root', args[0]))!;
  };

  it('takes one signed by both', () => {
    expect(nextRoot(root1, next(2, rotation, [old, fresh])).signed.version).to.equal(2);
  });
  it('refuses one that the old keys did not sign', () => {
    const bytes = next(2, rotation, [fresh]);
    refused(() => nextRoot(root1, bytes), '5.3.4', 'trust.threshold', '2.root.json by the keys of root 1');
  });
  it('refuses one that its own keys did not sign', () => {
    const bytes = next(2, rotation, [old]);
    refused(() => nextRoot(root1, bytes), '5.3.4', 'trust.threshold', '2.root.json by its own keys');
  });
  it('refuses version 3 in the place of 2, and version 1', () => {
    for (const version of [3, 1])
      refused(() => nextRoot(root1, next(version)), '5.3.5', 'trust.version', `expected 2, found ${version}`);
  });
  it('refuses the root of another repository', () => {
    const bytes = next(2, { repository: OTHER });
    refused(() => nextRoot(root1, bytes), '5.3.4', 'trust.repository', /expected x-tufa-repository .*01, found .*02/);
  });
});

describe('newTimestamp', () => {
  const repository = new TestRepository();
  const trusted = refreshed(repository);
  const next = (...args: Parameters<TestRepository['publish']>): Buffer => {
    repository.publish(...args);
    return repository.files.get('timestamp.json')!;
  };

  it('takes a higher version, with numbers left out', () => {
    expect(newTimestamp(trusted, next(7), NOW).signed.version).to.equal(7);
  });
  it('gives back the trusted one for the same bytes', () => {
    expect(newTimestamp(trusted, Buffer.from(trusted.timestamp!.bytes), NOW)).to.equal(trusted.timestamp);
  });
  it('refuses one that another key signed', () => {
    const bytes = next(2, {}, { ...repository.keys, timestamp: testKey() });
    refused(
      () => newTimestamp(trusted, bytes, NOW),
      '5.4.2',
      'trust.threshold',
      'timestamp.json: not enough signatures',
    );
  });
  it('refuses a lower version', () => {
    const at3 = { ...trusted, timestamp: newTimestamp(trusted, next(3), NOW) };
    refused(() => newTimestamp(at3, next(2), NOW), '5.4.3.1', 'trust.rollback', 'because 3 was seen already');
  });
  it('refuses other bytes under the version that was seen', () => {
    const bytes = next(1, { timestamp: { made: EXPIRES } });
    refused(
      () => newTimestamp(trusted, bytes, NOW),
      '5.4.3.1',
      'trust.equivocation',
      'two different files under one version',
    );
  });
  it('refuses a lower snapshot in a higher timestamp', () => {
    const at3 = { ...trusted, timestamp: newTimestamp(trusted, next(3), NOW) };
    const meta = { version: 2, length: 1, sha256: 'ab'.repeat(32) };
    const bytes = next(4, { timestamp: { snapshot: meta } });
    refused(() => newTimestamp(at3, bytes, NOW), '5.4.3.2', 'trust.rollback', 'snapshot.json in timestamp.json');
  });
  it('refuses one that has expired, to the second', () => {
    const bytes = next(5);
    const last = new Date(EXPIRES.getTime() - 1000);
    expect(newTimestamp(trusted, bytes, last).signed.version).to.equal(5);
    refused(() => newTimestamp(trusted, bytes, EXPIRES), '5.4.4', 'trust.expired', 'timestamp 5: expired');
    expect(newTimestamp(trusted, bytes, undefined).signed.version).to.equal(5);
  });
  it('refuses one of another repository', () => {
    const bytes = next(6, { timestamp: { repository: OTHER } });
    refused(() => newTimestamp(trusted, bytes, NOW), '5.4.2', 'trust.repository', 'made for another repository');
  });
});

describe('newSnapshot', () => {
  /** Snapshot 2 after a change, and what a client of snapshot 1 thinks of it. */
  function second(
    change: (repository: TestRepository) => void,
    ...args: [] | [Parameters<TestRepository['publish']>[1]]
  ): () => unknown {
    const repository = new TestRepository();
    const { root, snapshot } = refreshed(repository);
    change(repository);
    repository.publish(2, ...args);
    const { files } = repository;
    const timestamp = newTimestamp({ root, timestamp: undefined, snapshot }, files.get('timestamp.json')!, NOW);
    return () => newSnapshot(root, timestamp, snapshot, files.get('2.snapshot.json')!, NOW);
  }

  it('takes a new role and a higher version', () => {
    const act = second((repository) => {
      repository.role('bin0', 2);
      repository.list('another', 1);
    });
    expect(act).not.to.throw();
  });
  it('refuses a role with a lower version', () => {
    const repository = new TestRepository();
    repository.role('bin0', 5);
    repository.publish(2);
    const { root, snapshot } = refreshed(repository);
    repository.list('bin0', 4);
    repository.publish(3);
    const timestamp = newTimestamp(
      { root, timestamp: undefined, snapshot },
      repository.files.get('timestamp.json')!,
      NOW,
    );
    const bytes = repository.files.get('3.snapshot.json')!;
    refused(
      () => newSnapshot(root, timestamp, snapshot, bytes, NOW),
      '5.5.5',
      'trust.rollback',
      'bin0.json: rollback: expected version 5 or more',
    );
  });
  for (const role of ['bin0', 'claimed', 'trust'])
    it(`refuses a snapshot that lost ${role}`, () => {
      refused(
        second((repository) => repository.list(role, undefined)),
        '5.5.5',
        'trust.rollback',
        `${role}.json: a role is missing`,
      );
    });
  it('refuses the snapshot of another key', () => {
    const repository = new TestRepository();
    const trusted = refreshed(repository);
    repository.publish(2, {}, { ...repository.keys, snapshot: testKey() });
    const timestamp = newTimestamp(trusted, repository.files.get('timestamp.json')!, NOW);
    const bytes = repository.files.get('2.snapshot.json')!;
    refused(
      () => newSnapshot(trusted.root, timestamp, undefined, bytes, NOW),
      '5.5.3',
      'trust.threshold',
      '2.snapshot.json',
    );
  });
  it('refuses bytes that the timestamp does not list', () => {
    const repository = new TestRepository();
    const trusted = refreshed(repository);
    const bytes = Buffer.from(repository.files.get('1.snapshot.json')!);
    bytes[bytes.indexOf('1.0.31') + 5] = 0x30;
    const act = (changed: Buffer) => () => newSnapshot(trusted.root, trusted.timestamp!, undefined, changed, NOW);
    refused(act(bytes), '5.5.2', 'trust.content', /1\.snapshot\.json: another content/);
    refused(act(Buffer.concat([bytes, Buffer.from(' ')])), '5.5.2', 'trust.content', /another length/);
  });
  it('refuses another version inside', () => {
    refused(
      second(() => undefined, { snapshot: { version: 3 } }),
      '5.5.4',
      'trust.version',
      '2.snapshot.json: another version inside: expected 2, found 3',
    );
  });
  it('refuses one that has expired', () => {
    refused(
      second(() => undefined, { snapshot: { expires: NOW } }),
      '5.5.6',
      'trust.expired',
      'snapshot 2: expired',
    );
  });
  it('refuses one of another repository', () => {
    refused(
      second(() => undefined, { snapshot: { repository: OTHER } }),
      '5.5.3',
      'trust.repository',
      'another repository',
    );
  });
  it('refuses what is below the floor of root, for fresh clients too', () => {
    const repository = new TestRepository();
    repository.root(1, { floor: new Map([['claimed', 2]]) });
    repository.publish(1);
    refused(
      () => refreshed(repository),
      '5.5.5',
      'trust.rollback',
      /claimed in 1\.snapshot\.json.*expected version 2 or more, found 1/,
    );
    repository.role('claimed', 2);
    repository.publish(2);
    expect(refreshed(repository).snapshot!.signed.version).to.equal(2);
  });
});

describe('newTargets', () => {
  const repository = new TestRepository({ listed: { bin0: ['simple/a/index.html'] } });
  const first = Buffer.from(repository.files.get('1.bin0.json')!);
  const delegator = {
    name: 'targets',
    keys: keyring(repository.keys.binLeaves),
    role: roleKeys(1, repository.keys.binLeaves),
    online: true,
  };
  /** bin0 2 as it was published, with or without a hash in the snapshot. */
  function second(changes: Parameters<TestRepository['role']>[2], signer?: TestKey, hashed = true): () => unknown {
    repository.role('bin0', 2, changes, signer);
    if (!hashed) repository.list('bin0', 2);
    repository.publish(2);
    const bytes = repository.files.get('2.bin0.json')!;
    const { root, snapshot } = refreshed(repository);
    return () => newTargets(root, snapshot!, delegator, 'bin0', bytes, NOW);
  }

  it('takes one that the delegator and the snapshot know', () => {
    expect(second({ targets: targetsRun('simple/b/index.html') })).not.to.throw();
    expect(second({}, undefined, false)).not.to.throw();
  });
  it('refuses the earlier version', () => {
    second({})();
    const { root, snapshot } = refreshed(repository);
    refused(() => newTargets(root, snapshot!, delegator, 'bin0', first, NOW), '5.6.2', 'trust.content', '2.bin0.json');
    second({}, undefined, false)();
    const unhashed = refreshed(repository).snapshot!;
    refused(
      () => newTargets(root, unhashed, delegator, 'bin0', first, NOW),
      '5.6.4',
      'trust.version',
      'expected 2, found 1',
    );
  });
  it('refuses one that another role signed', () => {
    refused(
      second({}, repository.keys.claimed),
      '5.6.3',
      'trust.threshold',
      '2.bin0.json by the keys that targets names',
    );
  });
  it('refuses one that has expired', () => {
    refused(second({ expires: NOW }), '5.6.5', 'trust.expired', 'bin0 2: expired');
  });
  it('refuses one of another repository', () => {
    refused(second({ repository: OTHER }), '5.6.3', 'trust.repository', 'another repository');
  });
  it('refuses delegations of an online role', () => {
    const delegations = { keys: new Map(), roles: [], succinct: undefined };
    refused(
      second({ delegations }),
      '5.6.7',
      'trust.online-delegation',
      '2.bin0.json: an online role must not delegate',
    );
  });
  it('refuses a role that the snapshot does not list', () => {
    const { root, snapshot } = refreshed(repository);
    refused(
      () => newTargets(root, snapshot!, delegator, 'bin1', first, NOW),
      '5.6.1',
      'trust.missing',
      'bin1.json: not in the snapshot',
    );
  });
});

describe('afterRootChange', () => {
  const repository = new TestRepository();
  const trusted = refreshed(repository);
  const { root, targets, snapshot, timestamp } = repository.keys;
  const fresh = testKey();
  const rotated = (changes: { snapshot?: TestKey; timestamp?: TestKey }): Trusted => {
    const keys = { root, targets, snapshot, timestamp, ...changes };
    repository.root(2, {
      keys: keyring(keys.root, keys.targets, keys.snapshot, keys.timestamp),
      roles: {
        root: roleKeys(1, keys.root),
        targets: roleKeys(1, keys.targets),
        snapshot: roleKeys(1, keys.snapshot),
        timestamp: roleKeys(1, keys.timestamp),
      },
    });
    return afterRootChange({ ...trusted, root: nextRoot(trusted.root, repository.files.get('2.root.json')!) });
  };

  it('keeps what the keys still sign', () => {
    expect(rotated({})).to.include({ timestamp: trusted.timestamp, snapshot: trusted.snapshot });
  });
  it('forgets the timestamp with its key, and the snapshot with its own', () => {
    expect(rotated({ timestamp: fresh })).to.include({ timestamp: undefined, snapshot: trusted.snapshot });
    expect(rotated({ snapshot: fresh })).to.include({ timestamp: trusted.timestamp, snapshot: undefined });
  });
});

describe('a foreign repository', () => {
  /** The same without anything of ours. */
  function foreign(bytes: Buffer, ...signers: TestKey[]): Buffer {
    const { signed } = JSON.parse(bytes.toString());
    const plain = Object.entries(signed as Record<string, Encodable>).filter(([key]) => !key.startsWith('x-tufa-'));
    return signedFile(canonical(Object.fromEntries(plain)), ...signers);
  }
  const repository = new TestRepository();
  const { root, snapshot, timestamp } = repository.keys;
  const trusted: Trusted = {
    root: trustRoot(foreign(repository.files.get('1.root.json')!, root)),
    timestamp: undefined,
    snapshot: undefined,
  };

  it('needs no uuid, and the same version with other bytes is no news', () => {
    const old = newTimestamp(trusted, foreign(repository.files.get('timestamp.json')!, timestamp), NOW);
    repository.publish(1, { timestamp: { expires: new Date(EXPIRES.getTime() + 1000) } });
    const again = foreign(repository.files.get('timestamp.json')!, timestamp);
    expect(newTimestamp({ ...trusted, timestamp: old }, again, NOW)).to.equal(old);
  });

  it('may list lengths and sha512, which are looked at', () => {
    const bytes = foreign(repository.files.get('1.snapshot.json')!, snapshot);
    const listing = (length: number, sha512: string): Buffer =>
      signedFile(
        canonical({
          _type: 'timestamp',
          spec_version: '1.0.31',
          version: 1,
          expires: '2026-02-01T00:00:00Z',
          meta: { 'snapshot.json': { version: 1, length, hashes: { sha512 } } },
        }),
        timestamp,
      );
    const wrong = newTimestamp(trusted, listing(bytes.length, 'ab'.repeat(64)), NOW);
    refused(() => newSnapshot(trusted.root, wrong, undefined, bytes, NOW), '5.5.2', 'trust.content', 'expected sha512');
    const short = newTimestamp(trusted, listing(bytes.length + 1, 'ab'.repeat(64)), NOW);
    refused(() => newSnapshot(trusted.root, short, undefined, bytes, NOW), '5.5.2', 'trust.content', 'another length');
  });
});

describe('assertTarget', () => {
  const sha256 = sha256Hex('x');
  it('takes what is listed and refuses another length or content', () => {
    assertTarget('a', { length: 1, sha256 }, { length: 1, sha256 });
    refused(
      () => assertTarget('a', { length: 2, sha256 }, { length: 1, sha256 }),
      '5.7.3',
      'trust.target',
      'a: another length',
    );
    refused(
      () => assertTarget('a', { length: 1, sha256: sha256Hex('y') }, { length: 1, sha256 }),
      '5.7.3',
      'trust.target',
      'a: another content',
    );
  });
});
