import type { Profile } from '../config/profiles.ts';
import { createWorkspace, Workspace } from '../config/workspace.ts';
import { ConfigurationError } from '../errors.ts';
import { redraw } from './draw.ts';

export interface InitResult {
  readonly dir: string;
  readonly name: string;
  readonly uuid: string;
  readonly profile: Profile;
  /** Drafts that were laid down: `root 1`. */
  readonly drafts: readonly string[];
  /** Keys that the drafts still wait for, by name. */
  readonly missing: { readonly holders: readonly string[]; readonly online: readonly string[] };
}

/**
 * init: lays down a workspace with its uuid and the drafts of root 1 and of the offline roles below it. One that was laid
 * down by the same command and has no keys yet is finished: that run may have been killed before it had drawn the drafts.
 */
export async function init(
  dir: string,
  options: { name: string; profile: Profile; uuid: string; pep458?: boolean; clock?: () => Date },
): Promise<InitResult> {
  const existing = await createWorkspace(dir, options).then(
    () => undefined,
    (error: unknown) => error,
  );
  if (existing !== undefined && !isWorkspaceThere(existing)) throw existing;
  const workspace = await Workspace.open(dir, options.clock === undefined ? {} : { clock: options.clock });
  try {
    const { repository, profile } = workspace.config;
    const same = repository.name === options.name && profile === options.profile;
    if (existing !== undefined && (!same || (await workspace.holders()).size > 0)) throw existing;
    return { dir, name: repository.name, uuid: repository.uuid, profile, ...(await redraw(workspace)) };
  } finally {
    await workspace.close();
  }
}

function isWorkspaceThere(error: unknown): boolean {
  return error instanceof ConfigurationError && error.code === 'configuration.workspace-exists';
}
