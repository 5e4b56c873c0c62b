import { expect } from 'chai';
import { InputError } from '../../src/errors.ts';
import type { Client } from '../../src/tuf/clients.ts';
import { CLIENTS } from '../../src/tuf/clients.ts';
import { keyidOf } from '../../src/tuf/keys.ts';
import {
  checkKeys,
  checkRoot,
  checkRootCount,
  checkSizes,
  type Finding,
  type Keyring,
  refuseFindings,
} from '../../src/tuf/limits.ts';
import type { Key } from '../../src/tuf/model.ts';
import { keyring, roleKeys, testKey } from './repository.ts';

const REFERENCE: Client[] = ['python-tuf', 'tuf-js', 'go-tuf'];

const brief = (findings: Finding[]): string[] =>
  findings.map(({ severity, check, client }) =>
    [severity, check, client].filter((part) => part !== undefined).join(' '),
  );

describe('checkSizes', () => {
  const three = 'python-tuf, tuf-js, go-tuf';
  const table: [role: string, length: number, signedLength: boolean, clients: Client[], expected: string[]][] = [
    ['root', 256_000, false, REFERENCE, ['warn limit.size sigstore-java']],
    ['root', 256_001, false, REFERENCE, [`warn limit.size ${three}`, 'warn limit.size sigstore-java']],
    ['root', 101_376, false, REFERENCE, []],
    ['root', 512_000, false, REFERENCE, [`warn limit.size ${three}`, 'warn limit.size sigstore-java']],
    ['root', 512_001, false, REFERENCE, [`refuse limit.size ${three}`, 'warn limit.size sigstore-java']],
    ['root', 512_001, false, ['tough'], ['warn limit.size sigstore-java']],
    ['timestamp', 8_192, false, REFERENCE, []],
    ['timestamp', 8_193, false, REFERENCE, [`warn limit.size ${three}`]],
    ['timestamp', 16_385, false, REFERENCE, [`refuse limit.size ${three}`]],
    ['timestamp', 16_385, false, ['tuf-js', 'tough'], ['refuse limit.size tuf-js']],
    ['snapshot', 2_000_001, false, REFERENCE, [`refuse limit.size ${three}`]],
    ['snapshot', 50_000_000, true, [...CLIENTS], []],
    ['snapshot', 1_500_000, false, ['python-tuf', 'tough'], ['refuse limit.size tough']],
    ['targets', 5_000_000, false, REFERENCE, [`warn limit.size ${three}`]],
    ['targets', 5_000_001, false, REFERENCE, [`refuse limit.size ${three}`]],
    ['bin10-3ff', 2_500_000, false, REFERENCE, []],
    ['bin10-3ff', 2_500_001, false, REFERENCE, [`warn limit.size ${three}`]],
    ['bin10-3ff', 10_000_000, false, REFERENCE, [`refuse limit.size ${three}`]],
    ['bin10-3ff', 10_000_000, false, ['tough'], ['warn limit.size tough']],
    ['bin10-3ff', 11_000_000, true, REFERENCE, []],
    ['bin0', 0, false, REFERENCE, []],
  ];
  for (const [role, length, signedLength, clients, expected] of table)
    it(`${role} of ${length} bytes${signedLength ? ', signed length' : ''}, for ${clients}: ${expected.join('; ') || 'well'}`, () => {
      expect(brief(checkSizes([{ role, version: 3, length, signedLength }], clients))).to.deep.equal(expected);
    });

  it('names the file, its size, the limit and the client', () => {
    const findings = checkSizes(
      [
        { role: 'timestamp', version: 8, length: 9_000 },
        { role: 'bin0', version: 7, length: 5_000_001 },
        { role: 'snapshot', version: 8, length: 2_000_001 },
      ],
      ['python-tuf', 'tough'],
    );
    expect(() => refuseFindings(findings))
      .to.throw(
        InputError,
        '7.bin0.json: too long for python-tuf: expected at most 5000000 bytes, found 5000001 (and 1 more)',
      )
      .with.property('exitCode', 5);
  });

  it('lets warnings pass', () => {
    refuseFindings(checkSizes([{ role: 'timestamp', version: 8, length: 9_000 }], REFERENCE));
    refuseFindings([]);
  });
});

