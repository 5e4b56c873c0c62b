import type { Profile } from '../config/profiles.ts';
import { stagingName } from '../config/staging.ts';
import { createWorkspace, FIRST_HOLDERS, type NewWorkspace, Workspace } from '../config/workspace.ts';
import { ConfigurationError } from '../errors.ts';
import { redraw } from './draw.ts';
import { makeStaging } from './staging.ts';

export interface InitResult {
  readonly dir: string;
  readonly name: string;
  readonly uuid: string;
  readonly profile: Profile;
  /** Who signs root. */
  readonly holders: { readonly threshold: number; readonly names: readonly string[] };
  /** The repository that this is a staging copy of. */
  readonly stagingOf: { readonly name: string; readonly uuid: string } | undefined;
  /** Drafts that were laid down: `root 1`. */
  readonly drafts: readonly string[];
  /** Keys that the drafts still wait for, by name. */
  readonly missing: { readonly holders: readonly string[]; readonly online: readonly string[] };
}

/**
 * init: lays down a workspace with its uuid and the drafts of root 1 and of the offline roles below it. One that was laid
 * down by the same command and has no keys yet is finished: that run may have been killed before it had drawn the drafts.
 */
export async function init(dir: string, options: NewWorkspace & { clock?: () => Date }): Promise<InitResult> {
  const existing = await createWorkspace(dir, options).then(
    () => undefined,
    (error: unknown) => error,
  );
  if (existing !== undefined && !isWorkspaceThere(existing)) throw existing;
  const workspace = await Workspace.open(dir, options.clock === undefined ? {} : { clock: options.clock });
  try {
    if (existing !== undefined && (!isSame(workspace, options) || (await workspace.holders()).size > 0)) throw existing;
    return { dir, ...about(workspace), stagingOf: undefined, ...(await redraw(workspace)) };
  } finally {
    await workspace.close();
  }
}

/**
 * init --staging-of: a workspace with the structure and the names of another one, for trying things out: with a uuid and
 * throw-away keys of its own.
 *
 * @param options.of folder of the other workspace. @param options.name default: that of the other, and `-staging`
 */
export async function initStaging(
  dir: string,
  options: { readonly of: string; readonly name?: string | undefined; readonly uuid: string },
): Promise<InitResult> {
  const of = await Workspace.open(options.of);
  const { name, uuid } = of.config.repository;
  const names = { name: options.name ?? stagingName(name), uuid: options.uuid };
  const { workspace } = await makeStaging(of, dir, names);
  try {
    return { dir, ...about(workspace), stagingOf: { name, uuid }, ...(await redraw(workspace)) };
  } finally {
    await workspace.close();
  }
}

function about({ config }: Workspace): Pick<InitResult, 'name' | 'uuid' | 'profile' | 'holders'> {
  const { repository, profile, roles } = config;
  const { threshold, holders } = roles.root;
  return { name: repository.name, uuid: repository.uuid, profile, holders: { threshold, names: holders } };
}

function isSame({ config }: Workspace, options: NewWorkspace): boolean {
  const { repository, profile, roles } = config;
  const { threshold, holders } = { ...FIRST_HOLDERS, ...options };
  return (
    repository.name === options.name &&
    profile === options.profile &&
    roles.root.threshold === threshold &&
    roles.root.holders.join() === holders.join()
  );
}

function isWorkspaceThere(error: unknown): boolean {
  return error instanceof ConfigurationError && error.code === 'configuration.workspace-exists';
}
