/** Builds each real client once, into the cache. `node test/interop/install.ts` builds all of them. */
import { copyFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { TufaError } from '../../src/errors.ts';
import { built, cacheFolder, pythonWith } from '../support/cache.ts';
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
  const { packages, version } = pins['python-tuf'];
  const pinned = Object.entries(packages).map(([name, version]) => `${name}==${version}`);
  const python = await pythonWith('python-tuf', `python-tuf ${version}`, pinned, LEAVE_OUT);
  // -I: neither the environment nor the working folder may put another tuf in front.
  return { command: python, args: ['-I', '-u', join(CLIENT_FOLDER, 'python-tuf', 'driver.py')] };
}

/** Nothing to build: tuf-js is one of tufa's own dependencies, and this Node runs the driver from source. */
async function installTufJs(): Promise<Driver> {
  return { command: process.execPath, args: [join(CLIENT_FOLDER, 'tuf-js', 'driver.ts')] };
}

async function installGoTuf(): Promise<Driver> {
  const source = join(CLIENT_FOLDER, 'go-tuf');
  const version = await requireTool('go', ['version'], `install Go 1.25 or newer, ${LEAVE_OUT}`);
  const key = [version, ...(await contents(source, ['go.mod', 'go.sum', 'main.go']))];
  const folder = await built('go-tuf', `go-tuf ${pins['go-tuf'].version}`, key, async (target) => {
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
  const folder = await built('tough', `tough ${pins.tough.version}`, key, async (target) => {
    // Shared between keys: after a change of the driver only the driver is compiled anew.
    const compiled = join(cacheFolder(), 'tough-target');
    const args = ['build', '--release', '--locked', '--manifest-path', join(source, 'Cargo.toml')];
    await runTool('cargo', args, { timeout: 45 * MINUTE, env: { CARGO_TARGET_DIR: compiled } });
    await copyFile(join(compiled, 'release', 'tough-driver'), join(target, 'driver'));
  });
  return { command: join(folder, 'driver'), args: [] };
}

function contents(folder: string, files: string[]): Promise<string[]> {
  return Promise.all(files.map((file) => readFile(join(folder, file), 'utf8')));
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
