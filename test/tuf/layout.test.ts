import { expect } from 'chai';
import fc from 'fast-check';
import { assertKey } from '../../src/stores/port.ts';
import {
  claimKey,
  METADATA_PREFIX,
  metadataKey,
  metadataName,
  PENDING_PREFIX,
  parseClaimKey,
  parseMetadataName,
  parsePendingKey,
  parseQueueKey,
  parseReceiptKey,
  parseTargetKey,
  pendingKey,
  queueKey,
  receiptKey,
  receiptPrefix,
  recordKey,
  rootKey,
  TIMESTAMP_KEY,
  targetKey,
  targetKeys,
} from '../../src/tuf/layout.ts';
import { assertRoleName, assertTargetPath } from '../../src/tuf/names.ts';

const SHA = 'ab'.repeat(32);
const version = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });
const sha256 = fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: 64, maxLength: 64 });

function accepted(assertion: (name: string) => void): (name: string) => boolean {
  return (name) => {
    try {
      assertion(name);
      return true;
    } catch {
      return false;
    }
  };
}

/** Names of the grammar, with the parts that could be taken for a version or an ending. */
const part = fc.constantFrom('a', 'bins', '.', '1', '.3.', '-', '_', '0f', 'json', 'root', '.json');
const roleName = fc
  .array(part, { minLength: 1, maxLength: 6 })
  .map((parts) => parts.join(''))
  .filter(accepted(assertRoleName));
const targetPath = fc
  .array(fc.constantFrom('a', '/', '.', '-1', SHA, '~', 'x.whl'), { minLength: 1, maxLength: 6 })
  .map((parts) => parts.join(''))
  .filter(accepted(assertTargetPath));

describe('layout', () => {
  it('spells each path as the design does', () => {
    expect(metadataName('bins', 3)).to.equal('3.bins.json');
    expect(metadataName('timestamp')).to.equal('timestamp.json');
    expect(metadataKey('bin10-3ff', 7)).to.equal('metadata/7.bin10-3ff.json');
    expect(TIMESTAMP_KEY).to.equal('metadata/timestamp.json');
    expect(rootKey(2)).to.equal('metadata/2.root.json');
    expect(recordKey(41)).to.equal('metadata/41.timestamp.json');
    expect(targetKey('packages/foo/foo-1.0.tar.gz', SHA)).to.equal(`targets/packages/foo/${SHA}.foo-1.0.tar.gz`);
    expect(targetKey('foo.whl', SHA)).to.equal(`targets/${SHA}.foo.whl`);
    expect(queueKey(42)).to.equal('queue/000000000042.json');
    expect(queueKey(42, 'inbox/')).to.equal('inbox/000000000042.json');
    expect(claimKey(9)).to.equal('.tufa/claims/9');
    expect(receiptKey(42, 9)).to.equal('.tufa/receipts/42-9.json');
    expect(pendingKey(2, SHA)).to.equal(`.tufa/pending/2-${SHA}.root.json`);
  });

  it('names a target a second time for tough, which puts the hash before the whole path', () => {
    const path = 'packages/foo/foo-1.0.tar.gz';
    const key = targetKey(path, SHA);
    expect(targetKeys(path, SHA, ['python-tuf', 'go-tuf'])).to.deep.equal([key]);
    expect(targetKeys(path, SHA, ['go-tuf', 'tough'])).to.deep.equal([key, `targets/${SHA}.${path}`]);
    expect(targetKeys('foo.whl', SHA, ['tough'])).to.deep.equal([`targets/${SHA}.foo.whl`]);
  });

  it('reads back the role and version of each name, and only one way', () => {
    fc.assert(
      fc.property(roleName, version, (role, v) => {
        const key = metadataKey(role, v);
        assertKey(key);
        expect(parseMetadataName(key.slice(METADATA_PREFIX.length))).to.deep.equal({ role, version: v });
      }),
    );
  });

  it('gives two names to two files', () => {
    fc.assert(
      fc.property(roleName, version, roleName, version, (role, v, other, w) => {
        expect(metadataName(role, v) === metadataName(other, w)).to.equal(role === other && v === w);
      }),
    );
  });

  it('keeps a foreign name in one segment', () => {
    for (const role of ['?', '#', '../x', '/x', 'a b', '%2f', 'Registry', '\u00e9', '..']) {
      const name = metadataName(role, 3);
      expect(name).to.match(/^3\.[^/?# ]+\.json$/);
      expect(parseMetadataName(name)).to.deep.equal({ role, version: 3 });
    }
  });

  it('reads back every other key', () => {
    fc.assert(
      fc.property(version, version, sha256, targetPath, (n, m, digest, path) => {
        expect(parseClaimKey(claimKey(n))).to.equal(n);
        expect(parseReceiptKey(receiptKey(m, n))).to.deep.equal({ mark: m, number: n });
        expect(receiptKey(m, n).startsWith(receiptPrefix(m))).to.equal(true);
        expect(parsePendingKey(pendingKey(n, digest))).to.deep.equal({ version: n, sha256: digest });
        expect(pendingKey(n, digest).startsWith(PENDING_PREFIX)).to.equal(true);
        const key = targetKey(path, digest);
        assertKey(key);
        expect(parseTargetKey(key)).to.deep.equal({ path, sha256: digest });
      }),
    );
  });

  it('sorts the queue by number', () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(), fc.constantFrom('queue/', 'a.b/'), (a, b, prefix) => {
        expect(parseQueueKey(queueKey(a, prefix), prefix)).to.equal(a);
        expect(queueKey(a) < queueKey(b)).to.equal(a < b);
      }),
    );
  });

  it('knows what is not its own', () => {
    for (const name of ['bins.json', '03.bins.json', '3.json', '3..json', '3.bins', 'x3.bins.json', '-1.bins.json'])
      expect(parseMetadataName(name), name).to.equal(undefined);
    for (const name of ['3.%.json', '3.%62ins.json', '99999999999999999.bins.json'])
      expect(parseMetadataName(name), name).to.equal(undefined);
    expect(parseMetadataName('timestamp.json')).to.deep.equal({ role: 'timestamp', version: undefined });
    for (const key of [
      'queue/42.json',
      'queue/000000000042.json~',
      'x/queue/000000000042.json',
      'queue/0000000000042.json',
    ])
      expect(parseQueueKey(key), key).to.equal(undefined);
    for (const key of ['.tufa/pending/2-ab.root.json', `.tufa/pending/02-${SHA}.root.json`, `2-${SHA}.root.json`])
      expect(parsePendingKey(key), key).to.equal(undefined);
    for (const key of ['targets/foo.whl', `targets/${SHA}.`, `targets//${SHA}.a`, `${SHA}.a`, `targets/${SHA}.a/b`])
      expect(parseTargetKey(key), key).to.equal(undefined);
    expect(parseClaimKey('.tufa/claims/9.json')).to.equal(undefined);
    expect(parseReceiptKey('.tufa/receipts/42.json')).to.equal(undefined);
  });
});
