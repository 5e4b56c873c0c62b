import { InputError, TrustError } from '../errors.ts';
import { jsonText, parseDate } from './encode.ts';
import { date, list, map, natural, positive, refuse, sha256, strings, text } from './fields.ts';
import { parseJson } from './json.ts';
import { keyidOf } from './keys.ts';
import type {
  DelegatedRole,
  Delegations,
  FileMeta,
  Json,
  JsonMap,
  Key,
  NamedRoot,
  RoleKeys,
  Root,
  Run,
  Signature,
  SignedPart,
  Snapshot,
  SuccinctRoles,
  TargetFile,
  Targets,
  Timestamp,
  TopLevel,
} from './model.ts';
import { TOP_LEVEL } from './model.ts';

/** The top-level members of a signed part: small ones as values, a large one as a run. */
export interface Fields {
  get(name: string): Json | undefined;
  run(name: string): Run | undefined;
  names(): Iterable<string>;
}

const COMMON = ['_type', 'expires', 'spec_version', 'version', 'x-tufa-repository'];
const KNOWN = {
  timestamp: ['meta', 'x-tufa-made', 'x-tufa-root'],
  snapshot: ['meta', 'x-tufa-queue', 'x-tufa-receipt'],
  targets: ['delegations', 'targets', 'x-tufa-base'],
} as const;

export function decodeSignatures(value: Json | undefined): Signature[] {
  const items = list(value, 'signatures').map((item, i) => {
    const one = map(item, `signatures[${i}]`);
    return { keyid: text(one.get('keyid'), 'keyid'), sig: text(one.get('sig'), 'sig') };
  });
  // CVE-2020-6174: a signature twice must not count twice; the specification forbids the second keyid (section 4.2.1).
  const twice = items.find((s, i) => items.findIndex((other) => other.keyid === s.keyid) !== i);
  if (twice !== undefined) refuse('signatures', 'each keyid once', `${twice.keyid} again`);
  if (items.length > 1024) refuse('signatures', 'at most 1024', `${items.length}`);
  return items;
}

/** The signed part of a role of `type`. @throws InputError */
export function decodeSigned(fields: Fields, type: SignedPart['type']): SignedPart {
  const found = text(fields.get('_type'), '_type');
  if (found !== type) refuse('_type', `"${type}"`, JSON.stringify(found));
  const spec = text(fields.get('spec_version'), 'spec_version');
  if (!/^1\.\d+(\.\d+)?$/.test(spec)) refuse('spec_version', '1.x', JSON.stringify(spec));
  const repository = fields.get('x-tufa-repository');
  const common = {
    version: positive(fields.get('version'), 'version'),
    expires: date(fields.get('expires'), 'expires'),
    repository: repository === undefined ? undefined : text(repository, 'x-tufa-repository'),
  };
  if (type === 'root') return { type, ...common, ...decodeRoot(fields) } satisfies Root;
  const others = decodeOthers(fields, type);
  if (type === 'timestamp') return { type, ...common, ...others, ...decodeTimestamp(fields) } satisfies Timestamp;
  if (type === 'snapshot') return { type, ...common, ...others, ...decodeSnapshot(fields) } satisfies Snapshot;
  return { type, ...common, ...others, ...decodeTargets(fields) } satisfies Targets;
}

function decodeOthers(fields: Fields, type: keyof typeof KNOWN): { others?: JsonMap } {
  const known: readonly string[] = [...COMMON, ...KNOWN[type]];
  const names = [...fields.names()].filter((name) => !known.includes(name));
  return names.length === 0 ? {} : { others: new Map(names.map((name) => [name, fields.get(name) ?? null])) };
}

function decodeRoot(fields: Fields): Pick<Root, 'keys' | 'roles' | 'floor'> {
  // Without consistent snapshots a mirror can mix versions; no client that we serve reads them any other way.
  if (fields.get('consistent_snapshot') !== true) refuse('consistent_snapshot', 'true', 'something else');
  const ours = fields.get('x-tufa-repository') !== undefined;
  const keys = decodeKeys(fields.get('keys'), ours);
  const given = map(fields.get('roles'), 'roles');
  // python-tuf and tuf-js refuse a root with any other role.
  const other = [...given.keys()].find((role) => !(TOP_LEVEL as readonly string[]).includes(role));
  if (ours && other !== undefined) refuse('roles', `only ${TOP_LEVEL.join(', ')}`, JSON.stringify(other));
  const roles = Object.fromEntries(
    TOP_LEVEL.map((role) => [role, decodeRoleKeys(map(given.get(role), `roles.${role}`), keys, `roles.${role}`, ours)]),
  ) as Record<TopLevel, RoleKeys>;
  const floor = fields.get('x-tufa-floor');
  const floors = floor === undefined ? [] : [...map(floor, 'x-tufa-floor')];
  return { keys, roles, floor: new Map(floors.map(([role, v]) => [role, positive(v, `x-tufa-floor.${role}`)])) };
}

