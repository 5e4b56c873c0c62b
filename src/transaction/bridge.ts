import type { NamedRoot, Root, Timestamp, Verified } from '../tuf/model.ts';

/**
 * Which root a transaction is for and whose keys sign it: the bridge of design section 5 ("Root and online keys"), as a
 * pure decision. The timestamp says for which root it was made; the chain of roots outranks it. A pending root N+1 is
 * bridged by one commit that both N's and N+1's keys have signed and that names N+1; only then is N+1 put in its place.
 */

export interface PendingRoot {
  readonly version: number;
  readonly sha256: string;
  readonly root: Verified<Root>;
}

export interface RootView {
  /** Every root from the trusted one to the newest, verified one by the other; ascending. */
  readonly chain: readonly Verified<Root>[];
  /** undefined: nothing was published yet. */
  readonly timestamp: Timestamp | undefined;
  /** The root of the chain (or the one below it) by whose keys the live timestamp verifies. */
  readonly verifiedBy: Verified<Root> | undefined;
  /** Complete roots newest + 1, verified by the newest root and by themselves. */
  readonly pending: readonly PendingRoot[];
  /** sha256 of a root's file. */
  digest(root: Verified<Root>): string;
  /** Whether this job can open a threshold of the keys of timestamp and snapshot. */
  canSign(root: Verified<Root>): boolean;
  /** The same for the timestamp alone: a job that only refreshes it changes no root, and goes on for the one that is named. */
  canStamp(root: Verified<Root>): boolean;
  readonly now: Date;
  /** Milliseconds: how long both sets sign after a change of root. */
  readonly grace: number;
  /** After a compromise nobody waits for the grace. */
  readonly urgent: boolean;
}

export type RootDecision =
  /** Sign timestamp (and snapshot, when it is new or `resign`) with the keys of each of `sets`, and name `names`. */
  | {
      readonly kind: 'sign';
      readonly names: NamedRoot;
      readonly sets: readonly Verified<Root>[];
      readonly resign: boolean;
      readonly due: boolean;
      readonly warning?: string;
    }
  /** Put N+1 in its place, create-only; then decide again. */
  | { readonly kind: 'put'; readonly root: PendingRoot }
  /** The timestamp is ahead of the chain that was read: read pending roots, then the chain again. */
  | { readonly kind: 'read-again' }
  /** The timestamp names a root that is nowhere: a person has to put it again. */
  | { readonly kind: 'lost'; readonly named: NamedRoot }
  /** This job has not the keys that the next commit needs. */
  | { readonly kind: 'stand-aside'; readonly why: string };

/** @param again whether pending and chain were read again after the timestamp, in this order */
export function bridge(view: RootView, again: boolean): RootDecision {
  const newest = view.chain.at(-1)!;
  const version = newest.signed.version;
  const named = view.timestamp?.root ?? { version, sha256: view.digest(newest), since: undefined };
  if (view.timestamp === undefined)
    return sign(view, [newest], { version, sha256: view.digest(newest), since: view.now }, {});
  if (named.version > version + 1) return again ? { kind: 'lost', named } : { kind: 'read-again' };
  if (named.version === version + 1) return afterBridge(view, named, again);
  if (named.version === version && named.sha256 === view.digest(newest)) return onNewest(view, named, newest);
  return behind(view, named, newest);
}

/** The live timestamp names newest + 1: the bridge has been committed, the root is not in its place yet. */
function afterBridge(view: RootView, named: NamedRoot, again: boolean): RootDecision {
  const root = view.pending.find((p) => p.sha256 === named.sha256);
  if (root !== undefined) return { kind: 'put', root };
  // Another job may have put the root and removed what was pending, between our reads of chain and timestamp.
  return again ? { kind: 'lost', named } : { kind: 'read-again' };
}

/** The usual case: the timestamp names the newest root. */
function onNewest(view: RootView, named: NamedRoot, newest: Verified<Root>): RootDecision {
  const before = view.chain.at(-2);
  const version = newest.signed.version;
  if (!view.canStamp(newest)) return { kind: 'stand-aside', why: `no keys for the timestamp of root ${version}` };
  if (named.since === undefined) {
    // First commit that finds the named root in the chain: from now on clients can have it, so the grace starts now.
    return sign(view, both(view, before, newest), { ...named, since: view.now }, { due: true });
  }
  const graceOver = view.now.getTime() - named.since.getTime() > view.grace;
  const sets = graceOver || version === 1 ? [newest] : both(view, before, newest);
  const next = view.pending[0];
  if (next === undefined) return sign(view, sets, named, {});
  if (!view.canSign(next.root))
    return sign(view, sets, named, { warning: `root ${next.version} is pending, and this job has not its keys` });
  if (!graceOver && version > 1 && !view.urgent)
    return sign(view, sets, named, {
      warning: `root ${next.version} is pending and waits until the grace after root ${version} is over`,
    });
  return sign(
    view,
    [newest, next.root],
    { version: next.version, sha256: next.sha256, since: undefined },
    { due: true, resign: true },
  );
}

/** A root took its place without this timestamp knowing: copied there without the bridge, or another one than was named. */
function behind(view: RootView, named: NamedRoot, newest: Verified<Root>): RootDecision {
  const old = view.verifiedBy;
  if (old !== undefined && view.canSign(old) && view.canSign(newest)) {
    const sets = old === newest ? [newest] : [old, newest];
    return sign(
      view,
      sets,
      { version: newest.signed.version, sha256: view.digest(newest), since: view.now },
      { due: true, resign: true },
    );
  }
  const inChain = view.chain.find(
    (root) => root.signed.version === named.version && view.digest(root) === named.sha256,
  );
  if (inChain === undefined || !view.canStamp(inChain)) {
    return {
      kind: 'stand-aside',
      why: `root ${newest.signed.version} is in its place and needs a commit by the keys of both roots`,
    };
  }
  return sign(view, [inChain], named, {
    warning: `root ${newest.signed.version} is in its place without its bridge, and this job has not its keys`,
  });
}

function both(view: RootView, before: Verified<Root> | undefined, newest: Verified<Root>): Verified<Root>[] {
  const able = before !== undefined && (view.canSign(newest) ? view.canSign(before) : view.canStamp(before));
  return able ? [before, newest] : [newest];
}

function sign(
  view: RootView,
  sets: readonly Verified<Root>[],
  names: NamedRoot,
  rest: { resign?: boolean; due?: boolean; warning?: string },
): RootDecision {
  const { resign = false, due = false, warning } = rest;
  const lacking = sets.find((root) => !(resign ? view.canSign(root) : view.canStamp(root)));
  if (lacking !== undefined)
    return { kind: 'stand-aside', why: `no keys for timestamp and snapshot of root ${lacking.signed.version}` };
  return { kind: 'sign', names, sets, resign, due, ...(warning === undefined ? {} : { warning }) };
}
