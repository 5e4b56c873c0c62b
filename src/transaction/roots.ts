import { PersonError, SignerError, StorageError } from '../errors.ts';
import { UnknownAnswer } from '../stores/port.ts';
import { sha256Hex } from '../tuf/digest.ts';
import { PENDING_PREFIX, parsePendingKey, rootKey } from '../tuf/layout.ts';
import type { Root, Verified } from '../tuf/model.ts';
import type { PendingRoot, RootDecision } from './bridge.ts';
import { bridge } from './bridge.ts';
import type { Context } from './context.ts';
import { topLevelSet } from './context.ts';
import { fetchPending, verifyPending } from './pending.ts';
import type { Live } from './read.ts';
import { collect, readChain } from './read.ts';
import { put } from './upload.ts';

/**
 * Carries out what `bridge` decides until it says what to sign: puts a root whose bridge is committed in its place, and
 * reads again what another job may have moved meanwhile.
 */
export async function settleRoot(
  context: Context,
  read: Live,
  urgent: boolean,
): Promise<{ live: Live; decision: Extract<RootDecision, { kind: 'sign' }> }> {
  let live = read;
  let again = false;
  for (let step = 0; step < 8; step++) {
    const decision = decide(context, live, urgent, again);
    if (decision.kind === 'sign') {
      if (decision.warning !== undefined) context.warn(decision.warning);
      return { live, decision };
    }
    if (decision.kind === 'lost') throw lostRoot(decision.named);
    if (decision.kind === 'stand-aside')
      throw new SignerError('this job can commit nothing now', {
        object: context.store.uri,
        found: decision.why,
        hint: 'run it where the keys of both roots can be opened; `tufa doctor signers` shows them',
      });
    if (decision.kind === 'put') await putRoot(context, decision.root);
    live = await readRootsAgain(context, live);
    again = true;
  }
  throw new PersonError('the roots in the store do not settle', {
    object: rootKey(live.chain.at(-1)!.signed.version + 1),
    hint: 'run the command again',
  });
}

function decide(context: Context, live: Live, urgent: boolean, again: boolean): RootDecision {
  return bridge(
    {
      chain: live.chain,
      timestamp: live.timestamp?.signed,
      verifiedBy: live.verifiedBy,
      pending: live.pending,
      digest,
      canSign: (root) =>
        context.keyring.canSign(topLevelSet(root, 'timestamp')) &&
        context.keyring.canSign(topLevelSet(root, 'snapshot')),
      canStamp: (root) => context.keyring.canSign(topLevelSet(root, 'timestamp')),
      now: context.clock(),
      grace: context.settings.grace,
      urgent,
    },
    again,
  );
}

/**
 * N+1 takes its place, only while the live timestamp names it; then what is pending for N+1 and below goes. If we crash
 * between the two, the next job finds N+1 in the chain and ignores what is pending for it.
 */
async function putRoot(context: Context, { version, root }: PendingRoot): Promise<void> {
  if ((await put(context.store, { key: rootKey(version), bytes: root.bytes })) === 'other') {
    context.warn(`${rootKey(version)}: another root than the one that timestamp.json names took the place`);
    return;
  }
  await removePending(context, version);
}

/** What waits to become this root or one below it is of no use to anybody any more. */
export async function removePending(context: Context, version: number): Promise<void> {
  try {
    for (const { key } of await collect(context.store.list(PENDING_PREFIX))) {
      const name = parsePendingKey(key);
      if (name !== undefined && name.version <= version) await context.store.remove(key);
    }
  } catch (error) {
    if (!(error instanceof StorageError || error instanceof UnknownAnswer)) throw error;
    context.warn(`${error.message}: what is pending for a root that is in its place stays, and is ignored`);
  }
}

/** Pending first, with its bytes, then the chain: a root is removed from pending only after it was put (model, V6). */
async function readRootsAgain(context: Context, live: Live): Promise<Live> {
  const files = await fetchPending(context, live.kept.root.signed.version);
  const chain = await readChain(context.store, live.kept.root);
  const pending = verifyPending(context, chain.at(-1)!, files);
  return { ...live, chain, pending };
}

function digest(root: Verified<Root>): string {
  return sha256Hex(root.bytes);
}

function lostRoot(named: { version: number; sha256: string }): PersonError {
  return new PersonError('timestamp.json names a root that is neither in its place nor pending', {
    object: rootKey(named.version),
    expected: `the root with sha256 ${named.sha256}`,
    found: 'none',
    hint: 'put that root again: `tufa ceremony publish root`',
  });
}
