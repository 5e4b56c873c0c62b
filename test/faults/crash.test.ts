import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { prepareSitting } from '../../src/jobs/sign.ts';
import { TrustedState } from '../../src/trusted/state.ts';
import { sha256Hex } from '../../src/tuf/digest.ts';
import { formatDate } from '../../src/tuf/encode.ts';
import { readMetadata } from '../../src/tuf/read.ts';
import { tufa } from '../support/run.ts';
import { type CrashCase, type CrashReport, crash, killed } from './support/crash.ts';
import { inspect } from './support/inspect.ts';
import { assertSettled, draftsAreWhole, keepKeys, keptKeys, keysAreSound, ROLES, trusts } from './support/sound.ts';
import { type Memory, Spectators } from './support/spectators.ts';
import { Stages, WHEELS, withWorkspace } from './support/stages.ts';

const DAY = 24 * 60 * 60 * 1000;

/**
 * A storage operation is a call of a store that changes something (the published one, trusted state, ceremonies, journal,
 * cache, installer's state), or a change of a file that no store makes (tufa.yaml, .gitignore, holders, key files,
 * downloads). Those that only read are not killed at: the clean run proves that each leaves everything as it was. With
 * TUFA_FAULT_READS=1 they are counted and killed at all the same, which takes three times as long and finds no other state.
 */
