import { expect } from 'chai';
import fc from 'fast-check';
import { InputError } from '../../src/errors.ts';
import {
  emptyPage,
  type Page,
  type PageFile,
  parsePage,
  withFile,
  withFiles,
  withoutFile,
  writePageJson,
} from '../../src/packaging/page.ts';
import { writePageHtml } from '../../src/packaging/page-html.ts';

const SHA = 'ab'.repeat(32);
const FILE: PageFile = {
  filename: 'foo-1.0-py3-none-any.whl',
  path: 'packages/foo/foo-1.0-py3-none-any.whl',
  sha256: SHA,
  size: 1234,
  uploadTime: new Date('2026-01-02T03:04:05Z'),
  requiresPython: '>=3.9,<4',
};

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8');

/** Files of the project `foo`, each name once. */
const files: fc.Arbitrary<PageFile[]> = fc.uniqueArray(
  fc
    .record(
      {
        version: fc.constantFrom('0.9', '1.0', '1.0rc1', '1.0.post1', '2!1.0', '1.0+cu118', '10.0', '9.0'),
        end: fc.constantFrom('.tar.gz', '-py3-none-any.whl', '-1-cp311-abi3-linux_x86_64.whl', '.zip'),
        digest: fc.uint8Array({ minLength: 32, maxLength: 32 }),
        size: fc.nat(),
        seconds: fc.nat(4_000_000_000),
        requiresPython: fc.constantFrom('>=3.9', '!=3.0.*,>=2.7', '<"4"&\'5\''),
        yanked: fc.oneof(
          fc.constant(true as const),
          fc.string({ minLength: 1, unit: 'grapheme' }).filter((reason) => !/[\p{Cc}\u2028\u2029]/u.test(reason)),
        ),
      },
      { requiredKeys: ['version', 'end', 'digest', 'size', 'seconds'] },
    )
    .map(({ version, end, digest, size, seconds, ...rest }) => ({
      filename: `foo-${version}${end}`,
      path: `packages/foo/foo-${version}${end}`,
      sha256: Buffer.from(digest).toString('hex'),
      size,
      uploadTime: new Date(seconds * 1000),
      ...rest,
    })),
  { selector: (file) => file.filename, maxLength: 12 },
);

