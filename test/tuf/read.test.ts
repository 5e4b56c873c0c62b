import { expect } from 'chai';
import fc from 'fast-check';
import { TrustError } from '../../src/errors.ts';
import { canonical, type Encodable, metadataFile } from '../../src/tuf/encode.ts';
import { parseJson } from '../../src/tuf/json.ts';
import { metadataName } from '../../src/tuf/layout.ts';
import type { SignedPart } from '../../src/tuf/model.ts';
import { readMetadata } from '../../src/tuf/read.ts';
import { TestRepository, testKey } from './repository.ts';

type Tree = { [key: string]: Tree & string & number & boolean & Tree[] };

const repository = new TestRepository({ bins: 1, listed: { claimed: ['policies/a.json', 'policies/b.json'] } });
const file = (name: string): Buffer => repository.files.get(name)!;
const spare = testKey();

/** A file with its signed part changed; its signatures are of no interest here. */
function changed(name: string, change: (signed: Tree) => void): Buffer {
  const { signed } = JSON.parse(file(name).toString());
  change(signed);
  return metadataFile(canonical(signed as Encodable), []);
}

function read(bytes: Uint8Array, type: SignedPart['type'] = 'targets'): ReturnType<typeof readMetadata> {
  return readMetadata(bytes, type, 'metadata/x.json');
}

