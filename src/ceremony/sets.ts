import { verifySignature } from '../tuf/keys.ts';
import type { Key, RoleKeys, Root, Signature, SignedPart, Targets } from '../tuf/model.ts';
import type { Draft } from './drafts.ts';
import type { Ground } from './ground.ts';
import { groundFile, isSignedBy } from './ground.ts';
import { delegatorOf, namedBy, sameSlot } from './slots.ts';

/** A threshold that a draft needs: whose it is, and what it has of it. */
export interface SigningSet {
  /** `root 1`: the part that names the keys. */
  readonly by: string;
  readonly keys: ReadonlyMap<string, Key>;
  readonly role: RoleKeys;
  /** Those that verify, each key once. */
  readonly valid: readonly Signature[];
}

/** A draft with what it says. */
export interface ReadDraft {
  readonly draft: Draft;
  readonly signed: Root | Targets;
}

/**
 * Every threshold that must sign a draft. Root N+1 needs N's and its own (specification, section 5.3.4). Another role needs
 * its delegator's; where the delegator changes in the same ceremony, the new one's, and the live one's as well where the
 * live file would not verify by the new one: then the role goes live first, and every client can read it at any moment.
 */
export function signingSets(one: ReadDraft, open: readonly ReadDraft[], ground: Ground): SigningSet[] {
  const { draft } = one;
  const set = (by: { readonly signed: SignedPart }, role = draft.role): SigningSet[] => {
    const named = namedBy(by, role);
    const type = by.signed.type === 'root' ? 'root' : 'targets';
    if (named === undefined) return [];
    return [{ by: `${type} ${by.signed.version}`, ...named, valid: validSignatures(draft, named.keys, named.role) }];
  };
  const root = ground.chain.at(-1);
  if (draft.role === 'root')
    return [...(root === undefined || draft.version === 1 ? [] : set(root)), ...set({ signed: one.signed })];

  const parent = delegatorOf(draft.role);
  const live = groundFile(ground, parent);
  const drafted = open.find((other) => other.draft.role === parent);
  if (live === undefined) return drafted === undefined ? [] : set(drafted);
  if (drafted === undefined || !changes(live, drafted, draft.role)) return set(live);
  return followsParent(one, drafted, ground) ? set(drafted) : [...set(live), ...set(drafted)];
}

/** Whether a role's draft goes live after its delegator's: the live file verifies by the new delegator as well. */
export function followsParent({ draft }: ReadDraft, parent: ReadDraft, ground: Ground): boolean {
  const file = groundFile(ground, draft.role);
  return file === undefined || isSignedBy(file, parent, draft.role);
}

function changes(live: { readonly signed: SignedPart }, drafted: ReadDraft, role: string): boolean {
  const [now, next] = [namedBy(live, role), namedBy(drafted, role)];
  return now === undefined || next === undefined || !sameSlot(now.role, next.role);
}

/** Signatures of the role's keys over the draft that verify, each key once. */
export function validSignatures(draft: Draft, keys: ReadonlyMap<string, Key>, role: RoleKeys): Signature[] {
  const valid = new Map<string, Signature>();
  for (const signature of draft.signatures.values()) {
    const key = role.keyids.includes(signature.keyid) ? keys.get(signature.keyid) : undefined;
    if (key !== undefined && verifySignature(key, draft.bytes, signature.sig)) valid.set(signature.keyid, signature);
  }
  return [...valid.values()];
}

/** Whether every threshold is there. */
export function isMet(sets: readonly SigningSet[]): boolean {
  return sets.length > 0 && sets.every(({ valid, role }) => valid.length >= role.threshold);
}

/** Each signature that counts for some threshold, once: what the complete file carries. */
export function countedSignatures(sets: readonly SigningSet[]): Signature[] {
  return [...new Map(sets.flatMap(({ valid }) => valid.map((one) => [one.keyid, one] as const))).values()];
}

/** Keyids that could still sign for some threshold that is not met, or for any while the draft is open. */
export function missingKeyids(sets: readonly SigningSet[]): string[] {
  return [
    ...new Set(
      sets.flatMap(({ role, valid }) =>
        role.keyids.filter((keyid) => !valid.some((signature) => signature.keyid === keyid)),
      ),
    ),
  ];
}

/**
 * The order in which complete drafts go live: a role before its delegator where its live file would not verify by the new
 * one, behind it otherwise.
 */
export function publicationOrder(drafts: readonly ReadDraft[], ground: Ground): ReadDraft[] {
  const find = (role: string): ReadDraft | undefined => drafts.find(({ draft }) => draft.role === role);
  const ordered: ReadDraft[] = [];
  const place = (parent: ReadDraft): void => {
    const below = drafts.filter(({ draft }) => draft.role !== 'root' && delegatorOf(draft.role) === parent.draft.role);
    const [behind, before] = [
      below.filter((one) => followsParent(one, parent, ground)),
      below.filter((one) => !followsParent(one, parent, ground)),
    ];
    for (const one of before) place(one);
    ordered.push(parent);
    for (const one of behind) place(one);
  };
  const tops = drafts.filter(({ draft }) => draft.role === 'root' || find(delegatorOf(draft.role)) === undefined);
  for (const one of tops) place(one);
  return ordered;
}
