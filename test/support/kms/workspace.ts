/** Workspaces of profile hobby whose online key is at a key service, made by `tufa` itself. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { emptyFolder, HOLDERS, NAME } from '../published.ts';
import { type Run, tufa } from '../run.ts';
import { KEPT_WHEELS } from '../wheels.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

export class KmsWorkspace {
  readonly dir: string;
  /** Of every command. */
  readonly env: Environment;

  constructor(dir: string, env: Environment) {
    this.dir = dir;
    this.env = env;
  }

  /** Laid down, with the keys of the holders, and none online. */
  static async begin(env: Environment): Promise<KmsWorkspace> {
    const workspace = new KmsWorkspace(await emptyFolder(), env);
    await workspace.done('init', '--name', NAME);
    return workspace;
  }

  /** Signed and with targets in the queue: `publish` is next. @param uri of the online key */
  static async make(uri: string, env: Environment): Promise<KmsWorkspace> {
    const workspace = await KmsWorkspace.begin(env);
    await workspace.done('key', 'import', uri, '--holder', 'online');
    await workspace.generateKeys();
    await workspace.done('sign', '--confirm', NAME);
    await workspace.done('target', 'add', KEPT_WHEELS);
    return workspace;
  }

  /** Of the holders and the operator, plain. */
  async generateKeys(): Promise<void> {
    const holders = HOLDERS.flatMap((name) => ['--holder', name]);
    await this.done('key', 'generate', ...holders, '--online', '--insecure-plain-key');
  }

  run(...args: string[]): Promise<Run> {
    return tufa(args, { cwd: this.dir, env: this.env, timeout: 90_000 });
  }

  async done(...args: string[]): Promise<Run> {
    const run = await this.run(...args);
    if (run.exitCode !== 0) throw new Error(`tufa ${args.join(' ')} ended with ${run.exitCode}:\n${run.stderr}`);
    return run;
  }

  /** Keys of the objects in the store. */
  async objects(): Promise<string[]> {
    const folder = join(this.dir, 'public');
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    return entries
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
      .filter((key) => !key.startsWith('.tufa-store/'))
      .sort();
  }

  async holder(name: string): Promise<{ keyid: string; uri?: string; key: { scheme: string } }> {
    return JSON.parse(await readFile(join(this.dir, 'holders', `${name}.json`), 'utf8'));
  }
}

/** NODE_OPTIONS that load a file of test/support/preload. */
export function preloading(name: string): string {
  return `--import ${pathToFileURL(join(import.meta.dirname, '..', 'preload', `${name}.mjs`)).href}`;
}
