import { ConfigurationError } from '../errors.ts';
import type { Key } from '../tuf/model.ts';
import type { OpenOptions, Signer, SignerProvider } from './port.ts';
import { verified } from './verified.ts';

/** Where private keys can be, by URI scheme. An adapter, and the library behind it, is loaded when its scheme is used. */
const PROVIDERS: ReadonlyMap<string, () => Promise<SignerProvider>> = new Map([
  ['file', async () => (await import('./file.ts')).fileSigners],
  ['awskms', async () => (await import('./awskms.ts')).awsSigners],
  ['gcpkms', async () => (await import('./gcpkms.ts')).gcpSigners],
  ['azurekms', async () => (await import('./azurekms.ts')).azureSigners],
  ['hv', async () => (await import('./hv.ts')).vaultSigners],
]);

/**
 * Opens the private key behind a URI.
 *
 * @param key the public key that metadata or `holders/` names
 * @returns a signer that gives away no signature which `key` does not verify
 * @throws SignerError when the private key is another one; ConfigurationError when it cannot be reached
 */
export async function openSigner(uri: string, key: Key, options: OpenOptions): Promise<Signer> {
  return verified(await (await provider(uri)).open(uri, key, options));
}

/** The public key behind a URI. */
export async function importKey(uri: string, options: OpenOptions): Promise<Key> {
  return (await provider(uri)).importKey(uri, options);
}

/** The URI to be kept of a key that is imported: what an alias stands for now. */
export async function pinUri(uri: string, options: OpenOptions): Promise<string> {
  return (await (await provider(uri)).pin?.(uri, options)) ?? uri;
}

async function provider(uri: string): Promise<SignerProvider> {
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(uri)?.[1]?.toLowerCase();
  const load = PROVIDERS.get(scheme ?? '');
  if (load !== undefined) return load();
  // Only the scheme is shown: the rest may hold what somebody took for the place of a secret.
  throw new ConfigurationError('private keys cannot be there', {
    object: 'uri of a key',
    code: 'configuration.signer-scheme',
    expected: [...PROVIDERS.keys()].map((known) => `${known}:`).join(', '),
    found: scheme === undefined ? 'no scheme' : `${scheme}:`,
    hint: 'write a path as file:private/NAME.pem',
  });
}
