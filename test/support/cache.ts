/**
 * Tools that tests use and that are built once, into a cache outside of the clone (`$TUFA_TEST_CACHE`, else
 * `~/.cache/tufa-test`), in a folder named by the hash of their pins, their source and their toolchain.
 */
import { createHash, randomUUID } from 'node:crypto';
import { mkdir, rename, rm, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { ConfigurationError } from '../../src/errors.ts';
import { aptInstall, requireTool, runTool, toolWorks } from '../interop/support/tools.ts';

const MINUTE = 60_000;

export function cacheFolder(): string {
  return process.env['TUFA_TEST_CACHE'] ?? join(homedir(), '.cache', 'tufa-test');
}

/**
 * The cache folder for a key; made by `build` when it is not there yet. It gets its name when it is whole, so a killed
 * build leaves nothing that looks ready, and of two at the same time one wins.
 *
 * @param what for people: name and version
 */
export async function built(
  name: string,
  what: string,
  key: readonly string[],
  build: (folder: string) => Promise<void>,
): Promise<string> {
  const parts = [name, process.platform, process.arch, ...key];
  const digest = createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 16);
  const folder = join(cacheFolder(), `${name}-${digest}`);
  if (await exists(folder)) {
    return folder;
  }
  const unfinished = `${folder}.${randomUUID()}`;
  await mkdir(unfinished, { recursive: true });
  try {
    process.stderr.write(`building ${what} for the tests, once\n`);
    await build(unfinished);
    await rename(unfinished, folder);
  } catch (error) {
    await rm(unfinished, { recursive: true, force: true });
    if (!(await exists(folder))) {
      throw new ConfigurationError('cannot be built', {
        object: what,
        expected: 'a working toolchain',
        found: error instanceof Error ? error.message : String(error),
        cause: error,
      });
    }
  }
  return folder;
}

/**
 * A Python with exactly these packages, `name==version` each, and nothing else.
 *
 * @param hint what to do where there is no Python
 * @returns path of its interpreter
 */
export async function pythonWith(
  name: string,
  what: string,
  packages: readonly string[],
  hint: string,
): Promise<string> {
  const works = ['-c', 'import ensurepip, venv'];
  if (!(await toolWorks('python3', works))) {
    await aptInstall(['python3', 'python3-venv']);
  }
  await requireTool('python3', works, `install python3 with its venv module (python3-venv), ${hint}`);
  const version = await requireTool('python3', ['-VV'], hint);
  const folder = await built(name, what, [version, ...packages], async (target) => {
    await runTool('python3', ['-m', 'venv', target], { timeout: 5 * MINUTE });
    const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-deps', ...packages];
    await runTool(join(target, 'bin', 'python'), pip, { timeout: 10 * MINUTE });
    await runTool(join(target, 'bin', 'python'), ['-m', 'pip', 'check'], { timeout: MINUTE });
  });
  return join(folder, 'bin', 'python');
}

async function exists(folder: string): Promise<boolean> {
  return stat(folder).then(
    () => true,
    () => false,
  );
}
