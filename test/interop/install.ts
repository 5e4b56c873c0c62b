/**
 * Builds each real client once, into a cache outside of the clone (`$TUFA_TEST_CACHE`, else `~/.cache/tufa-test`), in a
 * folder named by the hash of its pins, its driver and its toolchain. `node test/interop/install.ts` builds all of them.
 */
import { createHash, randomUUID } from 'node:crypto';
import { copyFile, mkdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { ConfigurationError, TufaError } from '../../src/errors.ts';
import pins from './pins.json' with { type: 'json' };
import type { ClientName } from './support/protocol.ts';
import { chosenClients } from './support/selection.ts';
import { aptInstall, requireTool, runTool, toolWorks } from './support/tools.ts';

/** The command that starts a client's driver. */
export interface Driver {
  command: string;
  args: string[];
}

const MINUTE = 60_000;
const CLIENT_FOLDER = join(import.meta.dirname, 'clients');
const LEAVE_OUT = 'or leave it out with TUFA_INTEROP_ONLY';

const installers: Record<ClientName, () => Promise<Driver>> = {
  'python-tuf': installPythonTuf,
  'tuf-js': installTufJs,
  'go-tuf': installGoTuf,
  tough: installTough,
};

/** Builds a client, or finds it built. ConfigurationError names the toolchain that is missing, or what it said. */
export function install(name: ClientName): Promise<Driver> {
  return installers[name]();
}

async function installPythonTuf(): Promise<Driver> {
  const works = ['-c', 'import ensurepip, venv'];
  if (!(await toolWorks('python3', works))) {
    await aptInstall(['python3', 'python3-venv']);
  }
  await requireTool('python3', works, `install python3 with its venv module (python3-venv), ${LEAVE_OUT}`);
  const version = await requireTool('python3', ['-VV'], LEAVE_OUT);
  const packages = Object.entries(pins['python-tuf'].packages).map(([name, pinned]) => `${name}==${pinned}`);
  const folder = await built('python-tuf', [version, ...packages], async (target) => {
    await runTool('python3', ['-m', 'venv', target], { timeout: 5 * MINUTE });
    const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-deps', ...packages];
    await runTool(join(target, 'bin', 'python'), pip, { timeout: 10 * MINUTE });
    await runTool(join(target, 'bin', 'python'), ['-m', 'pip', 'check'], { timeout: MINUTE });
  });
  // -I: neither the environment nor the working folder may put another tuf in front.
  return { command: join(folder, 'bin', 'python'), args: ['-I', '-u', join(CLIENT_FOLDER, 'python-tuf', 'driver.py')] };
}

/** Nothing to build: tuf-js is one of tufa's own dependencies, and this Node runs the driver from source. */
async function installTufJs(): Promise<Driver> {
  return { command: process.execPath, args: [join(CLIENT_FOLDER, 'tuf-js', 'driver.ts')] };
}

async function installGoTuf(): Promise<Driver> {
  const source = join(CLIENT_FOLDER, 'go-tuf');
  const version = await requireTool('go', ['version'], `install Go 1.25 or newer, ${LEAVE_OUT}`);
  const key = [version, ...(await contents(source, ['go.mod', 'go.sum', 'main.go']))];
  const folder = await built('go-tuf', key, async (target) => {
    const args = ['build', '-trimpath', '-buildvcs=false', '-mod=readonly', '-o', join(target, 'driver'), '.'];
    await runTool('go', args, { cwd: source, timeout: 15 * MINUTE, env: { CGO_ENABLED: '0' } });
  });
  return { command: join(folder, 'driver'), args: [] };
}

async function installTough(): Promise<Driver> {
  const source = join(CLIENT_FOLDER, 'tough');
  const version = await requireTool('cargo', ['--version'], `install Rust with cargo, ${LEAVE_OUT}`);
  // tough's cryptography (aws-lc) is C.
  if (!(await toolWorks('cc', ['--version']))) {
    await aptInstall(['gcc', 'libc6-dev']);
  }
  await requireTool('cc', ['--version'], `install a C compiler, ${LEAVE_OUT}`);
  const key = [version, ...(await contents(source, ['Cargo.toml', 'Cargo.lock', 'src/main.rs']))];
  const folder = await built('tough', key, async (target) => {
    // Shared between keys: after a change of the driver only the driver is compiled anew.
    const compiled = join(cacheFolder(), 'tough-target');
    const args = ['build', '--release', '--locked', '--manifest-path', join(source, 'Cargo.toml')];
    await runTool('cargo', args, { timeout: 45 * MINUTE, env: { CARGO_TARGET_DIR: compiled } });
    await copyFile(join(compiled, 'release', 'tough-driver'), join(target, 'driver'));
  });
  return { command: join(folder, 'driver'), args: [] };
}

/**
 * The cache folder for a key; made by `build` when it is not there yet. It gets its name when it is whole, so a killed
 * build leaves nothing that looks ready, and of two at the same time one wins.
 */
async function built(name: ClientName, key: string[], build: (folder: string) => Promise<void>): Promise<string> {
  const parts = [name, process.platform, process.arch, ...key];
  const digest = createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 16);
  const folder = join(cacheFolder(), `${name}-${digest}`);
  if (await exists(folder)) {
    return folder;
  }
  const unfinished = `${folder}.${randomUUID()}`;
  await mkdir(unfinished, { recursive: true });
  try {
    process.stderr.write(`building ${name} ${pins[name].version} for the tests, once\n`);
    await build(unfinished);
    await rename(unfinished, folder);
  } catch (error) {
    await rm(unfinished, { recursive: true, force: true });
    if (!(await exists(folder))) {
      throw new ConfigurationError('cannot be built', {
        object: `${name} ${pins[name].version}`,
        expected: 'a working toolchain',
        found: error instanceof Error ? error.message : String(error),
        cause: error,
      });
    }
  }
  return folder;
}

function cacheFolder(): string {
  return process.env['TUFA_TEST_CACHE'] ?? join(homedir(), '.cache', 'tufa-test');
}

function contents(folder: string, files: string[]): Promise<string[]> {
  return Promise.all(files.map((file) => readFile(join(folder, file), 'utf8')));
}

async function exists(folder: string): Promise<boolean> {
  return stat(folder).then(
    () => true,
    () => false,
  );
}

async function installAll(): Promise<void> {
  const { clients, leftOut } = chosenClients();
  for (const name of clients) {
    const { command } = await install(name);
    process.stdout.write(`${name} ${pins[name].version}: ${command}\n`);
  }
  if (leftOut.length > 0) {
    process.stdout.write(`left out: ${leftOut.join(', ')}\n`);
  }
}

if (import.meta.main) {
  try {
    await installAll();
  } catch (error) {
    if (!(error instanceof TufaError)) {
      throw error;
    }
    process.stderr.write(`error: ${error.message}\n${error.hint === undefined ? '' : `hint: ${error.hint}\n`}`);
    process.exitCode = error.exitCode;
  }
}
