import { TrustError } from '../errors.ts';
import { nextRoot, trustRoot } from '../tuf/checks.ts';
import { sha256Hex } from '../tuf/digest.ts';
import { metadataName, parseMetadataName } from '../tuf/layout.ts';
import type { MetadataFile, Root, Targets, Verified } from '../tuf/model.ts';
import { readMetadata } from '../tuf/read.ts';
import { countSigners } from '../tuf/verify.ts';
import { namedBy } from './slots.ts';

/** Complete files that drafts build on, by their names below `metadata/`: `1.root.json`. Nobody vouches for them. */
export type Bases = ReadonlyMap<string, Uint8Array>;

/** What drafts stand on: the chain of roots, and the newest version of each offline role that it verifies. */
export interface Ground {
  /** Ascending, each verified by the one before; empty before root 1 is complete. */
  readonly chain: readonly Verified<Root>[];
  readonly roles: ReadonlyMap<string, Verified<Targets>>;
}

/**
 * Walks from a root that is trusted to the newest one among the files, and finds the offline roles below it.
 *
 * @param anchor where trust starts; undefined: at the lowest root that is complete by itself, for whoever only looks
 * @throws TrustError when a root does not follow from the one before
 */
export function findGround(bases: Bases, anchor: Verified<Root> | undefined): Ground {
  const chain = walkRoots(bases, anchor ?? lowestRoot(bases));
  const newest = chain.at(-1);
  const roles = new Map<string, Verified<Targets>>();
  if (newest === undefined) return { chain, roles };
  const targets = highest(bases, 'targets', newest, newest);
  if (targets === undefined) return { chain, roles };
  roles.set('targets', targets);
  for (const { name } of targets.signed.delegations?.roles ?? []) {
    const found = highest(bases, name, targets, newest);
    if (found !== undefined) roles.set(name, found);
  }
  return { chain, roles };
}

/** The newest version of a role that is live as far as is known; 0: none. */
export function groundVersion({ chain, roles }: Ground, role: string): number {
  return (role === 'root' ? chain.at(-1) : roles.get(role))?.signed.version ?? 0;
}

/** The file that a draft of the role replaces. */
export function groundFile({ chain, roles }: Ground, role: string): Verified<Root> | Verified<Targets> | undefined {
  return role === 'root' ? chain.at(-1) : roles.get(role);
}

function walkRoots(bases: Bases, anchor: Verified<Root> | undefined): Verified<Root>[] {
  if (anchor === undefined) return [];
  const same = bases.get(metadataName('root', anchor.signed.version));
  const chain = [anchor];
  if (same !== undefined) assertSameRoot(anchor, same);
  for (;;) {
    const newest = chain.at(-1)!;
    const bytes = bases.get(metadataName('root', newest.signed.version + 1));
    if (bytes === undefined) return chain;
    chain.push(follow(newest, bytes));
  }
}

/** Two roots under one version: the ceremony stands on one that this signer never saw. */
function assertSameRoot(anchor: Verified<Root>, bytes: Uint8Array): void {
  const name = metadataName('root', anchor.signed.version);
  const { signedBytes } = readMetadata(bytes, 'root', name);
  if (Buffer.compare(signedBytes, anchor.signedBytes) === 0) return;
  throw unseen(name, `sha256 ${sha256Hex(anchor.signedBytes)} of the signed part`, `sha256 ${sha256Hex(signedBytes)}`);
}

function follow(newest: Verified<Root>, bytes: Uint8Array): Verified<Root> {
  try {
    return nextRoot(newest, bytes);
  } catch (cause) {
    if (!(cause instanceof TrustError)) throw cause;
    const { version } = newest.signed;
    const expected = `one that root ${version} (sha256 ${sha256Hex(newest.bytes)}) leads to`;
    throw unseen(metadataName('root', version + 1), expected, `sha256 ${sha256Hex(bytes)}: ${cause.message}`, cause);
  }
}

function unseen(object: string, expected: string, found: string, cause?: unknown): TrustError {
  return new TrustError('drawn on a root that this signer never saw', {
    object,
    code: 'trust.unseen-root',
    expected,
    found,
    hint: 'sign nothing; ask who leads the ceremony, over another way, for the digest of that root',
    cause,
  });
}

function lowestRoot(bases: Bases): Verified<Root> | undefined {
  const versions = [...bases.keys()].flatMap((name) => {
    const parsed = parseMetadataName(name);
    return parsed?.role === 'root' && parsed.version !== undefined ? [parsed.version] : [];
  });
  if (versions.length === 0) return undefined;
  const name = metadataName('root', Math.min(...versions));
  return trustRoot(bases.get(name)!, name);
}

/** The newest file of a role that its delegator's threshold has signed for this repository. */
function highest(
  bases: Bases,
  role: string,
  delegator: Verified<Root> | Verified<Targets>,
  root: Verified<Root>,
): Verified<Targets> | undefined {
  const named = namedBy(delegator, role);
  const versions = [...bases].flatMap(([name, bytes]) => {
    const parsed = parseMetadataName(name);
    return parsed?.role === role && parsed.version !== undefined ? [{ version: parsed.version, bytes }] : [];
  });
  if (named === undefined) return undefined;
  for (const { version, bytes } of versions.sort((a, b) => b.version - a.version)) {
    const file = readMetadata(bytes, 'targets', metadataName(role, version));
    const ours = file.signed.version === version && file.signed.repository === root.signed.repository;
    if (ours && isSignedBy(file, delegator, role)) return file as Verified<Targets>;
  }
  return undefined;
}

/** Whether a delegator's threshold for a role has signed a file. */
export function isSignedBy(file: MetadataFile, delegator: Parameters<typeof namedBy>[0], role: string): boolean {
  const named = namedBy(delegator, role);
  return named !== undefined && countSigners(file, named.keys, named.role) >= named.role.threshold;
}
