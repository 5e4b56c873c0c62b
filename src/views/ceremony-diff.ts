import type { Change, Diff } from '../ceremony/diff.ts';
import { printable } from './printable.ts';
import { dateText } from './time.ts';

/** Target paths that are shown one by one; `--json` has them all. */
const MAX_TARGETS = 20;

/**
 * A semantic diff as one screen. `!` stands before what could harm: it is a word of warning, not a colour.
 *
 *     root 1 -> 2
 *       ! alice has another key
 *             was 5f3c…
 *             now 9a21…
 *       ! threshold of root: 2 of 3 -> 1 of 3
 *       + key 9a21… (dave) for root, targets
 */
export function diffText(diff: Diff): string {
  return `${[diffTitle(diff), ...diffLines(diff)].join('\n')}\n`;
}

export function diffTitle({ role, from, to }: Diff): string {
  return from === undefined ? `${printable(role)} ${to}` : `${printable(role)} ${from} -> ${to}`;
}

export function diffLines({ changes, renewal }: Diff): string[] {
  const lines: string[] = [];
  const targets = changes.filter(({ kind }) => kind.startsWith('target.'));
  // The title has both versions already, and the first expiry.
  const told = ({ kind, flagged, before }: Change): boolean =>
    !flagged && (kind === 'version' || (kind === 'expires' && before === undefined));
  for (const change of grouped(changes.filter((one) => !told(one)))) lines.push(...changeLines(change));
  for (const change of targets.slice(0, MAX_TARGETS)) lines.push(...targetLines(change));
  if (targets.length > MAX_TARGETS) lines.push(`    and ${targets.length - MAX_TARGETS} more targets`);
  if (renewal) lines.push('    nothing else changes: the same keys, thresholds, roles and targets');
  return lines;
}

/** Keys that come (or go) in several roles are one line. */
function grouped(changes: readonly Change[]): (Change & { readonly subjects: readonly string[] })[] {
  const groups = new Map<string, Change & { subjects: string[] }>();
  for (const [i, change] of changes.entries()) {
    const { kind, before, after, subject } = change;
    if (kind.startsWith('target.')) continue;
    const key = kind === 'key.added' || kind === 'key.removed' ? `${kind} ${before} ${after}` : `${i}`;
    const known = groups.get(key);
    if (known === undefined) groups.set(key, { ...change, subjects: [subject] });
    else known.subjects.push(subject);
  }
  return [...groups.values()];
}

function changeLines(change: Change & { readonly subjects: readonly string[] }): string[] {
  const [head, ...more] = words(change);
  const why = change.why === undefined ? '' : ` (${printable(change.why)})`;
  return [`  ${sign(change)} ${head}${why}`, ...more.map((line) => `        ${line}`)];
}

function sign({ flagged, kind }: Change): string {
  if (flagged) return '!';
  if (kind.endsWith('.added')) return '+';
  return kind.endsWith('.removed') ? '-' : ' ';
}

function words(change: Change & { readonly subjects: readonly string[] }): string[] {
  const { kind } = change;
  const subject = printable(change.subject);
  const before = printable(change.before ?? 'none');
  const after = printable(change.after ?? 'none');
  const holder = change.holder === undefined ? 'of nobody who is known here' : `of ${printable(change.holder)}`;
  const arrow = change.before === undefined ? after : `${before} -> ${after}`;
  switch (kind) {
    case 'version':
      return [`version ${arrow}`];
    case 'expires':
      return [
        `expires ${[change.before, change.after].flatMap((at) => (at === undefined ? [] : [day(at)])).join(' -> ')}`,
      ];
    case 'threshold':
      return [`threshold of ${subject}: ${arrow}`];
    case 'key.added':
      return [`key ${after} ${holder}`, `for ${change.subjects.map(printable).join(', ')}`];
    case 'key.removed':
      return [`key ${before} ${holder}`, `no more for ${change.subjects.map(printable).join(', ')}`];
    case 'key.replaced':
      return [`${subject} has another key`, `was ${before}`, `now ${after}`];
    case 'key.content':
      return [`key ${subject} ${holder} has another content`, `was ${before}`, `now ${after}`];
    case 'key.renamed':
      return [`key ${subject} has another holder: ${arrow}`];
    case 'key.reused':
      return [`key ${subject} ${holder} is used by ${after}`];
    case 'role.added':
      return [`role ${subject} for ${after}`];
    case 'role.removed':
      return [`role ${subject} is not delegated to any more (${before})`];
    case 'role.order':
      return ['roles in another order', `was ${before}`, `now ${after}`];
    case 'paths':
      return [`paths of ${subject}`, `was ${before}`, `now ${after}`];
    case 'terminating':
      return [`terminating of ${subject}: ${arrow}`];
    case 'bins':
      return [`bins: ${arrow}`];
    case 'floor':
      return [`no ${subject} below version ${arrow}`];
    default:
      return [`unknown field ${subject}`, ...(change.before === undefined ? [] : [`was ${before}`]), `now ${after}`];
  }
}

function targetLines(change: Change): string[] {
  const { kind, subject, before, after } = change;
  const mark = kind === 'target.added' ? '+' : kind === 'target.removed' ? '-' : '~';
  const values = [before, after].flatMap((value) => (value === undefined ? [] : [printable(value)]));
  return [`  ${mark} ${printable(subject)}`, ...values.map((value) => `        ${value}`)];
}

function day(text: string): string {
  return dateText(new Date(text));
}