describe('killed at any storage operation', function () {
  this.timeout(300_000);
  let now: Date;
  const reports = new Map<string, CrashReport>();
  let stages: Stages;
  let spectators: Spectators;
  let published: Memory;

  before(async () => {
    stages = await Stages.make();
    // Later than the stages, so that what is drawn or signed again is not the same by chance.
    now = new Date(Math.floor(Date.now() / 1000) * 1000 + 60_000);
    spectators = await Spectators.start(stages.base);
    published = await spectators.remember(stages.of('published'), now, WHEELS.zipp.path);
  });

  after(async () => {
    await spectators.stop();
    await stages.remove();
    const sum = (of: (report: CrashReport) => number): number => [...reports.values()].reduce((n, r) => n + of(r), 0);
    process.stdout.write(
      `    killed before and after ${sum((r) => r.counted)} operations of ${reports.size} commands, ` +
        `and inside of ${sum((r) => r.inside)}: ${sum((r) => r.states)} states, ${spectators.runs} client runs\n`,
    );
  });

  function command(name: string, one: () => Omit<CrashCase, 'now'> & { now?: Date }): void {
    it(`reliability 21: ${name}`, async () => {
      const report = await crash(stages, spectators, { now, ...one() });
      reports.set(name, report);
      expect(report.counted).to.be.greaterThan(0);
      expect(report.reached).to.equal(2 * report.counted);
    });
  }
  const zipp = () => ({ target: WHEELS.zipp.path, before: published });

  command('init', () => ({
    stage: 'empty',
    args: ['init', '--profile', 'hobby', '--name', 'corp'],
    done: async (dir) => {
      await withWorkspace(dir, async (workspace) => {
        await draftsAreWhole(dir, workspace.config.repository.uuid);
      });
      expect(await readdir(join(dir, 'holders'))).to.deep.equal([]);
      expect(await readFile(join(dir, '.gitignore'), 'utf8')).to.match(/^private\/$/m);
    },
  }));

  command('key generate', () => ({
    stage: 'inited',
    args: ['key', 'generate', '--holder', 'alice', '--online', '--insecure-plain-key'],
    midway: async (dir) => keepKeys(dir),
    done: async (dir) => {
      await keysAreSound(dir, ['alice', 'bob', 'online', 'operator', 'spare']);
      await keptKeys(dir);
      const files = await readdir(join(dir, 'private'));
      expect(files.filter((file) => file.startsWith('.'))).to.deep.equal([]);
    },
  }));

  it('reliability 21: key generate, killed while it draws, and then sign: refused, or all is whole', async () => {
    const generate = ['key', 'generate', '--holder', 'alice', '--online', '--insecure-plain-key'];
    const one = { stage: 'inited', args: generate, now, done: async () => undefined } as const;
    const operations = reports.get('key generate')?.operations ?? [];
    const draws = operations.filter((line) => line.includes('store swap ceremony/')).map((line) => line.split(' ')[0]);
    expect(draws.length).to.be.greaterThan(1);
    for (const point of draws.flatMap((number) => [`${number}:before`, `${number}:after`])) {
      const dir = await stages.copy('inited');
      await killed(one, dir, point);
      const run = await tufa(['sign', '--confirm', 'corp', '--json'], { cwd: dir });
      const files = await readdir(join(dir, 'ceremony'), { recursive: true });
      if (run.exitCode !== 0)
        expect(
          files.filter((file) => file.includes('signatures')),
          point,
        ).to.deep.equal([]);
      else expect((await tufa(['publish', '--json'], { cwd: dir })).exitCode, point).to.equal(0);
    }
  });

  command('key import', () => ({
    stage: 'spare',
    args: ['key', 'import', 'spare.json', '--holder', 'spare'],
    done: (dir) => keysAreSound(dir, ['alice', 'bob', 'online', 'operator', 'spare']),
  }));

  command('sign', () => ({
    stage: 'half',
    args: ['sign', '--confirm', 'corp', '--holder', 'alice'],
    done: async (dir) => {
      await withWorkspace(dir, async (workspace) => {
        const sitting = await prepareSitting(workspace, undefined);
        expect(sitting.map(({ draft }) => draft.role)).to.have.members(ROLES);
        for (const { draft, valid } of sitting) {
          expect(draft.complete, draft.role).not.to.equal(undefined);
          expect(valid, draft.role).to.have.lengthOf(2);
        }
        const root = sitting.find(({ draft }) => draft.role === 'root')!.draft.complete!;
        const state = await new TrustedState(await workspace.trustedStore()).require();
        expect(sha256Hex(state.root.bytes)).to.equal(sha256Hex(root));
      });
    },
  }));

  command('target add', () => ({
    stage: 'published',
    args: ['target', 'add', WHEELS.mdurl.file, WHEELS.sniffio.file],
    view: zipp(),
    done: async (dir) => {
      const { queue, plans, timestamp } = await inspect(dir, now);
      expect(queue).to.deep.equal([1, 2]);
      expect(plans).to.deep.equal([]);
      expect(timestamp).to.equal(1);
    },
  }));

  command('target remove', () => ({
    stage: 'published',
    args: ['target', 'remove', 'six'],
    view: zipp(),
    done: async (dir) => {
      const { queue, plans, timestamp } = await inspect(dir, now);
      expect(queue).to.deep.equal([1, 2]);
      expect(plans).to.deep.equal([]);
      expect(timestamp).to.equal(1);
    },
  }));

  command('publish, the first time', () => ({
    stage: 'queued',
    args: ['publish'],
    view: { target: WHEELS.zipp.path, before: undefined },
    done: async (dir) => {
      const state = await inspect(dir, now);
      expect(state.packages).to.have.members([WHEELS.six.path, WHEELS.zipp.path]);
      expect([...state.folded]).to.deep.equal([[1, 'done']]);
      assertSettled(state, [1, 2]);
    },
  }));

  command('publish, with an addition and a removal', () => {
    let live: number | undefined;
    return {
      stage: 'changed',
      args: ['publish'],
      inside: true,
      view: zipp(),
      midway: async (dir) => {
        live = (await inspect(dir, now)).timestamp;
      },
      done: async (dir) => {
        const state = await inspect(dir, now);
        expect(state.packages).to.have.members([WHEELS.zipp.path, WHEELS.mdurl.path]);
        expect([...state.folded].sort()).to.deep.equal([
          [1, 'done'],
          [2, 'done'],
          [3, 'done'],
        ]);
        expect(live).not.to.equal(3);
        assertSettled(state, [2, 3]);
      },
    };
  });

  command('refresh', () => {
    // Timestamp (7 d) and snapshot (7 d) are due; the leaves, first signed for 15 to 30 days, are not all.
    const later = new Date(now.getTime() + 4 * DAY);
    return {
      stage: 'published',
      args: ['refresh'],
      now: later,
      view: zipp(),
      done: async (dir) => {
        const state = await inspect(dir, later);
        assertSettled(state, [2, 3]);
        const bytes = await readFile(join(dir, 'public', 'metadata', 'timestamp.json'));
        expect(formatDate(readMetadata(bytes, 'timestamp', 'timestamp').signed.expires)).to.equal(
          formatDate(new Date(later.getTime() + 7 * DAY)),
        );
      },
    };
  });

  command('status', () => ({
    stage: 'published',
    args: ['status'],
    view: zipp(),
    done: async (dir) => {
      expect(existsSync(join(dir, 'private', 'cache', 'deadlines.json'))).to.equal(true);
    },
  }));

  command('get', () => ({
    stage: 'published',
    args: ['get', 'zipp', '-o', 'wheels'],
    view: zipp(),
    done: async (dir) => {
      expect(await readdir(join(dir, 'wheels'))).to.deep.equal([WHEELS.zipp.path.split('/').at(-1)]);
      const got = await readFile(join(dir, 'wheels', WHEELS.zipp.path.split('/').at(-1)!));
      expect(got.equals(await readFile(WHEELS.zipp.file))).to.equal(true);
      await trusts(join(dir, 'private', 'installer'), 1);
    },
  }));

  command('verify', () => ({
    stage: 'published',
    args: ['verify', '--trusted', 'client', '--root', 'public/metadata/1.root.json', 'public'],
    view: zipp(),
    done: (dir) => trusts(join(dir, 'client'), 1),
  }));

  it('reliability 21: trust add', async () => {
    const bytes = await readFile(join(stages.of('published'), 'public', 'metadata', '1.root.json'));
    const report = await crash(stages, spectators, {
      now,
      stage: 'published',
      args: ['trust', 'add', 'public', '--root-sha256', sha256Hex(bytes), '--trusted', 'client'],
      view: zipp(),
      done: (dir) => trusts(join(dir, 'client'), undefined),
    });
    reports.set('trust add', report);
    expect(report.reached).to.equal(2 * report.counted);
  });
});
