import { baseOf, isBuiltOn, readDraft } from '../../ceremony/assess.ts';
import type { Draft } from '../../ceremony/drafts.ts';
import { draftName } from '../../ceremony/drafts.ts';
import type { Ground } from '../../ceremony/ground.ts';
import { groundVersion } from '../../ceremony/ground.ts';
import { checkDraft, findingText, refuseUnless } from '../../ceremony/rules.ts';
import type { ReadDraft } from '../../ceremony/sets.ts';
import { isMet, publicationOrder, signingSets } from '../../ceremony/sets.ts';
import { writeTranscript } from '../../ceremony/transcript.ts';
import type { Workspace } from '../../config/workspace.ts';
import { PersonError, TrustError } from '../../errors.ts';
import { sha256Hex } from '../../tuf/digest.ts';
import { formatDate } from '../../tuf/encode.ts';
import { metadataName } from '../../tuf/layout.ts';
import { readMetadata } from '../../tuf/read.ts';
import type { Reporter } from '../context.ts';
import { SILENT } from '../context.ts';
import type { SetState } from '../sitting.ts';
import { setStates } from '../sitting.ts';
import type { Table } from './ground.ts';
import { namesOf } from './ground.ts';
import type { LiveGround } from './live.ts';
import { keepBases, readGround } from './live.ts';
import { assertNotTaken, publishRole, publishRoot, settle } from './put.ts';

export interface PublishOptions {
  /** Only these roles. */
  readonly roles?: readonly string[] | undefined;
  /** After a compromise: nobody waits for the grace, and online roles below are signed anew in the same snapshot. */
  readonly urgent?: boolean | undefined;
  readonly breaks?: readonly string[] | undefined;
}

export interface PublishedDraft {
  readonly draft: string;
  /** sha256 of the complete file. */
  readonly sha256: string;
  /**
   * `pending`: the next job that can open both sets of online keys, after the grace, puts the root in its place.
   * `waiting`: to be published by this command again, once the grace after a new root is over.
   */
  readonly state: 'live' | 'pending' | 'waiting' | 'already';
}

export interface PublishResult {
  readonly published: readonly PublishedDraft[];
  /** Drafts that lack signatures. */
  readonly open: readonly { readonly draft: string; readonly sets: readonly SetState[] }[];
  readonly warnings: readonly string[];
}

/**
 * ceremony publish: carries every complete draft to where it goes live, one after the other, in the order in which every
 * client can read each state between: a role through the queue, a root over the bridge.
 */
export async function publishCeremony(
  workspace: Workspace,
  options: PublishOptions,
  reporter: Reporter = SILENT,
): Promise<PublishResult> {
  const ceremonies = await workspace.ceremonies();
  let state = await readGround(workspace, reporter);
  const wanted = ({ role }: Draft): boolean => options.roles === undefined || options.roles.includes(role);
  const drafts = await ceremonies.list();
  const urgent = options.urgent === true;
  const published = await alreadyLive(workspace, state, drafts.filter(wanted));
  if (published.length > 0) {
    await settle(state, { urgent });
    state = await readGround(workspace, reporter);
  }
  const open = drafts.filter((draft) => groundVersion(state.ground, draft.role) < draft.version).map(readDraft);
  const names = { names: await namesOf(workspace) };
  const mine = open.filter(({ draft }) => wanted(draft));
  const complete = mine.filter(({ draft }) => draft.complete !== undefined);
  const lacking = mine
    .filter(({ draft }) => draft.complete === undefined)
    .map((one) => ({ draft: draftName(one.draft), sets: setStates(names, signingSets(one, open, state.ground)) }));
  if (complete.length === 0 && published.length === 0 && lacking.length > 0) throw notComplete(lacking);

  // Every draft is looked at before the first one goes live.
  for (const one of complete) assertComplete(one, open, state.ground, names);
  const warnings = complete.flatMap((one) => check(workspace, one, options));
  for (const one of publicationOrder(complete, state.ground)) {
    const put = one.draft.role === 'root' ? publishRoot : publishRole;
    const how = await put(workspace, state, one, { urgent }, reporter);
    published.push(outcome(one.draft, how));
    if (how !== 'waiting') await note(workspace, one, how);
    // What is behind it stands on it.
    if (how !== 'live') break;
    state = await readGround(workspace, reporter);
  }
  await keepBases(ceremonies, state);
  return { published, open: lacking, warnings };
}

