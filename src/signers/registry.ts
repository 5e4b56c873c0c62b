import { ConfigurationError } from '../errors.ts';
import type { Key } from '../tuf/model.ts';
import type { TokenInfo } from './pkcs11/list.ts';
import type { NewKey, OpenOptions, Signer, SignerProvider } from './port.ts';
import { verified } from './verified.ts';

export type { TokenInfo, TokenKey } from './pkcs11/list.ts';

/** Where private keys can be, by URI scheme. An adapter, and the library behind it, is loaded when its scheme is used. */
const PROVIDERS: ReadonlyMap<string, () => Promise<SignerProvider>> = new Map([
  ['file', async () => (await import('./file.ts')).fileSigners],
  ['pkcs11', async () => (await import('./pkcs11.ts')).pkcs11Signers],
  ['hsm', async () => (await import('./pkcs11.ts')).pkcs11Signers],
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

/** Makes a key where `on` says, and has it sign once. @throws ConfigurationError where none can be made */
export async function generateKeyOn(on: string, key: NewKey, options: OpenOptions): Promise<{ key: Key; uri: string }> {
  const { generate, schemes } = await provider(on);
  if (generate !== undefined) return generate(on, key, options);
  throw new ConfigurationError('keys are not made there', {
    object: `${schemes[0]}:`,
    code: 'configuration.signer-scheme',
    expected: 'pkcs11:token=LABEL',
    found: `${schemes[0]}:`,
    hint: 'make the key with the tools of that place, then type: tufa key import URI --holder NAME',
  });
}

/** Tokens of one PKCS#11 module, or of those that are configured. @param module its path */
export async function listTokens(module: string | undefined, options: OpenOptions): Promise<TokenInfo[]> {
  const tokens = await import('./pkcs11/list.ts');
  return tokens.listTokens(module, options);
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
