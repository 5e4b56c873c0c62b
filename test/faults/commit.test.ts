import { writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { expect } from 'chai';
import { tufa } from '../support/run.ts';
import { inspect } from './support/inspect.ts';
import { COMMIT, expectFailure, expectSuccess, misbehaving, paused, type Rule } from './support/scenario.ts';
import { Stages, tinyWheel, WHEELS } from './support/stages.ts';

const DAY = 24 * 60 * 60 * 1000;

describe('the commit, seen from outside', function () {
  this.timeout(120_000);
  let stages: Stages;

  before(async () => {
    stages = await Stages.make();
  });
  after(() => stages.remove());

  const plain = (dir: string, ...args: string[]) => tufa([...args, '--json'], { cwd: dir });
  const changed = [WHEELS.zipp.path, WHEELS.mdurl.path];

  it('reliability 22: the commit is stored and its answer lost: exit 0, by looking again', async () => {
    const dir = await stages.copy('changed');
    const result = expectSuccess(await misbehaving(dir, ['publish'], [{ ...COMMIT, do: 'lose', times: 1 }]));
    expect(result['version']).to.equal(2);
    const state = await inspect(dir, new Date());
    expect([state.timestamp, state.trusted, state.mark]).to.deep.equal([2, 2, 3]);
    expect(state.packages).to.have.members(changed);
  });

  it('reliability 22: the commit is lost on its way: exit 0, because the same bytes are sent again', async () => {
    const dir = await stages.copy('changed');
    const result = expectSuccess(await misbehaving(dir, ['publish'], [{ ...COMMIT, do: 'drop', times: 1 }]));
    expect(result['version']).to.equal(2);
    const state = await inspect(dir, new Date());
    expect([state.timestamp, state.trusted]).to.deep.equal([2, 2]);
    expect(state.packages).to.have.members(changed);
  });

  it('reliability 22: every create-only answer is lost: exit 0, nothing twice', async () => {
    const dir = await stages.copy('changed');
    const rule: Rule = { name: 'create', key: '^public/', do: 'lose' };
    // The claim is not ours when its answer is unknown: the next number is, once answers come back.
    const rules: Rule[] = [
      { ...rule, key: '^public/\\.tufa/claims/2$' },
      { ...rule, key: '^public/metadata/3\\.|^public/targets/|receipts', times: 4 },
    ];
    expect(expectSuccess(await misbehaving(dir, ['publish'], rules))['version']).to.equal(3);
    const state = await inspect(dir, new Date());
    expect(state.packages).to.have.members(changed);
    expect(state.mark).to.equal(3);
  });

  it('reliability 22: the answer to the queue entry is lost: one entry', async () => {
    const dir = await stages.copy('published');
    const rules: Rule[] = [{ name: 'create', key: '^public/queue/', do: 'lose', times: 1 }];
    expect(expectSuccess(await misbehaving(dir, ['target', 'add', WHEELS.mdurl.file], rules))['number']).to.equal(2);
    expect((await inspect(dir, new Date())).queue).to.deep.equal([1, 2]);
  });

  for (const lost of ['lose', 'drop'] as const) {
    const what = lost === 'lose' ? 'had landed' : 'had not landed';
    it(`reliability 23: no answer and no way to look: exit 9; the commit ${what}, and the next command finds out`, async () => {
      const dir = await stages.copy('changed');
      const failed = expectFailure(
        await misbehaving(
          dir,
          ['publish'],
          [
            { ...COMMIT, do: lost, times: 1 },
            { ...COMMIT, do: 'drop', after: 0 },
            { name: 'get', key: 'public/metadata/(2\\.)?timestamp\\.json$', do: 'refuse', after: 0 },
          ],
        ),
        { exitCode: 9, code: 'unknown', committed: 'unknown', object: `file:${dir}/public` },
      );
      expect(failed.message).to.contain('timestamp 2 may or may not be live');
      expect(failed.hint).to.contain('tufa status');
      expect((await inspect(dir, new Date())).timestamp).to.equal(lost === 'lose' ? 2 : 1);

      const next = expectSuccess(await plain(dir, 'publish'));
      expect(next['version']).to.equal(lost === 'lose' ? undefined : 3);
      const state = await inspect(dir, new Date());
      expect(state.timestamp).to.equal(lost === 'lose' ? 2 : 3);
      expect(state.trusted).to.equal(state.timestamp);
      expect(state.packages).to.have.members(changed);
    });
  }

  it('reliability 24: two publishers at once: both exit 0, both changes are there', async () => {
    const dir = await stages.copy('published');
    const wheels = await Promise.all(['aa', 'bb'].map((project) => tinyWheel(dir, project)));
    expectSuccess(await plain(dir, 'target', 'add', wheels[0]!));
    const slow = await paused(dir, ['publish'], COMMIT);
    expectSuccess(await plain(dir, 'target', 'add', wheels[1]!));
    expect(expectSuccess(await plain(dir, 'publish'))['version']).to.equal(3);
    // The first comes too late, finds both changes live, and has nothing to do any more.
    expectSuccess(await slow.go());
    const state = await inspect(dir, new Date());
    expect(state.packages).to.include.members([
      'packages/aa/aa-1.0-py3-none-any.whl',
      'packages/bb/bb-1.0-py3-none-any.whl',
    ]);
    expect([...state.folded.values()]).to.deep.equal(['done', 'done', 'done']);
    expect(state.timestamp).to.equal(3);
  });

  it('reliability 24: two uploaders take the same number at once: both entries are there', async () => {
    const dir = await stages.copy('published');
    const [aa, bb] = await Promise.all(['aa', 'bb'].map((project) => tinyWheel(dir, project)));
    const slow = await paused(dir, ['target', 'add', aa!], { name: 'create', key: '^public/queue/' });
    expect(expectSuccess(await plain(dir, 'target', 'add', bb!))['number']).to.equal(2);
    expect(expectSuccess(await slow.go())['number']).to.equal(3);
    expectSuccess(await plain(dir, 'publish'));
    expect([...(await inspect(dir, new Date())).folded.values()]).to.deep.equal(['done', 'done', 'done']);
  });

  it('reliability 24: two uploaders change the same row: one is done, the other refused by name and kept', async () => {
    const dir = await stages.copy('published');
    const other = await stages.scratch();
    const [one, two] = [await tinyWheel(dir, 'aa', 'one'), await tinyWheel(other, 'aa', 'two')];
    const slow = await paused(dir, ['target', 'add', one], { name: 'create', key: '^public/queue/' });
    expectSuccess(await plain(dir, 'target', 'add', two));
    expectSuccess(await slow.go());
    const run = await plain(dir, 'publish');
    expect(run.exitCode, run.stdout).to.equal(7);
    const { entries } = run.json<{
      entries: { number: number; result: string; rows: { path: string; why?: string }[] }[];
    }>();
    expect(entries.map(({ number, result }) => [number, result])).to.deep.equal([
      [2, 'done'],
      [3, 'refused'],
    ]);
    expect(entries[1]!.rows[0]!.path).to.equal('packages/aa/aa-1.0-py3-none-any.whl');
    expect(entries[1]!.rows[0]!.why).to.match(/^planned on absent, found [0-9a-f]{64}$/);
    const state = await inspect(dir, new Date());
    expect(state.queue).to.deep.equal([1, 2, 3]);
    expect(state.packages).to.include('packages/aa/aa-1.0-py3-none-any.whl');
  });

  it('reliability 21: a change typed twice waits once; after a later one of the same path it waits again', async () => {
    const dir = await stages.copy('published');
    const numbers: unknown[] = [];
    const type = async (...args: string[]): Promise<void> => {
      numbers.push(expectSuccess(await plain(dir, 'target', ...args))['number']);
    };
    const other = join(dir, basename(WHEELS.six.file));
    await writeFile(other, 'another content');
    await type('remove', WHEELS.six.path);
    await type('remove', 'six');
    await type('add', other, '--replace');
    await type('add', other, '--replace');
    await type('remove', 'six');
    expect(numbers).to.deep.equal([2, 2, 3, 3, 4]);
    expect((await inspect(dir, new Date())).queue).to.deep.equal([1, 2, 3, 4]);
  });

  const later = (): Date => new Date(Math.floor(Date.now() / 1000) * 1000 + 4 * DAY);
  const refresh = (dir: string, now: Date) => misbehaving(dir, ['refresh'], [], now);

  it('reliability 32: two refreshes at once: both exit 0, one commit in total; a third signs nothing', async () => {
    const dir = await stages.copy('published');
    const now = later();
    const slow = await paused(dir, ['refresh'], COMMIT, now);
    const fast = expectSuccess(await refresh(dir, now));
    expect(fast['signed']).to.include.members(['snapshot', 'timestamp']);
    expect(fast['version']).to.equal(3);
    const second = expectSuccess(await slow.go());
    expect(second).not.to.have.property('version');
    expect(second['signed']).to.deep.equal([]);
    const third = expectSuccess(await refresh(dir, now));
    expect(third['signed']).to.deep.equal([]);
    const state = await inspect(dir, now);
    expect([state.timestamp, state.trusted]).to.deep.equal([3, 3]);
  });

  it('reliability 32: two refreshes started together: both exit 0, one commit in total', async () => {
    const dir = await stages.copy('published');
    const now = later();
    const results = (await Promise.all([refresh(dir, now), refresh(dir, now)])).map(expectSuccess);
    expect(results.filter((result) => result['version'] !== undefined)).to.have.lengthOf(1);
    expect((await inspect(dir, now)).timestamp).to.be.oneOf([2, 3]);
  });

  it('reliability 33: a refresh is overtaken by a publish: exit 0 without a commit, the publish already renewed', async () => {
    const dir = await stages.copy('changed');
    const now = later();
    const slow = await paused(dir, ['refresh'], COMMIT, now);
    const published = expectSuccess(await misbehaving(dir, ['publish'], [], now));
    expect(published['version']).to.equal(3);
    const refreshed = expectSuccess(await slow.go());
    expect(refreshed).not.to.have.property('version');
    const state = await inspect(dir, now);
    expect([state.timestamp, state.trusted]).to.deep.equal([3, 3]);
    expect(state.packages).to.have.members(changed);
  });

  it('reliability 33: a publish is overtaken by a refresh: it starts again, and neither is lost', async () => {
    const dir = await stages.copy('changed');
    const now = later();
    const slow = await paused(dir, ['publish'], COMMIT, now);
    expect(expectSuccess(await refresh(dir, now))['version']).to.equal(3);
    expect(expectSuccess(await slow.go())['version']).to.equal(4);
    const state = await inspect(dir, now);
    expect(state.timestamp).to.equal(4);
    expect(state.packages).to.have.members(changed);
    expect([...state.folded.keys()].sort()).to.deep.equal([1, 2, 3]);
  });
});
