import { assertNext, readDraft } from '../../ceremony/assess.ts';
import { draftName } from '../../ceremony/drafts.ts';
import type { Ground } from '../../ceremony/ground.ts';
import { groundVersion } from '../../ceremony/ground.ts';
import type { ReadDraft } from '../../ceremony/sets.ts';
import { signingSets } from '../../ceremony/sets.ts';
import { delegatorOf, namedBy } from '../../ceremony/slots.ts';
import type { Workspace } from '../../config/workspace.ts';
import { AfterCommitError, ConflictError, TufaError } from '../../errors.ts';
import { readAttacked } from '../../transaction/attacked.ts';
import type { Context } from '../../transaction/context.ts';
import type { Recovered } from '../../transaction/recover.ts';
import { commitRecovery, recoveredBefore } from '../../transaction/recover.ts';
import { removePending } from '../../transaction/roots.ts';
import { transact } from '../../transaction/transact.ts';
import { put } from '../../transaction/upload.ts';
import { nextRoot, roleMeta } from '../../tuf/checks.ts';
import { sha256Hex } from '../../tuf/digest.ts';
import { formatDate } from '../../tuf/encode.ts';
import { metadataKey, rootKey, TIMESTAMP_KEY } from '../../tuf/layout.ts';
import type { Root, Targets, Verified } from '../../tuf/model.ts';
import { readMetadata } from '../../tuf/read.ts';
import { signedBy } from '../../tuf/verify.ts';
import { namesOf } from '../ceremony/ground.ts';
import { keepBases, readGround } from '../ceremony/live.ts';
import { assertComplete, notComplete, note as noteDraft } from '../ceremony/publish.ts';
import type { Reporter } from '../context.ts';
import { openKeyring, usableHolders } from '../keyring.ts';
import { setStates } from '../sitting.ts';
import type { RecoveryNote } from './note.ts';
import { saveNote } from './note.ts';
import type { GoodGround, Scene } from './scene.ts';
import { readScene } from './scene.ts';

/** The last run of a recovery: what the drafts say, in one snapshot. Killed anywhere, the same command goes on. */

/** The drafts of a recovery, complete. */
export interface Complete {
  readonly drafts: readonly ReadDraft[];
  readonly next: Verified<Root>;
}

/** @throws PersonError when signatures are missing, TrustError when a complete file is none */
export async function completeDrafts(
  workspace: Workspace,
  note: RecoveryNote,
  before: Verified<Root>,
  ground: Ground,
): Promise<Complete> {
  const ceremonies = await workspace.ceremonies();
  const drafts = (await Promise.all(note.drafts.map(({ role, version }) => ceremonies.load(role, version)))).map(
    readDraft,
  );
  const names = { names: await namesOf(workspace) };
  const lacking = drafts.filter(({ draft }) => draft.complete === undefined);
  if (lacking.length > 0) {
    throw notComplete(
      lacking.map((one) => ({
        draft: draftName(one.draft),
        sets: setStates(names, signingSets(one, drafts, ground)),
      })),
    );
  }
  for (const one of drafts) assertComplete(one, drafts, ground, names);
  const root = drafts.find(({ draft }) => draft.role === 'root')!;
  return { drafts, next: nextRoot(before, root.draft.complete!) };
}

/**
 * The keys of root N sign beside the new ones, so that clients which have not got root N+1 yet can read: where they are
 * still there. After a theft they may be destroyed already.
 */
export async function withKeysThere(
  workspace: Workspace,
  scene: Scene,
  { signed }: Verified<Root>,
  reporter: Reporter,
): Promise<Scene> {
  const old = new Set([...signed.roles.timestamp.keyids, ...signed.roles.snapshot.keyids]);
  const gone = new Set<string>();
  for (const { name, keyid } of (await usableHolders(workspace)).filter((one) => old.has(one.keyid))) {
    try {
      await workspace.signer(name);
    } catch (error) {
      if (!(error instanceof TufaError)) throw error;
      gone.add(keyid);
      reporter.warn(`${error.message}: clients refuse what is live until they have root ${signed.version + 1}`);
    }
  }
  return { ...scene, context: { ...scene.context, keyring: await openKeyring(workspace, gone) } };
}

/** What is committed already, by a run that was killed. */
export async function recoveredAlready({ context }: Scene, next: Verified<Root>): Promise<Recovered | undefined> {
  return recoveredBefore(await readAttacked(context.store, [next]), next);
}

