import { metadataFile } from '../tuf/encode.ts';
import type { Keyring, SigningSet } from './context.ts';
import type { NewRole, RoleDraft } from './plan.ts';

/** sign: the draft's bytes as they are; serialised once, hashed, signed and stored the same. */
export async function signDraft(keyring: Keyring, draft: RoleDraft, sets: readonly SigningSet[]): Promise<NewRole> {
  const signatures = await keyring.sign(sets, draft.signedBytes, `${draft.name} ${draft.version}`);
  return { name: draft.name, version: draft.version, bytes: metadataFile(draft.signedBytes, signatures) };
}
