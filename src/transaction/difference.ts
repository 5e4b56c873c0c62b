import { TrustError } from '../errors.ts';
import type { Store } from '../stores/port.ts';
import type { Delegator } from '../tuf/checks.ts';
import { newTargets, roleMeta } from '../tuf/checks.ts';
import { targetEntry } from '../tuf/decode.ts';
import { metadataKey } from '../tuf/layout.ts';
import type { Root, Run, Snapshot, Targets, Verified } from '../tuf/model.ts';
import { Cursor } from '../tuf/run.ts';
import { MAX_LENGTH } from '../tuf/walk.ts';
import type { Attacked } from './attacked.ts';
import { reason } from './attacked.ts';
import type { Roles } from './roles.ts';

/** A path whose entry is another one; a sha256, or null where the path is not listed. */
export interface ChangedRow {
  readonly path: string;
  readonly change: 'added' | 'removed' | 'changed';
  readonly good: string | null;
  readonly live: string | null;
}

/** An online role that is another one than in the good snapshot. */
export interface ChangedLeaf {
  readonly role: string;
  readonly good: number;
  /** undefined: it is not listed any more. */
  readonly live: number | undefined;
  readonly rows: readonly ChangedRow[];
  /** Why its rows cannot be told. */
  readonly why: string | undefined;
}

/**
 * PEP 458, "In the Event of a Key Compromise": all bins are compared with those of the last good snapshot, one by one.
 * @param roles of the good snapshot
 * @param root by whose keys the attacked state verifies
 */
export async function changedLeaves(
  store: Store,
  roles: Roles,
  good: Verified<Snapshot>,
  attacked: Attacked,
  root: Verified<Root>,
): Promise<ChangedLeaf[]> {
  const { snapshot } = attacked;
  if (snapshot === undefined) return [];
  const changed: ChangedLeaf[] = [];
  for await (const { name, delegator } of roles.delegatedLeaves()) {
    const [before, now] = [roleMeta(good, name), roleMeta(snapshot, name)];
    if (before === undefined) continue;
    if (now?.version === before.version && now.sha256 === before.sha256) continue;
    const base = { role: name, good: before.version, live: now?.version };
    const old = await roles.load(name, delegator);
    try {
      const live = now && (await readLeaf(store, snapshot, root, delegator, name));
      if (live === undefined || old === undefined)
        changed.push({ ...base, rows: [], why: 'it is not listed any more' });
      else changed.push({ ...base, rows: changedRows(old.signed.targets, live.signed.targets), why: undefined });
    } catch (error) {
      changed.push({ ...base, rows: [], why: reason(error) });
    }
  }
  return changed;
}

async function readLeaf(
  store: Store,
  snapshot: Verified<Snapshot>,
  root: Verified<Root>,
  delegator: Delegator,
  name: string,
): Promise<Verified<Targets>> {
  const meta = roleMeta(snapshot, name)!;
  const key = metadataKey(name, meta.version);
  const object = await store.get(key, { maxLength: meta.length ?? MAX_LENGTH.targets });
  if (object === undefined) throw new TrustError('not there', { object: key });
  return newTargets(root, snapshot, delegator, name, object.bytes, undefined);
}

/** Both runs are in the order of their paths. */
function changedRows(good: Run, live: Run): ChangedRow[] {
  const rows: ChangedRow[] = [];
  const [a, b] = [new Cursor(good), new Cursor(live)];
  let [left, right] = [a.next(), b.next()];
  while (left || right) {
    const order = !left ? 1 : !right ? -1 : a.compareKey(b);
    if (order !== 0 || !a.sameValue(b)) {
      const at = order > 0 ? b : a;
      const path = Buffer.from(at.key()).toString('utf8');
      const change = order < 0 ? 'removed' : order > 0 ? 'added' : 'changed';
      rows.push({ path, change, good: order > 0 ? null : hash(a, path), live: order < 0 ? null : hash(b, path) });
    }
    if (order <= 0) left = a.next();
    if (order >= 0) right = b.next();
  }
  return rows;
}

function hash(at: Cursor, path: string): string {
  const { sha256, sha512 } = targetEntry(at.value(), path);
  return sha256 ?? sha512 ?? 'another hash';
}
