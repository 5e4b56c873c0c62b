import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import pLimit from 'p-limit';
import { TufaError } from '../../src/errors.ts';
import { publish } from '../../src/jobs/publish.ts';
import { sha256Hex } from '../../src/tuf/digest.ts';
import { parseTargetKey } from '../../src/tuf/layout.ts';
import { type Run, tufa } from '../support/run.ts';
import { intercept, systemError } from '../support/store-fs.ts';
import { preload } from './support/crash.ts';
import { fingerprint, leftovers } from './support/fingerprint.ts';
import { inspect } from './support/inspect.ts';
import { expectFailure, expectSuccess } from './support/scenario.ts';
import { type Stage, Stages, WHEELS, withWorkspace } from './support/stages.ts';
import { type Call, requireStrace, type Syscall, traced } from './support/strace.ts';

const CODES = ['ENOSPC', 'EIO'] as const;

describe('a disk that fails', function () {
  this.timeout(180_000);
  let stages: Stages;

  before(async () => {
    await requireStrace();
    stages = await Stages.make();
  });
  after(() => stages.remove());

  const plain = (dir: string, ...args: string[]) => tufa([...args, '--json'], { cwd: dir });
  const changed = [WHEELS.zipp.path, WHEELS.mdurl.path];

  /** No visible file is cut off. */
  async function everythingIsWhole(dir: string): Promise<void> {
    const root = join(dir, 'public');
    for (const key of await readdir(root, { recursive: true })) {
      if (key.includes('.tufa-store')) continue;
      const target = parseTargetKey(key);
      const bytes = await readFile(join(root, key)).catch(() => undefined);
      if (bytes === undefined) continue;
      if (target !== undefined) expect(sha256Hex(bytes), key).to.equal(target.sha256);
      else expect(() => JSON.parse(bytes.toString('utf8')), key).not.to.throw();
    }
  }

  /** What was published is what was there before, or all of the change; the next publish ends well and tidies up. */
  async function nextPublishEndsWell(dir: string): Promise<void> {
    await everythingIsWhole(dir);
    const between = await inspect(dir, new Date());
    expect(between.packages).to.have.members(between.timestamp === 1 ? [WHEELS.six.path, WHEELS.zipp.path] : changed);
    expectSuccess(await plain(dir, 'publish'));
    const state = await inspect(dir, new Date());
    expect(state.packages).to.have.members(changed);
    expect(state.trusted).to.equal(state.timestamp);
    if (between.timestamp === 1) expect(await leftovers(join(dir, 'public'))).to.deep.equal([]);
  }

  const limit = pLimit(2);

  /** A command in which the first of these calls fails, in a workspace of its own; strace says that it did. */
  function injected(
    stage: Stage,
    args: readonly string[],
    calls: readonly Call[],
    { syscall, at, error }: { syscall: Syscall; at: RegExp; error: string },
  ): Promise<{ dir: string; run: Run }> {
    return limit(async () => {
      const call = calls.find((one) => one.syscall === syscall && at.test(one.line));
      if (call === undefined) throw new Error(`no ${syscall} of ${at}`);
      // Uploads are parallel: another run may make its calls in another order.
      for (let attempt = 0; attempt < 5; attempt++) {
        const dir = await stages.copy(stage);
        const { run, injected } = await traced(dir, args, { call, error });
        if (injected.length === 1 && at.test(injected[0]!)) return { dir, run };
      }
      throw new Error(`strace did not inject ${error} into ${syscall} of ${at}`);
    });
  }

  const TIMESTAMP = /"[^"]*\/public\/metadata\/timestamp\.json"/;
  const POINTS: readonly {
    syscall: Syscall;
    at: RegExp;
    what: string;
    exit: 0 | 8 | 10;
  }[] = [
    { syscall: 'pwrite64', at: /"\{\\"_type\\":\\"claim/, what: 'the claim', exit: 8 },
    { syscall: 'fsync', at: /public\/\.tufa-store\/tmp/, what: "the claim's bytes", exit: 8 },
    { syscall: 'link', at: /public\/\.tufa\/claims\/2"/, what: "the claim's name", exit: 8 },
    // The claim may be ours or not: the next number is.
    { syscall: 'fsync', at: /public\/\.tufa\/claims>/, what: "the claims' folder", exit: 0 },
    { syscall: 'mkdir', at: /public\/targets\/simple\/mdurl/, what: 'a folder', exit: 8 },
    { syscall: 'pwrite64', at: /"<!DOCTYPE html/, what: 'a page', exit: 8 },
    {
      syscall: 'link',
      at: /metadata\/2\.snapshot\.json"/,
      what: "the snapshot's name",
      exit: 8,
    },
    { syscall: 'rename', at: TIMESTAMP, what: 'the commit', exit: 8 },
    { syscall: 'rename', at: /private\/trusted\/state\.json"/, what: 'the trusted state', exit: 10 },
    { syscall: 'unlink', at: /public\/\.tufa-store\/tmp/, what: 'taking a temporary file away', exit: 0 },
  ];

  it('reliability 29: publish under strace: a system call fails, and the exit code tells the truth', async () => {
    const { run, calls } = await traced(await stages.copy('changed'), ['publish']);
    expectSuccess(run);
    const points = POINTS.map(async ({ syscall, at, what, exit }, i) => {
      const error = CODES[i % 2]!;
      const { dir, run } = await injected('changed', ['publish'], calls, { syscall, at, error });
      expect(run.exitCode, `${error} in ${syscall} of ${what}: ${run.stdout}`).to.equal(exit);
      const code = `storage.${error.toLowerCase()}`;
      if (exit === 8) expectFailure(run, { exitCode: 8, code, committed: 'no', object: /./ });
      if (exit === 10)
        expectFailure(run, { exitCode: 10, code: 'after-commit', committed: 'yes', object: /private\/trusted/ });
      await nextPublishEndsWell(dir);
    });
    await Promise.all(points);
  });

  it('reliability 29: publish under strace: the folder of the commit cannot be put on the disk: looked at again, exit 0', async () => {
    const { calls } = await traced(await stages.copy('changed'), ['publish']);
    const commit = calls.findIndex(({ syscall, line }) => syscall === 'rename' && TIMESTAMP.test(line));
    const where = { syscall: 'fsync', at: /public\/metadata>/, error: 'EIO' } as const;
    const { dir, run } = await injected('changed', ['publish'], calls.slice(commit), where);
    expect(expectSuccess(run)['version']).to.equal(2);
    await nextPublishEndsWell(dir);
  });

  it('reliability 29: publish: two of three writes, and a sample of all other calls, fail in turn', async () => {
    const calls: string[] = [];
    await attempt(await stages.copy('changed'), undefined, 'EIO', calls);
    const isWrite = (call: string): boolean => /^(?:write|sync|link|rename)$/.test(call);
    const writes = calls.flatMap((call, i) => (isWrite(call) ? [i] : []));
    const others = calls.flatMap((call, i) => (isWrite(call) ? [] : [i]));
    // An odd step, so that each kind of write is among them.
    const points = [...writes.filter((_, i) => i % 3 !== 1), ...others.filter((_, i) => i % 41 === 0)];
    expect(points.length).to.be.greaterThan(30);
    const codes = new Map<number, number>();
    for (const [n, at] of points.entries()) {
      const dir = await stages.copy('changed');
      const code = CODES[n % 2]!;
      const error = await attempt(dir, at, code, []);
      const label = `${code} in call ${at} (${calls[at]}): ${error}`;
      const exitCode = error === undefined ? 0 : error instanceof TufaError ? error.exitCode : 1;
      codes.set(exitCode, (codes.get(exitCode) ?? 0) + 1);
      const committed = error instanceof TufaError ? error.committed : 'yes';
      expect(exitCode, label).to.be.oneOf([0, 8, 10]);
      const { timestamp } = await inspect(dir, new Date());
      if (committed === 'no') expect(timestamp, label).to.equal(1);
      else expect(timestamp, label).to.be.greaterThan(1);
      await everythingIsWhole(dir);
      await withWorkspace(dir, (workspace) => publish(workspace));
      const state = await inspect(dir, new Date());
      expect(state.packages, label).to.have.members(changed);
      expect([...state.folded.keys()].sort(), label).to.deep.equal([1, 2, 3]);
      expect(state.trusted, label).to.equal(state.timestamp);
    }
    expect(codes.get(8)).to.be.greaterThan(15);
  });

  /** Publishes in this process, once what the environment says has been read; the call number `at` fails. */
  async function attempt(dir: string, at: number | undefined, code: string, calls: string[]): Promise<unknown> {
    return withWorkspace(dir, async (workspace) => {
      await workspace.holders();
      await workspace.signer('online');
      let count = 0;
      const restore = await intercept(async (call, _, go) => {
        calls.push(call);
        if (count++ !== at) return go();
        if (call === 'close') await go();
        throw systemError(code);
      });
      try {
        await publish(workspace);
        return undefined;
      } catch (error) {
        return error;
      } finally {
        restore();
      }
    });
  }

  it('reliability 29: target add: a full disk: exit 8, nothing in the queue, and the same command again ends well', async () => {
    const { calls } = await traced(await stages.copy('published'), ['target', 'add', WHEELS.mdurl.file]);
    const store = (dir: string) => fingerprint(join(dir, 'public'), join(dir, 'private', 'trusted'));
    const points: readonly [Syscall, RegExp][] = [
      ['pwrite64', /private\/journal/],
      ['pwrite64', /public\/\.tufa-store\/tmp\/[0-9a-f]+>, "\\37/],
      ['fsync', /public\/\.tufa-store\/tmp/],
      ['link', /public\/queue/],
    ];
    const before = await store(stages.of('published'));
    const tries = points.map(async ([syscall, at]) => {
      const where = { syscall, at, error: 'ENOSPC' };
      const { dir, run } = await injected('published', ['target', 'add', WHEELS.mdurl.file], calls, where);
      const failed = expectFailure(run, { exitCode: 8, code: 'storage.enospc', committed: 'no', object: /./ });
      expect(failed.hint).to.contain('df -h');
      // Bytes of a file may be there by now, and nothing else.
      const added = (await store(dir)).split('\n').filter((line) => !before.split('\n').includes(line));
      expect(
        added.every((line) => /:targets\//.test(line)),
        added.join(),
      ).to.equal(true);
      expect(expectSuccess(await plain(dir, 'target', 'add', WHEELS.mdurl.file))['number']).to.equal(2);
      expect(await leftovers(dir)).to.deep.equal([]);
    });
    await Promise.all(tries);
  });

  for (const [name, stage, args, clean] of [
    ['init', 'empty', ['init', '--name', 'corp'], (file: string) => file.startsWith('.tufa.yaml')],
    [
      'key generate',
      'inited',
      ['key', 'generate', '--holder', 'alice', '--insecure-plain-key'],
      (file: string) => /^(?:private|holders)\/\./.test(file),
    ],
    ['get', 'published', ['get', 'zipp', '-o', 'wheels'], (file: string) => file.endsWith('.part')],
  ] as const) {
    it(`reliability 29: ${name}: a full disk outside of the store: exit 8, no half file, and again: exit 0`, async () => {
      const log = join(await stages.scratch(), 'log');
      const env = (at: number) => ({
        NODE_OPTIONS: preload('fail.mjs'),
        TUFA_FAULT_LOG: log,
        TUFA_FAULT_AT: String(at),
        TUFA_FAULT_ERROR: 'ENOSPC',
      });
      const dry = await tufa([...args, '--json'], { cwd: await stages.copy(stage), env: env(0) });
      expectSuccess(dry);
      const changes = (await readFile(log, 'utf8')).trim().split('\n');
      expect(changes.length).to.be.greaterThan(3);
      const fail = async (change: string, i: number): Promise<void> => {
        const dir = await stages.copy(stage);
        const run = await tufa([...args, '--json'], { cwd: dir, env: env(i + 1) });
        // Taking away what is not needed any more may fail without harm.
        if (/ (?:unlink|rm) /.test(change)) expectSuccess(run);
        else {
          const failed = expectFailure(run, { exitCode: 8, code: /^storage/, committed: 'no', object: /./ });
          expect(failed.message, change).to.contain('ENOSPC');
          expect((await readdir(dir, { recursive: true })).filter(clean), change).to.deep.equal([]);
        }
        const again = await plain(dir, ...args);
        expect(again.exitCode, `${change}: ${again.stdout}`).to.equal(0);
      };
      await Promise.all(changes.map((change, i) => limit(() => fail(change, i))));
    });
  }

  it('reliability 29: publish does not need room for temporary files of others', async () => {
    const dir = await stages.copy('changed');
    const run = await tufa(['publish', '--json'], { cwd: dir, env: { TMPDIR: join(dir, 'no', 'such', 'folder') } });
    expect(expectSuccess(run)['version']).to.equal(2);
  });
});
