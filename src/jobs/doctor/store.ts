import type { Workspace } from '../../config/workspace.ts';
import type { Store } from '../../stores/port.ts';
import { PROBE_PREFIX } from '../../tuf/layout.ts';
import { type Reporter, SILENT } from '../context.ts';
import { dropProof, keepProof, type StoreProof } from './proof.ts';
import { type Check, checkStore, RACERS } from './races.ts';

export interface StoreDiagnosis extends StoreProof {
  /** Racing requests of each race. */
  readonly racers: number;
  readonly checks: readonly Check[];
}

/** Milliseconds by the store's clock: what is older was left by a doctor that was killed. */
const LEFT_OVER = 24 * 60 * 60 * 1000;

/**
 * doctor store: proves by races that the store honours create-only and compare-and-swap, and keeps the proof for the jobs
 * of `publishers: many`. It writes below a random prefix and takes away what it wrote, also when it finds a fault.
 *
 * @throws ConfigurationError naming the request and the answer of a store that does not
 */
export async function doctorStore(workspace: Workspace, reporter: Reporter = SILENT): Promise<StoreDiagnosis> {
  const store = await workspace.store();
  const prefix = `${PROBE_PREFIX}${Buffer.from(workspace.random(16)).toString('hex')}-`;
  await dropProof(workspace);
  await sweep(store, workspace.clock());
  const checks: Check[] = [];
  try {
    // If we crash here, what was written stays for a day, and nobody reads it.
    for await (const check of checkStore(store, prefix)) {
      checks.push(check);
      reporter.progress('checks', checks.length, 7);
    }
  } finally {
    await removeAll(store, prefix).catch(() => reporter.warn(`${prefix} could not be taken away: remove it by hand`));
  }
  return { ...(await keepProof(workspace)), racers: RACERS, checks };
}

async function sweep(store: Store, now: Date): Promise<void> {
  for await (const { key, modified } of store.list(PROBE_PREFIX))
    if (now.getTime() - modified.getTime() > LEFT_OVER) await store.remove(key);
}

async function removeAll(store: Store, prefix: string): Promise<void> {
  for await (const { key } of store.list(prefix)) await store.remove(key);
}