/** @throws ConflictError when a draft is stale, or another file has taken its name */
export async function commitDrafts(
  workspace: Workspace,
  scene: Scene,
  { good, ground }: GoodGround,
  { drafts, next }: Complete,
  before: Verified<Root>,
): Promise<Recovered> {
  const { context, kept } = scene;
  for (const one of drafts) {
    assertNext(one, ground, workspace.config.repository.uuid);
    await assertFree(context, one);
  }
  const offline = new Map<string, Verified<Targets>>();
  const drafted = (role: string) => drafts.find(({ draft }) => draft.role === role)?.draft;
  for (const role of ['targets', ...[...ground.roles.keys()].filter((name) => name !== 'targets')]) {
    const draft = drafted(role);
    if (draft !== undefined) {
      const file = readMetadata(draft.complete!, 'targets', draftName(draft));
      const parent = delegatorOf(role) === 'root' ? next : (offline.get('targets') ?? ground.roles.get('targets')!);
      const { keys, role: named } = namedBy(parent, role)!;
      offline.set(role, signedBy(file, keys, named, draftName(draft), '5.6.3'));
    } else if (groundVersion(ground, role) > (roleMeta(good.snapshot, role)?.version ?? 0)) {
      // Root N+1 names no lower version of what its holders have signed since.
      offline.set(role, ground.roles.get(role)!);
    }
  }
  return commitRecovery(context, { kept, good, before, next, offline });
}

async function assertFree({ store }: Context, { draft }: ReadDraft): Promise<void> {
  const { role, version } = draft;
  const complete = draft.complete!;
  const there = await store.open(metadataKey(role, version));
  if (there === undefined) return;
  const same =
    there.length === complete.length && (await store.get(metadataKey(role, version), { maxLength: complete.length }));
  if (same && Buffer.compare(same.bytes, complete) === 0) return;
  throw taken(role, metadataKey(role, version), complete, same ? sha256Hex(same.bytes) : `${there.length} bytes`);
}

function taken(draft: string, key: string, complete: Uint8Array, found: string): ConflictError {
  return new ConflictError('another file stands under the name of this draft', {
    object: key,
    code: 'conflict.taken',
    expected: `sha256 ${sha256Hex(complete)}`,
    found,
    hint:
      draft === 'root'
        ? 'take it out of the store, after a look at who has put it there; then run the command again'
        : `give it up: tufa ceremony abandon ${draft}; then run the command again, which draws it under the next free version`,
  });
}

/** Root in its place, the trusted state on it, and what the queue still holds; then the recovery is over. */
export async function finish(
  workspace: Workspace,
  scene: Scene,
  note: RecoveryNote,
  next: Verified<Root>,
  { trusted, version }: Recovered,
): Promise<RecoveryNote> {
  const { context } = scene;
  try {
    const key = rootKey(next.signed.version);
    if ((await put(context.store, { key, bytes: next.bytes })) === 'other')
      throw taken('root', key, next.bytes, 'another');
    await removePending(context, next.signed.version);
    await scene.trusted.advance(scene.kept, trusted);
    // As every job from now on: the first commit that finds the root in its place says since when.
    await transact(context, { fold: true });
  } catch (cause) {
    if (!(cause instanceof TufaError) || cause instanceof AfterCommitError) throw cause;
    throw new AfterCommitError('the good state is committed, and the recovery is not at its end', {
      object: `timestamp ${version}`,
      expected: `root ${next.signed.version} in its place and a commit by its keys`,
      found: cause.message,
      hint: cause.hint ?? 'run the same command again',
      cause,
    });
  }
  const done = { ...note, done: { version, when: formatDate(workspace.clock()) } };
  await saveNote(workspace, done);
  return done;
}

/**
 * Whoever could still write to the store may have put another timestamp there, by keys that root does not name any more: the
 * one of the trusted state takes its place again, byte for byte.
 */
export async function putBack(workspace: Workspace, reporter: Reporter): Promise<void> {
  const { context, kept, chain } = await readScene(workspace, reporter);
  const newest = chain.at(-1)!;
  const { etag, timestamp } = await readAttacked(context.store, [newest]);
  if (timestamp !== undefined || kept.timestamp === undefined || kept.root.signed.version !== newest.signed.version)
    return;
  if ((await context.store.swap(TIMESTAMP_KEY, kept.timestamp.bytes, etag)) === 'moved') {
    throw new ConflictError('somebody else goes on writing', {
      object: `${context.store.uri}/${TIMESTAMP_KEY}`,
      hint: 'take the right to write to the store away from everybody else, then run the command again',
    });
  }
  reporter.warn(
    `${TIMESTAMP_KEY}: keys that were replaced have signed another one; timestamp ${kept.timestamp.signed.version} is back`,
  );
}

/** What later drafts build on, and what the transcripts say. */
export async function settleCeremony(workspace: Workspace, note: RecoveryNote, reporter: Reporter): Promise<void> {
  const ceremonies = await workspace.ceremonies();
  await keepBases(ceremonies, await readGround(workspace, reporter));
  for (const draft of await ceremonies.list()) {
    if (note.drafts.some(({ role, version }) => role === draft.role && version === draft.version))
      await noteDraft(workspace, readDraft(draft), 'live');
  }
}
