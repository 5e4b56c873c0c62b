import { ConfigurationError } from '../errors.ts';
import type { Store, StoreProvider } from './port.ts';

/** Where objects can be kept, by URI scheme. An adapter, and the library behind it, is loaded when its scheme is used. */
const PROVIDERS: ReadonlyMap<string, () => Promise<StoreProvider>> = new Map([
  ['file', async () => (await import('./local.ts')).localStores],
  ['memory', async () => (await import('./memory.ts')).memoryStores],
]);

/**
 * Opens the store behind a URI: `file:public`, `file:///srv/index`, `memory:`. What has no scheme is the path of a folder.
 * Nothing is read or made yet.
 *
 * @param base the folder that a relative path starts from
 * @throws ConfigurationError when nobody knows the scheme, or the rest of the URI makes no sense
 */
export async function openStore(uri: string, options: { base: string }): Promise<Store> {
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(uri)?.[1]?.toLowerCase() ?? 'file';
  const load = PROVIDERS.get(scheme);
  if (load !== undefined) return (await load()).open(uri, options);
  // Only the scheme is shown: the rest may hold a password that somebody thought belonged there.
  throw new ConfigurationError('objects cannot be kept there', {
    object: 'uri of a store',
    code: 'configuration.store-scheme',
    expected: [...PROVIDERS.keys()].map((known) => `${known}:`).join(', '),
    found: `${scheme}:`,
    hint: 'write the path of a folder as file:public',
  });
}
