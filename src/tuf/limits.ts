import { InputError, TufaError } from '../errors.ts';
import type { Client } from './clients.ts';
import { clientsWhere, LIMITS, SIGSTORE_JAVA_ROOT } from './clients.ts';
import { isSupportedScheme, keyFromPublic, keyidOf, publicKeyOf } from './keys.ts';
import { metadataName } from './layout.ts';
import type { Key, RoleKeys, Root } from './model.ts';

/**
 * What the served clients would refuse, found before it is signed: sizes and keys. `lint.ts` looks at delegations.
 * Nothing here throws but `refuseFindings`.
 */

export interface Finding {
  /** `refuse`: a served client cannot read it. `warn`: it works today. */
  readonly severity: 'refuse' | 'warn';
  /** Stable, dotted, for programs: `limit.size`. */
  readonly check: string;
  /** `3.bins.json`, `key 5f6c...`, `delegation to bins`. */
  readonly object: string;
  readonly message: string;
  readonly expected: string;
  readonly found: string;
  /** Who cannot read it, by name; undefined: it is wrong for everybody. */
  readonly client?: string | undefined;
}

/** Throws the first refusal; warnings are for whoever shows them. @throws InputError */
export function refuseFindings(findings: readonly Finding[]): void {
  const refusals = findings.filter(({ severity }) => severity === 'refuse');
  const [first] = refusals;
  if (first === undefined) return;
  const { check, object, message, expected, found, client } = first;
  const readers = client === undefined ? '' : ` for ${client}`;
  const others = refusals.length === 1 ? '' : ` (and ${refusals.length - 1} more)`;
  throw new InputError(`${message}${readers}`, {
    object,
    expected,
    found: `${found}${others}`,
    code: `input.${check}`,
  });
}

/** A metadata file as it is about to be published. */
export interface SizedFile {
  readonly role: string;
  readonly version: number;
  /** Bytes of the file, signatures too. */
  readonly length: number;
  /** Whether timestamp or snapshot lists its length: clients then allow what is listed. */
  readonly signedLength?: boolean;
}

/** Refuses a file that a client cuts off, and warns from half of the smallest limit on. */
export function checkSizes(files: Iterable<SizedFile>, clients: readonly Client[]): Finding[] {
  return [...files].flatMap((file) => [...sizeFindings(file, clients)]);
}

function* sizeFindings(file: SizedFile, clients: readonly Client[]): Generator<Finding> {
  const { role, version, length } = file;
  const finding = { check: 'limit.size', object: metadataName(role, version), found: `${length}` } as const;
  const kind = role === 'root' || role === 'timestamp' || role === 'snapshot' ? role : 'targets';
  const smallest = Math.min(...clients.map((client) => LIMITS[client].bytes[kind]));
  if (file.signedLength !== true && length * 2 > smallest) {
    const refused = clientsWhere(clients, ({ bytes }) => length > bytes[kind]);
    yield refused === undefined
      ? {
          ...finding,
          severity: 'warn',
          message: 'more than half of what can be read',
          expected: `at most ${smallest} bytes`,
          client: clientsWhere(clients, ({ bytes }) => bytes[kind] === smallest),
        }
      : { ...finding, severity: 'refuse', message: 'too long', expected: `at most ${smallest} bytes`, client: refused };
  }
  if (role === 'root' && length > SIGSTORE_JAVA_ROOT) {
    const expected = `at most ${SIGSTORE_JAVA_ROOT} bytes`;
    yield { ...finding, severity: 'warn', message: 'too long', expected, client: 'sigstore-java' };
  }
}

/** Root versions after which a client that starts from the oldest one must be told. */
const MANY_ROOTS = 200;

