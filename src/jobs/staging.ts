import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CONFIG_FILE } from '../config/load.ts';
import { isSameStaging, type StagingNames, stagingConfig } from '../config/staging.ts';
import { createWorkspaceFrom, Workspace } from '../config/workspace.ts';
import { ConfigurationError } from '../errors.ts';
import type { SupportedScheme } from '../tuf/keys.ts';
import { isSupportedScheme } from '../tuf/keys.ts';
import { onlineKeys } from './draw.ts';
import { generateKeys } from './keys.ts';

export interface Staging {
  readonly workspace: Workspace;
  /** Names of the throw-away keys. */
  readonly keys: readonly string[];
}

/**
 * Lays down a staging copy of a workspace: its structure, roles, thresholds and holders' names, with a uuid and throw-away
 * keys of its own. Of the other, tufa.yaml and `holders/` are read and nothing is written; none of its keys is opened. A run
 * that was killed is finished by the same one.
 *
 * @param dir a new folder, or one that this has begun
 * @throws ConfigurationError when there is another workspace
 */
export async function makeStaging(
  of: Workspace,
  dir: string,
  names: StagingNames,
  clock: () => Date = of.clock,
): Promise<Staging> {
  const text = await stagingConfig(of, names);
  const there = await readFile(join(dir, CONFIG_FILE), 'utf8').catch(() => undefined);
  if (there === undefined) await createWorkspaceFrom(dir, text);
  else if (!isSameStaging(there, text, dir)) throw isThere(dir, 'one that says something else');
  const workspace = await Workspace.open(dir, { clock });
  const known = await workspace.holders();
  const wanted = wantedKeys(workspace);
  if (there !== undefined && wanted.every((name) => known.has(name)))
    throw isThere(dir, 'this copy, with all its keys');
  for (const [scheme, holders] of await bySchemes(of, wanted))
    await generateKeys(workspace, { holders, online: false, scheme, plain: true });
  return { workspace, keys: wanted };
}

function wantedKeys(workspace: Workspace): string[] {
  const offline = Object.values(workspace.config.roles).flatMap((role) => role?.holders ?? []);
  return [...new Set([...offline, ...onlineKeys(workspace)])];
}

/** Each key is of the kind that the holder has in the other workspace, so that clients meet the same kinds. */
async function bySchemes(of: Workspace, names: readonly string[]): Promise<Map<SupportedScheme, string[]>> {
  const known = await of.holders();
  const groups = new Map<SupportedScheme, string[]>();
  for (const name of names) {
    const { scheme = '' } = known.get(name)?.key ?? {};
    const same = isSupportedScheme(scheme) ? scheme : 'ed25519';
    groups.set(same, [...(groups.get(same) ?? []), name]);
  }
  return groups;
}

function isThere(dir: string, found: string): ConfigurationError {
  return new ConfigurationError('there is a workspace here already', {
    object: join(dir, CONFIG_FILE),
    code: 'configuration.workspace-exists',
    expected: 'a new folder',
    found,
    hint: 'choose another folder: tufa init DIR --staging-of REPO',
  });
}