/** What went live without this command being told: it was killed, or another job has carried a pending root out. */
async function alreadyLive(
  workspace: Workspace,
  state: LiveGround,
  drafts: readonly Draft[],
): Promise<PublishedDraft[]> {
  const bases = await (await workspace.ceremonies()).bases();
  const published: PublishedDraft[] = [];
  for (const draft of drafts) {
    if (draft.complete === undefined || groundVersion(state.ground, draft.role) < draft.version) continue;
    const one = readDraft(draft);
    if (baseOf(one) === 0 || isBuiltOn(draft, bases)) continue;
    await assertNotTaken(state, draft);
    published.push(outcome(draft, 'already'));
    await note(workspace, one, 'live');
  }
  return published;
}

function check(workspace: Workspace, { draft, signed }: ReadDraft, { breaks }: PublishOptions): string[] {
  const { clients } = workspace.config;
  const findings = checkDraft({ role: draft.role, signed, length: draft.bytes.length }, clients);
  return refuseUnless(findings, breaks ?? []).map(findingText);
}

/** In the draft's transcript: what became of it. */
export async function note(workspace: Workspace, one: ReadDraft, state: string): Promise<void> {
  const published = { when: formatDate(workspace.clock()), state };
  await writeTranscript(await workspace.ceremonies(), one.draft, { base: baseOf(one), published });
}

function outcome(draft: Draft, state: PublishedDraft['state']): PublishedDraft {
  return { draft: draftName(draft), sha256: sha256Hex(draft.complete!), state };
}

/** Statement 18: a file that claims to be complete and is not is an alarm, not a wait. */
export function assertComplete(
  one: ReadDraft,
  open: readonly ReadDraft[],
  ground: Ground,
  names: Pick<Table, 'names'>,
): void {
  const { draft } = one;
  const name = metadataName(draft.role, draft.version);
  const file = readMetadata(draft.complete!, draft.role === 'root' ? 'root' : 'targets', name);
  if (Buffer.compare(file.signedBytes, draft.bytes) !== 0) {
    throw new TrustError('another file than the draft that was signed', {
      object: name,
      code: 'trust.another-draft',
      expected: `sha256 ${sha256Hex(draft.bytes)} of the signed part`,
      found: sha256Hex(file.signedBytes),
    });
  }
  const carried = new Map(file.signatures.map((signature) => [signature.keyid, signature]));
  const sets = signingSets({ ...one, draft: { ...draft, signatures: carried } }, open, ground);
  if (isMet(sets)) return;
  throw new TrustError('claims to be complete, and is not', {
    object: name,
    code: 'trust.threshold',
    expected: 'every threshold that signs it',
    found: setStates(names, sets).map(setText).join('; '),
    hint: `take ${name} out of the ceremony's folder, and let the others sign: tufa sign`,
  });
}

/** What a command says that needs every threshold. */
export function notComplete(waiting: PublishResult['open']): PersonError {
  const [first] = waiting;
  return new PersonError('signatures are missing', {
    object: waiting.map(({ draft }) => draft).join(', '),
    code: 'person.signatures',
    expected: 'every threshold that has to sign',
    found: first === undefined ? 'none' : first.sets.map(setText).join('; '),
    hint: 'the holders type `tufa sign`; `tufa ceremony export FILE` carries the drafts to them',
  });
}

/** `old root 1: 1 of 2 (missing bob, spare)` */
export function setText({ by, signatures, threshold, missing }: SetState, i: number, all: readonly SetState[]): string {
  const age = all.length === 1 ? '' : i === 0 ? 'old ' : 'new ';
  const lacking = signatures < threshold ? ` (missing ${missing.join(', ') || 'keys that nobody has'})` : '';
  return `${age}${by}: ${signatures} of ${threshold}${lacking}`;
}
