import type { Profile } from '../config/schema.ts';
import { createWorkspace, Workspace } from '../config/workspace.ts';
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

/** init: lays down a workspace with its uuid and the drafts of root 1 and of the offline roles below it. */
export async function init(
  dir: string,
  options: { name: string; profile: Profile; uuid: string; clock?: () => Date },
): Promise<InitResult> {
  await createWorkspace(dir, options);
  const workspace = await Workspace.open(dir, options.clock === undefined ? {} : { clock: options.clock });
  try {
    return { dir, name: options.name, uuid: options.uuid, profile: options.profile, ...(await redraw(workspace)) };
  } finally {
    await workspace.close();
  }
}
