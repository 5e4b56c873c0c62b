import type { Ceremonies, Draft } from '../ceremony/drafts.ts';
import type { SigningSet } from '../ceremony/sets.ts';
import { countedSignatures, isMet } from '../ceremony/sets.ts';
import type { Workspace } from '../config/workspace.ts';
import { TrustedState } from '../trusted/state.ts';
import { trustRoot } from '../tuf/checks.ts';

/** Writes the complete file once every threshold has signed. @returns it; undefined: signatures are missing */
export async function completeIfMet(
  ceremonies: Ceremonies,
  draft: Draft,
  sets: readonly SigningSet[],
): Promise<Uint8Array | undefined> {
  if (draft.complete !== undefined) return draft.complete;
  return isMet(sets) ? ceremonies.complete(draft, countedSignatures(sets)) : undefined;
}

/** The trusted state of the publisher starts where root 1 was completed, never by publishing. */
export async function beginTrust(workspace: Workspace): Promise<void> {
  const complete = (await (await workspace.ceremonies()).list()).find(
    (draft) => draft.role === 'root' && draft.version === 1,
  )?.complete;
  if (complete === undefined) return;
  await new TrustedState(await workspace.trustedStore()).begin(trustRoot(complete, '1.root.json'));
}
