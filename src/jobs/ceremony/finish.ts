import type { Ceremonies, Draft } from '../../ceremony/drafts.ts';
import type { SigningSet } from '../../ceremony/sets.ts';
import { countedSignatures, isMet } from '../../ceremony/sets.ts';
import type { Workspace } from '../../config/workspace.ts';
import { TrustedState } from '../../trusted/state.ts';
import { trustRoot } from '../../tuf/checks.ts';

/** Writes the complete file once every threshold has signed. @returns it; undefined: signatures are missing */
export async function completeIfMet(
  ceremonies: Ceremonies,
  draft: Draft,
  sets: readonly SigningSet[],
): Promise<Uint8Array | undefined> {
  if (draft.complete !== undefined) return draft.complete;
  return isMet(sets) ? ceremonies.complete(draft, countedSignatures(sets)) : undefined;
}

/**
 * The trusted state of the publisher starts where the ceremony of root 1 was completed, never by publishing.
 * @returns root 1; undefined while one of its drafts lacks signatures
 */
export async function beginTrustIfComplete(workspace: Workspace): Promise<Uint8Array | undefined> {
  const drafts = (await (await workspace.ceremonies()).list()).filter(({ version }) => version === 1);
  const root = drafts.find(({ role }) => role === 'root')?.complete;
  if (root === undefined || drafts.some(({ complete }) => complete === undefined)) return undefined;
  await new TrustedState(await workspace.trustedStore()).begin(trustRoot(root, '1.root.json'));
  return root;
}
