import { expect } from 'chai';
import fc from 'fast-check';
import { InputError } from '../../src/errors.ts';
import { compareVersions, isPrerelease, latest, normalizeVersion, sameVersion } from '../../src/packaging/versions.ts';

describe('packaging/versions', () => {
  it('normalises as PEP 440 says', () => {
    const table = [
      ['1.0', '1.0'],
      ['v1.0', '1.0'],
      ['1.0-RC1', '1.0rc1'],
      ['1.0.alpha', '1.0a0'],
      ['1.0-1', '1.0.post1'],
      ['1.0-r4', '1.0.post4'],
      ['01.02', '1.2'],
      ['1!2.0', '1!2.0'],
      ['1.0.dev', '1.0.dev0'],
      ['1.0+Ubuntu-01_x', '1.0+ubuntu.1.x'],
      ['1.0+0x1f', '1.0+0x1f'],
    ] as const;
    for (const [given, normal] of table) expect(normalizeVersion(given), given).to.equal(normal);
  });

  it('orders as PEP 440 says', () => {
    const ordered = [
      '0',
      '1.dev1',
      '1.0a1.dev1',
      '1.0a1',
      '1.0a1.post1',
      '1.0b2',
      '1.0rc1',
      '1.0',
      '1.0+0x1f',
      '1.0+abc',
      '1.0+abc.5',
      '1.0+abc.7',
      '1.0+31',
      '1.0+99999999999999999998',
      '1.0+99999999999999999999',
      '1.0.post1',
      '1.1.dev1',
      '1.1',
      '1!0.1',
    ];
    for (const [i, low] of ordered.entries()) {
      expect(compareVersions(low, low)).to.equal(0);
      for (const high of ordered.slice(i + 1)) {
        expect(compareVersions(low, high), `${low} < ${high}`).to.be.below(0);
        expect(compareVersions(high, low), `${high} > ${low}`).to.be.above(0);
      }
    }
  });

  it('knows one version by its spellings', () => {
    expect(sameVersion('1.0', '1.0.0')).to.equal(true);
    expect(sameVersion('1.0+ubuntu-1', '1.0+Ubuntu_1')).to.equal(true);
    expect(sameVersion('1.0+31', '1.0+0x1f')).to.equal(false);
    expect(sameVersion('1.0', '1.0.post0')).to.equal(false);
  });

  it('takes a pre-release as the latest only where there is nothing else', () => {
    expect(latest(['1.0', '2.0rc1', '1.10', '1.9'])).to.equal('1.10');
    expect(latest(['1.0a1', '1.0.dev3', '1.0b1'])).to.equal('1.0b1');
    expect(latest([])).to.equal(undefined);
    expect(isPrerelease('1.0.post1.dev2')).to.equal(true);
  });

  it('refuses what is no version, and numbers that a double cannot hold', () => {
    for (const bad of ['', ' 1.0', '1.0\n', '1.0-SNAPSHOT', '0.6-13-28', '1..0', '1.0+', '１.0', '1.0+a+b']) {
      expect(() => normalizeVersion(bad), JSON.stringify(bad)).to.throw(InputError, 'PEP 440');
    }
    expect(() => normalizeVersion('0.11800000000000001')).to.throw(InputError, '9007199254740991');
    expect(() => compareVersions('1', '9007199254740993')).to.throw(InputError);
  });

  it('leaves a normal form as it is', () => {
    const number = fc.nat(2000);
    const tail = fc.constantFrom('', 'a1', '-beta.2', '.post3', '-4', '.dev5', 'rc1.post2.dev3', '+l.01.X');
    fc.assert(
      fc.property(fc.array(number, { minLength: 1, maxLength: 4 }), tail, (release, end) => {
        const normal = normalizeVersion(release.join('.') + end);
        expect(normalizeVersion(normal)).to.equal(normal);
        expect(sameVersion(normal, release.join('.') + end)).to.equal(true);
      }),
    );
  });
});
