import type { Verify } from './evidence.ts';
import { verifySignature } from './keys.ts';
import type { Key, MetadataFile, RoleKeys, SignedPart, Verified } from './model.ts';
import { fail } from './refusal.ts';

/**
 * Counts distinct public keys of the role that signed the file: by public key, because one key under several keyids
 * reached thresholds alone (go-tuf#369), and a keyid again was counted twice (CVE-2020-6174).
 */
export function countSigners(
  file: MetadataFile,
  keys: ReadonlyMap<string, Key>,
  role: RoleKeys,
  verify: Verify = verifySignature,
): number {
  const signers = new Set<string>();
  for (const { keyid, sig } of file.signatures) {
    const key = role.keyids.includes(keyid) ? keys.get(keyid) : undefined;
    if (key !== undefined && !signers.has(key.keyval.public) && verify(key, file.signedBytes, sig))
      signers.add(key.keyval.public);
  }
  return signers.size;
}

/** A threshold of the role's keys has signed the file. @throws TrustError */
export function signedBy<T extends SignedPart>(
  file: MetadataFile<T>,
  keys: ReadonlyMap<string, Key>,
  role: RoleKeys,
  what: string,
  check: string,
  verify: Verify = verifySignature,
): Verified<T> {
  const signers = countSigners(file, keys, role, verify);
  if (signers < role.threshold) {
    fail(
      'not enough signatures',
      what,
      `${role.threshold} valid signature${role.threshold === 1 ? '' : 's'}`,
      `${signers}`,
      check,
      'trust.threshold',
    );
  }
  return file as Verified<T>;
}
