import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { Ceremonies } from '../ceremony/drafts.ts';
import { ConfigurationError, SignerError } from '../errors.ts';
import type { OpenOptions, SecretSource, Signer } from '../signers/port.ts';
import type { TokenInfo } from '../signers/registry.ts';
import type { Store } from '../stores/port.ts';
import { keyidOf, type SupportedScheme } from '../tuf/keys.ts';
import type { Key } from '../tuf/model.ts';
import { type Holder, readHolders } from './holders.ts';
import { findWorkspace, loadConfig } from './load.ts';
import { assertName, type Config, keyName, type OnlineRole } from './schema.ts';

export type { TokenInfo } from '../signers/registry.ts';
export { createWorkspace, createWorkspaceFrom, FIRST_HOLDERS, type NewWorkspace } from './create.ts';
export { type Holder, parseHolder, writeHolder } from './holders.ts';

export interface WorkspaceOptions {
  readonly clock: () => Date;
  /** Bytes that nobody can guess. */
  readonly random: (count: number) => Uint8Array;
  /** Default: nobody can be asked. */
  readonly secrets: SecretSource;
  /** Default: that of the process. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What a person should look at while keys are used. Default: nobody is told. */
  readonly warn: (message: string) => void;
}

/** Folders of our own beside the store; each is a store too, so that writing them is as safe as publishing. */
const CEREMONY = 'file:ceremony';
const JOURNAL = 'file:private/journal';
const CACHE = 'file:private/cache';
const INSTALLER = 'file:private/installer';
const SIGNER = 'file:private/signer';

/**
 * A folder with tufa.yaml, and the only place that builds adapters: stores and signers come from here, and so do time,
 * randomness and secrets.
 */
export class Workspace {
  readonly dir: string;
  readonly config: Config;
  readonly clock: () => Date;
  readonly random: (count: number) => Uint8Array;
  readonly secrets: SecretSource;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly warn: (message: string) => void;

  private known: Promise<ReadonlyMap<string, Holder>> | undefined;
  private readonly stores = new Map<string, Promise<Store>>();
  private readonly signers = new Map<string, Promise<Signer>>();

  private constructor(dir: string, config: Config, options: Partial<WorkspaceOptions>) {
    this.dir = dir;
    this.config = config;
    this.clock = options.clock ?? (() => new Date());
    this.random = options.random ?? randomBytes;
    this.secrets = options.secrets ?? { get: async () => undefined };
    this.env = options.env ?? process.env;
    this.warn = options.warn ?? (() => undefined);
  }

  /** @param from the workspace, or a folder below it. @throws ConfigurationError */
  static async open(from: string, options: Partial<WorkspaceOptions> = {}): Promise<Workspace> {
    const dir = await findWorkspace(from);
    return new Workspace(dir, await loadConfig(dir), options);
  }

  /** The store that is published. */
  store(): Promise<Store> {
    return this.openStore(this.config.store);
  }

  /** The publisher's trusted state. */
  trustedStore(): Promise<Store> {
    return this.openStore(this.config.trusted);
  }

  /** Plans that were written down before they were sent. */
  journal(): Promise<Store> {
    return this.openStore(JOURNAL);
  }

  /** What may be lost at any time. */
  cache(): Promise<Store> {
    return this.openStore(CACHE);
  }

  /** The trusted state of this workspace as an installer of its own index. */
  installerStore(): Promise<Store> {
    return this.openStore(INSTALLER);
  }

  /** What the holders who sign in this workspace have seen with their own eyes. */
  signerStore(): Promise<Store> {
    return this.openStore(SIGNER);
  }

  async ceremonies(): Promise<Ceremonies> {
    const { Ceremonies } = await import('../ceremony/drafts.ts');
    return new Ceremonies(await this.openStore(CEREMONY));
  }

  /** Everybody in `holders/`, by name. */
  holders(): Promise<ReadonlyMap<string, Holder>> {
    this.known ??= readHolders(this.dir);
    return this.known;
  }

  /** @throws ConfigurationError when `holders/` has nobody of that name */
  async holder(name: string): Promise<Holder> {
    const holder = (await this.holders()).get(name);
    if (holder !== undefined) return holder;
    throw new ConfigurationError('nobody of that name has a key', {
      object: name,
      code: 'configuration.no-holder',
      expected: `holders/${name}.json`,
      found: 'nothing',
      hint: 'make a key with `tufa key generate`, or take in a public one with `tufa key import`',
    });
  }

  /** The private key of a holder, opened once and closed by `close`. @throws SignerError when it is not on this machine */
  async signer(name: string): Promise<Signer> {
    const { uri, key } = await this.holder(name);
    if (uri === undefined) {
      throw new SignerError('the private key is not on this machine', {
        object: name,
        code: 'signer.elsewhere',
        expected: `"uri" in holders/${name}.json`,
        found: 'nothing',
        hint: `let ${name} sign, or add where the key is`,
      });
    }
    const opened = this.signers.get(name) ?? this.openSigner(uri, key);
    this.signers.set(name, opened);
    // One that could not be opened may be asked for again, with another passphrase.
    opened.catch(() => this.signers.delete(name));
    return opened;
  }

