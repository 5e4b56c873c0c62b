import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { editText } from './edit.ts';
import { CONFIG_FILE, parseConfig } from './load.ts';
import { assertName, repositoryName } from './schema.ts';
import type { Workspace } from './workspace.ts';

export interface StagingNames {
  /** Of the copy: `corp-staging`. */
  readonly name: string;
  readonly uuid: string;
  /** At most so many bits of bins and recent; default: as many as the other has. */
  readonly maxBits?: number;
}

/** Of a copy where nobody says otherwise. */
export function stagingName(name: string): string {
  return `${name}-staging`;
}

/**
 * The tufa.yaml of a staging copy: the same roles, thresholds, names, times and clients; a name and uuid of its own, and
 * store and trusted state in its own folder.
 *
 * @throws UsageError for a name that cannot be one
 */
export async function stagingConfig(of: Workspace, { name, uuid, maxBits = 16 }: StagingNames): Promise<string> {
  assertName(repositoryName(), name, 'name of the staging copy');
  const { repository, bins, recent } = of.config;
  const text = editText(
    await readFile(join(of.dir, CONFIG_FILE), 'utf8'),
    new Map<string[], string | number>([
      [['repository', 'name'], name],
      [['repository', 'uuid'], uuid],
      [['store'], 'file:public'],
      [['trusted'], 'file:private/trusted'],
      // One person tries things out; a folder need not prove that it keeps two publishers apart.
      [['publishers'], 'one'],
      ...(bins.bits > maxBits ? [[['bins', 'bits'], maxBits] as [string[], number]] : []),
      ...(recent.bits > maxBits ? [[['recent', 'bits'], maxBits] as [string[], number]] : []),
    ]),
  );
  const mark = `# A staging copy of ${repository.name} (${repository.uuid}), with throw-away keys: nothing that is signed here is valid there.\n`;
  return `${mark}${text}`;
}

/** Whether a tufa.yaml says what this staging copy would say, its uuid apart. @param dir its folder */
export function isSameStaging(text: string, other: string, dir: string): boolean {
  const essence = (one: string): string => {
    const config = parseConfig(Buffer.from(one), { name: CONFIG_FILE, dir });
    return JSON.stringify({ ...config, repository: config.repository.name });
  };
  return essence(text) === essence(other);
}
