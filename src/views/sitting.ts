import type { Sitting } from '../jobs/sign.ts';
import type { SignedPart } from '../tuf/model.ts';
import { digestGroups, shortDigest } from './digest.ts';
import { printable } from './printable.ts';
import { deadline } from './time.ts';

/** What a holder reads before signing: each draft with its keys, deadline and the digest of the exact bytes. */
export function sittingText(sitting: readonly Sitting[], now: Date): string {
  return sitting.map((one) => draftText(one, now)).join('\n');
}

function draftText({ draft, signed, digest, role, valid, here }: Sitting, now: Date): string {
  const lines = [
    `${draft.role} ${draft.version}   expires ${deadline(signed.expires, now)}   ${valid.length} of ${role.threshold} signatures`,
    ...details(signed),
    `  ${draft.bytes.length} bytes, sha256 ${digestGroups(digest)}`,
    `  to be signed by ${here.join(', ')}`,
  ];
  return `${lines.join('\n')}\n`;
}

function details(signed: SignedPart): string[] {
  if (signed.type === 'root') {
    return Object.entries(signed.roles).map(
      ([name, { keyids, threshold }]) =>
        `  + ${name.padEnd(9)} ${threshold} of ${keyids.length}: ${keyids.map(shortDigest).join(', ')}`,
    );
  }
  if (signed.type !== 'targets' || signed.delegations === undefined) return [];
  const { roles, succinct } = signed.delegations;
  if (succinct !== undefined)
    return [
      `  + ${2 ** succinct.bitLength} bins ${printable(succinct.namePrefix)}-…, ${succinct.threshold} of ${succinct.keyids.length}`,
    ];
  return roles.map(
    ({ name, keyids, threshold, paths }) =>
      `  + ${printable(name).padEnd(9)} ${threshold} of ${keyids.length}: ${printable(paths?.join(' ') ?? '')}`,
  );
}
