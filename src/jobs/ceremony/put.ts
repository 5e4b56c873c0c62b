import { assertNext, staleDraft } from '../../ceremony/assess.ts';
import type { Draft } from '../../ceremony/drafts.ts';
import { draftName } from '../../ceremony/drafts.ts';
import { groundVersion, isSignedBy } from '../../ceremony/ground.ts';
import { orphaned } from '../../ceremony/plan.ts';
import type { ReadDraft } from '../../ceremony/sets.ts';
import { delegatorOf } from '../../ceremony/slots.ts';
import type { Workspace } from '../../config/workspace.ts';
import { ConflictError, PersonError, TrustError } from '../../errors.ts';
import { append } from '../../queue/append.ts';
import { Journal } from '../../queue/journal.ts';
import { findResult } from '../../queue/receipts.ts';
import { encodeRoleEntry } from '../../queue/role-entry.ts';
import { topLevelSet } from '../../transaction/context.ts';
import { removePending } from '../../transaction/roots.ts';
import { transact } from '../../transaction/transact.ts';
import { put } from '../../transaction/upload.ts';
import { nextRoot } from '../../tuf/checks.ts';
import { sha256Hex } from '../../tuf/digest.ts';
import { canonical } from '../../tuf/encode.ts';
import { metadataKey, metadataName, pendingKey } from '../../tuf/layout.ts';
import type { Root, Verified } from '../../tuf/model.ts';
import { readMetadata } from '../../tuf/read.ts';
import { MAX_LENGTH } from '../../tuf/walk.ts';
import type { Reporter } from '../context.ts';
import type { LiveGround } from './live.ts';
import { readGround } from './live.ts';

/** One complete draft on its way to where clients find it. */

export interface PutOptions {
  readonly urgent: boolean;
}

/** A role: an entry in the queue, folded at once. Its own signatures decide. */
export async function publishRole(
  workspace: Workspace,
  state: LiveGround,
  one: ReadDraft,
  { urgent }: PutOptions,
  reporter: Reporter,
): Promise<'live' | 'waiting'> {
  const { draft } = one;
  const { context } = state;
  const bytes = draft.complete!;
  await assertNotTaken(state, draft);
  assertNext(one, state.ground, workspace.config.repository.uuid);
  assertInOrder(one, state);
  if (waitsForGrace(one, state)) return 'waiting';
  const number = await enqueue(workspace, state, draft.role, bytes);
  await transact(context, { fold: true, urgent });
  const after = await readGround(workspace, reporter);
  const now = after.ground.roles.get(draft.role);
  if (now !== undefined && Buffer.compare(now.bytes, bytes) === 0) return 'live';
  const result = await findResult(context.store, after.live.snapshot!.signed, number);
  const orphans =
    after.ground.roles.get(draft.role)?.signed.version === state.ground.roles.get(draft.role)?.signed.version;
  const details = {
    object: draftName(draft),
    expected: 'to be folded',
    found: result?.why ?? `entry ${number} was not folded`,
    // Its base is still live: what is in the way are leaves that only the old key has signed.
    hint: orphans
      ? `once the leaves are signed by the new key, run the command again; after a compromise: tufa ceremony publish --urgent`
      : `draw it again: tufa ceremony rebase ${draft.role}`,
  };
  if (result?.equivocation === true) throw new TrustError('refused', { ...details, code: 'trust.equivocation' });
  throw new ConflictError('refused', { ...details, code: 'conflict.role-refused' });
}

/**
 * While the grace after a root runs, clients that still have the root before must be able to read everything as well: what
 * its keys have not signed waits.
 */
function waitsForGrace({ draft }: ReadDraft, { context, live }: LiveGround): boolean {
  const [before, since] = [live.chain.at(-2), live.timestamp?.signed.root?.since];
  if (draft.role !== 'targets' || before === undefined || since === undefined) return false;
  const over = context.clock().getTime() - since.getTime() > context.settings.grace;
  return !over && !isSignedBy(readMetadata(draft.complete!, 'targets', draftName(draft)), before, draft.role);
}

/** @returns the number of its entry, which may be there already */
async function enqueue(
  workspace: Workspace,
  { context, live }: LiveGround,
  role: string,
  bytes: Uint8Array,
): Promise<number> {
  const { store, settings } = context;
  const mark = live.snapshot?.signed.queue ?? 0;
  const journal = new Journal(await workspace.journal());
  const intent = sha256Hex(canonical({ kind: 'role', role, sha256: sha256Hex(bytes) }));
  const waiting = live.waiting.find((entry) => 'role' in entry && Buffer.compare(entry.role.file.bytes, bytes) === 0);
  if (waiting !== undefined) {
    // A run that was killed has put it.
    await journal.finish(intent);
    return waiting.number;
  }
  const known = await journal.load(intent);
  // Folded since, and refused: what is live has been compared already, so it is sent under a number of its own.
  if (known?.sealed !== undefined && known.sealed.number <= mark) await journal.finish(intent);
  const unfinished = known?.sealed !== undefined && known.sealed.number <= mark ? undefined : known;
  const seal = async (number: number) => encodeRoleEntry(number, role, bytes);
  return append({ store, queue: settings.queue, mark, journal, seal }, unfinished ?? { intent, rows: [], after: mark });
}

