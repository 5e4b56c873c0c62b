import { expect } from 'chai';
import { InputError } from '../../src/errors.ts';
import { assertTarget, newSnapshot, newTargets, newTimestamp, type Trusted, trustRoot } from '../../src/tuf/checks.ts';
import { decodeTargetFile } from '../../src/tuf/decode.ts';
import { sha256Hex, sha512Hex } from '../../src/tuf/digest.ts';
import { canonical, type Encodable } from '../../src/tuf/encode.ts';
import { parseJson } from '../../src/tuf/json.ts';
import {
  EXPIRES,
  keyring,
  NOW,
  OTHER_UUID,
  refreshed,
  refused,
  roleKeys,
  signedFile,
  type TestKey,
  TestRepository,
  targetsRun,
} from './repository.ts';

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
    refused(second({ repository: OTHER_UUID }), '5.6.3', 'trust.repository', 'another repository');
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

describe('assertTarget (found, listed, outcome)', () => {
  const content = { length: 1, sha256: sha256Hex('x'), sha512: sha512Hex('x') };
  const listed = { ...content, sha512: undefined };
  const table: [sentence: string, found: Partial<typeof content>, listed: object, refusal: string | undefined][] = [
    ['what is listed', {}, {}, undefined],
    ['what is listed with both hashes', {}, { sha512: content.sha512 }, undefined],
    ['what is listed with sha512 alone', {}, { sha256: undefined, sha512: content.sha512 }, undefined],
    ['another length', { length: 2 }, {}, 'a: another length: expected 1 bytes, found 2'],
    ['another sha256', { sha256: sha256Hex('y') }, {}, 'a: another content: expected sha256'],
    ['another sha512', { sha512: sha512Hex('y') }, { sha512: content.sha512 }, 'a: another content: expected sha512'],
    ['a sha512 that nobody computed', { sha512: undefined as never }, { sha512: content.sha512 }, 'found not computed'],
  ];
  for (const [sentence, found, list, refusal] of table)
    it(`${refusal === undefined ? 'takes' : 'refuses'} ${sentence}`, () => {
      const act = (): void => assertTarget('a', { ...content, ...found }, { ...listed, ...list });
      if (refusal === undefined) act();
      else refused(act, '5.7.3', 'trust.target', refusal);
    });
});

describe('an entry of targets', () => {
  for (const [why, text] of [
    ['no hash that we know', '{"hashes":{"blake2b-256":"ab"},"length":1}'],
    ['no hashes', '{"length":1}'],
    ['a hash in capitals', `{"hashes":{"sha256":"${'AB'.repeat(32)}"},"length":1}`],
    ['a short hash', '{"hashes":{"sha256":"ab"},"length":1}'],
    ['a negative length', `{"hashes":{"sha256":"${'ab'.repeat(32)}"},"length":-1}`],
    ['no length', `{"hashes":{"sha256":"${'ab'.repeat(32)}"}}`],
  ] as const)
    it(`with ${why} is refused`, () => {
      expect(() => decodeTargetFile(parseJson(text), 'a')).to.throw(InputError, 'wrong form');
    });
});
