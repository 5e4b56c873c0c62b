import type { Workspace } from '../../src/config/workspace.ts';
import { MemoryStore } from '../../src/stores/memory.ts';
import type { Store } from '../../src/stores/port.ts';
import { TrustedState } from '../../src/trusted/state.ts';
import type { TestRepository } from './repository.ts';
import { testSigner } from './repository.ts';

/**
 * The workspace of somebody who types commands against a repository in memory, with a journal and a trusted state of his
 * own; of the real one only what those commands use.
 *
 * @param through the store as these commands see it
 */
export async function memoryWorkspace(
  repository: TestRepository,
  through: Store = repository.store,
): Promise<Workspace> {
  const { settings, keys, genesis } = repository;
  const [journal, trusted] = [new MemoryStore(), new MemoryStore()];
  await new TrustedState(trusted).begin(genesis.root);
  const holders = new Map(
    [
      ['operator', keys.operator],
      ['online', keys.online],
    ].map(([name, key]) => [name, { ...(key as typeof keys.online), name, uri: 'test:' }] as const),
  );
  const { expires, renew, grace, queue } = settings;
  return {
    config: {
      repository: { name: 'corp', uuid: settings.repository },
      publishers: 'one',
      expires,
      renew,
      grace,
      queue,
      removals: { hold: settings.hold },
      publish: { tries: settings.tries },
      clients: settings.clients,
      online: { timestamp: { key: 'online' }, snapshot: { key: 'online' }, bins: { key: 'online' } },
      uploaders: settings.uploaders.map(({ name, kinds, projects }) => ({ key: name, kinds, projects })),
    },
    clock: () => repository.now,
    random: (count: number) => new Uint8Array(count),
    holders: async () => holders,
    signer: async (name: string) => testSigner(name === 'operator' ? keys.operator : keys.online),
    store: async () => through,
    trustedStore: async () => trusted,
    journal: async () => journal,
  } as unknown as Workspace;
}