/**
 * A root: pending, then carried over the bridge by this very job where it has the keys and no grace runs. Another one for
 * the same version wins by its swap; ours is then refused with 7.
 */
export async function publishRoot(
  workspace: Workspace,
  state: LiveGround,
  one: ReadDraft,
  { urgent }: PutOptions,
  reporter: Reporter,
): Promise<'live' | 'pending'> {
  const { draft, signed } = one;
  const { context, live, ground } = state;
  const bytes = draft.complete!;
  const { version } = draft;
  assertNext(one, ground, workspace.config.repository.uuid);
  const next = nextRoot(live.chain.at(-1)!, bytes);
  const [orphan] = orphaned('root', signed, ground);
  if (orphan !== undefined) throw outOfOrder(draft, orphan);
  assertNamed(state, draft);
  // If we crash here, whoever finds it carries it out, and this command run again finds it in its place.
  await put(context.store, { key: pendingKey(version, sha256Hex(bytes)), bytes });
  if (!canSign(context, next))
    reporter.warn(`root ${version} is pending: this workspace cannot open its keys of timestamp and snapshot`);
  await transact(context, { fold: false, urgent });
  const after = await readGround(workspace, reporter);
  const there = after.ground.chain.find((root) => root.signed.version === version);
  if (there === undefined) {
    assertNamed(after, draft);
    return 'pending';
  }
  await assertNotTaken(after, draft);
  return 'live';
}

/**
 * What a run that was killed behind its swap has left: the commit that begins the grace, what is pending for a root that is in
 * its place, the trusted state. Where this workspace has not the keys, the next job of another one does it.
 */
export async function settle({ context, ground }: LiveGround, { urgent }: PutOptions): Promise<void> {
  const newest = ground.chain.at(-1)!;
  await removePending(context, newest.signed.version);
  if (canSign(context, newest)) await transact(context, { fold: false, urgent });
}

function canSign({ keyring }: LiveGround['context'], root: Verified<Root>): boolean {
  return (['timestamp', 'snapshot'] as const).every((role) => keyring.canSign(topLevelSet(root, role)));
}

/** Once a bridge is committed, the timestamp says which root won. */
function assertNamed({ live }: LiveGround, draft: Draft): void {
  const named = live.timestamp?.signed.root;
  const sha256 = sha256Hex(draft.complete!);
  if (named?.version === draft.version && named.sha256 !== sha256) throw anotherRoot(draft, named.sha256);
}

/**
 * What stands under the name of a draft is this very file, or nothing.
 * @throws ConflictError for a root: the other one was first; TrustError for another role: two files under one version
 */
export async function assertNotTaken({ context, ground }: LiveGround, draft: Draft): Promise<void> {
  const { role, version } = draft;
  const object = await context.store.get(metadataKey(role, version), { maxLength: MAX_LENGTH.targets });
  if (object === undefined) {
    if (groundVersion(ground, role) >= version) throw staleDraft(draft, version - 1, groundVersion(ground, role));
    return;
  }
  if (Buffer.compare(object.bytes, draft.complete!) === 0) return;
  if (role === 'root') throw anotherRoot(draft, sha256Hex(object.bytes));
  const { signedBytes } = readMetadata(object.bytes, 'targets', metadataName(role, version));
  throw new TrustError('another file stands under this version', {
    object: metadataName(role, version),
    code: 'trust.equivocation',
    expected: `sha256 ${sha256Hex(draft.complete!)}`,
    found: `sha256 ${sha256Hex(object.bytes)}${Buffer.compare(signedBytes, draft.bytes) === 0 ? ', the same draft with other signatures' : ''}`,
    hint: `draw it again under the next free version: tufa ceremony rebase ${role}`,
  });
}

function anotherRoot(draft: Draft, sha256: string): ConflictError {
  return new ConflictError('another root was first', {
    object: draftName(draft),
    code: 'conflict.root',
    expected: `sha256 ${sha256Hex(draft.complete!)}`,
    found: `sha256 ${sha256}`,
    hint: 'draw the next one on it: tufa ceremony rebase root',
  });
}

/** The live delegator names the keys that have signed, and nothing below loses its keys. */
function assertInOrder({ draft, signed }: ReadDraft, { ground }: LiveGround): void {
  const parent = delegatorOf(draft.role);
  const delegator = parent === 'root' ? ground.chain.at(-1) : ground.roles.get(parent);
  const file = readMetadata(draft.complete!, 'targets', draftName(draft));
  if (delegator !== undefined && !isSignedBy(file, delegator, draft.role)) throw outOfOrder(draft, parent);
  const [orphan] = orphaned(draft.role, signed, ground);
  if (orphan !== undefined) throw outOfOrder(draft, orphan);
}

function outOfOrder(draft: Draft, first: string): PersonError {
  return new PersonError('another draft has to go first', {
    object: draftName(draft),
    code: 'person.order',
    expected: `${first} to be live with the keys that this one names`,
    found: `another ${first}`,
    hint: `sign and publish ${first} first: tufa ceremony show`,
  });
}
