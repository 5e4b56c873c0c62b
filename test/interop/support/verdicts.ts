import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { assertTarget, trustRoot } from '../../../src/tuf/checks.ts';
import { sha256Hex, sha512Hex } from '../../../src/tuf/digest.ts';
import { targetKey } from '../../../src/tuf/layout.ts';
import { Client as OurClient, type Steps } from '../../../src/tuf/walk.ts';
import { startServer, type TestServer } from '../../support/server.ts';
import { type Client, startClient } from './clients.ts';
import type { ClientName, TargetResult } from './protocol.ts';
import { chosenClients } from './selection.ts';

/** What a client makes of a path: the text that it accepts, `absent`, or `refused`. */
export type Verdict = string;

export type Verdicts = Readonly<Record<string, readonly Verdict[]>>;

/** Our own walk and the real clients, asked the same. */
export class Jury {
  private readonly clients: readonly Client[];
  private readonly server: TestServer;
  private readonly folder: string;
  private round = 0;

  private constructor(clients: readonly Client[], server: TestServer, folder: string) {
    this.clients = clients;
    this.server = server;
    this.folder = folder;
  }

  static async convene(): Promise<Jury> {
    const selection = chosenClients();
    const clients: Client[] = [];
    for (const name of selection.clients) clients.push(await startClient(name));
    return new Jury(clients, await startServer(new Map()), await mkdtemp(join(tmpdir(), 'tufa-hostile-')));
  }

  get names(): readonly ClientName[] {
    return this.clients.map((client) => client.name);
  }

  /**
   * Clients, one instance each, look up the paths in this order.
   *
   * @param before what they have seen and kept; without it they are fresh
   */
  async ask(
    files: ReadonlyMap<string, Uint8Array>,
    paths: readonly string[],
    now: Date,
    before?: ReadonlyMap<string, Uint8Array>,
  ): Promise<Verdicts> {
    const round = ++this.round;
    const texts = new Map(
      [...files]
        .filter(([key]) => key.startsWith('targets/'))
        .map(([, bytes]) => [sha256Hex(bytes), Buffer.from(bytes).toString('utf8')]),
    );
    const verdicts: Record<string, Verdict[]> = { tufa: askUs(files, paths, now, before) };
    const root = join(this.folder, `${round}.root.json`);
    await writeFile(root, files.get('metadata/1.root.json')!);
    for (const client of this.clients) {
      const run = (shown: ReadonlyMap<string, Uint8Array>) => {
        // tough puts the hash before the whole path; the same bytes stand there for it.
        this.server.serve(
          (key) =>
            shown.get(key) ?? shown.get(key.replace(/^targets\/([0-9a-f]{64,128})\.(.*\/)([^/]+)$/, 'targets/$2$1.$3')),
        );
        return client.run({
          metadataUrl: `${this.server.url}metadata/`,
          targetsUrl: `${this.server.url}targets/`,
          root,
          state: join(this.folder, `${round}-${client.name}`),
          now: now.toISOString(),
          targets: [...paths],
        });
      };
      if (before !== undefined) await run(before);
      const result = await run(files);
      verdicts[client.name] = paths.map((path) =>
        result.refresh === 'ok' ? verdictOf(result.targets[path], texts) : 'refused',
      );
    }
    return verdicts;
  }

  async dismiss(): Promise<void> {
    for (const client of this.clients) await client.stop();
    await this.server.stop();
    await rm(this.folder, { recursive: true, force: true });
  }
}

function verdictOf(result: TargetResult | undefined, texts: ReadonlyMap<string, string>): Verdict {
  if (result === undefined || result === 'absent') return 'absent';
  return 'sha256' in result ? (texts.get(result.sha256) ?? 'other bytes') : 'refused';
}

function askUs(
  files: ReadonlyMap<string, Uint8Array>,
  paths: readonly string[],
  now: Date,
  before: ReadonlyMap<string, Uint8Array> | undefined,
): Verdict[] {
  try {
    const root = trustRoot(files.get('metadata/1.root.json')!);
    const first = new OurClient({ root, timestamp: undefined, snapshot: undefined });
    if (before !== undefined) drive(first.refresh(now), before);
    const client = new OurClient(first.trusted);
    drive(client.refresh(now), files);
    return paths.map((path) => lookUp(client, files, path, now));
  } catch {
    return paths.map(() => 'refused');
  }
}

function lookUp(client: OurClient, files: ReadonlyMap<string, Uint8Array>, path: string, now: Date): Verdict {
  try {
    const target = drive(client.findTarget(path, now), files);
    if (target === undefined) return 'absent';
    const bytes = files.get(targetKey(path, target.sha256 ?? ''));
    if (bytes === undefined) return 'refused';
    assertTarget(path, { length: bytes.length, sha256: sha256Hex(bytes), sha512: sha512Hex(bytes) }, target);
    return Buffer.from(bytes).toString('utf8');
  } catch {
    return 'refused';
  }
}

function drive<T>(steps: Steps<T>, files: ReadonlyMap<string, Uint8Array>): T {
  let step = steps.next();
  while (!step.done) {
    const { name, maxLength, from } = step.value;
    const bytes = from === 'kept' ? undefined : files.get(`metadata/${name}`);
    if (bytes !== undefined && bytes.length > maxLength) throw new Error('too long');
    step = steps.next(bytes);
  }
  return step.value;
}
