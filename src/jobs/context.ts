import { setTimeout as sleep } from 'node:timers/promises';
import type { Workspace } from '../config/workspace.ts';
import { ConfigurationError } from '../errors.ts';
import type { Uploader } from '../queue/envelope.ts';
import type { Context, Settings } from '../transaction/context.ts';
import { TrustedState } from '../trusted/state.ts';
import { assertProven } from './doctor/proof.ts';
import { openKeyring } from './keyring.ts';
import { assertNoRecovery } from './recover/note.ts';

/** What happens while a job runs; a command shows it, a library caller may not care. */
export interface Reporter {
  warn(message: string): void;
  /** Work done of a total, in units (files, bytes). */
  progress(what: string, done: number, total: number): void;
}

export const SILENT: Reporter = { warn: () => {}, progress: () => {} };

/**
 * The transaction's context of a workspace.
 *
 * @param use `read`: for a job that writes nothing to the store; `recover`: for the one that ends a compromise
 * @throws PersonError while a recovery is open; ConfigurationError when several publishers may write, and nobody has proved that the store keeps them apart
 */
export async function openContext(
  workspace: Workspace,
  reporter: Reporter,
  use: 'read' | 'write' | 'recover' = 'write',
): Promise<Context> {
  if (use === 'write') await assertNoRecovery(workspace);
  if (use !== 'read' && workspace.config.publishers === 'many') await assertProven(workspace);
  return {
    store: await workspace.store(),
    trusted: new TrustedState(await workspace.trustedStore()),
    keyring: await openKeyring(workspace),
    settings: await settingsOf(workspace),
    clock: workspace.clock,
    random: () => Buffer.from(workspace.random(4)).readUInt32BE() / 2 ** 32,
    sleep: async (ms) => {
      await sleep(ms);
    },
    warn: (message) => reporter.warn(message),
  };
}

async function settingsOf(workspace: Workspace): Promise<Settings> {
  const { config } = workspace;
  const { expires, renew } = config;
  return {
    repository: config.repository.uuid,
    queue: config.queue,
    expires: { snapshot: expires.snapshot, timestamp: expires.timestamp, leaves: expires.leaves },
    renew: { snapshot: renew.snapshot, timestamp: renew.timestamp, leaves: renew.leaves },
    grace: config.grace,
    hold: config.removals.hold,
    tries: config.publish.tries,
    clients: config.clients,
    uploaders: await uploadersOf(workspace),
  };
}

async function uploadersOf(workspace: Workspace): Promise<Uploader[]> {
  const holders = await workspace.holders();
  return workspace.config.uploaders.map(({ key, kinds, projects }) => {
    const holder = holders.get(key);
    if (holder === undefined) {
      throw new ConfigurationError('an uploader without a key', {
        object: `uploaders: ${key}`,
        expected: `holders/${key}.json`,
        found: 'nothing',
        hint: 'type `tufa key generate --online`',
      });
    }
    return { name: key, key: holder.key, kinds, projects };
  });
}
