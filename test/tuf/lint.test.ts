import { expect } from 'chai';
import { binName, hashPrefixes } from '../../src/tuf/bins.ts';
import type { Client } from '../../src/tuf/clients.ts';
import { CLIENTS } from '../../src/tuf/clients.ts';
import type { Finding } from '../../src/tuf/limits.ts';
import { checkDelegations, checkReach, checkRoleCount, checkTree, rolesFor, type Tree } from '../../src/tuf/lint.ts';
import type { DelegatedRole, Delegations } from '../../src/tuf/model.ts';
import { succinctDelegations } from '../../src/tuf/tree.ts';
import { keyring, roleKeys, TestRepository, testKey } from './repository.ts';

const REFERENCE: Client[] = ['python-tuf', 'tuf-js', 'go-tuf'];
const key = testKey();
const keys = keyring(key);

const role = (name: string, changes: Partial<DelegatedRole> = {}): DelegatedRole => ({
  ...roleKeys(1, key),
  name,
  terminating: true,
  paths: ['*/*'],
  pathHashPrefixes: undefined,
  ...changes,
});
const roles = (...delegated: DelegatedRole[]): Delegations => ({ keys, roles: delegated, succinct: undefined });
const succinct = (prefix: 'bin' | 'recent', bits: number): Delegations =>
  succinctDelegations(keys, roleKeys(1, key), prefix, bits);
const byPrefix = (prefixes: string[]): Partial<DelegatedRole> => ({ paths: undefined, pathHashPrefixes: prefixes });
const brief = (findings: Finding[]): string[] =>
  findings.map(({ severity, check, client }) =>
    [severity, check, client].filter((part) => part !== undefined).join(' '),
  );

describe('checkDelegations', () => {
  const table: [why: string, delegator: string, Delegations, Client[], expected: string[]][] = [
    ['takes one role', 'targets', roles(role('a')), [...CLIENTS], []],
    ['takes none', 'targets', roles(), [...CLIENTS], []],
    ['takes succinct roles', 'bins', succinct('bin', 14), REFERENCE, []],
    [
      'refuses succinct roles for tough',
      'bins',
      succinct('bin', 2),
      [...CLIENTS],
      ['refuse delegation.succinct tough'],
    ],
    [
      'refuses 33 bits',
      'bins',
      { ...succinct('bin', 2), succinct: { ...succinct('bin', 2).succinct!, bitLength: 33 } },
      REFERENCE,
      ['refuse delegation.succinct'],
    ],
    [
      'refuses bins whose names are not role names',
      'bins',
      { ...succinct('bin', 2), succinct: { ...succinct('bin', 2).succinct!, namePrefix: '../x' } },
      REFERENCE,
      ['refuse delegation.name'],
    ],
    [
      'refuses roles beside succinct ones, which end the search',
      'targets',
      { ...succinct('bin', 2), roles: [role('a')] },
      REFERENCE,
      ['refuse delegation.unreachable'],
    ],
    ['refuses delegations of a bin', 'bin2-0', roles(role('claimed')), REFERENCE, ['refuse delegation.online']],
    ['refuses delegations of bin0', 'bin0', roles(role('claimed')), REFERENCE, ['refuse delegation.online']],
    ['refuses delegations of deny', 'deny', roles(role('claimed')), REFERENCE, ['refuse delegation.online']],
    ['refuses a top-level name', 'targets', roles(role('snapshot')), REFERENCE, ['refuse delegation.name']],
    ['refuses a name like a number', 'targets', roles(role('10')), REFERENCE, ['refuse delegation.name']],
    [
      'refuses both paths and prefixes',
      'targets',
      roles(role('a', { pathHashPrefixes: ['0'] })),
      ['python-tuf'],
      ['refuse delegation.covers'],
    ],
    ['refuses neither', 'targets', roles(role('a', { paths: undefined })), REFERENCE, ['refuse delegation.covers']],
    ['refuses no paths', 'targets', roles(role('a', { paths: [] })), REFERENCE, ['refuse delegation.covers']],
    [
      'refuses no word on terminating',
      'targets',
      roles(role('a', { terminating: undefined as unknown as boolean })),
      REFERENCE,
      ['refuse delegation.terminating'],
    ],
    [
      'refuses a pattern',
      'targets',
      roles(role('a', { paths: ['{a,b}/*'] })),
      REFERENCE,
      ['refuse delegation.pattern'],
    ],
    ['takes prefixes', 'bins', roles(role('a', byPrefix(hashPrefixes(1, 0)))), ['python-tuf', 'tuf-js', 'tough'], []],
    [
      'refuses prefixes for go-tuf',
      'bins',
      roles(role('a', byPrefix(['0']))),
      [...CLIENTS],
      ['refuse delegation.prefix go-tuf'],
    ],
    [
      'refuses prefixes in capitals',
      'bins',
      roles(role('a', byPrefix(['0A']))),
      ['tuf-js'],
      ['refuse delegation.prefix'],
    ],
    [
      'refuses a threshold that cannot be met',
      'targets',
      roles(role('a', { threshold: 2 })),
      REFERENCE,
      ['refuse key.threshold'],
    ],
  ];
  for (const [why, delegator, delegations, clients, expected] of table)
    it(why, () => {
      expect(brief(checkDelegations(delegator, delegations, clients))).to.deep.equal(expected);
    });
});

