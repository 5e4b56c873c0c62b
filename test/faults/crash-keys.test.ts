import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { readMetadata } from '../../src/tuf/read.ts';
import { done, NAME, workspaceAt } from '../support/published.ts';
import { edit } from '../support/workspace.ts';
import { type CrashCase, type CrashReport, crash } from './support/crash.ts';
import { inspect } from './support/inspect.ts';
import { type Memory, Spectators } from './support/spectators.ts';
import { Stages, WHEELS } from './support/stages.ts';

/** As crash.test.ts, for the commands that bring ceremonies, standby keys and held entries live. */
describe('killed at any storage operation of a change of keys', function () {
  this.timeout(600_000);
  const reports: CrashReport[] = [];
  let stages: Stages;
  let spectators: Spectators;
  let now: Date;

  before(async () => {
    stages = await Stages.make(['empty']);
    spectators = await Spectators.start(stages.base);
  });

  after(async () => {
    await spectators.stop();
    await stages.remove();
    const sum = (of: (report: CrashReport) => number): number => reports.reduce((n, report) => n + of(report), 0);
    process.stdout.write(
      `    killed before and after ${sum((r) => r.counted)} operations of ${reports.length} commands: ` +
        `${sum((r) => r.states)} states, ${spectators.runs} client runs\n`,
    );
  });

  async function killedEverywhere(
    folder: string,
    one: Pick<CrashCase, 'args' | 'done'>,
    before: Memory,
  ): Promise<CrashReport> {
    const view = { target: WHEELS.zipp.path, before };
    const report = await crash(stages, spectators, { now, stage: { folder }, view, ...one });
    reports.push(report);
    expect(report.counted).to.be.greaterThan(2);
    expect(report.reached).to.equal(2 * report.counted);
    return report;
  }

  /** Clients look at it, and the clock of everything that follows stands still a minute later. */
  async function seen(folder: string): Promise<Memory> {
    now = new Date(Math.floor(Date.now() / 1000) * 1000 + 60_000);
    return spectators.remember(folder, now, WHEELS.zipp.path);
  }

  const metadata = (dir: string): Promise<string[]> => readdir(join(dir, 'public', 'metadata'));

  /** Keyids that have signed the live timestamp, and those of these holders. */
  async function signers(dir: string, ...names: string[]): Promise<[string[], string[]]> {
    const bytes = await readFile(join(dir, 'public', 'metadata', 'timestamp.json'));
    const keyids = names.map(
      async (name) => JSON.parse(await readFile(join(dir, 'holders', `${name}.json`), 'utf8')).keyid as string,
    );
    const { signatures } = readMetadata(bytes, 'timestamp', 'timestamp.json');
    return [signatures.map(({ keyid }) => keyid), await Promise.all(keyids)];
  }

  async function assertTranscript(dir: string, draft: string): Promise<void> {
    const { published } = JSON.parse(await readFile(join(dir, 'ceremony', draft, 'transcript.json'), 'utf8'));
    expect(published, draft).to.have.property('state', 'live');
  }

  it('reliability 21: ceremony publish, a root with other online keys', async () => {
    const dir = await workspaceAt('published');
    const before = await seen(dir);
    await edit(dir, /^( {2}(?:timestamp|snapshot): \{ key: )online/gm, '$1fresh');
    await done(dir, ['key', 'generate', '--online', '--insecure-plain-key']);
    await done(dir, ['ceremony', 'open', 'root']);
    await done(dir, ['sign', '--confirm', NAME, '--holder', 'alice', '--holder', 'bob']);
    const complete = await readFile(join(dir, 'ceremony', 'root-2', '2.root.json'));
    const check = async (copy: string): Promise<void> => {
      const state = await inspect(copy, now);
      expect(state.trusted).to.equal(state.timestamp);
      const names = await metadata(copy);
      expect(names.filter((name) => name.endsWith('.root.json'))).to.have.members(['1.root.json', '2.root.json']);
      expect((await readFile(join(copy, 'public', 'metadata', '2.root.json'))).equals(complete)).to.equal(true);
      expect(await readdir(join(copy, 'public', '.tufa', 'pending'))).to.deep.equal([]);
      const [found, expected] = await signers(copy, 'online', 'fresh');
      expect(found).to.have.members(expected);
      await assertTranscript(copy, 'root-2');
    };
    await killedEverywhere(dir, { args: ['ceremony', 'publish'], done: check }, before);
  });

  it('reliability 21: ceremony publish, a role', async () => {
    const dir = await workspaceAt('published');
    const before = await seen(dir);
    await done(dir, ['ceremony', 'open', 'trust']);
    await done(dir, ['sign', '--confirm', NAME, '--holder', 'alice', '--holder', 'bob']);
    const complete = await readFile(join(dir, 'ceremony', 'trust-2', '2.trust.json'));
    const check = async (copy: string): Promise<void> => {
      const state = await inspect(copy, now);
      expect(state.trusted).to.equal(state.timestamp);
      expect([...state.folded].sort()).to.deep.equal([
        [1, 'done'],
        [2, 'done'],
      ]);
      expect(state.queue).to.deep.equal([1, 2]);
      expect(state.plans).to.deep.equal([]);
      expect((await metadata(copy)).filter((name) => /^[3-9]\.trust\.json$/.test(name))).to.deep.equal([]);
      expect((await readFile(join(copy, 'public', 'metadata', '2.trust.json'))).equals(complete)).to.equal(true);
      await assertTranscript(copy, 'trust-2');
    };
    await killedEverywhere(dir, { args: ['ceremony', 'publish'], done: check }, before);
  });

  it('reliability 21: rotate --to-standby, when the active key is destroyed', async () => {
    const dir = await workspaceAt('published', { profile: 'company' });
    const before = await seen(dir);
    await rm(join(dir, 'private', 'online.pem'));
    const check = async (copy: string): Promise<void> => {
      const state = await inspect(copy, now);
      expect(state.trusted).to.equal(state.timestamp);
      const [found, expected] = await signers(copy, 'standby');
      expect(found).to.deep.equal(expected);
      // Once: its standby is the next one, and not the one after that.
      const text = await readFile(join(copy, 'tufa.yaml'), 'utf8');
      for (const role of ['timestamp', 'snapshot'])
        expect(text).to.match(new RegExp(`^ {2}${role}: \\{ key: standby, standby: standby-2 \\}`, 'm'));
    };
    await killedEverywhere(dir, { args: ['rotate', '--to-standby'], done: check }, before);
  });

  it('reliability 21: queue accept', async () => {
    const dir = await workspaceAt('published');
    const before = await seen(dir);
    await edit(dir, /^ {2}hold: 100/m, '  hold: 1');
    await done(dir, ['target', 'remove', 'decorator', 'iniconfig']);
    await done(dir, ['publish']);
    const removed = (packages: readonly string[]): string[] =>
      packages.filter((path) => /decorator|iniconfig/.test(path));
    const check = async (copy: string): Promise<void> => {
      expect((await inspect(copy, now)).plans).to.deep.equal([]);
      await done(copy, ['publish'], { ahead: now.getTime() - Date.now() });
      const state = await inspect(copy, new Date(now.getTime() + 60_000));
      expect(removed(state.packages)).to.deep.equal([]);
      expect(state.folded.get(3), 'the entry that was accepted').to.equal('done');
    };
    const report = await killedEverywhere(dir, { args: ['queue', 'accept', '2'], done: check }, before);
    expect(report.operations.filter((line) => line.includes('create public/queue/'))).to.have.length(1);
  });
});
