import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect } from 'chai';
import { strFromU8, unzipSync } from 'fflate';
import { InputError } from '../../src/errors.ts';
import { parseDistributionName } from '../../src/packaging/names.ts';
import { emptyPage, withFile } from '../../src/packaging/page.ts';
import { writePageHtml } from '../../src/packaging/page-html.ts';
import { packagePath, pagePaths } from '../../src/packaging/paths.ts';
import { buildWheel } from '../../src/packaging/wheel.ts';

const CONTENTS = {
  name: 'Demo.Pkg',
  version: '1.0-RC1',
  summary: 'says hello',
  files: { 'demo_pkg/__init__.py': 'GREETING = "hello"\n', 'demo_pkg/data.bin': Uint8Array.of(0, 255, 10) },
};

function pip(args: readonly string[]): string {
  const common = ['-m', 'pip', '--disable-pip-version-check', '--no-input'];
  return execFileSync('python3', [...common, ...args], { encoding: 'utf8', stdio: 'pipe', timeout: 60_000 });
}

describe('packaging/wheel', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tufa-wheel-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('has METADATA, WHEEL and a RECORD that is true', () => {
    const { filename, bytes } = buildWheel(CONTENTS);
    expect(filename).to.equal('demo_pkg-1.0rc1-py3-none-any.whl');
    expect(parseDistributionName(filename)).to.include({ project: 'demo-pkg', version: '1.0rc1' });
    const members = unzipSync(bytes);
    const info = 'demo_pkg-1.0rc1.dist-info';
    expect(strFromU8(members[`${info}/METADATA`]!)).to.equal(
      'Metadata-Version: 2.1\nName: Demo.Pkg\nVersion: 1.0rc1\nSummary: says hello\n',
    );
    const record = strFromU8(members[`${info}/RECORD`]!).trimEnd().split('\n');
    expect(record.map((line) => line.split(',')[0])).to.have.members(Object.keys(members));
    for (const line of record) {
      const [path = '', hash, size] = line.split(',');
      if (path.endsWith('/RECORD')) continue;
      const member = members[path]!;
      expect(hash).to.equal(`sha256=${createHash('sha256').update(member).digest('base64url')}`);
      expect(size).to.equal(String(member.length));
    }
  });

  it('is the same on every machine', () => {
    const { bytes } = buildWheel({ ...CONTENTS, files: Object.fromEntries(Object.entries(CONTENTS.files).reverse()) });
    expect(Buffer.from(bytes).equals(buildWheel(CONTENTS).bytes)).to.equal(true);
    const script = `import { buildWheel } from ${JSON.stringify(new URL('../../src/packaging/wheel.ts', import.meta.url).href)};
      process.stdout.write(buildWheel({ name: 'a', version: '1' }).bytes);`;
    const built = (TZ: string): Buffer =>
      execFileSync(process.execPath, ['--input-type=module', '-e', script], { env: { ...process.env, TZ } });
    expect(built('Pacific/Kiritimati').equals(built('America/Anchorage'))).to.equal(true);
  });

  it('is installed by pip', () => {
    const { filename, bytes } = buildWheel(CONTENTS);
    writeFileSync(join(folder, filename), bytes);
    const target = join(folder, 'installed');
    pip(['install', '--no-index', '--no-deps', '--target', target, join(folder, filename)]);
    expect(readFileSync(join(target, 'demo_pkg/__init__.py'), 'utf8')).to.equal('GREETING = "hello"\n');
    expect(readdirSync(target)).to.include('demo_pkg-1.0rc1.dist-info');
  });

  it('is found by pip on a page, and refused when its bytes are others', () => {
    const { filename, bytes } = buildWheel({ name: 'demo-pkg', version: '1.0' });
    const path = packagePath('demo-pkg', filename);
    const page = withFile(emptyPage('demo-pkg'), {
      filename,
      path,
      sha256: createHash('sha256').update(bytes).digest('hex'),
      size: bytes.length,
      uploadTime: new Date(0),
      requiresPython: '>=3',
    });
    const html = join(folder, pagePaths('demo-pkg').html);
    for (const [file, content] of [
      [join(folder, path), bytes],
      [html, writePageHtml(page)],
    ] as const) {
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, content);
    }
    const download = [
      'download',
      '--no-index',
      '--no-deps',
      '--find-links',
      pathToFileURL(html).href,
      '-d',
      join(folder, 'got'),
      'demo-pkg',
    ];
    pip(download);
    expect(readFileSync(join(folder, 'got', filename)).equals(bytes)).to.equal(true);
    writeFileSync(join(folder, path), buildWheel({ name: 'demo-pkg', version: '1.0', summary: 'evil' }).bytes);
    rmSync(join(folder, 'got'), { recursive: true });
    expect(() => pip(download)).to.throw('THESE PACKAGES DO NOT MATCH THE HASHES');
  });

  it('refuses names, versions and paths that no wheel may have', () => {
    expect(() => buildWheel({ name: '../x', version: '1' })).to.throw(InputError);
    expect(() => buildWheel({ name: 'x', version: 'one' })).to.throw(InputError);
    expect(() => buildWheel({ name: 'x', version: '1', summary: 'a\nRequires-Dist: evil' })).to.throw(InputError);
    for (const path of ['../x.py', '/x.py', 'a//b', 'a,b.py', 'x-1.dist-info/METADATA', '']) {
      expect(() => buildWheel({ name: 'x', version: '1', files: { [path]: '' } }), path).to.throw(InputError);
    }
  });
});
