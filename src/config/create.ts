import { chmod, lstat, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve, sep } from 'node:path';
import { ConfigurationError, UsageError } from '../errors.ts';
import { createFile, notWritten } from './files.ts';
import { CONFIG_FILE, parseConfig } from './load.ts';
import type { Profile } from './profiles.ts';
import { assertName, keyName, repositoryName } from './schema.ts';

export interface NewWorkspace {
  /** Of the repository: `corp`. */
  readonly name: string;
  readonly uuid: string;
  readonly profile: Profile;
  /** Of all offline roles; more than `threshold`. Default: alice, bob and a sealed spare. */
  readonly holders?: readonly string[];
  /** Default: 2. */
  readonly threshold?: number;
  /** Every online role is valid for one day, as PEP 458 has it, at its price: each bin is signed anew every day. */
  readonly pep458?: boolean;
}

const TEMPLATE = new URL('../../repo-template/', import.meta.url);

/** What differs between profiles; all other values are the same and stand in the template itself. */
const PROFILE_VALUES: Readonly<Record<Profile, Readonly<Record<string, string>>>> = {
  hobby: {
    bins_bits: '0',
    standby: '',
    bins_key: 'online',
    recent_key: 'online',
    deny_key: 'online',
    timestamp_expires: '7d',
    timestamp_renew: '84h',
  },
  company: {
    bins_bits: '4',
    standby: ', standby: standby',
    bins_key: 'bins',
    recent_key: 'recent',
    deny_key: 'deny',
    timestamp_expires: '1d',
    timestamp_renew: '12h',
  },
};

/** Online roles: ours, and those of PEP 458 ("Metadata Expiry Times"). */
const EXPIRY: Readonly<Record<'design' | 'pep458', Readonly<Record<string, string>>>> = {
  design: { snapshot_expires: '7d', snapshot_renew: '4d', leaves_expires: '30d', leaves_renew: '15d' },
  pep458: {
    snapshot_expires: '1d',
    snapshot_renew: '12h',
    leaves_expires: '1d',
    leaves_renew: '12h',
    timestamp_expires: '1d',
    timestamp_renew: '12h',
  },
};

/**
 * Lays down a workspace: folders, .gitignore, and tufa.yaml as the last, so that a run that was cut off can be repeated.
 *
 * @throws ConfigurationError when there is a tufa.yaml, UsageError for a name that cannot be one, or for holders of whom
 * none may lose a key; then nothing is written
 */
export async function createWorkspace(dir: string, wanted: NewWorkspace): Promise<void> {
  const config = join(dir, CONFIG_FILE);
  if ((await lstat(config).catch(() => undefined)) !== undefined) {
    throw new ConfigurationError('there is a workspace here already', {
      object: config,
      code: 'configuration.workspace-exists',
      expected: `no ${CONFIG_FILE}`,
      found: 'one',
      hint: 'look at it with `tufa status`, or choose another folder: tufa init DIR',
    });
  }
  assertName(repositoryName(), wanted.name, 'name of the repository');
  assertHolders(wanted);
  const text = fill(await readFile(new URL(CONFIG_FILE, TEMPLATE), 'utf8'), values(wanted));
  await layDown(dir, text);
}

/**
 * Lays down a workspace around a tufa.yaml that somebody else has sent: where a holder signs who shares nothing else.
 *
 * @throws ConfigurationError when there is one already, or when it names places outside of `dir`; then nothing is written
 */
export async function createWorkspaceFrom(dir: string, text: string): Promise<void> {
  const { store, trusted } = parseConfig(Buffer.from(text), { name: CONFIG_FILE, dir: resolve(dir) });
  for (const [field, uri] of Object.entries({ store, trusted })) {
    const path = /^file:(.*)$/.exec(uri)?.[1];
    if (path === undefined || resolve(dir, path).startsWith(join(resolve(dir), sep))) continue;
    throw new ConfigurationError('names a place outside of this folder', {
      object: `${CONFIG_FILE}: ${field}`,
      code: 'configuration.place',
      expected: 'a path below the workspace',
      found: uri,
      hint: `write ${CONFIG_FILE} yourself, then run the command again`,
    });
  }
  await layDown(dir, text);
}

