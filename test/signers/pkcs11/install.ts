/**
 * Installs the PKCS#11 modules that the tests sign with, from Debian's packages. `node test/signers/pkcs11/install.ts`
 * installs all of them and says which are missing.
 */
import { existsSync, globSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runTool } from '../../interop/support/tools.ts';

interface Needed {
  readonly packages: readonly string[];
  /** Path of the module, or of the program; `*` for the folder of the architecture. */
  readonly file: string;
  /** Programs that set it up. */
  readonly tools: readonly string[];
}

const NEEDED = {
  softhsm: {
    packages: ['softhsm2', 'opensc'],
    file: '/usr/lib/*/softhsm/libsofthsm2.so',
    tools: ['/usr/bin/softhsm2-util', '/usr/bin/pkcs11-tool'],
  },
  nss: {
    packages: ['libnss3', 'libnss3-tools', 'opensc'],
    file: '/usr/lib/*/libsoftokn3.so',
    tools: ['/usr/bin/certutil'],
  },
  opensc: {
    packages: ['opensc', 'opensc-pkcs11', 'pcscd', 'vsmartcard-vpcd'],
    file: '/usr/lib/*/opensc-pkcs11.so',
    tools: ['/usr/sbin/pcscd'],
  },
  ykcs11: {
    packages: ['ykcs11', 'pcscd', 'vsmartcard-vpcd'],
    file: '/usr/lib/*/libykcs11.so',
    tools: ['/usr/sbin/pcscd'],
  },
  tpm2: {
    packages: ['libtpm2-pkcs11-1', 'libtss2-tcti-swtpm0', 'swtpm', 'swtpm-tools', 'opensc'],
    file: '/usr/lib/*/pkcs11/libtpm2_pkcs11.so',
    tools: ['/usr/bin/swtpm', '/usr/bin/swtpm_setup', '/usr/bin/pkcs11-tool'],
  },
  'p11-kit': {
    packages: ['p11-kit', 'p11-kit-modules', 'softhsm2', 'opensc'],
    file: '/usr/lib/*/pkcs11/p11-kit-client.so',
    tools: ['/usr/bin/p11-kit', '/usr/bin/softhsm2-util', '/usr/bin/pkcs11-tool'],
  },
  // The module with planted faults: built here, around SoftHSM.
  shim: { packages: ['gcc', 'libc6-dev'], file: '/usr/bin/gcc', tools: ['/usr/bin/softhsm2-util'] },
} satisfies Record<string, Needed>;

export type ModuleName = keyof typeof NEEDED;

const MINUTE = 60_000;
const ALLOWED = join(import.meta.dirname, '../../allowed-missing');
const APT = ['-o', 'DPkg::Lock::Timeout=300', '-o', 'Acquire::http::Timeout=60'];

let all: Promise<ReadonlyMap<string, string>> | undefined;

/**
 * The path of a module, installed where it was missing. To be called in a `before` that has time for it.
 *
 * @param context skips its suite where the module is missing and `test/allowed-missing` says why that is so
 * @throws Error naming the packages, and what apt-get said
 */
export async function moduleFor(context: Mocha.Context, name: ModuleName): Promise<string> {
  context.timeout(15 * MINUTE);
  all ??= installMissing();
  const said = (await all).get(name);
  const path = pathOf(NEEDED[name]);
  if (path !== undefined) return path;
  if ((await allowedMissing()).has(name)) return context.skip();
  throw new Error(missingText(name, said));
}

/** Names that the tests may do without, with the reason. @throws Error for a line without one */
export async function allowedMissing(file = ALLOWED): Promise<ReadonlyMap<string, string>> {
  const lines = (await readFile(file, 'utf8'))
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line): [string, string] => {
      const [, name = '', reason = ''] = /^([a-z0-9-]+):\s*(\S.*)$/.exec(line) ?? [];
      if (reason === '' || !Object.hasOwn(NEEDED, name)) throw new Error(`${file}: no name with a reason: ${line}`);
      return [name, reason];
    }),
  );
}

/** What apt-get said where something could not be installed, by name. */
async function installMissing(): Promise<ReadonlyMap<string, string>> {
  const failures = new Map<string, string>();
  const missing = Object.entries<Needed>(NEEDED).filter(([, needed]) => pathOf(needed) === undefined);
  if (missing.length === 0) return failures;
  const why = process.getuid?.() === 0 && existsSync('/usr/bin/apt-get') ? undefined : 'apt-get needs root, on Debian';
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  const updated = why ?? (await said(() => runTool('apt-get', [...APT, 'update'], { timeout: 5 * MINUTE, env })));
  for (const [name, { packages }] of missing) {
    const install = [...APT, 'install', '--yes', '--no-install-recommends', ...packages];
    const failure = why ?? (await said(() => runTool('apt-get', install, { timeout: 10 * MINUTE, env })));
    if (failure !== undefined) failures.set(name, [updated, failure].filter(Boolean).join('\n'));
  }
  return failures;
}

async function said(work: () => Promise<unknown>): Promise<string | undefined> {
  return work().then(
    () => undefined,
    (error: unknown) => String(error),
  );
}

function pathOf({ file, tools }: Needed): string | undefined {
  return tools.every((tool) => existsSync(tool)) ? globSync(file)[0] : undefined;
}

function missingText(name: ModuleName, said: string | undefined): string {
  const { packages, file, tools } = NEEDED[name];
  const lacking = [file, ...tools].filter((path) => globSync(path).length === 0);
  const allow = `or name it in test/allowed-missing: "${name}: REASON"`;
  return `${name} is missing (${lacking.join(', ')}): apt-get install ${packages.join(' ')}, ${allow}\n${said ?? ''}`;
}

if (import.meta.main) {
  all = installMissing();
  const failures = await all;
  for (const name of Object.keys(NEEDED) as ModuleName[]) {
    const path = pathOf(NEEDED[name]);
    process.stdout.write(path === undefined ? `${missingText(name, failures.get(name))}\n` : `${name}: ${path}\n`);
    if (path === undefined) process.exitCode = 3;
  }
}