describe('checkTree', () => {
  const table: [why: string, Tree, expected: string[]][] = [
    [
      'takes a tree',
      new Map([
        ['targets', roles(role('bins'))],
        ['bins', succinct('bin', 2)],
      ]),
      [],
    ],
    ['refuses a name twice', new Map([['targets', roles(role('a'), role('a'))]]), ['refuse delegation.twice']],
    [
      'refuses a second delegator of a role',
      new Map([
        ['targets', roles(role('a'), role('b'))],
        ['a', roles(role('b'))],
      ]),
      ['refuse delegation.twice'],
    ],
    [
      'refuses a role that delegates to itself',
      new Map([
        ['targets', roles(role('a'))],
        ['a', roles(role('a'))],
      ]),
      ['refuse delegation.twice'],
    ],
    [
      'refuses a bin that is delegated by name as well',
      new Map([
        ['targets', roles(role('bins'), role('bin2-3'))],
        ['bins', succinct('bin', 2)],
      ]),
      ['refuse delegation.twice'],
    ],
    [
      'refuses the same bins twice',
      new Map([
        ['targets', roles(role('a'), role('b'))],
        ['a', succinct('bin', 2)],
        ['b', succinct('bin', 2)],
      ]),
      ['refuse delegation.twice'],
    ],
    [
      'takes bins of two widths',
      new Map([
        ['targets', roles(role('a'), role('b'))],
        ['a', succinct('bin', 2)],
        ['b', succinct('bin', 3)],
      ]),
      [],
    ],
    [
      'warns of more bins than tuf-js can take',
      new Map([
        ['targets', roles(role('bins'))],
        ['bins', succinct('bin', 14)],
      ]),
      ['warn limit.roles tuf-js'],
    ],
  ];
  for (const [why, tree, expected] of table)
    it(why, () => {
      expect(brief(checkTree(tree, REFERENCE))).to.deep.equal(expected);
    });

  it('warns tough of a hundred roles', () => {
    expect(brief(checkRoleCount(101, [...CLIENTS]))).to.deep.equal(['warn limit.roles tough']);
    expect(checkRoleCount(2048, REFERENCE)).to.deep.equal([]);
  });
});

/** The delegations of our own tree. */
function ours(bits: { bins: number; recent: number }): Tree {
  const tree = new Map([['targets', new TestRepository(bits).targetsDelegations()]]);
  if (bits.bins > 0) tree.set('bins', succinct('bin', bits.bins));
  if (bits.recent > 0) tree.set('recent', succinct('recent', bits.recent));
  return tree;
}

