import type { Ceremonies } from '../../ceremony/drafts.ts';
import type { Ground } from '../../ceremony/ground.ts';
import type { Workspace } from '../../config/workspace.ts';
import { PersonError, TrustError } from '../../errors.ts';
import type { Context } from '../../transaction/context.ts';
import type { Live } from '../../transaction/read.ts';
import { read } from '../../transaction/read.ts';
import { Roles } from '../../transaction/roles.ts';
import { nextRoot, trustRoot } from '../../tuf/checks.ts';
import { metadataName, rootKey } from '../../tuf/layout.ts';
import type { Root, Targets, Verified } from '../../tuf/model.ts';
import { isOnline } from '../../tuf/tree.ts';
import { MAX_LENGTH } from '../../tuf/walk.ts';
import type { Reporter } from '../context.ts';
import { openContext } from '../context.ts';

/** The published state, as ceremonies stand on it. */
export interface LiveGround {
  readonly context: Context;
  readonly live: Live;
  readonly ground: Ground;
}

/** @throws PersonError when nothing is published yet */
export async function readGround(workspace: Workspace, reporter: Reporter): Promise<LiveGround> {
  const context = await openContext(workspace, reporter);
  const live = await read(context);
  if (live.snapshot === undefined) {
    throw new PersonError('nothing is published yet', {
      object: context.store.uri,
      hint: 'sign the first drafts with `tufa sign`, then type `tufa publish`',
    });
  }
  const roles = new Roles(context.store, live.verifiedBy ?? live.kept.root, live.snapshot, undefined, live.evidence);
  return { context, live, ground: { chain: live.chain, roles: await offlineRoles(roles) } };
}

/** `targets` and the offline roles below it, as a snapshot lists them. */
export async function offlineRoles(roles: Roles): Promise<Map<string, Verified<Targets>>> {
  const offline = new Map<string, Verified<Targets>>([['targets', await roles.targets()]]);
  for await (const { name, delegator } of roles.delegatedRoles()) {
    const file = isOnline(name) ? undefined : await roles.load(name, delegator);
    if (file !== undefined) offline.set(name, file);
  }
  return offline;
}

/** Keeps what is live for the drafts to build on: every root that leads here, and the offline roles. */
export async function keepBases(
  ceremonies: Ceremonies,
  { context, ground }: Pick<LiveGround, 'context' | 'ground'>,
): Promise<void> {
  for (const root of await rootsBefore(context, ground.chain[0]!))
    await ceremonies.addBase(metadataName('root', root.signed.version), root.bytes);
  for (const root of ground.chain) await ceremonies.addBase(metadataName('root', root.signed.version), root.bytes);
  for (const [role, file] of ground.roles)
    await ceremonies.addBase(metadataName(role, file.signed.version), file.bytes);
}

/** Older roots, for signers who have not seen the newest; those that do not lead to it are left out. */
async function rootsBefore({ store }: Context, oldest: Verified<Root>): Promise<Verified<Root>[]> {
  const files: Uint8Array[] = [];
  for (let version = 1; version < oldest.signed.version; version++) {
    const object = await store.get(rootKey(version), { maxLength: MAX_LENGTH.root });
    if (object === undefined) files.length = 0;
    else files.push(object.bytes);
  }
  return leadsTo(files, oldest);
}

function leadsTo(files: readonly Uint8Array[], to: Verified<Root>): Verified<Root>[] {
  for (let from = 0; from < files.length; from++) {
    try {
      const chain = [trustRoot(files[from]!)];
      for (const bytes of files.slice(from + 1)) chain.push(nextRoot(chain.at(-1)!, bytes));
      nextRoot(chain.at(-1)!, to.bytes);
      return chain;
    } catch (error) {
      if (!(error instanceof TrustError)) throw error;
    }
  }
  return [];
}
