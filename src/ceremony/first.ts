import { composeRoot, composeTargets } from '../tuf/compose.ts';
import type { Key, RoleKeys } from '../tuf/model.ts';
import { succinctDelegations, targetsDelegations } from '../tuf/tree.ts';

/** What the first drafts are made of. */
export interface FirstPlan {
  readonly repository: string;
  /** Every known key by keyid. */
  readonly keys: ReadonlyMap<string, Key>;
  /** Keys of each role; online ones with their standby. */
  readonly roles: Readonly<
    Record<OfflineRole | 'timestamp' | 'snapshot' | 'deny' | 'leafBins' | 'leafRecent', RoleKeys>
  >;
  readonly bits: { readonly bins: number; readonly recent: number };
  /** When each role expires. */
  readonly expires: Readonly<Record<OfflineRole, Date>>;
}

export type OfflineRole = 'root' | 'targets' | 'trust' | 'claimed' | 'bins' | 'recent';

/**
 * The drafts of root 1 and of the offline roles below it, as the exact bytes to be signed: root, targets, trust, claimed
 * and, with bins, bins and recent.
 */
export function firstDrafts(plan: FirstPlan): ReadonlyMap<OfflineRole, Buffer> {
  const { keys, roles, bits, repository, expires } = plan;
  const common = (role: OfflineRole) => ({
    version: 1,
    expires: expires[role],
    repository,
    base: 0,
    targets: Buffer.alloc(0),
  });
  const tree = targetsDelegations(
    {
      keys,
      roles: {
        trust: roles.trust,
        deny: roles.deny,
        claimed: roles.claimed,
        recent: bits.recent === 0 ? roles.leafRecent : roles.recent,
        bins: bits.bins === 0 ? roles.leafBins : roles.bins,
      },
    },
    bits,
  );
  const drafts = new Map<OfflineRole, Buffer>([
    ['root', firstRoot(plan)],
    ['targets', composeTargets({ ...common('targets'), delegations: tree })],
    ['trust', composeTargets(common('trust'))],
    ['claimed', composeTargets(common('claimed'))],
  ]);
  if (bits.bins > 0)
    drafts.set(
      'bins',
      composeTargets({ ...common('bins'), delegations: succinctDelegations(keys, roles.leafBins, 'bin', bits.bins) }),
    );
  if (bits.recent > 0)
    drafts.set(
      'recent',
      composeTargets({
        ...common('recent'),
        delegations: succinctDelegations(keys, roles.leafRecent, 'recent', bits.recent),
      }),
    );
  return drafts;
}

function firstRoot({ keys, roles, bits, repository, expires }: FirstPlan): Buffer {
  const top = { root: roles.root, targets: roles.targets, snapshot: roles.snapshot, timestamp: roles.timestamp };
  const used = new Set(Object.values(top).flatMap((role) => role.keyids));
  const offline = [
    'targets',
    'trust',
    'claimed',
    ...(bits.bins > 0 ? ['bins'] : []),
    ...(bits.recent > 0 ? ['recent'] : []),
  ];
  return composeRoot({
    version: 1,
    expires: expires.root,
    repository,
    keys: new Map([...keys].filter(([keyid]) => used.has(keyid))),
    roles: top,
    floor: new Map(offline.map((role) => [role, 1])),
  });
}
