/** A workspace whose states the matrix looks at, driven through bin/run.js as its operator and its jobs drive it. */
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Workspace } from '../../../src/config/workspace.ts';
import { listTargets } from '../../../src/jobs/targets.ts';
import { composeRoot } from '../../../src/tuf/compose.ts';
import { sha256Hex } from '../../../src/tuf/digest.ts';
import { metadataFile } from '../../../src/tuf/encode.ts';
import { parseMetadataName, pendingKey, rootKey, TIMESTAMP_KEY } from '../../../src/tuf/layout.ts';
import type { MetadataFile, Root } from '../../../src/tuf/model.ts';
import { readMetadata } from '../../../src/tuf/read.ts';
import { type WorkspaceKind, workspaceAt } from '../../support/published.ts';
import { type Run, tufa } from '../../support/run.ts';
import { edit } from '../../support/workspace.ts';
import type { ClientName } from './clients.ts';
import type { RepositoryState } from './matrix.ts';

export const HOUR = 3_600_000;
export const DAY = 24 * HOUR;

const CLOCK = join(import.meta.dirname, '../../support/preload/clock.mjs');
const PHOTOGRAPHS = join(import.meta.dirname, 'photographs.mjs');

export interface PublisherKind {
  /** Default: hobby, whose online roles share one key that has no standby. */
  readonly profile?: WorkspaceKind['profile'];
  readonly type: WorkspaceKind['type'];
  readonly bits: { readonly bins: number; readonly recent: number };
  /** `clients:` in tufa.yaml; without it the template's, which has no tough. */
  readonly clients?: readonly ClientName[];
}

/** What was published right after one write. */
export interface Photograph {
  /** `create metadata/2.root.json`. */
  readonly write: string;
  /** Has `metadata/` and `targets/`, and stays as it is. */
  readonly folder: string;
}

/** A root that its holders have signed. */
export interface Ceremony {
  readonly version: number;
  readonly bytes: Uint8Array;
}

export class Publisher {
  readonly dir: string;
  /**
   * Milliseconds that the workspace's clock is ahead of the machine's. Less than 0: so a publisher can live through days,
   * and tough, which knows the machine's clock only, can still read what was signed.
   */
  ahead = -5 * DAY;
  private readonly kind: PublisherKind;
  /** Names of the keys of timestamp and snapshot, from the first root on. */
  private readonly online = ['online'];
  private albums = 0;

  private constructor(dir: string, kind: PublisherKind) {
    this.dir = dir;
    this.kind = kind;
  }

  /** The ceremony is complete, and nothing is published. */
  static async make(kind: PublisherKind): Promise<Publisher> {
    const { profile = 'hobby', type, bits } = kind;
    const dir = await workspaceAt('signed', { profile, type, bits });
    if (kind.clients !== undefined) await edit(dir, /^clients: \[.*?\]/m, `clients: [${kind.clients.join(', ')}]`);
    // So that every online role comes into its window within the life of a timestamp.
    await edit(dir, /^ {2}leaves: 15d$/m, '  leaves: 27d');
    return new Publisher(dir, kind);
  }

  /** Runs a command at the workspace's time. Anything but exit code 0 is an error. */
  run(...args: string[]): Promise<Run> {
    return this.command(args, {}, []);
  }

  /** The same, and what was published after each of its writes; none where it writes nothing to the store. */
  async photograph(...args: string[]): Promise<Photograph[]> {
    this.albums += 1;
    const album = join(this.dir, `album-${this.albums}`);
    await mkdir(album);
    await this.command(args, { TUFA_PHOTOGRAPHS: album }, [PHOTOGRAPHS]);
    const lines = await readFile(join(album, 'writes'), 'utf8').catch(() => '');
    const writes = lines.split('\n').slice(0, -1);
    return writes.map((write, index) => ({ write, folder: join(album, `${index + 1}`) }));
  }

  /** What is listed now: sha256 by path. */
  async listed(): Promise<Record<string, string>> {
    return this.inWorkspace(async (workspace) => {
      const present: Record<string, string> = {};
      for await (const { path, sha256 } of listTargets(workspace, undefined)) present[path] = sha256;
      return present;
    });
  }

  /** @param folder default: the store itself, which the next command changes */
  async state(
    name: string,
    { present, absent, folder = this.store }: Pick<RepositoryState, 'present' | 'absent'> & { folder?: string },
  ): Promise<RepositoryState> {
    const root = await readFile(join(this.store, rootKey(1)));
    const now = new Date(Date.now() + this.ahead).toISOString().replace(/\.\d+/, '');
    return { name, folder, root, present, absent, now };
  }