describe('our own tree', () => {
  for (const bits of [
    { bins: 0, recent: 0 },
    { bins: 4, recent: 0 },
    { bins: 2, recent: 3 },
  ]) {
    it(`has no finding with bins ${bits.bins} and recent ${bits.recent}`, () => {
      const clients = bits.bins === 0 ? [...CLIENTS] : REFERENCE;
      expect(checkTree(ours(bits), clients)).to.deep.equal([]);
    });

    it(`reaches every form of path with bins ${bits.bins} and recent ${bits.recent}`, () => {
      const tree = ours(bits);
      for (const path of [
        'simple/foo/index.html',
        'simple/foo/vnd.pypi.simple.v1.json',
        'packages/foo/foo-1.0.tar.gz',
        'packages/foo/foo-1.0.tar.gz.provenance',
        'upstream/sigstore/1.root.json',
      ]) {
        expect(rolesFor(tree, path).at(-1), path).to.match(bits.bins === 0 ? /^bin0$/ : /^bin\d-[0-9a-f]$/);
      }
      expect(rolesFor(tree, 'trust/log.json')).to.deep.equal(['targets', 'trust']);
      expect(rolesFor(tree, 'deny/deny.json')).to.deep.equal(['targets', 'deny']);
      expect(rolesFor(tree, 'policies/foo.json').slice(0, 3).join()).to.match(/^targets,claimed,recent0?$/);
    });
  }
});

describe('checkReach', () => {
  const tree = ours({ bins: 2, recent: 0 });
  const bin = rolesFor(tree, 'simple/foo/index.html').at(-1)!;
  const wrong = [0, 1, 2, 3].map((i) => binName('bin', 2, i)).find((name) => name !== bin)!;
  const table: [why: string, path: string, role: string, expected: string[]][] = [
    ['a page in its bin', 'simple/foo/index.html', bin, []],
    ['a page in another bin', 'simple/foo/index.html', wrong, ['refuse delegation.reach']],
    ['a policy in recent0', 'policies/foo.json', 'recent0', []],
    ['a policy in claimed', 'policies/foo.json', 'claimed', []],
    ['a policy in a bin', 'policies/foo.json', bin, ['refuse delegation.reach']],
    ['a path deeper than its pattern', 'simple/foo/bar/index.html', bin, ['refuse delegation.reach']],
    ['a path less deep than its pattern', 'simple/index.html', bin, ['refuse delegation.reach']],
    ['a path that no pattern covers', 'other/foo/x', bin, ['refuse delegation.reach']],
    ['a trust root in a folder', 'trust/deep/er.json', 'trust', ['refuse delegation.reach']],
  ];
  for (const [why, path, listedBy, expected] of table)
    it(`${expected.length === 0 ? 'takes' : 'refuses'} ${why}`, () => {
      expect(brief(checkReach(tree, [{ path, role: listedBy }], REFERENCE))).to.deep.equal(expected);
    });

  const chain = (length: number): Tree =>
    new Map(
      Array.from(
        { length },
        (_, i) => [i === 0 ? 'targets' : `r${i}`, roles(role(`r${i + 1}`))] satisfies [string, Delegations],
      ),
    );

  it('refuses a chain of more than 32 roles', () => {
    const listing = (n: number) => [{ path: 'a/b', role: `r${n}` }];
    expect(checkReach(chain(31), listing(31), REFERENCE)).to.deep.equal([]);
    expect(brief(checkReach(chain(32), listing(32), REFERENCE))).to.deep.equal([
      'refuse limit.visited python-tuf, tuf-js, go-tuf',
    ]);
    expect(checkReach(chain(32), listing(32), ['tough'])).to.deep.equal([]);
  });

  it('visits roles in pre-order, each once, up to the first that terminates', () => {
    const open = { terminating: false };
    const wide: Tree = new Map([
      ['targets', roles(role('a', open), role('b', open), role('c'), role('d'))],
      ['a', roles(role('a1', open), role('b', open))],
      ['a1', roles(role('a2', open))],
    ]);
    expect(rolesFor(wide, 'x/y')).to.deep.equal(['targets', 'a', 'a1', 'a2', 'b', 'c']);
    const cut: Tree = new Map([...wide, ['a1', roles(role('a2'))]]);
    expect(rolesFor(cut, 'x/y')).to.deep.equal(['targets', 'a', 'a1', 'a2']);
  });
});
