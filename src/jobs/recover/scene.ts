import type { Ground } from '../../ceremony/ground.ts';
import { findGround } from '../../ceremony/ground.ts';
import type { Workspace } from '../../config/workspace.ts';
import type { Attacked } from '../../transaction/attacked.ts';
import { readAttacked } from '../../transaction/attacked.ts';
import type { Context } from '../../transaction/context.ts';
import { readChain } from '../../transaction/read.ts';
import { Roles } from '../../transaction/roles.ts';
import { TrustedState } from '../../trusted/state.ts';
import { metadataName, parseMetadataName } from '../../tuf/layout.ts';
import type { Root, Verified } from '../../tuf/model.ts';
import { offlineRoles } from '../ceremony/live.ts';
import type { Reporter } from '../context.ts';
import { openContext } from '../context.ts';
import type { Good, GoodClaim } from './good.ts';
import { findGood } from './good.ts';

/** What a recovery finds. Of what is live, only the chain of roots is trusted: root's keys are none of those stolen. */
export interface Scene {
  readonly context: Context;
  readonly trusted: TrustedState;
  readonly kept: Awaited<ReturnType<TrustedState['require']>>;
  /** From one below the trusted root to the newest. */
  readonly chain: readonly Verified<Root>[];
  readonly attacked: Attacked;
}

export async function readScene(workspace: Workspace, reporter: Reporter): Promise<Scene> {
  const context = await openContext(workspace, reporter, 'recover');
  const trusted = new TrustedState(await workspace.trustedStore());
  const kept = await trusted.require();
  const chain = await readChain(context.store, kept.root);
  const attacked = await readAttacked(context.store, chain.toReversed());
  return { context, trusted, kept, chain, attacked };
}

/** The good state, and the offline roles that the next ones are drawn on. */
export interface GoodGround {
  readonly good: Good;
  readonly ground: Ground;
  /** Of the good snapshot. */
  readonly roles: Roles;
  /** Names of the online roles. */
  readonly online: readonly string[];
}

/**
 * Offline roles are those of the good snapshot, or newer ones that ceremonies of this workspace have made since: their
 * holders have signed them, and root never names a lower version.
 *
 * @param before root N
 * @param stolen offline roles whose holders' keys are stolen: nothing newer of them is taken
 */
export async function readGoodGround(
  workspace: Workspace,
  { context, kept, chain }: Scene,
  before: Verified<Root>,
  claim: GoodClaim,
  stolen: ReadonlySet<string>,
): Promise<GoodGround> {
  const known = chain.filter(({ signed }) => signed.version <= before.signed.version);
  const good = await findGood(context, kept, known.toReversed(), claim);
  const roles = new Roles(context.store, good.root, good.snapshot);
  const files = [...(await offlineRoles(roles))].map(
    ([name, file]) => [metadataName(name, file.signed.version), file.bytes] as const,
  );
  const later = [...(await (await workspace.ceremonies()).bases())].filter(([name]) => {
    const role = parseMetadataName(name)?.role;
    return role !== undefined && role !== 'root' && !stolen.has(role);
  });
  const { roles: offline } = findGround(new Map([...later, ...files]), before);
  const online: string[] = [];
  for await (const { name } of roles.delegatedLeaves()) online.push(name);
  return { good, roles, online, ground: { chain: known, roles: offline } };
}
