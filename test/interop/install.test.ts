/** What the installer says when a toolchain is missing. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';

describe('installing the real clients', () => {
  let cache: string;

  before(() => {
    cache = mkdtempSync(join(tmpdir(), 'tufa-cache-'));
  });

  after(() => rmSync(cache, { recursive: true }));

  for (const [client, tool] of [
    ['go-tuf', 'go'],
    ['tough', 'cargo'],
  ]) {
    it(`names the toolchain that ${client} lacks and leaves nothing in the cache`, () => {
      const { status, stdout, stderr } = spawnSync(process.execPath, [join(import.meta.dirname, 'install.ts')], {
        env: { PATH: cache, TUFA_TEST_CACHE: cache, TUFA_INTEROP_ONLY: client },
        encoding: 'utf8',
        timeout: 30_000,
      });
      expect(stderr).to.match(new RegExp(`^error: ${tool}: a toolchain is missing: `));
      expect(stderr).to.match(/^hint: install .*, or leave it out with TUFA_INTEROP_ONLY$/m);
      expect([status, stdout]).to.deep.equal([3, '']);
      expect(readdirSync(cache)).to.deep.equal([]);
    });
  }

  it('says which clients it left out', () => {
    const { status, stdout } = spawnSync(process.execPath, [join(import.meta.dirname, 'install.ts')], {
      env: { PATH: cache, TUFA_TEST_CACHE: cache, TUFA_INTEROP_ONLY: 'tuf-js' },
      encoding: 'utf8',
      timeout: 30_000,
    });
    expect(status).to.equal(0);
    expect(stdout).to.match(/^tuf-js 6\.0\.2: .*\nleft out: python-tuf, go-tuf, tough\n$/);
  });
});
