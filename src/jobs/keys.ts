import type { Workspace } from '../config/workspace.ts';
import { type Holder, keyUri, parseHolder, type TokenInfo, writeHolder } from '../config/workspace.ts';
import { ConflictError, InputError } from '../errors.ts';
import { assertClients } from '../tuf/clients.ts';
import type { SupportedScheme } from '../tuf/keys.ts';
import { assertPublishable, keyidOf } from '../tuf/keys.ts';
import type { Key } from '../tuf/model.ts';
import type { Drawn } from './draw.ts';
import { onlineKeys, redraw } from './draw.ts';

export interface KeyInfo {
  readonly name: string;
  readonly keyid: string;
  readonly scheme: string;
  /** Where the private key is, when this workspace knows. */
  readonly uri: string | undefined;
  /** Roles of tufa.yaml that name the key. */
  readonly roles: readonly string[];
}

export interface GenerateOptions {
  readonly holders: readonly string[];
  /** Every online key (and uploader's key) of tufa.yaml that is missing. */
  readonly online: boolean;
  readonly scheme: SupportedScheme;
  /** Plain key files: only behind `--insecure-plain-key`. */
  readonly plain: boolean;
  /** URI of the token that makes and keeps the keys, in the place of key files. */
  readonly on?: string | undefined;
}

/**
 * key generate: key files of holders, or the online keys that tufa.yaml names; then the drafts are drawn with them. No key
 * is made twice: what the same command has made before, and was killed, is finished.
 */
export async function generateKeys(
  workspace: Workspace,
  options: GenerateOptions,
): Promise<{ keys: KeyInfo[]; drawn: Drawn }> {
  const known = await workspace.holders();
  const online = options.online ? onlineKeys(workspace) : [];
  const taken = options.holders.find((name) => known.has(name) && !isMadeBy(options, known.get(name)!));
  if (taken !== undefined)
    throw new ConflictError('there is a key of this name', {
      object: `holders/${taken}.json`,
      expected: 'a new name',
      found: known.get(taken)?.keyid ?? 'a key',
    });
  const names = [...new Set([...options.holders, ...online])];
  for (const name of names) {
    if (!known.has(name)) await writeHolder(workspace.dir, await makeKey(workspace, name, options));
  }
  await workspace.reload();
  return {
    keys: (await listKeys(workspace)).filter((key) => names.includes(key.name)),
    drawn: await redraw(workspace),
  };
}

/** Whether this workspace has made the key, with these options. */
function isMadeBy({ scheme, plain, on }: GenerateOptions, { name, key, uri = '' }: Holder): boolean {
  const there = on === undefined ? uri === keyUri(name, plain) : objectOf(uri) === name;
  return there && key.scheme === scheme;
}

/** Label of a key on a token; names of keys have nothing that would be percent-encoded. */
function objectOf(uri: string): string | undefined {
  return /^pkcs11:(?:[^?]*;)?object=([^;?]*)/.exec(uri)?.[1];
}

/** A key file without its holder is one whose `key generate` was killed in between: it is taken, and none is made. */
async function makeKey(workspace: Workspace, name: string, options: GenerateOptions): Promise<Holder> {
  if (options.on !== undefined) return workspace.generateKeyOn(options.on, name, options.scheme);
  try {
    return await workspace.generateKey(name, options);
  } catch (error) {
    if (!(error instanceof InputError) || error.code !== 'input.key-exists') throw error;
    const uri = keyUri(name, options.plain);
    const key = await workspace.importKey(uri);
    if (key.scheme !== options.scheme) throw error;
    return { name, keyid: keyidOf(key), key, uri };
  }
}

/**
 * key import: a public key that somebody sends (a holder's JSON file), or the key behind a URI.
 *
 * @param breaks clients that somebody has named as those that will not be able to read it
 */
export async function importHolder(
  workspace: Workspace,
  name: string,
  from: { readonly uri: string } | { readonly file: Uint8Array; readonly path: string },
  breaks: readonly string[] = [],
): Promise<{ keys: KeyInfo[]; drawn: Drawn }> {
  // First the URI without aliases, then the key behind that one: an alias may be moved in between.
  const uri = 'uri' in from ? await workspace.pinUri(from.uri) : undefined;
  const key: Key = 'uri' in from ? await workspace.importKey(uri ?? from.uri) : parseSent(from.file, from.path).key;
  assertClients(breaks);
  assertPublishable(key, undefined, breaks);
  const same = [...(await workspace.holders()).values()].find((holder) => holder.keyid === keyidOf(key));
  const imported = same?.name === name && same.uri === uri;
  if (same !== undefined && !imported)
    throw new ConflictError('this key is there under another name', {
      object: name,
      expected: 'a key of its own',
      found: `the key of ${same.name}`,
    });
  // A run that was killed has imported it, and not drawn the drafts.
  if (!imported)
    await writeHolder(workspace.dir, { name, keyid: keyidOf(key), key, ...(uri === undefined ? {} : { uri }) });
  await workspace.reload();
  return { keys: (await listKeys(workspace)).filter((info) => info.name === name), drawn: await redraw(workspace) };
}

/** @param path that was typed */
function parseSent(file: Uint8Array, path: string): Holder {
  try {
    return parseHolder(file, path);
  } catch (cause) {
    // A public key alone, as openssl writes it, does not say of itself what scheme it is for.
    if (!(cause instanceof InputError) || !/^\s*-----BEGIN /.test(Buffer.from(file).toString('latin1'))) throw cause;
    throw new InputError("a key's PEM file, not a holder's file", {
      object: path,
      expected: '{"name", "keyid", "key"} in JSON, as `tufa key generate` puts it into holders/',
      found: 'PEM',
      hint: `a private key on this machine: tufa key import file:${path} --holder NAME; else ask its holder for the file`,
      cause,
    });
  }
}

/** A token as its module shows it to everybody, with the names that this workspace has for its keys. */
export type TokenView = Omit<TokenInfo, 'keys'> & {
  readonly keys: readonly (TokenInfo['keys'][number] & { readonly holder: string | undefined })[];
};

/** Tokens of a PKCS#11 module, or of those that are configured. No PIN is asked for. @param module path of the module */
export async function listTokens(workspace: Workspace, module: string | undefined): Promise<TokenView[]> {
  const holders = [...(await workspace.holders()).values()];
  return (await workspace.tokens(module)).map(({ keys, ...token }) => ({
    ...token,
    keys: keys.map((key) => ({ ...key, holder: holders.find(({ keyid }) => keyid === key.keyid)?.name })),
  }));
}

export async function listKeys(workspace: Workspace): Promise<KeyInfo[]> {
  const { roles, online, uploaders } = workspace.config;
  const uses = (name: string): string[] => [
    ...Object.entries(roles).flatMap(([role, who]) => (who?.holders.includes(name) ? [role] : [])),
    ...Object.entries(online).flatMap(([role, who]) =>
      who.key === name ? [role] : 'standby' in who && who.standby === name ? [`${role} (standby)`] : [],
    ),
    ...uploaders.flatMap((uploader) => (uploader.key === name ? ['uploader'] : [])),
  ];
  return [...(await workspace.holders()).values()].map(({ name, keyid, key, uri }) => ({
    name,
    keyid,
    scheme: key.scheme,
    uri,
    roles: uses(name),
  }));
}
