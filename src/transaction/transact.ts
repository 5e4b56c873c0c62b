import { AfterCommitError, ConflictError, PersonError } from '../errors.ts';
import type { EntryResult } from '../queue/drain.ts';
import type { Trusted } from '../tuf/checks.ts';
import { formatDate } from '../tuf/encode.ts';
import type { Root, Snapshot, Timestamp, Verified } from '../tuf/model.ts';
import { build, isOurNumberFree } from './build.ts';
import { claim } from './claim.ts';
import { commit } from './commit.ts';
import type { Context } from './context.ts';
import type { Genesis } from './genesis.ts';
import { highestVersion } from './number.ts';
import { prepare } from './prepare.ts';
import type { Live } from './read.ts';
import { read } from './read.ts';
import type { Leaf } from './roles.ts';
import { Roles } from './roles.ts';
import { settleRoot } from './roots.ts';
import { upload } from './upload.ts';

/** What a job wants of a transaction. */
export interface Work {
  /** Fold the queue: publish. */
  readonly fold: boolean;
  /** The ceremony of root 1, for the first publication. */
  readonly genesis?: Genesis | undefined;
  /** Roles that this job may sign besides the timestamp; without it all of them. */
  readonly only?: ReadonlySet<'snapshot' | 'leaves'> | undefined;
  /** Online roles that are inside their renewal window. */
  due?(live: Live, roles: Roles): Promise<readonly Leaf[]>;
  /** After a compromise: the next bridge does not wait for the grace, and roles that lose their keys are signed at once. */
  readonly urgent?: boolean | undefined;
  /** Sign snapshot and timestamp, due or not: another key takes over. */
  readonly resign?: boolean | undefined;
}

export interface TransactionResult {
  /** Version that was committed last; undefined: there was nothing to do. */
  readonly version: number | undefined;
  /** What became of the queue's entries. */
  readonly entries: readonly EntryResult[];
  /** Online roles that were signed. */
  readonly signed: readonly string[];
  /** What is live now. */
  readonly live: {
    readonly root: number;
    readonly timestamp: Timestamp | undefined;
    readonly snapshot: Snapshot | undefined;
  };
}

/**
 * The transaction of design section 5: read, number, plan, sign, rehearse, upload, commit, confirm. A lost race starts
 * again from `read`; recovery after a crash is this same path, run by the next command.
 */
export async function transact(context: Context, work: Work): Promise<TransactionResult> {
  let done: { version: number | undefined; entries: EntryResult[]; signed: string[] } = {
    version: undefined,
    entries: [],
    signed: [],
  };
  let lost = 0;
  // A bridge is followed by another commit, which finds the new root in its place: a handful of rounds at most.
  for (let rounds = 0; rounds < context.settings.tries + 8; rounds++) {
    const attempt = await attemptOnce(context, work);
    if (attempt.outcome === 'nothing') return { ...done, live: attempt.live };
    if (attempt.outcome === 'committed') {
      done = {
        version: attempt.version,
        entries: [...done.entries, ...attempt.entries],
        signed: [...done.signed, ...attempt.signed],
      };
      if (attempt.finished) return { ...done, live: attempt.live };
      continue;
    }
    lost++;
    if (lost >= context.settings.tries) break;
    await context.sleep(context.random() * Math.min(5000, 50 * 2 ** lost));
  }
  throw new ConflictError('other publishers were first every time', {
    object: context.store.uri,
    expected: `a commit within ${context.settings.tries} tries`,
    found: 'none',
    hint: 'run the command again',
  });
}

type Attempt =
  | { readonly outcome: 'nothing'; readonly live: TransactionResult['live'] }
  | { readonly outcome: 'lost' }
  | {
      readonly outcome: 'committed';
      readonly version: number;
      readonly entries: readonly EntryResult[];
      readonly signed: readonly string[];
      readonly finished: boolean;
      readonly live: TransactionResult['live'];
    };

async function attemptOnce(context: Context, work: Work): Promise<Attempt> {
  const { live, decision } = await settleRoot(context, await read(context), work.urgent ?? false);
  warnExpired(context, live);
  const first = live.timestamp === undefined;
  if (first && work.genesis === undefined) {
    throw new PersonError('nothing is published yet', {
      object: context.store.uri,
      hint: 'complete the ceremony with `tufa sign`, then type `tufa publish`',
    });
  }
  const roles = new Roles(
    context.store,
    live.verifiedBy ?? live.kept.root,
    live.snapshot,
    first ? work.genesis?.offline : undefined,
    live.evidence,
  );
  const plan = await prepare(context, work, live, decision, roles);
  if (plan === 'again') return { outcome: 'lost' };
  if (plan === undefined) {
    await catchUp(context, live);
    return { outcome: 'nothing', live: shown(live.chain.at(-1)!.signed.version, live.timestamp, live.snapshot) };
  }

  const number = await claim(context, highestVersion(live.timestamp?.signed, live.snapshot?.signed));
  const built = await build(context, first ? work.genesis : undefined, live, decision, roles, plan, number);
  const other = await upload(context.store, built.uploads);
  if (other.length > 0 && !(await isOurNumberFree(context, built, other))) return { outcome: 'lost' };
  if ((await commit(context, number, built.timestamp.bytes, live.etag)) === 'lost') return { outcome: 'lost' };
  await confirm(context, live, decision.sets, built.result);
  return {
    outcome: 'committed',
    version: number,
    entries: plan.folded?.drained.results ?? [],
    signed: built.signed,
    finished: decision.names.since !== undefined,
    live: shown(live.chain.at(-1)!.signed.version, built.result.timestamp, built.result.snapshot),
  };
}

/** What has expired can be repaired, and somebody has to know that clients refused it meanwhile. */
function warnExpired({ clock, warn }: Context, { chain, snapshot, timestamp }: Live): void {
  const now = clock();
  for (const file of [chain.at(-1), snapshot, timestamp]) {
    if (file === undefined || file.signed.expires > now) continue;
    const { type, version, expires } = file.signed;
    warn(`${type} ${version} has expired on ${formatDate(expires)}: clients refuse it until it is signed again`);
  }
}

/** The trusted state follows what others have committed, or we ourselves before a crash. */
async function catchUp({ trusted }: Context, live: Live): Promise<void> {
  const { kept, chain, timestamp, snapshot, verifiedBy = chain.at(-1)!, evidence } = live;
  await trusted.advance(kept, { root: verifiedBy, timestamp, snapshot }, evidence);
}

/**
 * confirm: the trusted state follows what is live. If we crash before it, the next transaction moves it. Its root is the
 * newest one that has signed: with a newer one, copied to its place, it would forget the timestamp (5.3.11).
 */
async function confirm(context: Context, live: Live, sets: readonly Verified<Root>[], result: Trusted): Promise<void> {
  const root = live.chain.findLast((one) => sets.includes(one))!;
  try {
    await context.trusted.advance(live.kept, { ...result, root }, live.evidence);
  } catch (cause) {
    throw new AfterCommitError('committed, but the trusted state could not be moved', {
      object: context.trusted.uri,
      found: cause instanceof Error ? cause.message : String(cause),
      hint: 'run the command again',
      cause,
    });
  }
}

function shown(
  root: number,
  timestamp: Verified<Timestamp> | undefined,
  snapshot: Verified<Snapshot> | undefined,
): TransactionResult['live'] {
  return { root, timestamp: timestamp?.signed, snapshot: snapshot?.signed };
}
