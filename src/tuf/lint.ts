import { InputError } from '../errors.ts';
import { binNames, isSuccinctName } from './bins.ts';
import type { Client } from './clients.ts';
import { clientsWhere, LIMITS } from './clients.ts';
import type { Finding } from './limits.ts';
import { checkKeys, refusal } from './limits.ts';
import type { DelegatedRole, Delegations, SuccinctRoles } from './model.ts';
import { assertPattern, assertRoleName } from './names.ts';
import { isOnline } from './tree.ts';
import { delegationsFor } from './walk.ts';

/**
 * Delegations that clients refuse, read in two ways, or never reach (specification, section 4.5; design section 1).
 * Drafts are given here before they are signed, so what the reader would refuse is said as well.
 */

/** The delegations of each role that has some, by the role's name. */
export type Tree = ReadonlyMap<string, Delegations>;

/** One role's delegations by themselves. */
export function checkDelegations(delegator: string, delegations: Delegations, clients: readonly Client[]): Finding[] {
  const { keys, roles, succinct } = delegations;
  const findings: Finding[] = [];
  const object = `delegations of ${delegator}`;
  if (isOnline(delegator)) {
    // python-tuf up to 7.0.0 and go-tuf up to 2.4.2 know roles by name alone: a bin could replace the policies' keys.
    findings.push(refusal('delegation.online', object, 'an online role delegates', 'no delegations', 'some'));
  }
  if (succinct !== undefined && roles.length > 0) {
    const after = roles.map(({ name }) => name).join(', ');
    findings.push(
      refusal('delegation.unreachable', object, 'succinct roles end the search', 'nothing beside them', after),
    );
  }
  if (succinct !== undefined) findings.push(...succinctFindings(object, succinct, clients));
  for (const role of roles) findings.push(...roleFindings(role, clients));
  const users = [
    ...roles.map((role) => [role.name, role] as const),
    ...(succinct ? [[delegator, succinct] as const] : []),
  ];
  return [...findings, ...checkKeys({ keys, roles: users }, clients)];
}

function* succinctFindings(object: string, succinct: SuccinctRoles, clients: readonly Client[]): Generator<Finding> {
  const { bitLength, namePrefix } = succinct;
  const blind = clientsWhere(clients, (limits) => !limits.succinct);
  if (blind !== undefined) {
    const expected = 'bits: 0, or path_hash_prefixes';
    const finding = refusal(
      'delegation.succinct',
      object,
      'succinct roles are not readable',
      expected,
      'succinct_roles',
    );
    yield { ...finding, client: blind };
  }
  if (!Number.isSafeInteger(bitLength) || bitLength < 1 || bitLength > 32) {
    yield refusal('delegation.succinct', object, 'no such number of bins', 'bit_length from 1 to 32', `${bitLength}`);
    return;
  }
  const first = binNames(namePrefix, bitLength).next().value;
  yield* asFinding('delegation.name', () => assertRoleName(first as string));
}

function* roleFindings(role: DelegatedRole, clients: readonly Client[]): Generator<Finding> {
  const { name, paths, pathHashPrefixes, terminating } = role;
  const object = `delegation to ${name}`;
  yield* asFinding('delegation.name', () => assertRoleName(name));
  if (typeof terminating !== 'boolean')
    yield refusal('delegation.terminating', object, 'terminating is missing', 'true or false', 'nothing');
  if ((paths === undefined) === (pathHashPrefixes === undefined))
    yield refusal('delegation.covers', object, 'no one meaning', 'one of paths and path_hash_prefixes', 'both or none');
  // go-tuf leaves empty lists out when it writes what was signed.
  if (paths?.length === 0 || pathHashPrefixes?.length === 0)
    yield refusal('delegation.covers', object, 'covers nothing', 'at least one path', 'an empty list');
  for (const pattern of paths ?? []) yield* asFinding('delegation.pattern', () => assertPattern(pattern));
  const odd = pathHashPrefixes?.find((prefix) => !/^[0-9a-f]{1,64}$/.test(prefix));
  if (odd !== undefined)
    yield refusal('delegation.prefix', object, 'not a prefix of a hash', 'lower-case hex', JSON.stringify(odd));
  const blind = pathHashPrefixes && clientsWhere(clients, (limits) => !limits.hashPrefixes);
  if (blind !== undefined) {
    const expected = 'paths, or succinct roles';
    const finding = refusal(
      'delegation.prefix',
      object,
      'path_hash_prefixes are misread',
      expected,
      'path_hash_prefixes',
    );
    yield { ...finding, client: blind };
  }
}

