import type { Slot, Stealable } from '../../ceremony/compromise.ts';
import { isReplaced, rolesToDraw, stolenSlots } from '../../ceremony/compromise.ts';
import { draftName } from '../../ceremony/drafts.ts';
import { groundVersion } from '../../ceremony/ground.ts';
import type { Planned } from '../../ceremony/plan.ts';
import { planCeremony } from '../../ceremony/plan.ts';
import type { Workspace } from '../../config/workspace.ts';
import { ConfigurationError, ConflictError, TrustError } from '../../errors.ts';
import { roleMeta } from '../../tuf/checks.ts';
import { formatDate } from '../../tuf/encode.ts';
import { metadataKey } from '../../tuf/layout.ts';
import type { Root, Verified } from '../../tuf/model.ts';
import { keepBases } from '../ceremony/live.ts';
import { checkPlanned, drawOne } from '../ceremony/open.ts';
import { planOf } from '../draw.ts';
import type { RecoveryNote } from './note.ts';
import { saveNote } from './note.ts';
import type { GoodGround, Scene } from './scene.ts';

/** The first run of a recovery: everything is looked at, then the drafts of PEP 458's steps are drawn as one change set. */

/** @throws ConfigurationError when a stolen key is to go on signing; nothing is written */
export async function checkKeys(
  workspace: Workspace,
  roles: ReadonlySet<Stealable>,
  { ground }: GoodGround,
): Promise<Slot[]> {
  const slots = stolenSlots(roles, ground, await planOf(workspace));
  const stolen = new Set(slots.filter(({ online }) => online).flatMap(({ old }) => old.keyids));
  const stays = ({ online, next }: Slot): boolean => online && next.keyids.some((keyid) => stolen.has(keyid));
  const kept = slots.filter((slot) => !isReplaced(slot) || stays(slot));
  if (kept.length > 0) throw sameKeys(kept);
  const holders = await workspace.holders();
  const uploader = workspace.config.uploaders.find(({ key }) => stolen.has(holders.get(key)?.keyid ?? ''));
  if (uploader === undefined) return slots;
  throw new ConfigurationError('an uploader has a stolen key: entries of the queue that it has signed prove nothing', {
    object: `tufa.yaml: uploaders: ${uploader.key}`,
    code: 'configuration.stolen-uploader',
    expected: 'a key of its own',
    found: holders.get(uploader.key)?.keyid ?? 'none',
    hint: 'give the uploader another key in tufa.yaml; what it has uploaded since is to be uploaded again',
  });
}

const WHY = {
  stolen: 'stolen',
  shared: 'the same key',
  reset: 'so that versions can go back: clients forget only what replaced keys have signed',
} as const;

function sameKeys(kept: readonly Slot[]): ConfigurationError {
  const online = kept.filter((slot) => slot.online).map(({ role }) => role);
  const offline = kept.filter((slot) => !slot.online).map(({ role }) => role.replace(/-holders$/, ''));
  const hints = [
    ...(online.length > 0 ? [`tufa key replace ${online.join(' ')}`] : []),
    ...offline.map((role) => `edit tufa.yaml: roles.${role}.holders, with keys from \`tufa key generate --holder\``),
  ];
  return new ConfigurationError('tufa.yaml names keys that must not sign any more', {
    object: 'tufa.yaml',
    code: 'configuration.stolen-key',
    expected: `new keys for ${kept.map(({ role, why }) => `${role} (${WHY[why]})`).join(', ')}`,
    found: `the keys that are live: ${[...new Set(kept.flatMap(({ old }) => old.keyids))].map((keyid) => keyid.slice(0, 8)).join(', ')}`,
    hint: `${hints.join('; ')}; then run the command again`,
  });
}

/**
 * Leaves that the good snapshot lists by their version only: with the leaves' key, the thief may have put other bytes under
 * that version, and nothing tells.
 *
 * @param accept a person has compared the store with an archive
 */
export function countUnproven({ good, online }: GoodGround, slots: readonly Slot[], accept: boolean): number {
  const stolen = slots.filter(({ role, why }) => why !== 'reset' && (role === 'bins' || role === 'recent'));
  const unproven = online.filter((name) => {
    const meta = roleMeta(good.snapshot, name);
    const theirs = stolen.some(({ role }) => name.startsWith(role === 'bins' ? 'bin' : 'recent'));
    return theirs && meta !== undefined && meta.sha256 === undefined;
  }).length;
  if (unproven === 0 || accept) return unproven;
  throw new TrustError('the good snapshot does not say what is in these leaves', {
    object: metadataKey('snapshot', good.snapshot.signed.version),
    code: 'trust.unproven-leaves',
    expected: 'the sha256 of every leaf whose key is stolen',
    found: `${unproven} leaves by their version only`,
    hint: 'compare their files with a mirror or an archive, then add: --trust-stored-leaves',
  });
}

