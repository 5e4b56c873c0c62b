import { mkdir, open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { loadConfig } from '../../src/config/load.ts';
import { Workspace } from '../../src/config/workspace.ts';
import { ConfigurationError } from '../../src/errors.ts';
import { layDown, temporaryFolders } from '../support/workspace.ts';
import { parse, SHORT } from './short.ts';

const DAY = 86_400_000;
describe('tufa.yaml', () => {
  const folder = temporaryFolders();

  describe('as init writes it', () => {
    it('says every default of profile hobby', async () => {
      const dir = await folder();
      await layDown(dir);
      const { uploaders, ...config } = await loadConfig(dir);
      const { uploaders: _, ...short } = parse(SHORT);
      expect(config).to.deep.equal(short);
      expect(uploaders).to.deep.equal([
        { key: 'operator', kinds: ['files', 'pages', 'removal', 'policy', 'deny', 'operator'], projects: ['*'] },
      ]);
      expect(config.expires.timestamp).to.equal(7 * DAY);
      expect(config.renew.timestamp).to.equal(3.5 * DAY);
    });

    it('gives company sixteen bins, a standby and keys of their own', async () => {
      const dir = await folder();
      await layDown(dir, { profile: 'company' });
      const { bins, recent, roles, online, expires, renew } = await loadConfig(dir);
      expect([bins.bits, recent.bits, roles.bins?.threshold, roles.recent]).to.deep.equal([4, 0, 2, undefined]);
      expect(online.timestamp).to.deep.equal({ key: 'online', standby: 'standby' });
      expect([online.bins.key, online.recent.key, online.deny.key]).to.deep.equal(['bins', 'recent', 'deny']);
      expect([expires.timestamp, renew.timestamp]).to.deep.equal([DAY, DAY / 2]);
    });

    it('takes other holders and thresholds', async () => {
      const dir = await folder();
      await layDown(dir, { holders: ['ann', 'ben', 'cy', 'dee'], threshold: 3 });
      expect((await loadConfig(dir)).roles.claimed).to.deep.equal({
        threshold: 3,
        holders: ['ann', 'ben', 'cy', 'dee'],
      });
    });
  });

  describe('that is too large is refused without being read', () => {
    const within = async (dir: string): Promise<string> => {
      const before = process.memoryUsage().rss;
      const start = performance.now();
      const error = await loadConfig(dir).then(
        () => new Error('it was accepted'),
        (cause: Error) => cause,
      );
      expect(performance.now() - start).to.be.below(1000);
      expect(process.memoryUsage().rss - before).to.be.below(20 * 1024 * 1024);
      expect(error).to.be.instanceOf(ConfigurationError);
      return error.message;
    };

    it('65 KiB', async () => {
      const dir = await folder();
      await writeFile(join(dir, 'tufa.yaml'), `${SHORT}#${'x'.repeat(65 * 1024)}\n`);
      expect(await within(dir)).to.contain('expected a file of at most 65536 bytes');
    });

    it('300 MB', async () => {
      const dir = await folder();
      const file = await open(join(dir, 'tufa.yaml'), 'w');
      await file.truncate(300 * 1024 * 1024);
      await file.close();
      expect(await within(dir)).to.contain('found 314572800 bytes');
    });

    for (const [name, text] of [
      ['brackets', '['.repeat(65_000)],
      ['lists in lists', '- '.repeat(32_000)],
      ['keys that are lists', '? '.repeat(32_000)],
    ] as const) {
      it(`64 KiB of ${name}`, async () => {
        const dir = await folder();
        await writeFile(join(dir, 'tufa.yaml'), text);
        expect(await within(dir)).to.match(/tufa\.yaml:\d+:\d+: /);
      });
    }

    it('and neither is a folder or a broken encoding', async () => {
      const dir = await folder();
      await mkdir(join(dir, 'tufa.yaml'));
      expect(await within(dir)).to.contain('found no file');
      const other = await folder();
      await writeFile(join(other, 'tufa.yaml'), Buffer.from([0x61, 0xff]));
      expect(await within(other)).to.contain('not UTF-8');
    });
  });

  it('is found from a folder below it', async () => {
    const dir = await folder();
    await layDown(dir);
    await mkdir(join(dir, 'a', 'b'), { recursive: true });
    const workspace = await Workspace.open(join(dir, 'a', 'b'));
    expect(workspace.dir).to.equal(dir);
  });

  it('is missing', async () => {
    const dir = await folder();
    const error = await Workspace.open(dir).catch((cause: ConfigurationError) => cause);
    expect(error).to.be.instanceOf(ConfigurationError);
    expect((error as ConfigurationError).hint).to.contain('tufa init');
  });
});