function decodeTimestamp(fields: Fields): Pick<Timestamp, 'snapshot' | 'made' | 'root'> {
  const meta = map(fields.get('meta'), 'meta');
  const made = fields.get('x-tufa-made');
  const root = fields.get('x-tufa-root');
  return {
    snapshot: decodeFileMeta(meta.get('snapshot.json'), 'meta["snapshot.json"]'),
    made: made === undefined ? undefined : date(made, 'x-tufa-made'),
    root: root === undefined ? undefined : decodeNamedRoot(map(root, 'x-tufa-root')),
  };
}

function decodeNamedRoot(value: JsonMap): NamedRoot {
  const since = value.get('since');
  return {
    version: positive(value.get('version'), 'x-tufa-root.version'),
    sha256: sha256(value.get('sha256'), 'x-tufa-root.sha256'),
    since: since === undefined ? undefined : date(since, 'x-tufa-root.since'),
  };
}

function decodeSnapshot(fields: Fields): Pick<Snapshot, 'meta' | 'queue' | 'receipt'> {
  const queue = fields.get('x-tufa-queue');
  const receipt = fields.get('x-tufa-receipt');
  return {
    meta: fields.run('meta') ?? refuse('meta', 'an object', 'nothing'),
    queue: queue === undefined ? undefined : natural(queue, 'x-tufa-queue'),
    receipt: receipt === undefined ? undefined : sha256(receipt, 'x-tufa-receipt'),
  };
}

function decodeTargets(fields: Fields): Pick<Targets, 'targets' | 'delegations' | 'base'> {
  const delegations = fields.get('delegations');
  const base = fields.get('x-tufa-base');
  const ours = fields.get('x-tufa-repository') !== undefined;
  return {
    targets: fields.run('targets') ?? refuse('targets', 'an object', 'nothing'),
    delegations: delegations === undefined ? undefined : decodeDelegations(map(delegations, 'delegations'), ours),
    base: base === undefined ? undefined : natural(base, 'x-tufa-base'),
  };
}

function decodeDelegations(value: JsonMap, ours: boolean): Delegations {
  const keys = decodeKeys(value.get('keys'), ours);
  const succinct = value.get('succinct_roles');
  if ((succinct === undefined) === !value.has('roles'))
    refuse('delegations', 'either roles or succinct_roles', 'not one of them');
  if (succinct !== undefined)
    return { keys, roles: [], succinct: decodeSuccinct(map(succinct, 'succinct_roles'), keys, ours) };
  const roles = list(value.get('roles'), 'delegations.roles').map((role, i) =>
    decodeDelegatedRole(map(role, `roles[${i}]`), keys, ours),
  );
  const names = new Set(roles.map((r) => r.name));
  if (names.size !== roles.length) refuse('delegations.roles', 'each name once', 'a name again');
  return { keys, roles, succinct: undefined };
}

function decodeDelegatedRole(value: JsonMap, keys: ReadonlyMap<string, Key>, ours: boolean): DelegatedRole {
  const name = text(value.get('name'), 'delegated role');
  if (name === '' || (TOP_LEVEL as readonly string[]).includes(name))
    refuse('delegated role', 'a name that is not top level', JSON.stringify(name));
  const terminating = value.get('terminating');
  if (typeof terminating !== 'boolean') refuse(`${name}.terminating`, 'true or false', 'something else');
  const paths = value.get('paths');
  const prefixes = value.get('path_hash_prefixes');
  if ((paths === undefined) === (prefixes === undefined))
    refuse(name, 'one of paths and path_hash_prefixes', 'not one of them');
  return {
    ...decodeRoleKeys(value, keys, name, ours),
    name,
    terminating: terminating as boolean,
    paths: paths === undefined ? undefined : strings(paths, `${name}.paths`),
    pathHashPrefixes: prefixes === undefined ? undefined : strings(prefixes, `${name}.path_hash_prefixes`),
  };
}

function decodeSuccinct(value: JsonMap, keys: ReadonlyMap<string, Key>, ours: boolean): SuccinctRoles {
  const bitLength = positive(value.get('bit_length'), 'bit_length');
  if (bitLength > 32) refuse('bit_length', '1 to 32', `${bitLength}`);
  return {
    ...decodeRoleKeys(value, keys, 'succinct_roles', ours),
    bitLength,
    namePrefix: text(value.get('name_prefix'), 'name_prefix'),
  };
}

