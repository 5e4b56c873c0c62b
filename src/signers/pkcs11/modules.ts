import { stat } from 'node:fs/promises';
import { isAbsolute } from 'node:path';
import { ConfigurationError } from '../../errors.ts';
import type { ModuleSettings, OpenOptions } from '../port.ts';
import { moduleEnvironment } from './environment.ts';
import type { Launch } from './process.ts';
import type { Pkcs11Uri } from './uri.ts';

/** A module, and how a uri has to name it to find it again on this machine. */
export interface ChosenModule {
  readonly launch: Launch;
  readonly named: Pkcs11Uri['module'];
}

export const MODULE_VARIABLE = 'TUFA_PKCS11_MODULE';

/** Where distributions put what speaks to smart cards. */
const USUAL = [
  '/usr/lib/x86_64-linux-gnu',
  '/usr/lib/aarch64-linux-gnu',
  '/usr/lib64',
  '/usr/lib',
  '/usr/local/lib',
  '/opt/homebrew/lib',
].flatMap((folder) =>
  ['opensc-pkcs11.so', 'pkcs11/opensc-pkcs11.so', 'libykcs11.so', 'libykcs11.so.2', 'libykcs11.dylib'].map(
    (file) => `${folder}/${file}`,
  ),
);

/**
 * The module of a uri: the one that it names, else the only one of tufa.yaml, else the environment's, else the first that
 * lies where modules usually lie.
 *
 * @throws ConfigurationError
 */
export async function chooseModule(wanted: Pkcs11Uri['module'], options: OpenOptions): Promise<ChosenModule> {
  const { modules = {}, env = {} } = options;
  const names = Object.keys(modules);
  const named = (name: string): Promise<ChosenModule> => chosen(modules[name]!, { name }, env);
  if (wanted !== undefined && 'name' in wanted) {
    if (Object.hasOwn(modules, wanted.name)) return named(wanted.name);
    throw noModule('no module of that name', `pkcs11.modules.${wanted.name} in tufa.yaml`, names.join(', ') || 'none');
  }
  if (wanted !== undefined) {
    const known = names.map((name) => modules[name]!).find(({ path }) => path === wanted.path);
    return chosen(known ?? { path: wanted.path }, wanted, env);
  }
  const [only] = names;
  if (names.length > 1)
    throw noModule('the uri does not say which module', '?module-name=NAME', `modules ${names.join(', ')}`);
  if (only !== undefined) return named(only);
  const path = env[MODULE_VARIABLE] || (await firstThere(USUAL));
  if (path !== undefined) return chosen({ path }, undefined, env);
  throw noModule('no module that speaks to tokens', `?module-path=/PATH or $${MODULE_VARIABLE}`, 'none');
}

/** Those that somebody has configured: in tufa.yaml, else in the environment. Nothing is looked for. */
export async function configuredModules(options: OpenOptions): Promise<Promise<ChosenModule>[]> {
  const names = Object.keys(options.modules ?? {});
  if (names.length > 0) return names.map((name) => chooseModule({ name }, options));
  return options.env?.[MODULE_VARIABLE] ? [chooseModule(undefined, options)] : [];
}

async function chosen(
  { path, initArgs, env = {} }: ModuleSettings,
  named: ChosenModule['named'],
  environment: NonNullable<OpenOptions['env']>,
): Promise<ChosenModule> {
  await assertOurs(path);
  return { launch: { path, initArgs, env: moduleEnvironment(environment, env) }, named };
}

/** Whoever can write the module can do all that the token can. */
async function assertOurs(path: string): Promise<void> {
  const refuse = (said: string, expected: string, found: string, hint = `ls -lL ${path}`): never => {
    throw new ConfigurationError(said, {
      object: `PKCS#11 module ${path}`,
      code: 'configuration.pkcs11-module',
      expected,
      found,
      hint,
    });
  };
  if (!isAbsolute(path)) refuse('is no absolute path', '/PATH/OF/MODULE.so', path);
  const stats = await stat(path).catch((error: NodeJS.ErrnoException) =>
    refuse('cannot be opened', 'a shared library', error.code === 'ENOENT' ? 'nothing there' : `${error.code}`),
  );
  if (!stats.isFile()) refuse('is no file', 'a shared library', 'another kind');
  const us = process.geteuid?.();
  if (us === undefined) return;
  if (stats.uid !== 0 && stats.uid !== us)
    refuse('belongs to somebody else', `root or user ${us}`, `user ${stats.uid}`);
  if ((stats.mode & 0o022) !== 0)
    refuse('others may change it', 'mode 0755', `mode 0${(stats.mode & 0o777).toString(8)}`, `chmod go-w ${path}`);
}

async function firstThere(paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) if ((await stat(path).catch(() => undefined)) !== undefined) return path;
  return undefined;
}

function noModule(said: string, expected: string, found: string): ConfigurationError {
  return new ConfigurationError(said, {
    object: 'PKCS#11',
    code: 'configuration.pkcs11-module',
    expected,
    found,
    hint: 'see what is on a token: `tufa key list --module /PATH/OF/MODULE.so`',
  });
}