/** The whole tree: each role's delegations, and that nobody delegates to a role that another one delegates to. */
export function checkTree(tree: Tree, clients: readonly Client[]): Finding[] {
  const findings = [...tree].flatMap(([name, delegations]) => checkDelegations(name, delegations, clients));
  const delegators = new Map<string, string>();
  const bins: { delegator: string; succinct: SuccinctRoles }[] = [];
  for (const [delegator, { roles, succinct }] of tree) {
    if (succinct !== undefined) bins.push({ delegator, succinct });
    for (const { name } of roles) {
      const first = delegators.get(name);
      if (first !== undefined) findings.push(delegatedTwice(name, first, delegator));
      delegators.set(name, delegator);
    }
  }
  for (const [i, { delegator, succinct }] of bins.entries()) {
    for (const [name, other] of delegators)
      if (isSuccinctName(succinct, name)) findings.push(delegatedTwice(name, other, delegator));
    const first = binNames(succinct.namePrefix, succinct.bitLength).next().value as string;
    const twin = bins.slice(0, i).find((earlier) => isSuccinctName(earlier.succinct, first));
    if (twin !== undefined) findings.push(delegatedTwice(first, twin.delegator, delegator));
  }
  const count = bins.reduce((sum, { succinct }) => sum + 2 ** succinct.bitLength, delegators.size);
  return [...findings, ...checkRoleCount(count, clients)];
}

function delegatedTwice(name: string, first: string, second: string): Finding {
  const found = first === second ? `${first} twice` : `${first} and ${second}`;
  return refusal('delegation.twice', `delegation to ${name}`, 'delegated twice', 'one delegator, once', found);
}

/** Warns when lookups become slow. @param count of delegated roles */
export function checkRoleCount(count: number, clients: readonly Client[]): Finding[] {
  const slow = clientsWhere(clients, ({ roles }) => count > roles);
  if (slow === undefined) return [];
  const most = Math.min(...clients.map((client) => LIMITS[client].roles));
  const finding = refusal('limit.roles', 'delegated roles', 'each lookup takes seconds', `at most ${most}`, `${count}`);
  return [{ ...finding, severity: 'warn', client: slow }];
}

/**
 * Walks each path down its chain: the role that lists it must be one that clients visit for it (section 4.5: every role
 * of the chain must cover the path), and they must not give up before.
 */
export function checkReach(
  tree: Tree,
  listings: Iterable<{ readonly path: string; readonly role: string }>,
  clients: readonly Client[],
): Finding[] {
  const findings: Finding[] = [];
  for (const { path, role } of listings) {
    const visited = rolesFor(tree, path);
    if (!visited.includes(role))
      findings.push(refusal('delegation.reach', path, 'no client looks where it is listed', role, visited.join(', ')));
    const lost = clientsWhere(clients, (limits) => visited.length > limits.visited);
    if (lost === undefined) continue;
    const expected = `at most ${Math.min(...clients.map((client) => LIMITS[client].visited))} roles`;
    findings.push({
      ...refusal('limit.visited', path, 'too many roles on its way', expected, `${visited.length}`),
      client: lost,
    });
  }
  return findings;
}

/** The roles that a client visits for a path that none of them lists, in order. */
export function rolesFor(tree: Tree, path: string): string[] {
  const toVisit = ['targets'];
  const visited = new Set<string>();
  while (toVisit.length > 0) {
    const name = toVisit.pop()!;
    if (visited.has(name)) continue;
    visited.add(name);
    const next = delegationsFor({ delegations: tree.get(name) }, name, path);
    if (next.terminating) toVisit.length = 0;
    toVisit.push(...next.roles.map((role) => role.name).reverse());
  }
  return [...visited];
}

function* asFinding(check: string, assertion: () => void): Generator<Finding> {
  try {
    assertion();
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    const { object = '', expected = '', found = '' } = error.details;
    const message = check === 'delegation.pattern' ? 'not a path pattern' : 'not a role name';
    yield refusal(check, object, message, expected, found);
  }
}
