import { ConflictError, SignerError } from '../errors.ts';
import type { EntryResult, Waiting } from '../queue/drain.ts';
import type { Kept } from '../trusted/state.ts';
import type { Trusted } from '../tuf/checks.ts';
import { Evidence } from '../tuf/evidence.ts';
import { TIMESTAMP_KEY } from '../tuf/layout.ts';
import type { Root, Snapshot, Targets, Timestamp, Verified } from '../tuf/model.ts';
import type { Attacked } from './attacked.ts';
import { readAttacked } from './attacked.ts';
import { build, isOurNumberFree } from './build.ts';
import { claim } from './claim.ts';
import { commit } from './commit.ts';
import type { Context } from './context.ts';
import { topLevelSet } from './context.ts';
import { highestVersion } from './number.ts';
import type { NewRole } from './plan.ts';
import type { SignDecision } from './prepare.ts';
import { prepare } from './prepare.ts';
import type { Live } from './read.ts';
import { readQueue } from './read.ts';
import type { Leaf } from './roles.ts';
import { Roles } from './roles.ts';
import { upload } from './upload.ts';

/**
 * The transaction after a compromise. It is the one of `transact.ts` but for its base: the last good snapshot, not what is
 * live, which the thief of the keys has made. It is numbered above the good one: clients forget what the replaced keys have
 * signed (specification, section 5.3.11), so versions near the end of all numbers are not inherited.
 *
 * The new root is put in its place after the commit, and is never pending: a job that carries out a pending root takes
 * over what is live.
 */
export interface Recovery {
  readonly kept: Kept;
  /** The last good state, by the keys of the root before, or of one below. */
  readonly good: GoodState;
  /** Root N, the newest one. */
  readonly before: Verified<Root>;
  /** Root N+1, which names none of the keys of timestamp and snapshot that N names. */
  readonly next: Verified<Root>;
  /** Offline roles that take the place of the good ones. */
  readonly offline: ReadonlyMap<string, Verified<Targets>>;
}

export interface GoodState {
  readonly root: Verified<Root>;
  readonly timestamp: Verified<Timestamp>;
  readonly snapshot: Verified<Snapshot>;
}

export interface Recovered {
  /** Version of the commit. */
  readonly version: number;
  /** Another run has committed it, before it was killed. */
  readonly already: boolean;
  readonly entries: readonly EntryResult[];
  readonly signed: readonly string[];
  readonly trusted: Trusted & { readonly timestamp: Verified<Timestamp>; readonly snapshot: Verified<Snapshot> };
}

/** @throws SignerError when the new root's keys cannot be opened here; ConflictError when somebody goes on swapping */
export async function commitRecovery(context: Context, recovery: Recovery): Promise<Recovered> {
  const { good, next } = recovery;
  const { tries } = context.settings;
  assertKeys(context, next);
  let highest = highestVersion(good.timestamp.signed, good.snapshot.signed);
  for (let attempt = 0; attempt < tries; attempt++) {
    const live = await readAttacked(context.store, [next]);
    const ours = recoveredBefore(live, next);
    if (ours !== undefined) return ours;
    const outcome = await attemptOnce(context, recovery, live.etag, highest);
    if (!('lost' in outcome)) return outcome;
    // The names of that number may be squatted on: go on above it, further each time.
    highest = Math.max(highest, outcome.lost) + 2 ** attempt - 1;
    await context.sleep(context.random() * Math.min(5000, 50 * 2 ** attempt));
  }
  throw new ConflictError('somebody else was first every time', {
    object: `${context.store.uri}/${TIMESTAMP_KEY}`,
    expected: `a commit within ${tries} tries`,
    found: 'none',
    hint: 'take the right to write to the store away from everybody else, then run the command again',
  });
}

/**
 * What is live, where this command has committed it before it was killed, or a job since: only the new keys can have
 * signed it.
 */