  /** The ceremony of the next root, and its root where the next job finds it. */
  async rotate(): Promise<void> {
    await this.put(await this.ceremony());
  }

  /**
   * The next root, with other keys for timestamp and snapshot, which are made here and named in tufa.yaml; not put anywhere.
   *
   * @param signers two holders, or fewer than root asks for
   */
  async ceremony(signers: readonly string[] = ['alice', 'bob']): Promise<Ceremony> {
    const old = this.online.at(-1)!;
    const name = `online-${this.online.length + 1}`;
    for (const role of ['timestamp', 'snapshot'])
      await edit(this.dir, new RegExp(`^ {2}${role}: \\{ key: ${old} \\}`, 'm'), `  ${role}: { key: ${name} }`);
    await this.run('key', 'generate', '--online', '--type', this.kind.type, '--insecure-plain-key');
    this.online.push(name);

    const { signed } = await this.newestRoot();
    return this.inWorkspace(async (workspace) => {
      const { key, keyid } = await workspace.holder(name);
      const replaced = { keyids: [keyid], threshold: 1 };
      const roles = { ...signed.roles, timestamp: replaced, snapshot: replaced };
      const used = new Set(Object.values(roles).flatMap(({ keyids }) => keyids));
      const version = signed.version + 1;
      const draft = composeRoot({
        version,
        expires: signed.expires,
        repository: workspace.config.repository.uuid,
        keys: new Map([...signed.keys, [keyid, key] as const].filter(([id]) => used.has(id))),
        roles,
        floor: signed.floor,
      });
      const signatures = [];
      for (const holder of signers) {
        const signer = await workspace.signer(holder);
        const sig = await signer.sign({ payload: draft, subject: `root ${version}` });
        signatures.push({ keyid: signer.keyid, sig });
      }
      return { version, bytes: metadataFile(draft, signatures) };
    });
  }

  /** @param key default: where a complete root waits for the next job */
  async put({ version, bytes }: Ceremony, key = pendingKey(version, sha256Hex(bytes))): Promise<void> {
    await this.inWorkspace(async (workspace) => (await workspace.store()).create(key, bytes));
  }

  /** Names of the keys that have signed the live timestamp. */
  async signers(folder = this.store): Promise<string[]> {
    const { signatures } = readMetadata(await readFile(join(folder, TIMESTAMP_KEY)), 'timestamp', TIMESTAMP_KEY);
    return this.inWorkspace(async (workspace) => {
      const names = new Map([...(await workspace.holders()).values()].map(({ keyid, name }) => [keyid, name]));
      return signatures.map(({ keyid }) => names.get(keyid) ?? keyid).sort();
    });
  }

  /** Nobody here can sign with the keys of earlier roots any more, but for what bins, recent and deny still need. */
  async dropOldKeys(): Promise<void> {
    for (const name of this.online.slice(1, -1)) {
      await rm(join(this.dir, 'holders', `${name}.json`), { force: true });
      await rm(join(this.dir, 'private', `${name}.pem`), { force: true });
    }
  }

  get store(): string {
    return join(this.dir, 'public');
  }

  private async newestRoot(): Promise<MetadataFile<Root>> {
    const names = (await readdir(join(this.store, 'metadata'))).map(parseMetadataName);
    const versions = names.flatMap((name) => (name?.role === 'root' ? [name.version!] : []));
    const key = rootKey(Math.max(...versions));
    return readMetadata(await readFile(join(this.store, key)), 'root', key);
  }

  private async inWorkspace<T>(work: (workspace: Workspace) => Promise<T>): Promise<T> {
    const workspace = await Workspace.open(this.dir, { clock: () => new Date(Date.now() + this.ahead) });
    try {
      return await work(workspace);
    } finally {
      await workspace.close();
    }
  }

  private async command(args: string[], env: Record<string, string>, preloads: string[]): Promise<Run> {
    const imports = [CLOCK, ...preloads].map((path) => `--import ${pathToFileURL(path).href}`);
    const run = await tufa(args, {
      cwd: this.dir,
      env: { TUFA_TEST_CLOCK: String(this.ahead), NODE_OPTIONS: imports.join(' '), ...env },
      timeout: 300_000,
    });
    if (run.exitCode !== 0)
      throw new Error(`tufa ${args.join(' ')} ended with ${run.exitCode}:\n${run.stderr}${run.stdout}`);
    return run;
  }
}
