import { metadataFile } from '../tuf/encode.ts';
import type { Evidence } from '../tuf/evidence.ts';
import type { Keyring, SigningSet } from './context.ts';
import type { NewRole, RoleDraft } from './plan.ts';

/** sign: the draft's bytes as they are; serialised once, hashed, signed and stored the same. */
export async function signDraft(
  keyring: Keyring,
  draft: RoleDraft,
  sets: readonly SigningSet[],
  evidence: Evidence,
): Promise<NewRole> {
  const subject = `${draft.name} ${draft.version}`;
  const signatures = await keyring.sign(sets, draft.signedBytes, subject, evidence.verify);
  return { name: draft.name, version: draft.version, bytes: metadataFile(draft.signedBytes, signatures) };
}
