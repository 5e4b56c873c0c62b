import { createHash } from 'node:crypto';
import { lstat, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Where a local store keeps its lock and its temporary files. */
const PRIVATE = '.tufa-store';

/**
 * Everything in a folder, byte for byte: a line `mode sha256 path` for each file, sorted. Locks are left out; a temporary
 * file stands without its random name, because that is all it is known by.
 */
export async function fingerprint(...folders: readonly string[]): Promise<string> {
  const lines = await Promise.all(folders.map(async (folder, i) => filesIn(folder, `${i}:`)));
  return lines.flat().sort().join('\n');
}

/** Temporary files that stores in or below a folder have left. */
export async function leftovers(folder: string): Promise<string[]> {
  const names = await readdir(folder, { recursive: true });
  return names.filter((name) => name.includes(`${PRIVATE}/tmp/`));
}

async function filesIn(folder: string, name: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const lines = await Promise.all(
    entries.map(async (entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return filesIn(path, `${name}${entry.name}/`);
      if (name.endsWith(`${PRIVATE}/`)) return [];
      const { mode } = await lstat(path);
      const digest = createHash('sha256')
        .update(await readFile(path))
        .digest('hex');
      return [`${(mode & 0o777).toString(8)} ${digest} ${name}${withoutChance(name, entry.name)}`];
    }),
  );
  return lines.flat();
}

function withoutChance(folder: string, name: string): string {
  if (folder.endsWith(`${PRIVATE}/tmp/`)) return '*';
  // Drafts of files outside of stores: `.tufa.yaml.0123456789ab`.
  return name.replace(/^(\..+\.)[0-9a-f]{12}$/, '$1*');
}
