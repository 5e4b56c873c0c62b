import { expect } from 'chai';
import { newSnapshot, newTimestamp } from '../../src/tuf/checks.ts';
import { EXPIRES, NOW, OTHER_UUID, refreshed, refused, TestRepository, testKey } from './repository.ts';

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
    const bytes = next(6, { timestamp: { repository: OTHER_UUID } });
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
      second(() => undefined, { snapshot: { repository: OTHER_UUID } }),
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