async function layDown(dir: string, text: string): Promise<void> {
  // What could not be read again must not be written.
  parseConfig(Buffer.from(text), { name: CONFIG_FILE, dir: resolve(dir) });
  try {
    for (const folder of ['holders', 'ceremony']) await mkdir(join(dir, folder), { recursive: true });
    await makePrivate(join(dir, 'private'));
    await ignore(join(dir, '.gitignore'), await readFile(new URL('gitignore', TEMPLATE), 'utf8'));
  } catch (error) {
    throw error instanceof ConfigurationError ? error : notWritten(dir, error as NodeJS.ErrnoException);
  }
  await createFile(join(dir, CONFIG_FILE), text);
}

/** Replaces `{{name}}`; a line that is empty then, and was not before, goes. */
export function fill(template: string, values: Readonly<Record<string, string>>): string {
  return template
    .split('\n')
    .flatMap((line) => {
      const filled = line.replace(/\{\{(\w+)\}\}/g, (_, name: string) => values[name] ?? '');
      return filled.trim() === '' && line.trim() !== '' ? [] : [filled];
    })
    .join('\n');
}

/** Whose keys sign offline roles where nobody says otherwise: two people, and a key that is sealed. */
export const FIRST_HOLDERS = { threshold: 2, holders: ['alice', 'bob', 'spare'] } as const;

/** What tufa.yaml would refuse as well, said in the words of the command line. */
function assertHolders({ holders = FIRST_HOLDERS.holders, threshold = FIRST_HOLDERS.threshold }: NewWorkspace): void {
  for (const holder of holders) assertName(keyName(), holder, 'name of a holder');
  const repeated = holders.find((holder, i) => holders.indexOf(holder) !== i);
  if (repeated !== undefined)
    throw new UsageError('each holder once', {
      object: '--holder',
      expected: 'another name',
      found: `${repeated} twice`,
    });
  if (threshold < 2)
    throw new UsageError('one key alone would rule', {
      object: '--threshold',
      code: 'usage.threshold',
      expected: 'at least 2',
      found: `${threshold}`,
    });
  if (holders.length > threshold) return;
  throw new UsageError('one lost key would be for ever: root could never be changed again', {
    object: `--threshold ${threshold}`,
    code: 'usage.threshold',
    expected: `at least ${threshold + 1} holders`,
    found: `${holders.length}: ${holders.join(', ')}`,
    hint: 'name one more holder, a key that is sealed: --holder spare',
  });
}

function values({
  name,
  uuid,
  profile,
  holders = FIRST_HOLDERS.holders,
  threshold = FIRST_HOLDERS.threshold,
  pep458 = false,
}: NewWorkspace) {
  const role = `{ threshold: ${threshold}, holders: [${holders.join(', ')}] }`;
  const bits = PROFILE_VALUES[profile]['bins_bits'] === '0' ? '' : `bins: ${role}`;
  return {
    name,
    uuid,
    profile,
    role,
    bins_role: bits,
    ...PROFILE_VALUES[profile],
    ...EXPIRY[pep458 ? 'pep458' : 'design'],
  };
}

/** Keys and trusted state: for us alone, also where the folder was there before. */
async function makePrivate(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 });
  const found = await lstat(path);
  if (!found.isDirectory()) {
    throw new ConfigurationError('not a folder of our own', {
      object: path,
      expected: 'a folder',
      found: 'a link or file',
    });
  }
  await chmod(path, 0o700);
}

/** A private key must not be committed because somebody had a .gitignore before. */
async function ignore(path: string, text: string): Promise<void> {
  const old = await readFile(path, 'utf8').catch(() => '');
  const there = new Set(old.split('\n').map((line) => line.trim()));
  if (text.split('\n').every((line) => line === '' || line.startsWith('#') || there.has(line))) return;
  await writeFile(path, `${old}${old === '' || old.endsWith('\n') ? '' : '\n'}${text}`);
}