describe('packaging/page', () => {
  it('writes PEP 691 with the fields of PEP 700', () => {
    const page = withFile(emptyPage('Foo'), { ...FILE, yanked: 'broken' });
    expect(JSON.parse(text(writePageJson(page)))).to.deep.equal({
      meta: { 'api-version': '1.1' },
      name: 'foo',
      versions: ['1.0'],
      files: [
        {
          filename: 'foo-1.0-py3-none-any.whl',
          url: '../../packages/foo/foo-1.0-py3-none-any.whl',
          hashes: { sha256: SHA },
          size: 1234,
          'upload-time': '2026-01-02T03:04:05Z',
          'requires-python': '>=3.9,<4',
          yanked: 'broken',
        },
      ],
    });
  });

  it('writes PEP 503 with everything escaped', () => {
    const page = withFile(emptyPage('foo'), { ...FILE, yanked: `"a" & <b>'s` });
    expect(text(writePageHtml(page))).to.equal(`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="pypi:repository-version" content="1.1">
<title>Links for foo</title>
</head>
<body>
<h1>Links for foo</h1>
<a href="../../packages/foo/foo-1.0-py3-none-any.whl#sha256=${SHA}" data-requires-python="&gt;=3.9,&lt;4" data-yanked="&quot;a&quot; &amp; &lt;b&gt;&#39;s">foo-1.0-py3-none-any.whl</a><br>
</body>
</html>
`);
    const yanked = withFile(emptyPage('foo'), { ...FILE, yanked: true });
    expect(text(writePageHtml(yanked))).to.include(' data-yanked="">');
  });

  it('reads what it wrote', () => {
    fc.assert(
      fc.property(files, (all) => {
        const page = withFiles(emptyPage('foo'), all);
        expect(parsePage(writePageJson(page))).to.deep.equal(page);
      }),
    );
  });

  it('is the same whatever the order of its files', () => {
    const shuffled = files.chain((all) =>
      fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length, maxLength: all.length })),
    );
    fc.assert(
      fc.property(shuffled, ([all, other]) => {
        const atOnce = withFiles(emptyPage('foo'), all);
        const oneByOne = other.reduce<Page>(withFile, emptyPage('foo'));
        expect(text(writePageJson(oneByOne))).to.equal(text(writePageJson(atOnce)));
        expect(text(writePageHtml(oneByOne))).to.equal(text(writePageHtml(atOnce)));
      }),
    );
  });

  it('takes a file away as if it had never been there', () => {
    fc.assert(
      fc.property(files, (all) => {
        const page = withFiles(emptyPage('foo'), all);
        const [first, ...rest] = all;
        const without = withoutFile(page, first?.filename ?? 'foo-0.1.tar.gz');
        expect(without).to.deep.equal(withFiles(emptyPage('foo'), rest));
      }),
    );
  });

  it('lists versions once, in their order', () => {
    const names = ['foo-10.0.tar.gz', 'foo-9.0.tar.gz', 'foo-9.0-py3-none-any.whl', 'foo-10.0rc1.tar.gz'];
    const page = withFiles(
      emptyPage('foo'),
      names.map((filename) => ({ ...FILE, filename, path: `packages/foo/${filename}` })),
    );
    expect(page.versions).to.deep.equal(['9.0', '10.0rc1', '10.0']);
  });

  it('keeps the upload time of bytes that it has, and takes that of others', () => {
    const later = new Date('2026-05-06T07:08:09.999Z');
    const page = withFile(emptyPage('foo'), FILE);
    expect(withFile(page, { ...FILE, uploadTime: later })).to.deep.equal(page);
    const changed = withFile(page, { ...FILE, uploadTime: later, sha256: 'cd'.repeat(32) });
    expect(changed.files[0]?.uploadTime).to.deep.equal(new Date('2026-05-06T07:08:09Z'));
  });

  it("refuses files that are not the project's, or have no form", () => {
    const table: [Partial<PageFile>, string][] = [
      [{ filename: 'bar-1.0.tar.gz', path: 'packages/foo/bar-1.0.tar.gz' }, 'expected foo, found bar'],
      [{ path: 'packages/foo/other.whl' }, 'ends in its name'],
      [{ path: 'simple/foo/foo-1.0-py3-none-any.whl' }, 'a path of packages/'],
      [{ path: 'packages/../foo-1.0-py3-none-any.whl' }, 'packages/../foo'],
      [{ sha256: SHA.toUpperCase() }, '64 lower-case'],
      [{ size: -1 }, 'a number of bytes'],
      [{ size: 1.5 }, 'a number of bytes'],
      [{ uploadTime: new Date(Number.NaN) }, 'a time'],
      [{ requiresPython: '>=3\n' }, 'one line'],
      [{ yanked: '' }, 'one line'],
      [{ yanked: 'a\u2028b' }, 'one line'],
    ];
    for (const [change, said] of table) {
      expect(() => withFile(emptyPage('foo'), { ...FILE, ...change }), said).to.throw(InputError, said);
    }
  });

  it('refuses pages that are not ours', () => {
    const ours = text(writePageJson(withFile(emptyPage('foo'), FILE)));
    const twoFiles = text(
      writePageJson(
        withFile(withFile(emptyPage('foo'), FILE), {
          ...FILE,
          filename: 'foo-1.0.zip',
          path: 'packages/foo/foo-1.0.zip',
        }),
      ),
    );
    const table: [string, string][] = [
      [ours.replace('"1.1"', '"1.0"'), 'expected 1.1'],
      [ours.replace('"1.1"', '"1.1","_last-serial":5'), '_last-serial'],
      [ours.replace('"name":"foo"', '"name":"Foo"'), 'expected foo'],
      [ours.replace('"name":"foo"', '"name":"bar"'), 'expected bar, found foo'],
      [ours.replace('"versions":["1.0"]', '"versions":["1.0","1.1"]'), 'found 1.1'],
      [ours.replace('"versions":["1.0"]', '"versions":[]'), 'expected 1.0'],
      [ours.replace('"versions":["1.0"]', '"versions":"1.0"'), 'a list'],
      [ours.replace('../../packages', '/packages'), '../../'],
      [ours.replace('../../packages', '../../../packages'), '../packages'],
      [ours.replace('{"sha256"', '{"md5"'), 'a member sha256'],
      [ours.replace('"size":1234', '"size":1e3'), 'an integer'],
      [ours.replace('"size":1234', '"size":1234,"size":1234'), 'again'],
      [ours.replace('05Z', '05.5Z'), 'YYYY-MM-DDTHH:MM:SSZ'],
      [ours.replace('"size"', '"yanked":false,"size"'), 'text'],
      [ours.replace('"size"', '"gpg-sig":true,"size"'), 'gpg-sig'],
      [ours.replace('"size":1234,', ''), 'a member size'],
      [`${ours} x`, 'end of the document'],
      ['[]', 'an object'],
      [twoFiles.replaceAll('foo-1.0.zip', 'foo-1.0-py3-none-any.whl'), 'files['],
    ];
    for (const [bytes, said] of table) {
      expect(() => parsePage(Buffer.from(bytes)), said).to.throw(InputError, said);
    }
  });

  it('refuses files that are not in their order', () => {
    const zip = { ...FILE, filename: 'foo-1.0.zip', path: 'packages/foo/foo-1.0.zip' };
    const page = withFiles(emptyPage('foo'), [FILE, zip]);
    const turned = writePageJson({ ...page, files: page.files.toReversed() });
    expect(() => parsePage(turned)).to.throw(InputError, 'files[0]');
  });
});
