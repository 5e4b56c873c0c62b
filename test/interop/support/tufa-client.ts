/** Runs test/interop/tufa-client as the conformance suite runs it. */
import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Source, startServer, type TestServer } from '../../support/server.ts';

const CLIENT = fileURLToPath(new URL('../tufa-client', import.meta.url));
export const FAKETIME = '/usr/bin/faketime';

export class ClientUnderTest {
  readonly server: TestServer;
  readonly dir: string;

  private constructor(server: TestServer, dir: string) {
    this.server = server;
    this.dir = dir;
  }

  static async make(): Promise<ClientUnderTest> {
    return new ClientUnderTest(await startServer(new Map()), await mkdtemp(join(tmpdir(), 'tufa-conformance-')));
  }

  async remove(): Promise<void> {
    await this.server.stop();
    await rm(this.dir, { recursive: true, force: true });
  }

  get metadata(): string {
    return join(this.dir, 'metadata');
  }

  get targets(): string {
    return join(this.dir, 'targets');
  }

  /** Serves the files and gives the client their first root. @returns the exit code, as all of these do */
  async init(files: ReadonlyMap<string, Uint8Array>): Promise<number | null> {
    this.server.serve(files);
    const root = join(this.dir, 'root.json');
    await writeFile(root, files.get('metadata/1.root.json')!);
    return run(['--metadata-dir', this.metadata, 'init', root]);
  }

  refresh(time?: string): Promise<number | null> {
    return run([...this.where(), 'refresh'], time);
  }

  download(...paths: string[]): Promise<number | null> {
    const names = paths.flatMap((path) => ['--target-name', path]);
    const targets = ['--target-dir', this.targets, '--target-base-url', `${this.server.url}targets/`];
    return run([...this.where(), ...names, ...targets, 'download']);
  }

  serve(source: Source): void {
    this.server.serve(source);
  }

  /** What was asked for since the last call. */
  asked(): string[] {
    return this.server.requests.splice(0).map(({ key }) => key);
  }

  /** File names of the kept metadata. */
  async kept(): Promise<string[]> {
    return (await readdir(this.metadata)).sort();
  }

  /** Of a kept role; undefined when it is not kept. */
  async version(role: string): Promise<number | undefined> {
    const file = await this.bytes(role);
    return file === undefined ? undefined : JSON.parse(file.toString('utf8')).signed.version;
  }

  async bytes(role: string): Promise<Buffer | undefined> {
    return readFile(join(this.metadata, `${role}.json`)).catch(() => undefined);
  }

  /** Texts of the downloaded targets. */
  async texts(): Promise<string[]> {
    const names = await readdir(this.targets).catch(() => []);
    return (await Promise.all(names.map((name) => readFile(join(this.targets, name), 'utf8')))).sort();
  }

  private where(): string[] {
    return ['--metadata-url', `${this.server.url}metadata/`, '--metadata-dir', this.metadata];
  }
}

function run(args: readonly string[], time?: string): Promise<number | null> {
  return new Promise((resolve, reject) => {
    const [command, ...rest] = time === undefined ? [CLIENT, ...args] : [FAKETIME, time, CLIENT, ...args];
    const child = spawn(command!, rest, { stdio: 'ignore', timeout: 60_000, killSignal: 'SIGKILL' });
    child.on('error', reject);
    child.on('close', resolve);
  });
}
