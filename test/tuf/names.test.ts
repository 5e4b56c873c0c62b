import { expect } from 'chai';
import fc from 'fast-check';
import { InputError } from '../../src/errors.ts';
import { assertPattern, assertRoleName, assertTargetPath, matchesPattern } from '../../src/tuf/names.ts';
import { theirDelegations } from './repository.ts';

describe('assertRoleName', () => {
  for (const name of [
    'bins',
    'bin10-3ff',
    'recent0',
    'a',
    'p-requests',
    'zope.interface',
    'con-1',
    `a${'b'.repeat(127)}`,
  ])
    it(`takes ${name.slice(0, 20)}`, () => assertRoleName(name));

  for (const name of [
    '',
    '10',
    '1.root',
    '../x',
    'a//b',
    'a/b',
    'Bins',
    'bin s',
    '-bins',
    '_bins',
    'root',
    'targets',
    'snapshot',
    'timestamp',
    'constructor',
    '__proto__',
    'con',
    'nul',
    'com1',
    'lpt9.x',
    'bins.',
    'bins.json',
    'a%2e',
    `a${'b'.repeat(128)}`,
    'bins\n',
  ])
    it(`refuses ${JSON.stringify(name.slice(0, 20))}`, () => {
      expect(() => assertRoleName(name))
        .to.throw(InputError, 'not a role name: expected')
        .with.property('exitCode', 5);
    });

  it('prints the code point of what is not ASCII', () => {
    expect(() => assertRoleName('b\u0456ns')).to.throw(InputError, '"b\\u0456ns": not a role name: expected');
    expect(() => assertRoleName('b\u0456ns')).to.throw(InputError, 'found U+0456');
  });
});

describe('assertTargetPath', () => {
  for (const path of [
    'simple/requests/index.html',
    'simple/requests/vnd.pypi.simple.v1.json',
    'packages/requests/requests-2.32.3-py3-none-any.whl',
    'packages/aa/bb/cc/x-1!2.0+cpu.tar.gz',
    'simple/constructor/index.html',
    'packages/con/con-1.0.tar.gz',
    'packages/0/0-1.0.tar.gz',
    '10/1.root',
    'con.d/x',
    'packages/timestamp/root',
    'file.whl',
    'a'.repeat(512),
  ])
    it(`takes ${path.slice(0, 60)}`, () => assertTargetPath(path));

  for (const path of [
    '',
    '/',
    '/a',
    'a/',
    'a//b',
    '.',
    '..',
    '../x',
    'a/../b',
    'a/./b',
    'a/.hidden',
    'a?b',
    'a#b',
    'a%2eb',
    'a\\b',
    'a b',
    'a"b',
    'a\tb',
    'a\0b',
    'a\u007fb',
    'constructor',
    '__proto__',
    'toString',
    '10',
    '1.root',
    'CON',
    'nul.txt',
    'a'.repeat(513),
  ])
    it(`refuses ${JSON.stringify(path.slice(0, 20))}`, () => {
      expect(() => assertTargetPath(path))
        .to.throw(InputError, 'not a target path: expected')
        .with.property('exitCode', 5);
    });

  it('prints the code point of what only looks like ASCII', () => {
    expect(() => assertTargetPath('simple/\uff46oo/index.html')).to.throw(InputError, 'found U+FF46');
    expect(() => assertTargetPath('simple/f\u043eo/index.html')).to.throw(InputError, 'found U+043E');
    expect(() => assertTargetPath('simple/\u{1d41f}oo/index.html')).to.throw(InputError, 'found U+1D41F');
  });

  it('shows nothing that a terminal obeys', () => {
    expect(() => assertTargetPath('a/\u001b[2J\u202e')).to.throw(InputError, /^[\x20-\x7e]*$/);
  });
});