describe('readMetadata', () => {
  it('reads the same from the canonical form and from any other', () => {
    for (const [name, type] of [
      ['1.root.json', 'root'],
      ['1.snapshot.json', 'snapshot'],
      ['timestamp.json', 'timestamp'],
      ['1.targets.json', 'targets'],
      ['1.claimed.json', 'targets'],
      ['1.bins.json', 'targets'],
    ] as const) {
      const bytes = file(name);
      const other = Buffer.from(JSON.stringify(JSON.parse(bytes.toString()), null, 2));
      const { bytes: _1, signedBytes: a, ...ours } = read(bytes, type);
      const { bytes: _2, signedBytes: b, ...theirs } = read(other, type);
      expect(Buffer.from(a).toString(), name).to.equal(Buffer.from(b).toString());
      for (const key of ['targets', 'meta'] as const) {
        const run = (part: object): unknown => (key in part ? Buffer.from((part as never)[key]).toString() : undefined);
        expect(run(ours.signed), name).to.equal(run(theirs.signed));
      }
      expect(ours.signatures, name).to.deep.equal(theirs.signatures);
      expect(JSON.stringify(ours.signed), name).to.equal(JSON.stringify(theirs.signed).replaceAll(/undefined/g, ''));
    }
  });

  it('keeps the bytes that it was given', () => {
    const bytes = Buffer.from(` ${file('1.claimed.json')}\n`);
    expect(read(bytes).bytes).to.equal(bytes);
  });

  it('keeps members that it does not know in what was signed', () => {
    const bytes = changed('1.claimed.json', (signed) => {
      signed['x-other'] = { deep: ['\u00e9'] } as never;
    });
    expect(Buffer.from(read(bytes).signedBytes).toString()).to.contain('"x-other":{"deep":["\u00e9"]}');
  });

  const targets: [why: string, change: (signed: Tree) => void, expected: RegExp][] = [
    ['another type', (s) => Object.assign(s, { _type: 'snapshot' }), /_type: .*expected "targets", found "snapshot"/],
    ['no type', (s) => delete s['_type'], /_type: .*found nothing/],
    ['spec_version 2', (s) => Object.assign(s, { spec_version: '2.0.0' }), /spec_version: .*1\.x/],
    ['version 0', (s) => Object.assign(s, { version: 0 }), /version: .*from 1, found 0/],
    ['version -1', (s) => Object.assign(s, { version: -1 }), /version: .*found -1/],
    ['version "1"', (s) => Object.assign(s, { version: '1' }), /version: .*found "1"/],
    ['a fraction of a second', (s) => Object.assign(s, { expires: '2026-01-01T00:00:00.5Z' }), /expires: /],
    ['an offset', (s) => Object.assign(s, { expires: '2026-01-01T00:00:00+00:00' }), /expires: /],
    ['no targets', (s) => delete s['targets'], /targets: .*found nothing/],
    ['a list of targets', (s) => Object.assign(s, { targets: [] }), /targets: /],
    ['delegations without keys', (s) => Object.assign(s, { delegations: { roles: [] } }), /keys: .*found nothing/],
    [
      'delegations without roles',
      (s) => Object.assign(s, { delegations: { keys: {} } }),
      /either roles or succinct_roles/,
    ],
  ];
  for (const [why, change, expected] of targets)
    it(`refuses targets with ${why}`, () => {
      expect(() => read(changed('1.claimed.json', change)))
        .to.throw(TrustError, expected)
        .with.property('code', 'trust.format');
    });

  const delegations: [why: string, change: (delegations: Tree) => void, expected: RegExp][] = [
    [
      'both roles and succinct roles',
      (d) => Object.assign(d, { succinct_roles: {} }),
      /either roles or succinct_roles/,
    ],
    ['a name twice', (d) => Object.assign(d['roles']![1]!, { name: 'trust' }), /each name once/],
    ['a top-level name', (d) => Object.assign(d['roles']![1]!, { name: 'snapshot' }), /not top level/],
    ['no name', (d) => Object.assign(d['roles']![1]!, { name: '' }), /not top level/],
    ['no terminating', (d) => delete d['roles']![1]!['terminating'], /terminating: .*true or false/],
    ['paths and prefixes', (d) => Object.assign(d['roles']![1]!, { path_hash_prefixes: [] }), /one of paths/],
    ['neither paths nor prefixes', (d) => delete d['roles']![1]!['paths'], /one of paths/],
    ['threshold 0', (d) => Object.assign(d['roles']![1]!, { threshold: 0 }), /threshold: .*from 1/],
    ['a threshold above its keys', (d) => Object.assign(d['roles']![1]!, { threshold: 2 }), /at most 1/],
    [
      'a keyid twice',
      (d) => {
        const role = d['roles']![1]!;
        role['keyids'] = [role['keyids']![0], role['keyids']![0]] as never;
      },
      /each keyid once/,
    ],
    [
      'a keyid that is not the hash of its key',
      (d) => Object.assign(d['keys']!, { ['ab'.repeat(32)]: spare.key }),
      /the sha256 of the key/,
    ],
    [
      'a key with a name in it',
      (d) => Object.assign(d['keys']!, { [spare.keyid]: { ...spare.key, name: 'x' } }),
      /the sha256 of the key/,
    ],
  ];
  for (const [why, change, expected] of delegations)
    it(`refuses delegations with ${why}`, () => {
      const bytes = changed('1.targets.json', (signed) => change(signed['delegations']!));
      expect(() => read(bytes))
        .to.throw(TrustError, expected)
        .with.property('exitCode', 4);
    });

  const roots: [why: string, change: (signed: Tree) => void, expected: RegExp][] = [
    ['no consistent snapshots', (s) => delete s['consistent_snapshot'], /consistent_snapshot/],
    ['consistent_snapshot false', (s) => Object.assign(s, { consistent_snapshot: false }), /consistent_snapshot/],
    ['a role too few', (s) => delete s['roles']!['timestamp'], /roles\.timestamp: /],
    ['a threshold of nothing', (s) => Object.assign(s['roles']!['root']!, { threshold: 0 }), /roles\.root\.threshold/],
  ];
  for (const [why, change, expected] of roots)
    it(`refuses a root with ${why}`, () => {
      expect(() => read(changed('1.root.json', change), 'root')).to.throw(TrustError, expected);
    });

  it('refuses one public key under two keyids, also in a foreign root', () => {
    const bytes = changed('1.root.json', (signed) => {
      delete signed['x-tufa-repository'];
      const role = signed['roles']!['root']!;
      const other = 'ab'.repeat(32);
      signed['keys']![other] = signed['keys']![role['keyids']![0] as never]!;
      role['keyids'] = [role['keyids']![0], other] as never;
    });
    expect(() => read(bytes, 'root')).to.throw(TrustError, 'one public key under two keyids');
  });

  for (const [why, bytes, expected] of [
    [
      'a signature twice',
      '{"signatures":[{"keyid":"a","sig":""},{"keyid":"a","sig":""}],"signed":{}}',
      /each keyid once/,
    ],
    ['no signatures', '{"signed":{}}', /signatures: /],
    ['no signed part', '{"signatures":[]}', /signed: /],
    ['a list', '[]', /an object, found a list/],
    ['a key twice', '{"signatures":[],"signed":{"version":1,"version":2}}', /metadata\/x\.json:1:40: .*each key once/],
    ['__proto__', '{"signatures":[],"signed":{"__proto__":{}}}', /an ordinary key/],
    ['an exponent', '{"signatures":[],"signed":{"version":1e3}}', /found `1e3`/],
    ['bytes after the end', '{"signatures":[],"signed":{}}x', /the end of the document/],
    ['a byte order mark', '\ufeff{"signatures":[],"signed":{}}', /a value/],
    ['20,000 brackets', '['.repeat(20_000), /at most 32 levels/],
  ] as const)
    it(`refuses ${why}`, () => {
      expect(() => read(Buffer.from(bytes)))
        .to.throw(TrustError, expected)
        .with.property('code', 'trust.format');
    });

  it('reads or refuses, whatever byte is changed, and never otherwise', () => {
    const names = [...repository.files.keys()];
    fc.assert(
      fc.property(fc.constantFrom(...names), fc.nat(), fc.nat(255), (name, at, byte) => {
        const bytes = Buffer.from(file(name));
        bytes[at % bytes.length] = byte;
        const type = (['root', 'snapshot', 'timestamp'] as const).find((kind) => name.includes(kind)) ?? 'targets';
        let found: ReturnType<typeof readMetadata>;
        try {
          found = read(bytes, type);
        } catch (error) {
          expect(error).to.be.instanceOf(TrustError);
          return;
        }
        const signed = (parseJson(bytes) as Map<string, Encodable>).get('signed')!;
        expect(canonical(signed).toString()).to.equal(Buffer.from(found.signedBytes).toString());
      }),
      { numRuns: 2000 },
    );
  });

  it('reads a snapshot of 16,384 roles without an object for each', () => {
    const large = new TestRepository();
    const names = Array.from({ length: 16_384 }, (_, i) => `bin14-${i.toString(16).padStart(4, '0')}`);
    large.meta = Buffer.from(names.map((name) => `"${name}.json":{"version":1}`).join(','));
    large.publish(2);
    const bytes = large.files.get(metadataName('snapshot', 2))!;
    const { signed } = readMetadata(bytes, 'snapshot', 'large');
    expect(signed.meta.buffer).to.equal(bytes.buffer);
    expect(signed.meta).to.have.lengthOf(large.meta.length);
  });
});
