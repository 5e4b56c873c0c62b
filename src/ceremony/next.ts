import { InputError } from '../errors.ts';
import type { Encodable } from '../tuf/encode.ts';
import { canonical, formatDate, jsonText } from '../tuf/encode.ts';
import { list, map } from '../tuf/fields.ts';
import { parseJson } from '../tuf/json.ts';
import type { JsonMap, Key, MetadataFile, RoleKeys, Root, Targets } from '../tuf/model.ts';

/**
 * The next draft of an offline role, made of the bytes of the live one. Only what is asked for is touched: everything else,
 * fields that nobody here knows included, is carried over as it stands.
 */

export interface NextRoot {
  readonly expires: Date;
  /** Every known key, by keyid. */
  readonly keys: ReadonlyMap<string, Key>;
  /** Slots that change; the others stay. */
  readonly slots: ReadonlyMap<string, RoleKeys>;
  /** Versions of the offline roles that are live now. */
  readonly floor: ReadonlyMap<string, number>;
}

export interface NextTargets extends Omit<NextRoot, 'floor'> {
  /** Above the live one, and free. */
  readonly version: number;
}

/** Root N+1, exactly. @returns the bytes to be signed */
export function nextRootDraft(live: MetadataFile<Root>, next: NextRoot): Buffer {
  const signed = parsed(live);
  signed.set('version', live.signed.version + 1);
  signed.set('expires', formatDate(next.expires));
  const roles = map(signed.get('roles'), 'roles');
  const keys = map(signed.get('keys'), 'keys');
  const before = usedIn([...roles.values()].map((role) => map(role, 'role')));
  for (const [slot, wanted] of next.slots) rekey(map(roles.get(slot), `roles.${slot}`), wanted);
  replaceKeys(keys, before, usedIn([...roles.values()].map((role) => map(role, 'role'))), next.keys);
  // A floor never falls, and a role that has gone keeps its own.
  const floor = new Map([...live.signed.floor].map(([role, version]) => [role, version]));
  for (const [role, version] of next.floor) floor.set(role, Math.max(version, floor.get(role) ?? 0));
  if (floor.size > 0) signed.set('x-tufa-floor', floor);
  return canonical(signed);
}

/**
 * The next version of `targets` or of an offline role below it.
 * @returns the bytes to be signed
 */
export function nextTargetsDraft(role: string, live: MetadataFile<Targets>, next: NextTargets): Buffer {
  const { version } = live.signed;
  if (next.version <= version) {
    throw new InputError('not the next version', {
      object: role,
      expected: `more than ${version}`,
      found: `${next.version}`,
    });
  }
  const signed = parsed(live);
  signed.set('version', next.version);
  signed.set('x-tufa-base', version);
  signed.set('expires', formatDate(next.expires));
  if (signed.has('delegations')) redelegate(role, map(signed.get('delegations'), 'delegations'), next);
  return canonical(signed);
}

function redelegate(role: string, delegations: JsonMap, { slots, keys }: NextTargets): void {
  const holders = delegations.has('succinct_roles')
    ? [['', map(delegations.get('succinct_roles'), 'succinct_roles')] as const]
    : list(delegations.get('roles'), 'roles').map((one) => {
        const delegated = map(one, 'role');
        return [delegated.get('name'), delegated] as const;
      });
  const all = holders.map(([, holder]) => holder);
  const before = usedIn(all);
  for (const [name, holder] of holders) {
    const wanted = slots.get(name === '' ? role : String(name));
    if (wanted !== undefined) rekey(holder, wanted);
  }
  replaceKeys(map(delegations.get('keys'), 'keys'), before, usedIn(all), keys);
}

function rekey(holder: JsonMap, { keyids, threshold }: RoleKeys): void {
  holder.set('keyids', [...keyids]);
  holder.set('threshold', threshold);
}

/** Keys that are used no more go; those that stay keep their bytes; one that nobody used before stays, too. */
function replaceKeys(
  keys: JsonMap,
  before: ReadonlySet<string>,
  now: ReadonlySet<string>,
  known: ReadonlyMap<string, Key>,
): void {
  for (const keyid of before) if (!now.has(keyid)) keys.delete(keyid);
  for (const keyid of now) {
    if (keys.has(keyid)) continue;
    const key = known.get(keyid);
    if (key === undefined) throw new InputError('a key without its public half', { object: `key ${keyid}` });
    const { keytype, scheme, keyval } = key;
    const value = new Map<string, Encodable>([
      ['keytype', keytype],
      ['scheme', scheme],
      ['keyval', new Map([['public', keyval.public]])],
    ]);
    keys.set(keyid, value as JsonMap);
  }
}

function usedIn(holders: readonly JsonMap[]): Set<string> {
  return new Set(holders.flatMap((holder) => list(holder.get('keyids'), 'keyids').map(String)));
}

function parsed({ signedBytes }: MetadataFile): JsonMap {
  return map(parseJson(jsonText(signedBytes), { what: 'live metadata' }), 'live metadata');
}
