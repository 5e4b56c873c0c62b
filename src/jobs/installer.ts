import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { openStoreAt, Workspace } from '../config/workspace.ts';
import { InputError, PersonError } from '../errors.ts';
import type { Store } from '../stores/port.ts';
import { TrustedState } from '../trusted/state.ts';
import { trustRoot } from '../tuf/checks.ts';
import { sha256Hex } from '../tuf/digest.ts';
import { findRoot, RepositoryClient } from './client.ts';

export interface InstallerOptions {
  /** Folder that relative paths start from, and where a workspace is looked for. */
  readonly directory: string;
  /** URI or folder; undefined: the store of the workspace. */
  readonly repository: string | undefined;
  /** A file with the root that a person trusts; used where no state is kept yet. */
  readonly root: string | undefined;
  /** Folder of the trusted state; undefined: one for each repository below the user's state folder. */
  readonly trusted: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly now: Date;
}

/**
 * A client of a repository with its kept state. Trust starts with `trust add`, with a root file given by a person, or, in
 * the publisher's own workspace, with its trusted root; never on first use.
 */
export async function openInstaller(options: InstallerOptions): Promise<RepositoryClient> {
  const { store, state, publisher } = await locate(options);
  if ((await state.load()) === undefined) {
    if (options.root !== undefined)
      await state.begin(trustRoot(await readRoot(resolve(options.directory, options.root)), options.root));
    else if (publisher !== undefined) await state.begin((await publisher.require()).root);
    else {
      throw new PersonError('this repository is not trusted yet', {
        object: store.uri,
        expected: 'a root that somebody has vouched for',
        found: 'none',
        hint: `ask its operators for the digest, then type \`tufa trust add ${options.repository} --root-sha256 DIGEST\``,
      });
    }
  }
  return new RepositoryClient(store, state, await state.require(), options.now);
}

/** trust add. */
export async function addTrust(
  options: Omit<InstallerOptions, 'root' | 'now' | 'repository'> & { repository: string; sha256: string },
): Promise<{ repository: string; root: number; sha256: string; trusted: string }> {
  if (!/^[0-9a-f]{64}$/.test(options.sha256))
    throw new InputError('not a sha256', {
      object: '--root-sha256',
      expected: '64 lower-case hexadecimal digits',
      found: JSON.stringify(options.sha256),
    });
  const { store, state } = await locate({ ...options, root: undefined, now: new Date(0) });
  const root = await findRoot(store, options.sha256);
  await state.begin(root);
  return { repository: options.repository, root: root.signed.version, sha256: options.sha256, trusted: state.uri };
}

/** Where the repository and its kept state are. */
async function locate({
  directory,
  repository,
  trusted,
  env,
}: InstallerOptions): Promise<{ store: Store; state: TrustedState; publisher: TrustedState | undefined }> {
  if (repository === undefined) {
    const workspace = await Workspace.open(directory);
    const state =
      trusted === undefined
        ? await workspace.installerStore()
        : await openStoreAt(fileUri(directory, trusted), directory);
    return {
      store: await workspace.store(),
      state: new TrustedState(state),
      publisher: new TrustedState(await workspace.trustedStore()),
    };
  }
  const uri = /^[a-z][a-z0-9+.-]*:/.test(repository) ? repository : fileUri(directory, repository);
  const kept =
    trusted ??
    join(
      env['XDG_STATE_HOME'] ?? join(env['HOME'] ?? homedir(), '.local', 'state'),
      'tufa',
      sha256Hex(uri).slice(0, 16),
    );
  return {
    store: await openStoreAt(uri, directory),
    state: new TrustedState(await openStoreAt(fileUri(directory, kept), directory)),
    publisher: undefined,
  };
}

function fileUri(directory: string, path: string): string {
  return pathToFileURL(resolve(directory, path)).href;
}

async function readRoot(file: string): Promise<Uint8Array> {
  try {
    return await readFile(file);
  } catch (cause) {
    throw new InputError('cannot be read', { object: file, expected: 'a root metadata file', found: 'nothing', cause });
  }
}
