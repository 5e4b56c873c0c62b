import type { Stealable } from '../../ceremony/compromise.ts';
import { STEALABLE } from '../../ceremony/compromise.ts';
import type { Workspace } from '../../config/workspace.ts';
import { ConflictError, UsageError } from '../../errors.ts';
import type { ChangedLeaf } from '../../transaction/difference.ts';
import { changedLeaves } from '../../transaction/difference.ts';
import type { Root, Verified } from '../../tuf/model.ts';
import { assertKeysThere } from '../ceremony/open.ts';
import type { Reporter } from '../context.ts';
import { SILENT } from '../context.ts';
import {
  commitDrafts,
  completeDrafts,
  finish,
  putBack,
  recoveredAlready,
  settleCeremony,
  withKeysThere,
} from './carry.ts';
import type { RecoveryNote } from './note.ts';
import { loadNote, openNote, recoverCommand } from './note.ts';
import { checkKeys, countUnproven, drawDrafts, planDrafts, rootBefore, stillThere } from './open.ts';
import type { Recovery } from './report.ts';
import { alreadyReport, openReport, recoveredReport } from './report.ts';
import type { GoodGround, Scene } from './scene.ts';
import { readGoodGround, readScene } from './scene.ts';

export interface RecoverOptions {
  /** Whose keys are stolen: names of STEALABLE. */
  readonly roles: readonly string[];
  /** Version of the last good timestamp. */
  readonly good: number;
  /** sha256 of its file, or of its snapshot's, from somewhere else than the store. */
  readonly goodSha256?: string | undefined;
  /** Somebody has compared the leaves that the good snapshot lists without a hash. */
  readonly trustStoredLeaves?: boolean | undefined;
  readonly breaks?: readonly string[] | undefined;
}

/**
 * recover compromise: PEP 458's five steps as one change set. The first run compares, checks and draws the drafts; once
 * they are signed, the same command carries all of it out in one snapshot that stands on the good state. Of what is live
 * nothing is taken over but the place in which it stands.
 */
export async function recoverCompromise(
  workspace: Workspace,
  options: RecoverOptions,
  reporter: Reporter = SILENT,
): Promise<Recovery> {
  const roles = parseRoles(options.roles);
  const last = await loadNote(workspace);
  if (last?.done !== undefined && isSame(last, roles, options)) {
    await putBack(workspace, reporter);
    await settleCeremony(workspace, last, reporter);
    return alreadyReport(last, last.done.version);
  }
  const note = await openNote(workspace);
  if (note !== undefined && !isSame(note, roles, options)) throw anotherOne(note);
  await assertKeysThere(workspace);
  const scene = await readScene(workspace, reporter);
  const before = rootBefore(scene.chain, note);
  const claim = { version: options.good, sha256: options.goodSha256 ?? note?.good.sha256 };
  if (note !== undefined && scene.kept.root.signed.version > before.signed.version)
    return afterwards(workspace, scene, note, reporter);

  const holders = new Set([...roles].flatMap((role) => HOLDERS[role] ?? []));
  const base = await readGoodGround(workspace, scene, before, claim, holders);
  const slots = await checkKeys(workspace, roles, base);
  const unproven = countUnproven(base, slots, options.trustStoredLeaves === true || note !== undefined);
  const picture = { scene, base, slots, unproven, changed: await compare(scene, base, before) };
  // A run was killed while it drew them, or one was given up because its name is taken.
  if (note === undefined || (await stillThere(workspace, note)).length < note.drafts.length) {
    const planned = await planDrafts(workspace, scene, base, slots, note);
    const drawn = await drawDrafts(
      workspace,
      scene,
      base,
      planned,
      { roles: [...roles], breaks: options.breaks },
      note,
    );
    return openReport(picture, drawn.note, drawn.warnings);
  }
  const complete = await completeDrafts(workspace, note, before, base.ground);
  const able = await withKeysThere(workspace, scene, before, reporter);
  const recovered =
    (await recoveredAlready(able, complete.next)) ?? (await commitDrafts(workspace, able, base, complete, before));
  const done = await finish(workspace, able, note, complete.next, recovered);
  await settleCeremony(workspace, done, reporter);
  return recoveredReport(picture, done, recovered);
}

/** Offline roles whose holders are meant. */
const HOLDERS: Partial<Record<Stealable, string>> = {
  targets: 'targets',
  trust: 'trust',
  claimed: 'claimed',
  'bins-holders': 'bins',
  'recent-holders': 'recent',
};

/** The trusted state is on the new root: all is committed, and the run was killed before it could say so. */
async function afterwards(
  workspace: Workspace,
  scene: Scene,
  note: RecoveryNote,
  reporter: Reporter,
): Promise<Recovery> {
  const { root } = scene.kept;
  const recovered = await recoveredAlready(scene, root);
  if (recovered === undefined) throw movedOn(note, root);
  const able = await withKeysThere(workspace, scene, scene.chain.at(-2) ?? root, reporter);
  const done = await finish(workspace, able, note, root, recovered);
  await settleCeremony(workspace, done, reporter);
  return alreadyReport(done, recovered.version);
}

/** Nothing to tell where a run that was killed has committed the good state already. */
async function compare(
  { context, attacked }: Scene,
  { good, roles }: GoodGround,
  before: Verified<Root>,
): Promise<ChangedLeaf[]> {
  if ((attacked.timestamp?.signed.root?.version ?? 0) > before.signed.version) return [];
  return changedLeaves(context.store, roles, good.snapshot, attacked, good.root);
}

/** @throws UsageError for a role whose keys nobody can steal */
export function parseRoles(given: readonly string[]): ReadonlySet<Stealable> {
  const unknown = given.find((role) => !Object.hasOwn(STEALABLE, role));
  if (unknown === undefined && given.length > 0) return new Set([...given].sort() as Stealable[]);
  const list = Object.entries(STEALABLE).map(([role, means]) => `${role} (${means})`);
  throw new UsageError('whose keys are stolen?', {
    object: '--role',
    code: 'usage.role',
    expected: `one of ${list.join(', ')}`,
    found: unknown ?? 'none',
    hint:
      unknown === 'root'
        ? 'fewer keys of root than its threshold: tufa ceremony open root; a threshold of them: a new repository, told to its users over another way'
        : 'tufa recover compromise --role timestamp --role snapshot --good VERSION',
  });
}

function isSame(note: RecoveryNote, roles: ReadonlySet<Stealable>, { good }: RecoverOptions): boolean {
  return (
    note.good.version === good && note.roles.length === roles.size && note.roles.every((r) => roles.has(r as Stealable))
  );
}

function anotherOne(note: RecoveryNote): ConflictError {
  return new ConflictError('another recovery is open', {
    object: `opened ${note.opened}`,
    code: 'conflict.recovery',
    expected: recoverCommand(note),
    found: 'other roles or another version',
    hint: `go on with that one, or give it up: tufa ceremony abandon ${note.drafts.map(({ role }) => role).join(' ')}`,
  });
}

function movedOn(note: RecoveryNote, root: Verified<Root>): ConflictError {
  return new ConflictError('what is live is not what this recovery has committed', {
    object: `root ${root.signed.version}`,
    code: 'conflict.root',
    expected: `a timestamp for root ${note.drafts.find(({ role }) => role === 'root')?.version}`,
    found: 'another',
    hint: 'type `tufa status`',
  });
}
