import { join } from 'node:path';
import { editConfig } from '../../config/edit.ts';
import { Workspace } from '../../config/workspace.ts';
import { TrustError, TufaError } from '../../errors.ts';
import { TrustedState } from '../../trusted/state.ts';
import { rootKey } from '../../tuf/layout.ts';
import { SILENT } from '../context.ts';
import { openInstaller } from '../installer.ts';
import { prepareSitting, sign } from '../sign.ts';
import { verify } from '../verify.ts';

const SECOND = 1000;

/** A rehearsal as it goes on: its staging copy, who has signed, and a clock that is put forward where people would wait. */
export class Rehearsing {
  readonly clock: () => Date;
  /** How many signatures the holders made. */
  signatures = 0;

  private ahead = 0;
  private opened: Workspace | undefined;
  private readonly signed = new Set<string>();
  private readonly lost = new Set<string>();

  /** @param clock of the workspace that is rehearsed */
  constructor(clock: () => Date) {
    this.clock = () => new Date(clock().getTime() + this.ahead);
  }

  use(staging: Workspace): void {
    this.opened = staging;
  }

  get staging(): Workspace {
    if (this.opened === undefined) throw new Error('a rehearsal without a staging copy');
    return this.opened;
  }

  /** Everybody who signs some offline role and still has a key. */
  get holders(): string[] {
    const all = Object.values(this.staging.config.roles).flatMap((role) => role?.holders ?? []);
    return [...new Set(all)].filter((name) => !this.lost.has(name));
  }

  /** Holders who have not signed anything yet. */
  unsigned(): string[] {
    return this.holders.filter((name) => !this.signed.has(name));
  }

  /** The holder's key cannot be used from now on. */
  lose(holder: string): void {
    this.lost.add(holder);
  }

  /**
   * One sitting: this holder signs every open draft that his key may sign.
   * @returns what he has signed; empty: there was nothing for him
   */
  async sit(holder: string): Promise<string[]> {
    const sitting = await prepareSitting(this.staging, [holder]);
    const { signed } = await sign(this.staging, sitting);
    if (signed.length > 0) this.signed.add(holder);
    this.signatures += signed.length;
    return signed.map(({ draft }) => draft);
  }

  /** Open drafts that lack signatures. */
  async lacking(): Promise<string[]> {
    const drafts = await (await this.staging.ceremonies()).list();
    return drafts.filter(({ complete }) => complete === undefined).map(({ role, version }) => `${role} ${version}`);
  }

  /** Puts the clock forward, past the grace after a new root. */
  passGrace(): void {
    this.ahead += this.staging.config.grace + SECOND;
  }

  /** Opens the staging copy with other values in its tufa.yaml. */
  async reconfigure(edits: Parameters<typeof editConfig>[1]): Promise<void> {
    const { dir } = this.staging;
    await this.staging.close();
    await editConfig(dir, edits);
    this.opened = await Workspace.open(dir, { clock: this.clock });
  }

  /**
   * Reads what is published as a client does, with tuf-js as second opinion.
   * @param name a client that was here before goes on from what it has kept; a new one starts at root 1
   */
  async client(name: string): Promise<{ root: number; roles: number; secondOpinion: readonly string[] }> {
    const { dir } = this.staging;
    const now = this.clock();
    const start = join('public', rootKey(1));
    const options = {
      directory: dir,
      repository: undefined,
      root: start,
      trusted: join('clients', name),
      env: {},
      now,
    };
    return verify(await openInstaller(options), { now, metadataOnly: false }, SILENT);
  }

  /**
   * @param exitCode of the refusal
   * @throws TrustError when something that must be refused is not; what else goes wrong passes through
   */
  async refuses(what: string, exitCode: number, attempt: () => Promise<unknown>): Promise<void> {
    try {
      await attempt();
    } catch (error) {
      if (error instanceof TufaError && error.exitCode === exitCode) return;
      throw error;
    }
    throw new TrustError(what, { code: 'trust.rehearsal', expected: 'to be refused', found: 'accepted' });
  }

  /** @throws TrustError when a key of the staging copy is one of the other workspace */
  async assertStrangers(of: Workspace): Promise<void> {
    const theirs = new Map([...(await of.holders()).values()].map(({ keyid, name }) => [keyid, name]));
    for (const { keyid, name } of (await this.staging.holders()).values()) {
      const same = theirs.get(keyid);
      if (same === undefined) continue;
      throw new TrustError('a throw-away key that is not one', {
        object: name,
        code: 'trust.rehearsal',
        expected: 'a key of its own',
        found: `the key of ${same}`,
      });
    }
  }

  /** The newest root of the staging copy. */
  async liveRoot(): Promise<{ version: number; bytes: Uint8Array; keyids: readonly string[] }> {
    const { root } = await new TrustedState(await this.staging.trustedStore()).require();
    return { version: root.signed.version, bytes: root.bytes, keyids: root.signed.roles.root.keyids };
  }
}
