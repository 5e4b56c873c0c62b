import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { InputError } from '../../src/errors.ts';
import { assertNoCollision, isNormalized, normalize, parseDistributionName } from '../../src/packaging/names.ts';
import { normalizeVersion } from '../../src/packaging/versions.ts';
import { lockedFiles } from '../support/wheels.ts';

/** Name and latest version of 2,000 real projects. */
const REAL = readFileSync(join(import.meta.dirname, '../fixtures/pypi-names-sample.tsv'), 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => line.split('\t') as [string, string]);

describe('packaging/names', () => {
  it('normalises as PEP 503 says', () => {
    const spellings = [
      'friendly-bard',
      'Friendly-Bard',
      'FRIENDLY-BARD',
      'friendly.bard',
      'friendly_bard',
      'FrIeNdLy-._.-bArD',
    ];
    for (const spelling of spellings) expect(normalize(spelling)).to.equal('friendly-bard');
    expect(normalize('0')).to.equal('0');
    expect(normalize('constructor')).to.equal('constructor');
  });

  it('leaves 2,000 real names as they are', () => {
    expect(REAL).to.have.lengthOf(2000);
    for (const [name] of REAL) {
      expect(normalize(name)).to.equal(name);
      expect(isNormalized(name)).to.equal(true);
    }
  });

  it('refuses what is not ASCII and prints its code point', () => {
    const table = [
      ['ſix', 'U+017F'],
      ['\u212Aeras', 'U+212A'],
      ['\uFF46oo', 'U+FF46'],
      ['fоo', 'U+043E'],
      ['foo\u0000', 'U+0000'],
      ['foo bar', 'U+0020'],
      ['foo\n', 'U+000A'],
      ['💥', 'U+1F4A5'],
    ] as const;
    for (const [name, point] of table) expect(() => normalize(name), name).to.throw(InputError, point);
  });

  it('refuses names without a letter or digit at both ends', () => {
    for (const name of ['', '-', '_foo', 'foo-', '.foo', 'foo/bar', '../foo', 'foo%2e']) {
      expect(() => normalize(name), name).to.throw(InputError, 'a project name');
    }
  });

  it('refuses a second spelling and prints both', () => {
    expect(() => assertNoCollision('Foo.Bar', ['other', 'foo-bar'])).to.throw(
      InputError,
      /expected foo-bar, found Foo\.Bar/,
    );
    expect(assertNoCollision('foo-bar', ['other', 'foo-bar'])).to.equal('foo-bar');
    expect(assertNoCollision('New_One', ['other'])).to.equal('new-one');
  });

  it('reads the names of wheels', () => {
    expect(
      parseDistributionName('Foo.Bar_baz-1.0.RC1-2b-py2.py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64.whl'),
    ).to.deep.equal({
      filename: 'Foo.Bar_baz-1.0.RC1-2b-py2.py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64.whl',
      project: 'foo-bar-baz',
      version: '1.0rc1',
      kind: 'wheel',
      tags: { python: ['py2', 'py3'], abi: ['none'], platform: ['manylinux_2_17_x86_64', 'manylinux2014_x86_64'] },
    });
    expect(parseDistributionName('torch-2.1+cu118_1-cp311-cp311-linux_x86_64.whl').version).to.equal('2.1+cu118.1');
    expect(parseDistributionName('e-1!2.0-py3-none-any.whl').version).to.equal('1!2.0');
  });

  it('reads the names of sdists, old and new', () => {
    const table = [
      ['foo_bar-1.0.tar.gz', 'foo-bar', '1.0'],
      ['python-dateutil-2.8.2.tar.gz', 'python-dateutil', '2.8.2'],
      ['zope.interface-6.0.zip', 'zope-interface', '6.0'],
      ['foo-1-2.0.tar.gz', 'foo-1', '2.0'],
    ] as const;
    for (const [filename, project, version] of table) {
      expect(parseDistributionName(filename)).to.deep.equal({ filename, project, version, kind: 'sdist' });
    }
  });

  it('refuses a name that two projects could claim, unless it is told whose it is', () => {
    expect(() => parseDistributionName('foo-1.0-1.tar.gz')).to.throw(InputError, 'foo 1.0.post1 or foo-1-0 1');
    expect(parseDistributionName('foo-1.0-1.tar.gz', 'foo').version).to.equal('1.0.post1');
    expect(parseDistributionName('foo-1.0-1.tar.gz', 'foo-1-0').version).to.equal('1');
    expect(() => parseDistributionName('foo-1.0-1.tar.gz', 'bar')).to.throw(InputError, 'expected bar');
    expect(() => parseDistributionName('foo-1.0-py3-none-any.whl', 'bar')).to.throw(
      InputError,
      'expected bar, found foo',
    );
  });

  it('refuses other files', () => {
    const table = [
      ['foo-1.0.egg', 'a wheel (.whl) or an sdist'],
      ['foo-1.0.exe', 'a wheel (.whl) or an sdist'],
      ['foo-1.0.tar.bz2', 'a wheel (.whl) or an sdist'],
      ['foo-1.0.WHL', 'a wheel (.whl) or an sdist'],
      ['foo-1.0-py3-none-any.whl.asc', 'a wheel (.whl) or an sdist'],
      ['foo.tar.gz', 'name-version.tar.gz'],
      ['foo-latest.tar.gz', 'name-version.tar.gz'],
      ['-1.0.tar.gz', 'of ASCII'],
      ['.tar.gz', 'of ASCII'],
      ['foo-1.0-py3-none.whl', 'name-version-python-abi-platform.whl'],
      ['foo-1.0-x1-py3-none-any.whl', 'name-version-python-abi-platform.whl'],
      ['foo-1.0-py3--any.whl', 'name-version-python-abi-platform.whl'],
      ['foo-1.0-1-2-py3-none-any.whl', 'name-version-python-abi-platform.whl'],
      ['foo_-1.0-py3-none-any.whl', 'project name'],
      ['foo-one-py3-none-any.whl', 'PEP 440'],
      ['../foo-1.0.tar.gz', 'of ASCII'],
      ['a/foo-1.0.tar.gz', 'of ASCII'],
      ['foo-1.0 .tar.gz', 'U+0020'],
      ['\u212Aeras-1.0.tar.gz', 'U+212A'],
      [`foo-1.${'0'.repeat(200)}.tar.gz`, 'at most 190 bytes'],
      ['', 'found nothing'],
    ] as const;
    for (const [filename, said] of table) {
      expect(() => parseDistributionName(filename), filename).to.throw(InputError, said);
    }
  });

  it('reads back the file names of real projects', () => {
    let read = 0;
    for (const [project, given] of REAL) {
      let version: string;
      try {
        version = normalizeVersion(given);
      } catch {
        continue;
      }
      const stem = `${project.replaceAll('-', '_')}-${version}`;
      expect(parseDistributionName(`${stem}.tar.gz`)).to.include({ project, version, kind: 'sdist' });
      expect(parseDistributionName(`${stem}-py3-none-any.whl`)).to.include({ project, version, kind: 'wheel' });
      read++;
    }
    expect(read).to.be.above(1990);
  });

  it('reads the fifty locked files', async () => {
    const files = await lockedFiles();
    expect(files).to.have.lengthOf(50);
    for (const { name, version, filename } of files) {
      expect(parseDistributionName(filename)).to.include({ project: name, version });
    }
    expect(files.filter((file) => file.filename.endsWith('.tar.gz'))).to.have.lengthOf(15);
  });
});
