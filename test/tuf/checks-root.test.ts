import { expect } from 'chai';
import { afterRootChange, nextRoot, type Trusted, trustRoot } from '../../src/tuf/checks.ts';
import { canonical, metadataFile } from '../../src/tuf/encode.ts';
import { metadataName } from '../../src/tuf/layout.ts';
import type { RoleKeys } from '../../src/tuf/model.ts';
import { readMetadata } from '../../src/tuf/read.ts';
import { countSigners } from '../../src/tuf/verify.ts';
import {
  keyring,
  OTHER_UUID,
  refreshed,
  refused,
  roleKeys,
  signedFile,
  type TestKey,
  TestRepository,
  testKey,
} from './repository.ts';

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
    const bytes = next(2, { repository: OTHER_UUID });
    refused(() => nextRoot(root1, bytes), '5.3.4', 'trust.repository', /expected x-tufa-repository .*01, found .*02/);
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
