import { expect } from 'chai';
import { InputError } from '../../src/errors.ts';
import { contradiction, packagePath, pagePaths, projectOf } from '../../src/packaging/paths.ts';

describe('packaging/paths', () => {
  it('has one path for each file and page of a project', () => {
    expect(packagePath('Foo.Bar', 'foo_bar-1.0.tar.gz')).to.equal('packages/foo-bar/foo_bar-1.0.tar.gz');
    expect(() => packagePath('foo', 'bar-1.0.tar.gz')).to.throw(InputError, 'expected foo, found bar');
    expect(pagePaths('Foo.Bar')).to.deep.equal({
      json: 'simple/foo-bar/vnd.pypi.simple.v1.json',
      html: 'simple/foo-bar/vnd.pypi.simple.v1.html',
    });
  });

  it('knows whose a path is', () => {
    const table = [
      ['packages/foo/foo-1.0.tar.gz', 'foo'],
      ['simple/constructor/vnd.pypi.simple.v1.json', 'constructor'],
      ['policies/foo-bar.json', 'foo-bar'],
      ['policies/foo-bar.pending.json', 'foo-bar'],
      ['policies/foo-bar.g3.json', 'foo-bar'],
      ['policies/foo.bar.json', undefined],
      ['policies/foo/bar.json', undefined],
      ['policies/foo.g0.json', undefined],
      ['packages/Foo/Foo-1.0.tar.gz', undefined],
      ['packages/foo', undefined],
      ['packages/foo/a/foo-1.0.tar.gz', undefined],
      ['trust/foo.json', undefined],
      ['deny/deny.json', undefined],
      ['upstream/sigstore/root.json', undefined],
    ] as const;
    for (const [path, project] of table) expect(projectOf(path), path).to.equal(project);
  });

  it('says why a path contradicts itself', () => {
    const good = [
      'packages/foo/foo-1.0.tar.gz',
      'packages/foo/Foo-1.0-py3-none-any.whl',
      'packages/foo/foo-1.0.tar.gz.provenance',
      'simple/foo/vnd.pypi.simple.v1.html',
      'policies/foo.json',
      'trust/providers.json',
      'upstream/sigstore/root.json',
    ];
    for (const path of good) expect(contradiction(path), path).to.equal(undefined);
    const bad = [
      ['packages/foo/bar-1.0.tar.gz', 'expected foo, found bar'],
      ['packages/foo/README', 'not a distribution file'],
      ['packages/Foo/Foo-1.0.tar.gz', 'Foo is another spelling of foo'],
      ['packages/foo-1.0.tar.gz', 'does not have the form'],
      ['simple/foo/index.html', 'is no page'],
      ['simple/foo.bar/vnd.pypi.simple.v1.json', 'foo.bar is another spelling of foo-bar'],
      ['policies/Foo.json', 'does not have the form'],
    ] as const;
    for (const [path, why] of bad) expect(contradiction(path), path).to.include(why);
  });
});
