/** Every change of online keys that the commands know, one write of theirs after the other. */
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { TIMESTAMP_KEY } from '../../../src/tuf/layout.ts';
import { NAME } from '../../support/published.ts';
import { edit } from '../../support/workspace.ts';
import type { RepositoryState } from './matrix.ts';
import { HOUR, type Publisher } from './publisher.ts';

/** The roles whose keys the delegators name. */
const DELEGATED = ['bins', 'recent', 'deny'] as const;

export class Rotations {
  /** Objects that the commands of the rotations wrote. */
  writes = 0;
  private readonly publisher: Publisher;
  /** Roles that name keys of online roles: root, and the delegators. */
  private readonly delegators: readonly string[];
  private readonly file: string;
  private present: RepositoryState['present'] = {};

  /** @param delegators `targets`, and `bins` and `recent` where they are. @param file the one file of the index */
  constructor(publisher: Publisher, delegators: readonly string[], file: string) {
    this.publisher = publisher;
    this.delegators = delegators;
    this.file = file;
  }

  /**
   * first publish; root with other keys for timestamp and snapshot, and the delegators with both keys of bins, recent and
   * deny; the grace is over; the delegators with the new keys alone; the active key is destroyed, and its standby takes
   * over; root without the lost key; a change when nobody has the keys of the beginning any more.
   */
  async *states(): AsyncGenerator<RepositoryState> {
    const { publisher } = this;
    // Within the life of a timestamp; tough has the machine's clock, and reads none of the future.
    publisher.ahead = -12 * HOUR;
    await edit(publisher.dir, /^ {2}leaves: 27d$|^ {2}leaves: 15d$/m, '  leaves: 719h');
    await publisher.run('target', 'add', this.file);
    await publisher.run('publish');
    this.present = await publisher.listed();
    yield await this.state('first publish');

    yield* this.replaceAll();
    yield* this.toStandby();
    await publisher.run('target', 'remove', this.file.split('/').at(-1)!.split('-')[0]!);
    await publisher.run('publish');
    this.present = await publisher.listed();
    yield await this.state('a removal after all of it');
  }

  private async *replaceAll(): AsyncGenerator<RepositoryState> {
    const { publisher } = this;
    await this.rename(/^( {2}(?:timestamp|snapshot): \{ key: )online\b/gm, '$1online-2');
    await this.rename(/^( {2}(bins|recent|deny): \{ key: )\w+/gm, '$1$2-2');
    await this.newKeys();
    yield* this.ceremony('both keys', ['root', ...this.delegators]);
    expect(await publisher.signers()).to.deep.equal(['online', 'online-2']);

    publisher.ahead += HOUR;
    yield* this.command('after the grace', 'refresh');
    expect(await publisher.signers()).to.deep.equal(['online-2']);
    for (const role of DELEGATED)
      expect(await this.leafKeys(role), role).to.deep.equal([await this.keyid(`${role}-2`)]);
    for (const name of ['online', ...DELEGATED]) await this.destroy(name);
    yield* this.ceremony('the new keys alone', this.delegators);
    publisher.ahead += HOUR;
    yield* this.command('signed by the new keys', 'refresh');
  }

  private async *toStandby(): AsyncGenerator<RepositoryState> {
    const { publisher } = this;
    publisher.ahead += HOUR;
    await this.destroy('online-2');
    yield* this.command('rotate', 'rotate', '--to-standby');
    expect(await publisher.signers()).to.deep.equal(['standby']);
    await this.newKeys();
    yield* this.ceremony('without the lost key', ['root']);
    publisher.ahead += HOUR;
    yield* this.command('and after its grace', 'refresh');
    expect(await publisher.signers()).to.deep.equal(['standby']);
  }

  /** open, sign by two holders, publish. */
  private async *ceremony(name: string, roles: readonly string[]): AsyncGenerator<RepositoryState> {
    const before = this.writes;
    yield* this.command(`${name}: open`, 'ceremony', 'open', ...roles);
    yield* this.command(`${name}: sign`, 'sign', '--confirm', NAME, '--holder', 'alice', '--holder', 'bob');
    expect(this.writes, 'a ceremony that is not carried out leaves the store alone').to.equal(before);
    yield* this.command(name, 'ceremony', 'publish');
    expect(this.writes).to.be.greaterThan(before);
  }

  /** Every write of a command is a state. */
  private async *command(name: string, ...args: string[]): AsyncGenerator<RepositoryState> {
    for (const [index, { write, folder }] of (await this.publisher.photograph(...args)).entries()) {
      this.writes += 1;
      yield await this.state(`${name}, ${index + 1}: ${write.replaceAll(/[0-9a-f]{64}/g, 'SHA256')}`, folder);
    }
  }

  private state(name: string, folder = this.publisher.store): Promise<RepositoryState> {
    const absent = ['packages/nobody/nobody-1.0.zip'];
    return this.publisher.state(name, { present: this.present, absent, folder });
  }

  private async rename(from: RegExp, to: string): Promise<void> {
    await edit(this.publisher.dir, from, to);
  }

  private async newKeys(): Promise<void> {
    await this.publisher.run('key', 'generate', '--online', '--insecure-plain-key');
  }

  /** The private half of a key is gone for ever. */
  private async destroy(name: string): Promise<void> {
    await rm(join(this.publisher.dir, 'private', `${name}.pem`));
  }

  private async keyid(name: string): Promise<string> {
    return JSON.parse(await readFile(join(this.publisher.dir, 'holders', `${name}.json`), 'utf8')).keyid;
  }

  /** Keyids that have signed the live leaves of a role. */
  private async leafKeys(role: (typeof DELEGATED)[number]): Promise<string[]> {
    const metadata = join(this.publisher.store, 'metadata');
    const read = async (path: string) => JSON.parse(await readFile(path, 'utf8'));
    const { signed } = await read(join(this.publisher.store, TIMESTAMP_KEY));
    const { meta } = (await read(join(metadata, `${signed.meta['snapshot.json'].version}.snapshot.json`))).signed;
    const leaf = role === 'deny' ? /^deny\.json$/ : role === 'bins' ? /^bin\d/ : /^recent\d/;
    const files = Object.entries<{ version: number }>(meta).filter(([name]) => leaf.test(name));
    expect(files.length, `leaves of ${role}`).to.be.greaterThan(0);
    const there = new Set(await readdir(metadata));
    const keyids = new Set<string>();
    for (const [name, { version }] of files) {
      expect(there.has(`${version}.${name}`)).to.equal(true);
      for (const one of (await read(join(metadata, `${version}.${name}`))).signatures) keyids.add(one.keyid);
    }
    return [...keyids];
  }
}
