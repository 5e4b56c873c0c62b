import { ConflictError, InputError, TrustError } from '../errors.ts';
import { sha256Hex } from '../tuf/digest.ts';
import { metadataName, parseMetadataName } from '../tuf/layout.ts';
import type { Root, Targets } from '../tuf/model.ts';
import { readMetadata, readSigned } from '../tuf/read.ts';
import type { Draft } from './drafts.ts';
import { draftName } from './drafts.ts';
import type { Bases, Ground } from './ground.ts';
import { groundFile, groundVersion } from './ground.ts';
import type { ReadDraft } from './sets.ts';

/** A draft against what it stands on: is it the next version, of this repository, of what this signer has seen? */

/** What a draft says. @throws TrustError when its bytes are not the canonical form of themselves, InputError otherwise */
export function readDraft(draft: Draft): ReadDraft {
  const name = draftName(draft);
  const signed = readSigned(draft.bytes, draft.role === 'root' ? 'root' : 'targets', name) as Root | Targets;
  if (signed.version !== draft.version) {
    throw new InputError('another version inside', {
      object: name,
      expected: `${draft.version}`,
      found: `${signed.version}`,
    });
  }
  return { draft, signed };
}

/**
 * Whether a ceremony is over: its version, or a higher one, is what later drafts build on.
 */
export function isOver(draft: Draft, bases: Bases, ground: Ground): boolean {
  if (groundVersion(ground, draft.role) > draft.version) return true;
  return [...bases.keys()].some((name) => {
    const parsed = parseMetadataName(name);
    return parsed?.role === draft.role && (parsed.version ?? 0) >= draft.version;
  });
}

/** Whether what went live under the version of a draft is another file: the draft is stale, and nobody needs it any more. */
export function isLost(draft: Draft, bases: Bases): boolean {
  return sameAsBase(draft, bases) === false;
}

/** Whether later drafts build on this very one. */
export function isBuiltOn(draft: Draft, bases: Bases): boolean {
  return sameAsBase(draft, bases) === true;
}

/** undefined: nothing is there under its version. */
function sameAsBase(draft: Draft, bases: Bases): boolean | undefined {
  const name = metadataName(draft.role, draft.version);
  const file = bases.get(name);
  if (file === undefined) return undefined;
  const { signedBytes } = readMetadata(file, draft.role === 'root' ? 'root' : 'targets', name);
  return Buffer.compare(signedBytes, draft.bytes) === 0;
}

/** The version that a draft replaces; 0: it is the first. */
export function baseOf({ draft, signed }: ReadDraft): number {
  return signed.type === 'root' ? draft.version - 1 : (signed.base ?? 0);
}

/**
 * Statement 16: nothing touches a key for a draft of another repository, one that skips a version, or one that builds on
 * what this signer never saw.
 *
 * @param repository uuid of the workspace
 * @throws TrustError with both digests, ConflictError when the draft is stale
 */
export function assertNext(one: ReadDraft, ground: Ground, repository: string): void {
  const { draft, signed } = one;
  const seen = groundFile(ground, draft.role);
  if (signed.repository !== repository) {
    const expected = `repository ${repository}${seen === undefined ? '' : ` (${describe(draft.role, seen)})`}`;
    const found = `${signed.repository ?? 'none'} (sha256 ${sha256Hex(draft.bytes)})`;
    throw refuse(draft, 'a draft for another repository', expected, found, 'trust.repository');
  }
  const base = baseOf(one);
  const live = groundVersion(ground, draft.role);
  // The first ceremony, looked at again once it is complete.
  if (seen !== undefined && live === draft.version && Buffer.compare(seen.signedBytes, draft.bytes) === 0) return;
  if (base === live) return;
  if (base < live) throw staleDraft(draft, base, live);
  const expected =
    seen === undefined
      ? `version 1, because this signer has seen no ${draft.role}`
      : `version ${live + 1} on ${describe(draft.role, seen)}`;
  const skips = draft.role === 'root' ? `root ${draft.version}` : `version ${draft.version} on version ${base}`;
  const found = `${skips} (sha256 ${sha256Hex(draft.bytes)})`;
  throw refuse(draft, 'drawn on what this signer never saw', expected, found, 'trust.unseen-base');
}

function describe(role: string, file: { signed: { version: number }; signedBytes: Uint8Array }): string {
  return `${role} ${file.signed.version}, sha256 ${sha256Hex(file.signedBytes)}`;
}

function refuse(draft: Draft, what: string, expected: string, found: string, code: string): TrustError {
  const hint = 'sign nothing; ask who leads the ceremony';
  return new TrustError(what, { object: draftName(draft), code, expected, found, hint });
}

/** Refused by name: the version that it would replace has been replaced already. */
export function staleDraft(draft: Draft, base: number, live: number): ConflictError {
  return new ConflictError('the draft is stale', {
    object: draftName(draft),
    code: 'conflict.stale-draft',
    expected: `one drawn on ${draft.role} ${live}, which is live`,
    found: `one drawn on version ${base}`,
    hint: `draw it again: tufa ceremony rebase ${draft.role}`,
  });
}
