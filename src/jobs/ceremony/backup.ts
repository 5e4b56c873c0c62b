import { open, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { CONFIG_FILE } from '../../config/load.ts';
import type { Holder, Workspace } from '../../config/workspace.ts';
import { ConflictError, StorageError } from '../../errors.ts';
import { sha256Hex } from '../../tuf/digest.ts';
import { formatDate } from '../../tuf/encode.ts';
import { metadataName } from '../../tuf/layout.ts';
import { onlineKeys } from '../draw.ts';

export interface Backup {
  readonly file: string;
  readonly kind: 'all' | 'online';
  /** Keys whose encrypted files are in it. */
  readonly keys: readonly string[];
  /** Keys that are in no file here: only their URIs are in it. */
  readonly elsewhere: readonly string[];
  readonly metadata: readonly string[];
  readonly sha256: string;
}

/**
 * ceremony backup: one of the two backups of PEP 458 ("Managing offline keys"): all new metadata with all keys, or with the
 * online keys only. Key files go in as they are, encrypted; one that is plain is refused, and keys in hardware cannot be.
 */
export async function backupCeremony(workspace: Workspace, kind: Backup['kind'], file: string): Promise<Backup> {
  const online = new Set(onlineKeys(workspace));
  const holders = [...(await workspace.holders()).values()].filter(({ name }) => kind === 'all' || online.has(name));
  const keys: { name: string; uri: string | undefined; pem: string }[] = [];
  const elsewhere: string[] = [];
  for (const { name, uri } of holders) {
    const pem = await workspace.sealedKey(name);
    if (pem === undefined) elsewhere.push(name);
    else keys.push({ name, uri, pem });
  }
  const metadata = await newMetadata(workspace);
  const { name, uuid } = workspace.config.repository;
  const text = `${JSON.stringify(
    {
      _type: 'tufa-backup',
      kind,
      repository: { name, uuid },
      made: formatDate(workspace.clock()),
      config: await readFile(join(workspace.dir, CONFIG_FILE), 'utf8'),
      holders: holders.map(plainHolder),
      keys,
      metadata: metadata.map(([path, bytes]) => ({
        path,
        sha256: sha256Hex(bytes),
        file: Buffer.from(bytes).toString('utf8'),
      })),
    },
    null,
    2,
  )}\n`;
  await writePrivate(resolve(file), text);
  return {
    file,
    kind,
    keys: keys.map((key) => key.name),
    elsewhere,
    metadata: metadata.map(([path]) => path),
    sha256: sha256Hex(text),
  };
}

/** What the ceremonies have made, and what they stand on. */
async function newMetadata(workspace: Workspace): Promise<[string, Uint8Array][]> {
  const ceremonies = await workspace.ceremonies();
  const files = new Map(await ceremonies.bases());
  for (const { role, version, complete } of await ceremonies.list())
    if (complete !== undefined) files.set(metadataName(role, version), complete);
  return [...files].sort(([a], [b]) => (a < b ? -1 : 1));
}

function plainHolder({ name, keyid, key: { keytype, scheme, keyval }, uri }: Holder) {
  return { name, keyid, key: { keytype, scheme, keyval: { public: keyval.public } }, uri };
}

/** A new file of mode 0600: encrypted keys are still nobody else's. */
async function writePrivate(path: string, text: string): Promise<void> {
  try {
    const handle = await open(path, 'wx', 0o600);
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'EEXIST')
      throw new ConflictError('there is one already', { object: path, expected: 'a new file', found: 'a file', cause });
    throw new StorageError(`cannot be written (${code})`, { object: path, hint: `ls -ld ${path}`, cause });
  }
}
