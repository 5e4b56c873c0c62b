import type { RoleStatus, Status } from '../jobs/status.ts';
import { table } from './table.ts';
import { deadline } from './time.ts';

/** Roles that are shown one by one although all is well; bins beyond are summed up. */
const MAX_LINES = 24;

export function statusText({ repository, live, roles, drafts, waiting }: Status, now: Date): string {
  const lines = [`${repository.name}  ${repository.uuid}`];
  if (live === undefined) lines.push('nothing is published yet');
  else
    lines.push(
      `root ${live.root}, timestamp ${live.timestamp}, snapshot ${live.snapshot}; queue folded up to ${live.mark}, ${waiting} waiting`,
    );
  for (const { draft, signatures, threshold } of drafts)
    lines.push(`draft ${draft}: ${signatures} of ${threshold} signatures; next: tufa sign`);
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

function row({ role, version, expires, standing, signers, threshold }: RoleStatus, now: Date): string[] {
  return [role, String(version), deadline(expires, now), standing, `${threshold} of ${signers.join(', ')}`];
}
