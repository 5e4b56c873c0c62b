import type { Recovery } from '../jobs/recover/report.ts';
import { shortDigest } from './digest.ts';
import { printable } from './printable.ts';
import { entryLines } from './queue.ts';

/** Rows of one role, and roles, that a terminal gets; `--json` has them all. */
const MAX_ROWS = 20;
const MAX_ROLES = 40;

const WHY = { stolen: 'stolen', shared: 'the same key', reset: 'so that versions can go back' } as const;

export function recoveryText(recovery: Recovery): string {
  const { state, good, keys, unproven, steps, entries, warnings, version, next } = recovery;
  if (state === 'already')
    return `recovered already: version ${version} stands on the good version ${good.version}\nnext: ${next}\n`;
  const lines = [
    `good: version ${good.version}, sha256 ${good.sha256}, known by ${good.provenBy === 'digest' ? 'the digest that was given' : 'the trusted state'}`,
    liveLine(recovery),
    ...keys.map(({ role, why, old, next: to }) => `keys of ${role} (${WHY[why]}): ${ids(old)} -> ${ids(to)}`),
    ...changedLines(recovery),
    ...(unproven === 0 ? [] : [`! ${unproven} leaves are listed without a hash: taken as the store has them`]),
    state === 'open' ? 'what will be done, once the drafts are signed:' : 'done:',
    ...steps.map(({ step, what }) => `  ${step}. ${what}`),
    ...entryLines(entries),
    ...warnings.map((warning) => `! ${printable(warning)}`),
    `next: ${next}`,
  ];
  return `${lines.join('\n')}\n`;
}

function liveLine({ live }: Recovery): string {
  if (live === undefined || live.sha256 === undefined) return 'live: no timestamp.json';
  const said = live.version === undefined ? 'nothing that the keys have signed' : `version ${live.version}`;
  const made = live.made === undefined ? '' : `, made ${live.made} by its own word`;
  return `live: ${said}${made}, sha256 ${live.sha256}${live.why === undefined ? '' : `; ${printable(live.why)}`}`;
}

function changedLines({ changed }: Recovery): string[] {
  const lines = changed.slice(0, MAX_ROLES).flatMap(({ role, good, live, rows, why }) => [
    `${role}: version ${good} was good, ${live ?? 'none'} is live: ${why === undefined ? rowsText(rows.length) : printable(why)}`,
    ...rows.slice(0, MAX_ROWS).map(({ path, change, good: was, live: now }) => {
      const hashes = [was, now].map((hash) => (hash === null ? '-' : shortDigest(hash)));
      return `  ${change.padEnd(7)}  ${printable(path)}  ${hashes.join(' -> ')}`;
    }),
    ...(rows.length > MAX_ROWS ? [`  and ${rows.length - MAX_ROWS} more: --json lists them`] : []),
  ]);
  if (changed.length > MAX_ROLES) lines.push(`and ${changed.length - MAX_ROLES} roles more: --json lists them`);
  return lines;
}

function rowsText(count: number): string {
  if (count === 0) return 'the same rows';
  return count === 1 ? '1 row differs' : `${count} rows differ`;
}

function ids(keyids: readonly string[]): string {
  return keyids.map(shortDigest).join(', ');
}
