import { canonicalText } from '../tuf/encode.ts';
import { parseJson } from '../tuf/json.ts';
import type { DelegatedRole, Json, JsonMap, Run, SignedPart, Targets } from '../tuf/model.ts';
import { Cursor } from '../tuf/run.ts';
import type { Change } from './diff.ts';

/** Roles that are delegated: added, removed, in another order (order is the defence), with other paths. */
export function diffDelegations(before: SignedPart | undefined, after: SignedPart): Change[] {
  const old = delegationsOf(before);
  const now = delegationsOf(after);
  if (old === undefined && now === undefined) return [];
  const oldRoles = new Map((old?.roles ?? []).map((role) => [role.name, role]));
  const nowRoles = new Map((now?.roles ?? []).map((role) => [role.name, role]));
  const changes: Change[] = [];
  for (const [name, role] of nowRoles)
    if (!oldRoles.has(name)) changes.push(change('role.added', name, undefined, covered(role)));
  for (const [name, role] of oldRoles)
    if (!nowRoles.has(name)) changes.push({ ...change('role.removed', name, covered(role), undefined), flagged: true });
  const shared = (names: Iterable<string>): string =>
    [...names].filter((name) => oldRoles.has(name) && nowRoles.has(name)).join(', ');
  const [was, is] = [shared(oldRoles.keys()), shared(nowRoles.keys())];
  if (was !== is) changes.push({ ...change('role.order', 'order', was, is), flagged: true });
  for (const [name, role] of nowRoles) {
    const other = oldRoles.get(name);
    if (other === undefined) continue;
    if (covered(other) !== covered(role)) changes.push(change('paths', name, covered(other), covered(role)));
    if (other.terminating !== role.terminating)
      changes.push({
        ...change('terminating', name, `${other.terminating}`, `${role.terminating}`),
        flagged: true,
      });
  }
  const bins = (delegations: Targets['delegations']): string | undefined =>
    delegations?.succinct && `${2 ** delegations.succinct.bitLength} of ${delegations.succinct.namePrefix}-…`;
  if (bins(old) !== bins(now)) changes.push(change('bins', 'bins', bins(old), bins(now)));
  return changes;
}

/** Entries that the role lists itself. */
export function diffTargets(before: SignedPart | undefined, after: SignedPart): Change[] {
  const old = before?.type === 'targets' ? entries(before.targets) : new Map<string, string>();
  const now = after.type === 'targets' ? entries(after.targets) : new Map<string, string>();
  return [...new Set([...old.keys(), ...now.keys()])].sort().flatMap((path) => {
    const [was, is] = [old.get(path), now.get(path)];
    if (was === is) return [];
    return [
      change(
        was === undefined ? 'target.added' : is === undefined ? 'target.removed' : 'target.changed',
        path,
        was,
        is,
      ),
    ];
  });
}

/** Members that the other functions do not look at, at any depth, verbatim. */
export function unknownFields(before: JsonMap | undefined, after: JsonMap): Change[] {
  return compare(before, after, SIGNED, '', before === undefined);
}

/** Members that are known, and those of them that are looked into; `*`: any name. */
interface Shape {
  readonly known: readonly string[];
  /** Plain, and compared as they are once there was a version before. */
  readonly plain?: readonly string[];
  readonly inside?: Readonly<Record<string, Shape>>;
}

const KEY: Shape = { known: ['keytype', 'scheme', 'keyval'], inside: { keyval: { known: ['public'] } } };
const ROLE: Shape = {
  known: ['keyids', 'threshold', 'name', 'terminating', 'paths', 'path_hash_prefixes', 'bit_length', 'name_prefix'],
};
const SIGNED: Shape = {
  known: ['version', 'expires', 'keys', 'roles', 'targets', 'delegations', 'x-tufa-base', 'x-tufa-floor'],
  plain: ['_type', 'spec_version', 'consistent_snapshot', 'x-tufa-repository'],
  inside: {
    keys: { known: ['*'], inside: { '*': KEY } },
    roles: { known: ['root', 'targets', 'snapshot', 'timestamp'], inside: { '*': ROLE } },
    delegations: {
      known: ['keys', 'roles', 'succinct_roles'],
      inside: {
        keys: { known: ['*'], inside: { '*': KEY } },
        roles: { known: ['*'], inside: { '*': ROLE } },
        succinct_roles: ROLE,
      },
    },
  },
};

function compare(before: JsonMap | undefined, after: JsonMap, shape: Shape, at: string, first: boolean): Change[] {
  const names = [...new Set([...(before?.keys() ?? []), ...after.keys()])].sort();
  return names.flatMap((name): Change[] => {
    const path = at === '' ? name : `${at}.${name}`;
    const [was, is] = [before?.get(name), after.get(name)];
    const inner = shape.inside?.[name] ?? shape.inside?.['*'];
    const [oldMap, nowMap] = [asMap(was), asMap(is)];
    if (inner !== undefined && nowMap !== undefined && isKnown(shape, name))
      return compare(oldMap, nowMap, inner, path, first);
    if (isKnown(shape, name) || (first && shape.plain?.includes(name) === true)) return [];
    const [oldText, text] = [verbatim(was), verbatim(is)];
    return oldText === text ? [] : [{ ...change('field', path, oldText, text), flagged: true }];
  });
}

function isKnown({ known }: Shape, name: string): boolean {
  return known.includes('*') || known.includes(name);
}

/** A list of delegated roles is looked at by their names. */
function asMap(value: Json | undefined): JsonMap | undefined {
  if (value instanceof Map) return value;
  if (!Array.isArray(value)) return undefined;
  return new Map(value.flatMap((one) => (one instanceof Map ? [[String(one.get('name')), one as Json] as const] : [])));
}

function verbatim(value: Json | undefined): string | undefined {
  return value === undefined ? undefined : canonicalText(value);
}

function delegationsOf(signed: SignedPart | undefined): Targets['delegations'] {
  return signed?.type === 'targets' ? signed.delegations : undefined;
}

function covered({ paths, pathHashPrefixes }: DelegatedRole): string {
  return paths?.join(' ') ?? `hashes ${pathHashPrefixes?.join(' ') ?? ''}`;
}

function entries(run: Run): Map<string, string> {
  const found = new Map<string, string>();
  const at = new Cursor(run);
  while (at.next()) {
    const key = parseJson(`"${Buffer.from(at.key()).toString('utf8')}"`, { what: 'target path' });
    found.set(String(key), Buffer.from(at.value()).toString('utf8'));
  }
  return found;
}

function change(kind: Change['kind'], subject: string, before: string | undefined, after: string | undefined): Change {
  return { kind, flagged: false, subject, before, after };
}
