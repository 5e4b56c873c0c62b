import { binPrefix } from './bins.ts';
import type { DelegatedRole, Delegations, Key, RoleKeys, SuccinctRoles } from './model.ts';

/**
 * The tree of roles (design section 1). Order is the defence: a client asks `claimed`, then `recent`, then stops, and a
 * thief of the bins' key can forge no policy. Roles that only list are empty from the first day on, because absence falls
 * through and failure does not.
 */

/** Offline roles below `targets`, in the order of their delegation. */
export const OFFLINE = ['trust', 'claimed', 'recent', 'bins'] as const;

/** Whether a role of ours is signed by an online key: `deny`, the flat `bin0` and `recent0`, and bins by their names. */
export function isOnline(name: string): boolean {
  return name === 'deny' || /^(bin|recent)\d+(-[0-9a-f]+)?$/.test(name);
}

/** Whether an offline role leads to online ones. The others (`trust`, `claimed`) list their targets themselves. */
export function leadsOnline(name: string): boolean {
  return name === 'targets' || name === 'bins' || name === 'recent';
}

/** One pattern for each form of path, because `*` does not cross `/`. */
const BINS_PATHS = ['simple/*/*', 'packages/*/*', 'upstream/*/*'];

/** A path of each form that is published, with the role below `targets` that it belongs to: with bins, or flat. */
export const FORMS: readonly { readonly path: string; readonly roles: readonly [string, ...string[]] }[] = [
  { path: 'trust/log.json', roles: ['trust'] },
  { path: 'deny/deny.json', roles: ['deny'] },
  { path: 'policies/project.json', roles: ['claimed'] },
  { path: 'policies/project.json', roles: ['recent', 'recent0'] },
  { path: 'simple/project/vnd.pypi.simple.v1.json', roles: ['bins', 'bin0'] },
  { path: 'packages/project/project-1.tar.gz', roles: ['bins', 'bin0'] },
  { path: 'upstream/sigstore/trusted_root.json', roles: ['bins', 'bin0'] },
];

export interface TreeKeys {
  readonly keys: ReadonlyMap<string, Key>;
  readonly roles: Readonly<Record<'trust' | 'deny' | 'claimed' | 'recent' | 'bins', RoleKeys>>;
}

/**
 * What `targets` delegates. With `bits: 0` the flat online role `recent0` (`bin0`) stands in the place of `recent`
 * (`bins`); its keys are then those given for `recent` (`bins`).
 */
export function targetsDelegations(
  { keys, roles }: TreeKeys,
  bits: { readonly bins: number; readonly recent: number },
): Delegations {
  const delegated: DelegatedRole[] = [
    { name: 'trust', ...role(roles.trust), terminating: true, paths: ['trust/*'], pathHashPrefixes: undefined },
    { name: 'deny', ...role(roles.deny), terminating: true, paths: ['deny/*'], pathHashPrefixes: undefined },
    { name: 'claimed', ...role(roles.claimed), terminating: false, paths: ['policies/*'], pathHashPrefixes: undefined },
    {
      name: bits.recent === 0 ? 'recent0' : 'recent',
      ...role(roles.recent),
      terminating: true,
      paths: ['policies/*'],
      pathHashPrefixes: undefined,
    },
    {
      name: bits.bins === 0 ? 'bin0' : 'bins',
      ...role(roles.bins),
      terminating: true,
      paths: BINS_PATHS,
      pathHashPrefixes: undefined,
    },
  ];
  const used = new Set(delegated.flatMap((one) => one.keyids));
  return { keys: new Map([...keys].filter(([keyid]) => used.has(keyid))), roles: delegated, succinct: undefined };
}

/** What `bins` (prefix `bin`) or `recent` delegates: 2^bits bins, succinctly (TAP 15). */
export function succinctDelegations(
  keys: ReadonlyMap<string, Key>,
  leaves: RoleKeys,
  prefix: 'bin' | 'recent',
  bits: number,
): Delegations {
  const succinct: SuccinctRoles = { ...role(leaves), bitLength: bits, namePrefix: binPrefix(prefix, bits) };
  return { keys: new Map([...keys].filter(([keyid]) => leaves.keyids.includes(keyid))), roles: [], succinct };
}

function role({ keyids, threshold }: RoleKeys): RoleKeys {
  return { keyids, threshold };
}
