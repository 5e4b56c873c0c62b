import type { RoleStatus, RootReserve, Status } from '../jobs/status.ts';
import { printable } from './printable.ts';
import { table } from './table.ts';
import { deadline } from './time.ts';

/** Roles that are shown one by one although all is well; bins beyond are summed up. */
const MAX_LINES = 24;

export function statusText({ repository, live, roles, reserve, drafts, waiting }: Status, now: Date): string {
  const lines = [`${repository.name}  ${repository.uuid}`];
  if (live === undefined) lines.push('nothing is published yet');
  else
    lines.push(
      `root ${live.root}, timestamp ${live.timestamp}, snapshot ${live.snapshot}; queue folded up to ${live.mark}, ${waiting} waiting`,
    );
  if (reserve !== undefined) lines.push(...reserveLines(reserve));
  for (const { draft, signatures, threshold, over } of drafts)
    lines.push(
      over
        ? `draft ${draft}: over, this version was completed elsewhere and is live`
        : `draft ${draft}: ${signatures} of ${threshold} signatures; next: tufa sign`,
    );
  const shown = roles.filter(
    (role, i) => i < MAX_LINES || role.standing !== 'OK' || !/^(bin|recent)\d/.test(role.role),
  );
  const rest = roles.length - shown.length;
  const body =
    roles.length === 0
      ? ''
      : table(
          ['role', 'version', 'expires', '', 'signers'],
          shown.map((role) => row(role, now)),
        );
  return `${lines.join('\n')}\n${body}${rest > 0 ? `and ${rest} more bins, all OK\n` : ''}`;
}

/** A lost token is replaced by a ceremony of those who are left: said while they are still enough. */
function reserveLines({ threshold, holders, afterOneMoreLoss }: RootReserve): string[] {
  const who = holders.map(printable).join(', ') || 'nobody';
  if (afterOneMoreLoss)
    return [`root needs ${threshold} of ${who}: it could still be changed if one more key were lost`];
  if (holders.length < threshold)
    return [
      `! root needs ${threshold}, and tufa.yaml counts on ${who} alone: without the others it can never be changed`,
    ];
  return [
    `! root needs ${threshold} of ${who}: if one more key were lost, it could never be changed again`,
    '  next: bring in another holder: key import, roles.root in tufa.yaml, then tufa ceremony open root',
  ];
}

function row({ role, version, expires, standing, signers, threshold }: RoleStatus, now: Date): string[] {
  return [role, String(version), deadline(expires, now), standing, `${threshold} of ${signers.join(', ')}`];
}
