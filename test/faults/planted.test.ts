import { existsSync } from 'node:fs';
import { cp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import pLimit from 'p-limit';
import { sha256Hex } from '../../src/tuf/digest.ts';
import { tufa } from '../support/run.ts';
import { fingerprint } from './support/fingerprint.ts';
import { inspect } from './support/inspect.ts';
import { expectFailure, expectSuccess } from './support/scenario.ts';
import { Stages, WHEELS } from './support/stages.ts';

/** The store is the attacker here, or somebody restored it from a backup. */
describe('a store that holds something else', function () {
  this.timeout(120_000);
  let stages: Stages;

  before(async () => {
    stages = await Stages.make();
  });
  after(() => stages.remove());

  const plain = (dir: string, ...args: string[]) => tufa([...args, '--json'], { cwd: dir });
  const metadata = (dir: string, name: string): string => join(dir, 'public', 'metadata', name);
  /** Store and trusted state, byte for byte. */
  const everything = (dir: string) => fingerprint(join(dir, 'public'), join(dir, 'private'));

  it('reliability 25: other bytes in the place of an online role: an alarm, the next number, exit 0', async () => {
    for (const name of ['2.snapshot.json', '2.bin0.json', '2.deny.json']) {
      const dir = await stages.copy('changed');
      await writeFile(metadata(dir, name), '{"planted": true}');
      const run = await plain(dir, 'publish');
      // `deny` is not signed by this publish: a planted one is in nobody's way.
      expect(expectSuccess(run)['version'], name).to.equal(name === '2.deny.json' ? 2 : 3);
      if (name !== '2.deny.json') {
        expect(run.stderr).to.contain(`metadata/${name}: other bytes than ours stand there`);
        expect(run.stderr).to.contain(sha256Hex(Buffer.from('{"planted": true}')));
      }
      expect(await readFile(metadata(dir, name), 'utf8')).to.equal('{"planted": true}');
      const state = await inspect(dir, new Date());
      expect(state.packages).to.have.members([WHEELS.zipp.path, WHEELS.mdurl.path]);
      expect([...state.folded.keys()].sort()).to.deep.equal([1, 2, 3]);
    }
  });

  it('reliability 25: a wrong record of the live timestamp: an alarm, and publishing goes on', async () => {
    const dir = await stages.copy('changed');
    await writeFile(metadata(dir, '1.timestamp.json'), 'planted');
    const run = await plain(dir, 'publish');
    expect(expectSuccess(run)['version']).to.equal(2);
    expect(run.stderr).to.contain('metadata/1.timestamp.json: other bytes than ours stand there');
  });

  for (const [name, planted] of [
    ['shorter', '{}'],
    ['longer', 'x'.repeat(100_000)],
  ] as const) {
    it(`reliability 25: other bytes in the place of an offline role, ${name}: exit 4 with two digests`, async () => {
      const dir = await stages.copy('queued');
      const ours = await readFile(join(dir, 'ceremony', 'targets-1', '1.targets.json'));
      await cp(join(dir, 'ceremony', 'root-1', '1.root.json'), metadata(dir, '1.root.json'));
      await writeFile(metadata(dir, '1.targets.json'), planted);
      const error = expectFailure(await plain(dir, 'publish'), {
        exitCode: 4,
        code: 'trust.equivocation',
        committed: 'no',
        object: 'metadata/1.targets.json',
      });
      expect(error.expected).to.equal(`sha256 ${sha256Hex(ours)}`);
      expect(error.found).to.equal(`sha256 ${sha256Hex(Buffer.from(planted))}`);
      expect(existsSync(metadata(dir, 'timestamp.json'))).to.equal(false);
      expect(await readFile(metadata(dir, '1.targets.json'), 'utf8')).to.equal(planted);
    });
  }

  it('reliability 25: another root 1: exit 7, and its bytes stay', async () => {
    const dir = await stages.copy('queued');
    const ours = await readFile(join(dir, 'ceremony', 'root-1', '1.root.json'));
    await cp(join(dir, 'ceremony', 'trust-1', '1.trust.json'), metadata(dir, '1.root.json'));
    const theirs = await readFile(metadata(dir, '1.root.json'));
    const error = expectFailure(await plain(dir, 'publish'), {
      exitCode: 7,
      code: 'conflict',
      committed: 'no',
      object: 'metadata/1.root.json',
    });
    expect(error.expected).to.equal(`sha256 ${sha256Hex(ours)}`);
    expect(error.found).to.equal(`sha256 ${sha256Hex(theirs)}`);
    expect(existsSync(metadata(dir, 'timestamp.json'))).to.equal(false);
    expect(theirs.equals(await readFile(metadata(dir, '1.root.json')))).to.equal(true);
  });

  const limit = pLimit(2);
  const writers: readonly (readonly string[])[] = [['publish'], ['refresh'], ['target', 'add', WHEELS.sniffio.file]];
  const commands = [...writers, ['target', 'remove', 'zipp'], ['status'], ['queue', 'status'], ['target', 'list']];

  /** Every command refuses a state with this error, and store and trusted state stay as they are. */
  async function expectRefusals(
    dir: string,
    wanted: { code: string; object: string | RegExp; expected: RegExp; found: RegExp },
    tried = writers,
  ): Promise<void> {
    const before = await everything(dir);
    // At once, because none of them writes anything.
    const refuse = async (args: readonly string[]): Promise<void> => {
      const error = expectFailure(await plain(dir, ...args), { exitCode: 4, committed: 'no', ...wanted });
      expect(error.expected, args.join(' ')).to.match(wanted.expected);
      expect(error.found, args.join(' ')).to.match(wanted.found);
    };
    await Promise.all(tried.map((args) => limit(() => refuse(args))));
    expect(await everything(dir)).to.equal(before);
  }

  /** A workspace that has published twice, with a third change waiting. */
  async function publishedTwice(): Promise<string> {
    const dir = await stages.copy('changed');
    expectSuccess(await plain(dir, 'publish'));
    return dir;
  }

  it('reliability 35: the store restored to an older copy: exit 4, nothing signed, nothing written', async () => {
    const dir = await publishedTwice();
    await rm(join(dir, 'public'), { recursive: true });
    await cp(join(stages.of('changed'), 'public'), join(dir, 'public'), { recursive: true });
    const wanted = { object: 'metadata/timestamp.json', expected: /^version 2 or more/, found: /^1/ };
    await expectRefusals(dir, { code: 'trust.rollback', ...wanted }, commands);
  });

  it('reliability 35: only timestamp.json is an older one: exit 4, nothing written', async () => {
    const dir = await publishedTwice();
    await rename(metadata(dir, '1.timestamp.json'), metadata(dir, 'timestamp.json'));
    await expectRefusals(dir, {
      code: 'trust.rollback',
      object: 'metadata/timestamp.json',
      expected: /^version 2 or more/,
      found: /^1/,
    });
  });

  it('reliability 35: timestamp.json is gone: exit 4, nothing written', async () => {
    const dir = await publishedTwice();
    await rm(metadata(dir, 'timestamp.json'));
    await expectRefusals(dir, {
      code: 'trust.rollback',
      object: 'metadata/timestamp.json',
      expected: /^version 2 or more/,
      found: /^no timestamp.json$/,
    });
  });

  it('reliability 36: the same version with other bytes: exit 4 with both digests, nothing written', async () => {
    const dir = await publishedTwice();
    const other = await stages.copy('published');
    expectSuccess(await plain(other, 'target', 'add', WHEELS.sniffio.file));
    expectSuccess(await plain(other, 'publish'));
    const [ours, theirs] = await Promise.all(
      [dir, other].map(async (where) => sha256Hex(await readFile(metadata(where, 'timestamp.json')))),
    );
    await rm(join(dir, 'public'), { recursive: true });
    await cp(join(other, 'public'), join(dir, 'public'), { recursive: true });
    await expectRefusals(dir, {
      code: 'trust.equivocation',
      object: 'timestamp.json version 2',
      expected: new RegExp(`^sha256 ${ours} as seen before$`),
      found: new RegExp(`^sha256 ${theirs}$`),
    });
  });

  it('reliability 36: no trusted state: exit 4, and none is made', async () => {
    const dir = await publishedTwice();
    await rm(join(dir, 'private', 'trusted'), { recursive: true });
    const before = await everything(dir);
    for (const args of writers) {
      const error = expectFailure(await plain(dir, ...args), {
        exitCode: 4,
        code: 'trust.no-state',
        committed: 'no',
        object: `file:${dir}/private/trusted`,
      });
      expect(error.hint).to.contain('tufa');
      expect(await everything(dir), args.join(' ')).to.equal(before);
    }
    expect(existsSync(join(dir, 'private', 'trusted', 'state.json'))).to.equal(false);
  });

  it('reliability 36: a damaged trusted state: exit 4, and it stays as it is', async () => {
    const dir = await publishedTwice();
    const path = join(dir, 'private', 'trusted', 'state.json');
    const state = JSON.parse(await readFile(path, 'utf8')) as { timestamp: string };
    await writeFile(path, JSON.stringify({ ...state, timestamp: state.timestamp.replace('"sig":"', '"sig":"00') }));
    const before = await everything(dir);
    for (const args of writers) {
      expectFailure(await plain(dir, ...args), {
        exitCode: 4,
        code: 'trust.state',
        committed: 'no',
        object: `file:${dir}/private/trusted`,
      });
      expect(await everything(dir), args.join(' ')).to.equal(before);
    }
  });

  it('reliability 36: the kept snapshot is gone: exit 4, and nothing takes its place', async () => {
    const dir = await publishedTwice();
    const [kept] = (await readdir(join(dir, 'private', 'trusted'))).filter((name) => name.endsWith('.snapshot'));
    await rm(join(dir, 'private', 'trusted', kept!));
    const before = await everything(dir);
    expectFailure(await plain(dir, 'refresh'), {
      exitCode: 4,
      code: 'trust.state',
      committed: 'no',
      object: `file:${dir}/private/trusted`,
    });
    expect(await everything(dir)).to.equal(before);
  });
});