/** Warns before a client that ships root `oldest` can no longer reach root `newest`. */
export function checkRootCount(newest: number, oldest: number, clients: readonly Client[]): Finding[] {
  const steps = newest - oldest;
  if (steps <= MANY_ROOTS) return [];
  const lost = clientsWhere(clients, ({ roots }) => steps > roots);
  const finding = { severity: 'warn', check: 'limit.roots', object: metadataName('root', newest) } as const;
  const least = Math.min(...clients.map((client) => LIMITS[client].roots));
  const message = `${lost === undefined ? 'soon' : 'now'} out of reach from root ${oldest}: ship a newer one with clients`;
  return [
    { ...finding, message, expected: `at most ${least} versions in one update`, found: `${steps}`, client: lost },
  ];
}

export interface Keyring {
  readonly keys: ReadonlyMap<string, Key>;
  /** Who uses them, by the name of the role. */
  readonly roles: Iterable<readonly [string, RoleKeys]>;
}

/** The keys and thresholds of a root. */
export function checkRoot({ keys, roles }: Pick<Root, 'keys' | 'roles'>, clients: readonly Client[]): Finding[] {
  return checkKeys({ keys, roles: Object.entries(roles) }, clients);
}

/**
 * Keys that a client cannot read, keyids that are not the key's hash, a public key under two keyids, thresholds that
 * cannot be met. go-tuf stops at a keyid without its key, also where the threshold is met by others.
 */
export function checkKeys({ keys, roles }: Keyring, clients: readonly Client[]): Finding[] {
  const findings = [...keys].flatMap(([keyid, key]) => [...keyFindings(keyid, key, clients)]);
  const seen = new Map<string, string>();
  for (const [keyid, { keyval }] of keys) {
    const first = seen.get(keyval.public);
    if (first !== undefined)
      findings.push(refusal('key.twice', `key ${keyid}`, 'one public key under two keyids', 'each key once', first));
    seen.set(keyval.public, keyid);
  }
  for (const [name, role] of roles) findings.push(...roleFindings(name, role, keys));
  return findings;
}

function* keyFindings(keyid: string, key: Key, clients: readonly Client[]): Generator<Finding> {
  const object = `key ${keyid}`;
  const hash = keyidOf(key);
  if (hash !== keyid) yield refusal('key.keyid', object, 'not the hash of its key', hash, keyid);
  const blind = isSupportedScheme(key.scheme)
    ? undefined
    : clientsWhere(clients, ({ schemes }) => !schemes.includes(key.scheme));
  if (blind !== undefined) {
    const expected = 'ed25519, ecdsa-sha2-nistp256 or rsassa-pss-sha256';
    yield { ...refusal('key.scheme', object, 'not readable', expected, key.scheme), client: blind };
    return;
  }
  try {
    if (keyFromPublic(publicKeyOf(key)).keyval.public === key.keyval.public) return;
    const expected = 'lower-case hex (ed25519) or SPKI PEM with LF at the end of each line';
    yield refusal('key.form', object, 'written in another form', expected, JSON.stringify(key.keyval.public));
  } catch (error) {
    if (!(error instanceof TufaError)) throw error;
    yield refusal('key.form', object, 'not a public key', `a public key for ${key.scheme}`, key.keytype);
  }
}

function* roleFindings(
  name: string,
  { keyids, threshold }: RoleKeys,
  keys: ReadonlyMap<string, Key>,
): Generator<Finding> {
  const object = `keys of ${name}`;
  const missing = keyids.find((keyid) => !keys.has(keyid));
  if (missing !== undefined) yield refusal('key.missing', object, 'a keyid without its key', 'a key', missing);
  const distinct = new Set(keyids).size;
  if (distinct !== keyids.length)
    yield refusal('key.twice', object, 'a keyid twice', `${keyids.length} keyids`, `${distinct}`);
  if (!Number.isSafeInteger(threshold) || threshold < 1 || threshold > distinct)
    yield refusal('key.threshold', object, 'threshold cannot be met', `1 to ${distinct}`, `${threshold}`);
}

/** Something that is wrong for every client. */
export function refusal(check: string, object: string, message: string, expected: string, found: string): Finding {
  return { severity: 'refuse', check, object, message, expected, found };
}
