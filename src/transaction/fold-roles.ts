import type { FoldedRoles, Waiting } from '../queue/drain.ts';
import type { RoleEntry, RoleView } from '../queue/role-entry.ts';
import type { Store } from '../stores/port.ts';
import { type Delegator, roleMeta } from '../tuf/checks.ts';
import { metadataKey } from '../tuf/layout.ts';
import type { MetadataFile, Root, Targets, Verified } from '../tuf/model.ts';
import { isOnline, leadsOnline } from '../tuf/tree.ts';
import { countSigners } from '../tuf/verify.ts';
import { MAX_LENGTH } from '../tuf/walk.ts';
import type { Live } from './read.ts';
import type { Leaf, Roles } from './roles.ts';

/**
 * Offline roles out of the queue: what `judgeRole` has to know about each complete ceremony that waits, read before the
 * drain, which reads nothing itself.
 */
export class RoleViews {
  private readonly places = new Map<number, RoleView['place']>();
  private readonly orphansOf = new Map<number, readonly Leaf[]>();
  private readonly live: Live;
  private readonly root: Verified<Root>;
  private readonly targets: Verified<Targets>;
  private readonly urgent: boolean;

  private constructor(live: Live, root: Verified<Root>, targets: Verified<Targets>, urgent: boolean) {
    this.live = live;
    this.root = root;
    this.targets = targets;
    this.urgent = urgent;
  }

  /** @param urgent after a compromise: online roles that lose their keys are signed anew in the same snapshot */
  static async read(
    store: Store,
    live: Live,
    roles: Roles,
    waiting: readonly Waiting[],
    urgent: boolean,
  ): Promise<RoleViews> {
    const views = new RoleViews(live, live.verifiedBy ?? live.kept.root, await roles.targets(), urgent);
    for (const one of waiting) {
      if (!('role' in one)) continue;
      const { role, file } = one.role;
      const there = await store.get(metadataKey(role, file.signed.version), { maxLength: MAX_LENGTH.targets });
      const same = there !== undefined && Buffer.compare(there.bytes, file.bytes) === 0;
      views.places.set(one.number, there === undefined ? 'free' : same ? 'same' : 'other');
      views.orphansOf.set(one.number, await orphans(roles, role, file));
    }
    return views;
  }

  view(entry: RoleEntry, folded: FoldedRoles): RoleView {
    const snapshot = this.live.snapshot;
    const listed = snapshot === undefined ? 0 : (roleMeta(snapshot, entry.role)?.version ?? 0);
    return {
      live: folded.get(entry.role)?.signed.version ?? listed,
      place: this.places.get(entry.number) ?? 'other',
      invalid: this.invalid(entry, folded),
      orphans: this.urgent ? 0 : (this.orphansOf.get(entry.number)?.length ?? 0),
    };
  }

  /** Online roles that the folded ceremonies leave without a key: to be signed in this very snapshot. */
  orphans(entries: Iterable<number>): Leaf[] {
    return [...entries].flatMap((number) => [...(this.orphansOf.get(number) ?? [])]);
  }

  private invalid({ role, file }: RoleEntry, folded: FoldedRoles): string | undefined {
    const delegator = this.delegator(role, folded);
    if (delegator === undefined || isOnline(role)) return `${role} is no offline role of this repository`;
    if (file.signed.repository !== this.root.signed.repository) return 'made for another repository';
    const signers = countSigners(file, delegator.keys, delegator.role);
    return signers >= delegator.role.threshold
      ? undefined
      : `signed by ${signers} of ${delegator.role.threshold} keys that ${delegator.name} names`;
  }

  private delegator(role: string, folded: FoldedRoles): Omit<Delegator, 'online'> | undefined {
    const { keys, roles } = this.root.signed;
    if (role === 'targets') return { name: 'root', keys, role: roles.targets };
    const { delegations } = (folded.get('targets') ?? this.targets).signed;
    const found = delegations?.roles.find((one) => one.name === role);
    return found === undefined ? undefined : { name: 'targets', keys: delegations!.keys, role: found };
  }
}

/** Online roles below a new delegator whose live files none of the keys that it names has signed. */
async function orphans(roles: Roles, name: string, file: MetadataFile<Targets>): Promise<Leaf[]> {
  if (!leadsOnline(name) || file.signed.delegations === undefined) return [];
  const { keys, roles: delegated, succinct } = file.signed.delegations;
  const lost: Leaf[] = [];
  for await (const { name: leaf, delegator } of roles.delegatedLeaves()) {
    if (delegator.name !== name) continue;
    const role = succinct ?? delegated.find((one) => one.name === leaf);
    // The same keys as before verify what they have verified before: only a change of keys costs reading the leaves.
    if (role === undefined || sameKeys(role.keyids, delegator.role.keyids)) continue;
    const live = await roles.load(leaf, delegator);
    if (live === undefined || countSigners(live, keys, role) >= role.threshold) continue;
    lost.push({ name: leaf, delegator: { name, keys, role, online: true }, file: live });
  }
  return lost;
}

function sameKeys(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((keyid) => b.includes(keyid));
}