function decodeRoleKeys(value: JsonMap, keys: ReadonlyMap<string, Key>, what: string, ours: boolean): RoleKeys {
  const keyids = strings(value.get('keyids'), `${what}.keyids`);
  const threshold = positive(value.get('threshold'), `${what}.threshold`);
  if (new Set(keyids).size !== keyids.length) refuse(`${what}.keyids`, 'each keyid once', 'a keyid again');
  if (keyids.length > 256) refuse(`${what}.keyids`, 'at most 256', `${keyids.length}`);
  // One public key under two keyids would reach a threshold of two alone (go-tuf#369): distinct keys count.
  const distinct = new Set(keyids.map((id) => keys.get(id)?.keyval.public ?? id)).size;
  if (distinct !== keyids.length) refuse(`${what}.keyids`, 'distinct public keys', 'one public key under two keyids');
  // A foreign root may ask for more signatures than it has keys: it is valid, and nothing of that role ever is.
  if (ours && threshold > keyids.length)
    refuse(`${what}.threshold`, `at most ${keyids.length}, the number of keys`, `${threshold}`);
  return { keyids, threshold };
}

function decodeKeys(value: Json | undefined, ours: boolean): Map<string, Key> {
  const keys = new Map<string, Key>();
  for (const [keyid, one] of map(value, 'keys')) {
    const key = map(one, `keys.${keyid}`);
    const decoded: Key = {
      keytype: text(key.get('keytype'), 'keytype'),
      scheme: text(key.get('scheme'), 'scheme'),
      keyval: { public: text(map(key.get('keyval'), 'keyval').get('public'), 'keyval.public') },
    };
    // Foreign repositories keep their key objects and names byte for byte; ours have neither extra fields nor other keyids.
    if (ours && (key.size !== 3 || keyidOf(decoded) !== keyid))
      refuse(`keys.${keyid}`, 'the sha256 of the key as its keyid', 'another one');
    keys.set(keyid, decoded);
  }
  return keys;
}

/** An entry of a snapshot's run. It is canonical, so that a string may hold raw newlines, which are no JSON. @throws TrustError */
export function metaEntry(entry: Uint8Array, what: string): FileMeta {
  return signedEntry(entry, what, decodeFileMeta);
}

/** An entry of a run of targets. @throws TrustError */
export function targetEntry(entry: Uint8Array, path: string): TargetFile {
  return signedEntry(entry, path, decodeTargetFile);
}

/** Runs are decoded entry by entry: what is wrong with one is said when somebody asks for it. */
function signedEntry<T>(entry: Uint8Array, what: string, decode: (value: Json, what: string) => T): T {
  try {
    return decode(parseJson(jsonText(entry), { what }), what);
  } catch (cause) {
    if (!(cause instanceof InputError)) throw cause;
    throw new TrustError('signed, and in no form that can be read', { ...cause.details, code: 'trust.format', cause });
  }
}

/** An entry of `meta`, in timestamp and snapshot. @throws InputError */
function decodeFileMeta(value: Json | undefined, what: string): FileMeta {
  const meta = map(value, what);
  const length = meta.get('length');
  const hashes = meta.has('hashes') ? map(meta.get('hashes'), `${what}.hashes`) : undefined;
  return {
    version: positive(meta.get('version'), `${what}.version`),
    length: length === undefined ? undefined : natural(length, `${what}.length`),
    ...decodeHashes(hashes, what),
  };
}

/** An entry of `targets`. @throws InputError */
export function decodeTargetFile(value: Json, what: string): TargetFile {
  const target = map(value, what);
  const hashes = decodeHashes(map(target.get('hashes'), `${what}.hashes`), what);
  if (hashes.sha256 === undefined && hashes.sha512 === undefined)
    refuse(`${what}.hashes`, 'sha256', 'none that we know');
  const custom = target.get('custom');
  const listed = custom === undefined ? undefined : map(custom, `${what}.custom`).get('listed');
  return {
    length: natural(target.get('length'), `${what}.length`),
    ...hashes,
    listed: typeof listed === 'string' ? parseDate(listed) : undefined,
  };
}

function decodeHashes(hashes: JsonMap | undefined, what: string): Pick<FileMeta, 'sha256' | 'sha512'> {
  if (hashes === undefined) return { sha256: undefined, sha512: undefined };
  const { sha256: short, sha512: long } = Object.fromEntries(hashes);
  const hex = (value: Json | undefined, digits: number): string | undefined => {
    if (value === undefined) return undefined;
    if (typeof value !== 'string' || value.length !== digits || !/^[0-9a-f]+$/.test(value))
      refuse(`${what}.hashes`, `${digits} lower-case hexadecimal digits`, JSON.stringify(value));
    return value as string;
  };
  return { sha256: hex(short, 64), sha512: hex(long, 128) };
}
