import { baseOf, isBuiltOn, readDraft } from '../../ceremony/assess.ts';
import type { Ceremonies, Draft } from '../../ceremony/drafts.ts';
import { draftName } from '../../ceremony/drafts.ts';
import { groundVersion } from '../../ceremony/ground.ts';
import type { Workspace } from '../../config/workspace.ts';
import { InputError } from '../../errors.ts';
import { formatDate } from '../../tuf/encode.ts';
import { metadataKey, metadataName } from '../../tuf/layout.ts';
import { readMetadata } from '../../tuf/read.ts';
import { MAX_LENGTH } from '../../tuf/walk.ts';
import type { Reporter } from '../context.ts';
import { SILENT } from '../context.ts';
import type { LiveGround } from './live.ts';
import { readGround } from './live.ts';
import type { Opened, OpenOptions } from './open.ts';
import { openCeremony } from './open.ts';

export interface Rebased extends Opened {
  /** Drafts that were given up, because what they replace has been replaced, or their name taken. */
  readonly stale: readonly string[];
}

/** ceremony rebase: draws stale drafts again on what is live now. Those that still fit stay, with their signatures. */
export async function rebaseCeremony(
  workspace: Workspace,
  options: Omit<OpenOptions, 'roles'> & { readonly roles?: readonly string[] | undefined },
  reporter: Reporter = SILENT,
): Promise<Rebased> {
  const ceremonies = await workspace.ceremonies();
  const state = await readGround(workspace, reporter);
  const stale: Draft[] = [];
  for (const draft of await ceremonies.list()) {
    if (options.roles !== undefined && !options.roles.includes(draft.role)) continue;
    if (await isStale(state, draft)) stale.push(draft);
  }
  if (stale.length === 0) return { stale: [], drafts: [], destroyed: [], warnings: [] };
  // If we crash between the two, the drafts are gone and `ceremony open` draws them.
  for (const draft of stale) await ceremonies.abandon(draft, formatDate(workspace.clock()));
  const roles = [...new Set(stale.map(({ role }) => role))];
  return { ...(await openCeremony(workspace, { ...options, roles }, reporter)), stale: stale.map(draftName) };
}

async function isStale({ context, ground }: LiveGround, draft: Draft): Promise<boolean> {
  const { role, version } = draft;
  const base = baseOf(readDraft(draft));
  const live = groundVersion(ground, role);
  const object = await context.store.get(metadataKey(role, version), { maxLength: MAX_LENGTH.targets });
  const there = object && readMetadata(object.bytes, role === 'root' ? 'root' : 'targets', metadataName(role, version));
  // Over: this very draft has gone live.
  if (live >= version && there !== undefined && Buffer.compare(there.signedBytes, draft.bytes) === 0) return false;
  return base !== live || (object !== undefined && Buffer.compare(object.bytes, draft.complete ?? draft.bytes) !== 0);
}

export interface Abandoned {
  readonly abandoned: readonly string[];
}

/** Drafts of these roles that are not live: what `ceremony abandon` would give up. @throws InputError when there is none */
export async function abandonable(workspace: Workspace, roles: readonly string[]): Promise<Draft[]> {
  const ceremonies = await workspace.ceremonies();
  const bases = await ceremonies.bases();
  const open = (await ceremonies.list()).filter((draft) => roles.includes(draft.role) && !isBuiltOn(draft, bases));
  const missing = roles.find((role) => !open.some((draft) => draft.role === role));
  if (missing === undefined) return open;
  throw new InputError('no draft of this role is open', {
    object: missing,
    code: 'input.draft',
    expected: 'an open draft',
    found: 'none',
    hint: 'tufa ceremony show',
  });
}

/** ceremony abandon: gives drafts up for good. Signatures that others have of them stay valid: nobody should publish those. */
export async function abandonCeremony(workspace: Workspace, drafts: readonly Draft[]): Promise<Abandoned> {
  const ceremonies: Ceremonies = await workspace.ceremonies();
  for (const draft of drafts) await ceremonies.abandon(draft, formatDate(workspace.clock()));
  return { abandoned: drafts.map(draftName) };
}
