import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';

/**
 * Fifty real distribution files (`test/fixtures/wheels.lock`). They lie in a cache outside of the clone:
 * `$TUFA_TEST_CACHE`, or `~/.cache/tufa-test`. What is missing there is fetched by pip, which knows the machine's
 * index, proxy and certificates.
 */

export interface LockedFile {
  readonly name: string;
  readonly version: string;
  readonly filename: string;
  readonly size: number;
  readonly sha256: string;
}

const FIXTURES = join(import.meta.dirname, '../fixtures');
const LOCK = join(FIXTURES, 'wheels.lock');
const PIP_TIMEOUT = 300_000;

/** The folder of the six small files that are kept in the tree. */
export const KEPT_WHEELS = join(FIXTURES, 'wheels');

export async function lockedFiles(): Promise<LockedFile[]> {
  const lines = (await readFile(LOCK, 'utf8')).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return lines.map((line) => {
    const [name = '', version = '', filename = '', size = '', sha256 = ''] = line.split('\t');
    return { name, version, filename, size: Number(size), sha256 };
  });
}

/** A folder with the fifty files and nothing else, each checked against the lock. */
export async function fetchWheels(): Promise<string> {
  const locked = await lockedFiles();
  const cache = process.env['TUFA_TEST_CACHE'] ?? join(homedir(), '.cache', 'tufa-test');
  // another lock, another folder: so that a changed lock leaves no strangers behind
  const folder = join(cache, `wheels-${digest(await readFile(LOCK)).slice(0, 12)}`);
  await mkdir(folder, { recursive: true });
  const missing = await without(locked, folder);
  if (missing.length === 0) return folder;
  const work = await mkdtemp(join(cache, 'fetch-'));
  try {
    for (const { filename } of missing)
      await copyFile(join(KEPT_WHEELS, filename), join(work, filename)).catch(() => {});
    await download(await without(missing, work), work);
    const failed = await without(missing, work);
    if (failed.length > 0) throw new Error(`pip did not bring ${failed.map((file) => file.filename).join(', ')}`);
    for (const { filename } of missing) await rename(join(work, filename), join(folder, filename));
  } finally {
    await rm(work, { recursive: true });
  }
  return folder;
}

/** Those files that the folder does not have with the bytes of the lock. */
async function without(files: readonly LockedFile[], folder: string): Promise<LockedFile[]> {
  const present = new Set(await readdir(folder));
  const missing: LockedFile[] = [];
  for (const file of files) {
    const bytes = present.has(file.filename) ? await readFile(join(folder, file.filename)) : undefined;
    if (bytes?.length !== file.size || digest(bytes) !== file.sha256) missing.push(file);
  }
  return missing;
}

async function download(files: readonly LockedFile[], folder: string): Promise<void> {
  const wheels = files.filter((file) => file.filename.endsWith('.whl'));
  const sdists = files.filter((file) => !file.filename.endsWith('.whl'));
  if (wheels.length > 0) await pip(wheels, folder, ['--only-binary', ':all:'], {});
  if (sdists.length === 0) return;
  const backends = await standInBackends(folder);
  await pip(sdists, folder, ['--no-binary', ':all:', '--no-build-isolation', '--use-pep517'], {
    PYTHONPATH: backends,
    SETUPTOOLS_USE_DISTUTILS: 'stdlib',
  });
}

async function pip(files: readonly LockedFile[], folder: string, how: string[], env: NodeJS.ProcessEnv): Promise<void> {
  const requirements = join(folder, 'requirements.txt');
  await writeFile(
    requirements,
    files.map((file) => `${file.name}==${file.version} --hash=sha256:${file.sha256}\n`),
  );
  const common = ['--no-deps', '--require-hashes', '--ignore-requires-python', '--no-input', '--progress-bar', 'off'];
  await run('python3', ['-m', 'pip', 'download', ...common, ...how, '-r', requirements, '-d', folder], env);
}

/**
 * `pip download` asks the build backend of an sdist for its metadata, that is: it runs the project's own code. Stand-ins
 * for the three backends in the lock answer with the PKG-INFO that every sdist carries, so nothing foreign is run and no
 * backend needs to be installed.
 *
 * @returns a folder for PYTHONPATH
 */
async function standInBackends(folder: string): Promise<string> {
  const path = join(folder, 'backends');
  for (const file of ['setuptools/build_meta.py', 'flit_core/buildapi.py', 'hatchling/build.py']) {
    await mkdir(dirname(join(path, file)), { recursive: true });
    await writeFile(join(path, dirname(file), '__init__.py'), '');
    await writeFile(join(path, file), BACKEND);
  }
  return path;
}

const BACKEND = `import email, os, shutil, sys
__legacy__ = sys.modules[__name__]
def prepare_metadata_for_build_wheel(metadata_directory, config_settings=None):
    with open('PKG-INFO', encoding='utf-8') as file:
        info = email.message_from_file(file)
    folder = info['Name'].replace('-', '_') + '-' + info['Version'] + '.dist-info'
    os.mkdir(os.path.join(metadata_directory, folder))
    shutil.copy('PKG-INFO', os.path.join(metadata_directory, folder, 'METADATA'))
    return folder
`;

/** Ends with exit code 0 or throws with the end of what the command said. */
async function run(command: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  const child = spawn(command, args, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: PIP_TIMEOUT,
    killSignal: 'SIGKILL',
  });
  let said = '';
  const listen = (chunk: Buffer): void => {
    said = `${said}${chunk}`.slice(-4000);
  };
  child.stdout.on('data', listen);
  child.stderr.on('data', listen);
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  child.on('error', reject);
  child.on('close', (code, signal) => resolve(String(code ?? signal)));
  const ended = await promise;
  if (ended !== '0') throw new Error(`${command} ${args.slice(0, 3).join(' ')} ended with ${ended}:\n${said}`);
}

function digest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