export function recoveredBefore({ timestamp, snapshot }: Attacked, next: Verified<Root>): Recovered | undefined {
  if (timestamp === undefined || snapshot === undefined) return undefined;
  if (timestamp.signed.root?.version !== next.signed.version) return undefined;
  const trusted = { root: next, timestamp, snapshot };
  return { version: timestamp.signed.version, already: true, entries: [], signed: [], trusted };
}

async function attemptOnce(
  context: Context,
  { kept, good, before, next, offline }: Recovery,
  etag: string | undefined,
  highest: number,
): Promise<Recovered | { readonly lost: number }> {
  const evidence = new Evidence();
  const roles = new Roles(context.store, good.root, good.snapshot, undefined, evidence);
  const leaves = await takeOver(roles, offline);
  const live: Live = {
    kept,
    chain: [good.root],
    timestamp: good.timestamp,
    etag,
    snapshot: good.snapshot,
    verifiedBy: good.root,
    pending: [],
    waiting: (await readQueue(context, good.snapshot.signed.queue ?? 0)).map((one) => without(offline, one)),
    evidence,
  };
  const sets = canSign(context, before) ? [before, next] : [next];
  const names = { version: next.signed.version, sha256: evidence.sha256(next.bytes), since: undefined };
  const decision: SignDecision = { kind: 'sign', names, sets, resign: true, due: true };
  const work = { fold: true, urgent: true, resign: true, due: async () => leaves };
  const plan = await prepare(context, work, live, decision, roles);
  if (plan === undefined || plan === 'again') return { lost: highest };

  const number = await claim(context, highest);
  const drafted = [...offline].map(
    ([name, file]): NewRole => ({ name, version: file.signed.version, bytes: file.bytes }),
  );
  const whole = { ...plan, snapshot: true, offline: [...drafted, ...plan.offline] };
  const built = await build(context, undefined, live, decision, roles, whole, number);
  const other = await upload(context.store, built.uploads);
  if (other.length > 0 && !(await isOurNumberFree(context, built, other))) return { lost: number };
  if ((await commit(context, number, built.timestamp.bytes, etag)) === 'lost') return { lost: number };
  const { timestamp, snapshot } = built.result;
  return {
    version: number,
    already: false,
    entries: plan.folded?.drained.results ?? [],
    signed: built.signed,
    trusted: { root: next, timestamp: timestamp!, snapshot: snapshot! },
  };
}

/**
 * Every online role, as it is in the good snapshot, with who delegates to it from now on: all are signed anew (PEP 458, "In
 * the Event of a Key Compromise": versions increase, expiry is extended).
 */
async function takeOver(roles: Roles, offline: Recovery['offline']): Promise<Leaf[]> {
  const good: Omit<Leaf, 'file'>[] = [];
  for await (const leaf of roles.delegatedLeaves()) good.push(leaf);
  // By the keys that have signed them; then their delegators are replaced.
  await Promise.all(good.map(({ name, delegator }) => roles.load(name, delegator)));
  for (const [name, file] of offline) roles.replace(name, file);
  const leaves: Leaf[] = [];
  for await (const { name, delegator } of roles.delegatedLeaves())
    leaves.push({ name, delegator, file: await roles.load(name, delegator) });
  return leaves;
}

/** A ceremony that was published after the good snapshot: this one's file of the role stands in its place. */
function without(offline: Recovery['offline'], one: Waiting): Waiting {
  const file = 'role' in one ? offline.get(one.role.role) : undefined;
  if (file === undefined || !('role' in one)) return one;
  return { number: one.number, refused: `${one.role.role} ${file.signed.version} of the recovery stands in its place` };
}

function canSign({ keyring }: Context, root: Verified<Root>): boolean {
  return keyring.canSign(topLevelSet(root, 'timestamp')) && keyring.canSign(topLevelSet(root, 'snapshot'));
}

function assertKeys(context: Context, next: Verified<Root>): void {
  if (canSign(context, next)) return;
  throw new SignerError('the new keys of timestamp and snapshot cannot be opened here', {
    object: `root ${next.signed.version}`,
    expected: 'a URI in holders/ for each of them',
    found: 'none',
    hint: 'run the command where these keys are; `tufa doctor signers` shows them',
  });
}