describe('assertPattern', () => {
  for (const pattern of ['simple/*/*', 'packages/*/*', 'policies/a*', 'trust/*', '*', 'a/b-1.0_~', 'file.whl'])
    it(`takes ${pattern}`, () => assertPattern(pattern));

  for (const pattern of [
    '{a,b}/*',
    '!x/*',
    '*a*a*b',
    '*a',
    'a**',
    '**',
    'a*b',
    'a?',
    '#c/*',
    '[ab]',
    '@(a|b)',
    'a+(b)',
    'a\\*',
  ])
    it(`refuses ${pattern}: clients differ`, () => {
      expect(() => assertPattern(pattern)).to.throw(
        InputError,
        'at most one * in a segment, at its end, is portable between clients',
      );
    });

  for (const pattern of ['', '/a', 'a/', 'a//b', '.', '../*', '.*', 'a/.h*', '*'.repeat(513)])
    it(`refuses ${JSON.stringify(pattern.slice(0, 20))}`, () => {
      expect(() => assertPattern(pattern))
        .to.throw(InputError, 'not a path pattern')
        .with.property('exitCode', 5);
    });
});

describe('matchesPattern', () => {
  const table: [pattern: string, path: string, matches: boolean][] = [
    ['*', 'a', true],
    ['*', 'a/b', false],
    ['*', '', true],
    ['simple/*/*', 'simple/x/index.html', true],
    ['simple/*/*', 'simple/x/y/index.html', false],
    ['simple/*/*', 'simple/x', false],
    ['policies/a*', 'policies/a.json', true],
    ['policies/a*', 'policies/ba.json', false],
    ['a?c', 'abc', true],
    ['a?c', 'ac', false],
    ['a?c', 'a/c', false],
    ['*.tgz', 'x.tar.tgz', true],
    ['*ab*ab', 'abab', true],
    ['*ab*ab', 'aab', false],
    ['a/*', 'a/.hidden', true],
    ['{a,b}', 'a', false],
    ['{a,b}', '{a,b}', true],
    ['!a', 'b', false],
    ['[ab]', 'a', false],
    ['A', 'a', false],
    ['', '', true],
  ];
  for (const [pattern, path, matches] of table)
    it(`${pattern || '(empty)'} ${matches ? 'covers' : 'does not cover'} ${path || '(empty)'}`, () => {
      expect(matchesPattern(pattern, path)).to.equal(matches);
    });

  it('is what tuf-js does, for every pattern and path that we write', () => {
    const segment = fc.string({ unit: fc.constantFrom('a', 'b', '-', '.', '_', '1'), minLength: 1, maxLength: 4 });
    const ours = segment.filter((s) => !s.startsWith('.'));
    const path = fc.array(ours, { minLength: 1, maxLength: 4 });
    const cuts = fc.array(fc.nat(5), { minLength: 4, maxLength: 4 });
    fc.assert(
      fc.property(path, path, cuts, fc.boolean(), (named, other, at, same) => {
        // Literal where the cut is past the segment; else a part of it and a star.
        const pattern = named.map((s, i) => (at[i]! > s.length ? s : `${s.slice(0, at[i])}*`)).join('/');
        const wanted = (same ? named : other).join('/');
        assertPattern(pattern);
        const roles = [{ name: 'r', keyids: [], threshold: 1, terminating: true, paths: [pattern] }];
        expect(matchesPattern(pattern, wanted)).to.equal(theirDelegations({ roles }, wanted).length === 1);
      }),
      { numRuns: 1000 },
    );
  });

  it('is what a regular expression says, for any pattern of literals, * and ?', () => {
    const text = (units: string): fc.Arbitrary<string> => fc.string({ unit: fc.constantFrom(...units), maxLength: 8 });
    fc.assert(
      fc.property(text('ab*?/'), text('ab/'), (pattern, path) => {
        const source = pattern.replaceAll('*', '[^/]*').replaceAll('?', '[^/]');
        expect(matchesPattern(pattern, path)).to.equal(new RegExp(`^${source}$`).test(path));
      }),
      { numRuns: 2000 },
    );
  });

  it('ends in time where backtracking never does', () => {
    expect(matchesPattern(`${'*a'.repeat(250)}b`, 'a'.repeat(512))).to.equal(false);
  });
});