describe('checkRootCount', () => {
  for (const [newest, expected] of [
    [201, []],
    [202, ['warn limit.roots']],
    [257, ['warn limit.roots']],
    [258, ['warn limit.roots python-tuf, tuf-js, go-tuf']],
  ] as const)
    it(`root ${newest} from root 1: ${expected.join('') || 'well'}`, () => {
      expect(brief(checkRootCount(newest, 1, [...CLIENTS]))).to.deep.equal(expected);
    });

  it('counts from the oldest root that is still shipped', () => {
    expect(checkRootCount(300, 100, [...CLIENTS])).to.deep.equal([]);
  });
});

describe('checkKeys', () => {
  const [a, b] = [testKey(), testKey('ecdsa-sha2-nistp256')];
  const rsa = testKey('rsassa-pss-sha256');
  const one = (key: Key, keyid = keyidOf(key)): Keyring => ({
    keys: new Map([[keyid, key]]),
    roles: [['bins', { keyids: [keyid], threshold: 1 }]],
  });
  const pem = b.key.keyval.public;

  it('takes each kind that every client reads', () => {
    const keys = keyring(a, b, rsa);
    expect(checkKeys({ keys, roles: [['root', roleKeys(2, a, b, rsa)]] }, [...CLIENTS])).to.deep.equal([]);
  });

  const table: [why: string, ring: Keyring, clients: Client[], expected: string[]][] = [
    ['a keyid that is not the hash', one(a.key, 'ab'.repeat(32)), REFERENCE, ['refuse key.keyid']],
    ['a kind that nobody reads', one({ ...a.key, scheme: 'ml-dsa-65/1' }), ['tough'], ['refuse key.scheme tough']],
    [
      'a kind that some do not read',
      one({ ...b.key, scheme: 'ecdsa-sha2-nistp384' }),
      ['python-tuf', 'tough'],
      ['refuse key.scheme tough'],
    ],
    [
      'text that is no key of its kind',
      one({ ...b.key, scheme: 'ecdsa-sha2-nistp384' }),
      ['python-tuf', 'go-tuf'],
      ['refuse key.form'],
    ],
    ['another keytype', one({ ...a.key, keytype: 'rsa' }), REFERENCE, ['refuse key.form']],
    [
      'upper-case hex',
      one({ ...a.key, keyval: { public: a.key.keyval.public.toUpperCase() } }),
      REFERENCE,
      ['refuse key.form'],
    ],
    [
      'carriage returns',
      one({ ...b.key, keyval: { public: pem.replaceAll('\n', '\r\n') } }),
      REFERENCE,
      ['refuse key.form'],
    ],
    [
      'a keyid without its key',
      { keys: keyring(a), roles: [['bins', roleKeys(1, a, b)]] },
      REFERENCE,
      ['refuse key.missing'],
    ],
    ['threshold 0', { keys: keyring(a), roles: [['bins', roleKeys(0, a)]] }, REFERENCE, ['refuse key.threshold']],
    [
      'threshold 1.5',
      { keys: keyring(a, b), roles: [['bins', roleKeys(1.5, a, b)]] },
      REFERENCE,
      ['refuse key.threshold'],
    ],
    [
      'a threshold above the keys',
      { keys: keyring(a), roles: [['bins', roleKeys(2, a)]] },
      REFERENCE,
      ['refuse key.threshold'],
    ],
    ['a role without keys', { keys: keyring(a), roles: [['bins', roleKeys(1)]] }, REFERENCE, ['refuse key.threshold']],
    [
      'a keyid twice',
      { keys: keyring(a), roles: [['bins', roleKeys(2, a, a)]] },
      REFERENCE,
      ['refuse key.twice', 'refuse key.threshold'],
    ],
    [
      'one public key under two keyids',
      { keys: new Map([...keyring(b), ...one({ ...b.key, keytype: 'ecdsa-sha2-nistp256' }).keys]), roles: [] },
      REFERENCE,
      ['refuse key.twice'],
    ],
  ];
  for (const [why, ring, clients, expected] of table)
    it(`refuses ${why}`, () => {
      expect(brief(checkKeys(ring, clients))).to.deep.equal(expected);
    });

  it('looks at all four roles of a root', () => {
    const role = roleKeys(1, a);
    const root = { keys: keyring(a), roles: { root: role, targets: role, snapshot: role, timestamp: role } };
    expect(checkRoot(root, REFERENCE)).to.deep.equal([]);
    const worse = { ...root, roles: { ...root.roles, snapshot: roleKeys(2, a) } };
    expect(checkRoot(worse, REFERENCE).map(({ object }) => object)).to.deep.equal(['keys of snapshot']);
  });
});