export async function planDrafts(
  workspace: Workspace,
  { context }: Scene,
  { ground }: GoodGround,
  slots: readonly Slot[],
  note: RecoveryNote | undefined,
): Promise<Planned[]> {
  const { config } = workspace;
  const now = workspace.clock().getTime();
  const holders = [...(await workspace.holders()).values()];
  const ceremonies = await workspace.ceremonies();
  const versions = new Map<string, number>((await stillThere(workspace, note)).map((d) => [d.role, d.version]));
  for (const role of ground.roles.keys()) {
    if (versions.has(role)) continue;
    const given = await ceremonies.abandonedVersions(role);
    versions.set(role, await freeVersion(context.store, role, groundVersion(ground, role), given));
  }
  return planCeremony(ground, await planOf(workspace), {
    asked: new Set(rolesToDraw(slots)),
    oneTime: new Map(),
    atOnce: true,
    // A stolen key counts as one that can be replaced: it is not kept beside the new ones.
    known: new Set([...holders.map(({ keyid }) => keyid), ...slots.flatMap(({ old }) => old.keyids)]),
    expires: (role) => new Date(now + config.expires[role as keyof typeof config.expires]),
    version: (role) => versions.get(role)!,
  });
}

/** Drafts of a recovery that are laid down, and were not given up. */
export async function stillThere(
  workspace: Workspace,
  note: RecoveryNote | undefined,
): Promise<RecoveryNote['drafts']> {
  const there = await (await workspace.ceremonies()).list();
  return (note?.drafts ?? []).filter(({ role, version }) =>
    there.some((draft) => draft.role === role && draft.version === version),
  );
}

/** Names in the store are create-only: whoever was there first has one, the thief too. */
async function freeVersion(
  store: Scene['context']['store'],
  role: string,
  live: number,
  given: ReadonlySet<number>,
): Promise<number> {
  for (let version = live + 1, step = 1; ; version += step) {
    if (!given.has(version) && (await store.open(metadataKey(role, version))) === undefined) return version;
    if (version - live > 8) step *= 2;
  }
}

/** Writes: the note first, so that a run that is killed here goes on with the same versions. */
export async function drawDrafts(
  workspace: Workspace,
  scene: Scene,
  { good, ground }: GoodGround,
  planned: readonly Planned[],
  options: { readonly roles: readonly Stealable[]; readonly breaks: readonly string[] | undefined },
  before: RecoveryNote | undefined,
): Promise<{ note: RecoveryNote; warnings: string[] }> {
  const warnings = checkPlanned(workspace, planned, options.breaks);
  const ceremonies = await workspace.ceremonies();
  const own = await stillThere(workspace, before);
  const missing = planned.filter((one) => !own.some(({ role }) => role === one.role));
  const wanted = new Map(missing.map(({ role, version }) => [role, version]));
  for (const draft of await ceremonies.list()) {
    const version = wanted.get(draft.role);
    if (version === undefined || draft.version <= groundVersion(ground, draft.role)) continue;
    if (draft.version !== version || draft.signatures.size > 0) throw openDraft(draftName(draft), draft.role);
  }
  const note = {
    roles: options.roles,
    good: { version: good.timestamp.signed.version, sha256: good.known },
    drafts: planned.map(({ role, version }) => ({ role, version })),
    opened: before?.opened ?? formatDate(workspace.clock()),
  };
  await saveNote(workspace, note);
  await keepBases(ceremonies, { context: scene.context, ground });
  await ceremonies.addNames(new Map([...(await workspace.holders()).values()].map(({ keyid, name }) => [keyid, name])));
  for (const one of missing) await drawOne(workspace, ceremonies, ground, one);
  return { note, warnings };
}

function openDraft(object: string, role: string): ConflictError {
  return new ConflictError('a ceremony of this role is open', {
    object,
    code: 'conflict.open-draft',
    expected: `no open draft of ${role}`,
    found: 'one that does not belong to this recovery',
    hint: `give it up: tufa ceremony abandon ${role}`,
  });
}

/** Root N, which the recovery's root follows. */
export function rootBefore(chain: readonly Verified<Root>[], note: RecoveryNote | undefined): Verified<Root> {
  const drafted = note?.drafts.find(({ role }) => role === 'root')?.version;
  const found = drafted === undefined ? chain.at(-1) : chain.find(({ signed }) => signed.version === drafted - 1);
  if (found !== undefined) return found;
  throw new ConflictError('root has moved on since this recovery was opened', {
    object: `root ${drafted}`,
    code: 'conflict.root',
    expected: `a draft on root ${chain.at(-1)!.signed.version}`,
    found: `one on root ${drafted! - 1}`,
    hint: 'give its drafts up: tufa ceremony abandon root; then run the command again',
  });
}