  /** The public key behind the URI of a private one. */
  async importKey(uri: string): Promise<Key> {
    const { importKey } = await import('../signers/registry.ts');
    return importKey(uri, this.openOptions());
  }

  /** The URI to be kept of a key that is imported: without aliases, with the key's version. */
  async pinUri(uri: string): Promise<string> {
    const { pinUri } = await import('../signers/registry.ts');
    return pinUri(uri, this.openOptions());
  }

  /**
   * Makes the key file `private/<name>.pem`; asks for its passphrase unless it shall be plain.
   *
   * @returns what belongs into `holders/`
   * @throws UsageError for a name that cannot be one, InputError when there is a key file of that name, PersonError or
   * ConfigurationError when nobody gives a passphrase
   */
  async generateKey(name: string, options: { scheme: SupportedScheme; plain: boolean }): Promise<Holder> {
    assertName(keyName(), name, 'name of a key');
    const { generateKeyFile, passphraseQuestion } = await import('../signers/file.ts');
    const path = keyPath(name);
    const passphrase = options.plain ? undefined : await this.secrets.get(passphraseQuestion(path, 'encrypt'));
    try {
      if (!options.plain && passphrase === undefined) throw noPassphrase(path);
      const key = await generateKeyFile({ path: join(this.dir, path), scheme: options.scheme, passphrase });
      return { name, keyid: keyidOf(key), key, uri: keyUri(name, options.plain) };
    } finally {
      passphrase?.fill(0);
    }
  }

  /**
   * Makes a key on a token, and has it sign once.
   *
   * @param on uri of the token: `pkcs11:token=LABEL`
   * @returns what belongs into `holders/`
   */
  async generateKeyOn(on: string, name: string, scheme: SupportedScheme): Promise<Holder> {
    assertName(keyName(), name, 'name of a key');
    const { generateKeyOn } = await import('../signers/registry.ts');
    const { key, uri } = await generateKeyOn(on, { name, scheme }, this.openOptions());
    return { name, keyid: keyidOf(key), key, uri };
  }

  /** Tokens of a PKCS#11 module, or of those that are configured, with their keys. @param module path of the module */
  async tokens(module: string | undefined): Promise<TokenInfo[]> {
    const { listTokens } = await import('../signers/registry.ts');
    return listTokens(module, this.openOptions());
  }

  /**
   * The key file of a holder as it stands, for a backup.
   *
   * @returns undefined: the private key is in no file here
   * @throws ConfigurationError when the file is not encrypted
   */
  async sealedKey(name: string): Promise<string | undefined> {
    const { uri } = await this.holder(name);
    if (uri === undefined || !/^file:/i.test(uri)) return undefined;
    const { readSealedFile } = await import('../signers/file.ts');
    return readSealedFile(uri, this.dir);
  }

  /** Writes other online keys into tufa.yaml; this workspace keeps the configuration that it was opened with. */
  async editOnline(roles: readonly { role: OnlineRole; key: string; standby?: string }[]): Promise<void> {
    const { editConfig } = await import('./edit.ts');
    const edits = roles.flatMap(({ role, key, standby }): [string[], string | undefined][] => [
      [['online', role, 'key'], key],
      [['online', role, 'standby'], standby],
    ]);
    await editConfig(this.dir, new Map(edits));
  }

  /** Reads `holders/` anew at its next use. */
  async reload(): Promise<void> {
    this.known = undefined;
  }

  async close(): Promise<void> {
    const signers = [...this.signers.values()];
    this.signers.clear();
    await Promise.allSettled(signers.map(async (signer) => (await signer).close()));
  }

  private openStore(uri: string): Promise<Store> {
    const opened =
      this.stores.get(uri) ??
      import('../stores/registry.ts').then(({ openStore }) => openStore(uri, { base: this.dir }));
    this.stores.set(uri, opened);
    return opened;
  }

  private async openSigner(uri: string, key: Key): Promise<Signer> {
    const { openSigner } = await import('../signers/registry.ts');
    return openSigner(uri, key, this.openOptions());
  }

  private openOptions(): OpenOptions {
    const { modules } = this.config.pkcs11;
    return { secrets: this.secrets, base: this.dir, env: this.env, clock: this.clock, modules, warn: this.warn };
  }
}

/** Where a key is that was made here. @param plain whether its file is not encrypted */
export function keyUri(name: string, plain: boolean): string {
  return `file:${keyPath(name)}${plain ? '?encryption=none' : ''}`;
}

function keyPath(name: string): string {
  return `private/${name}.pem`;
}

/** A store that no tufa.yaml names: an installer's. @param base the folder that a relative path starts from */
export async function openStoreAt(uri: string, base: string): Promise<Store> {
  const { openStore } = await import('../stores/registry.ts');
  return openStore(uri, { base });
}

/** A key is never written plain because nobody answered. */
function noPassphrase(path: string): ConfigurationError {
  return new ConfigurationError('a new key file needs a passphrase', {
    object: path,
    code: 'configuration.passphrase',
    hint: 'give one with --passphrase-file FILE or --passphrase-fd N',
  });
}
