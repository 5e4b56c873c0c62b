import { expect } from 'chai';
import { TrustError } from '../../src/errors.ts';
import { sha256Hex } from '../../src/tuf/digest.ts';
import { metadataName } from '../../src/tuf/layout.ts';
import type { Delegations } from '../../src/tuf/model.ts';
import { Client } from '../../src/tuf/walk.ts';
import { drive, keyring, NOW, refreshed, roleKeys, TestRepository, targetsRun, testKey } from './repository.ts';

describe('a client with', () => {
  it('1,025 roots goes 1,024 steps; with one more it stops, and keeps what it verified', () => {
    const repository = new TestRepository();
    for (let version = 2; version <= 1025; version++) repository.root(version);
    expect(refreshed(repository).root.signed.version).to.equal(1025);
    repository.root(1026);
    expect(() => refreshed(repository)).to.throw(TrustError, 'too many roots in one update');
    expect(refreshed(repository, 2).root.signed.version).to.equal(1026);
  });

  /** targets -> r1 -> r2 ... -> r<length>, the last of which lists the path. */
  function chain(length: number): TestRepository {
    const repository = new TestRepository();
    const key = testKey();
    const to = (name: string): Delegations => ({
      keys: keyring(key),
      roles: [{ ...roleKeys(1, key), name, terminating: false, paths: ['a/*'], pathHashPrefixes: undefined }],
      succinct: undefined,
    });
    repository.role('targets', 2, { delegations: to('r1') });
    for (let i = 1; i < length; i++) repository.role(`r${i}`, 1, { delegations: to(`r${i + 1}`) }, key);
    repository.role(`r${length}`, 1, { targets: targetsRun('a/b') }, key);
    repository.publish(2);
    return repository;
  }

  it('a chain of 32 delegations finds its end; with one more it says so instead of "absent"', () => {
    const found = chain(32);
    expect(drive(new Client(refreshed(found)).findTarget('a/b', NOW), found.files)?.sha256).to.equal(sha256Hex('a/b'));
    const lost = chain(33);
    const client = new Client(refreshed(lost));
    expect(() => drive(client.findTarget('a/b', NOW), lost.files))
      .to.throw(TrustError, 'a/b: too many delegations')
      .with.nested.property('details.check', '5.6.7.1');
  });

  it('roles in a circle comes to an end', () => {
    const repository = new TestRepository();
    const key = testKey();
    const to = (name: string): Delegations => ({
      keys: keyring(key),
      roles: [{ ...roleKeys(1, key), name, terminating: false, paths: ['a/*'], pathHashPrefixes: undefined }],
      succinct: undefined,
    });
    repository.role('targets', 2, { delegations: to('r1') });
    repository.role('r1', 1, { delegations: to('r2') }, key);
    repository.role('r2', 1, { delegations: to('r1') }, key);
    repository.publish(2);
    const client = new Client(refreshed(repository));
    expect(drive(client.findTarget('a/b', NOW), repository.files)).to.equal(undefined);
  });

  it('what it has verified keeps each file once, by role', () => {
    const repository = new TestRepository({ listed: { bin0: ['simple/a/index.html'] } });
    const client = new Client(refreshed(repository));
    drive(client.findTarget('simple/a/index.html', NOW), repository.files);
    const kept = new Map(client.verifiedFiles());
    expect([...kept.keys()]).to.deep.equal(['root', 'timestamp', 'snapshot', 'targets', 'bin0']);
    expect(kept.get('bin0')).to.equal(repository.files.get(metadataName('bin0', 1)));
  });
});
