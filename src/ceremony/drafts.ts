import { ConflictError, InputError, TrustError } from '../errors.ts';
import type { Store } from '../stores/port.ts';
import { sha256Hex } from '../tuf/digest.ts';
import { canonical, metadataFile } from '../tuf/encode.ts';
import { map, text } from '../tuf/fields.ts';
import { parseJson } from '../tuf/json.ts';
import { metadataName, parseMetadataName } from '../tuf/layout.ts';
import type { Signature } from '../tuf/model.ts';
import { readMetadata } from '../tuf/read.ts';
import type { Bases } from './ground.ts';
import { decodeNames, encodeNames } from './memory.ts';

/**
 * A ceremony is a folder that can live in git or on a stick: the draft (the exact bytes to be signed), one detached
 * signature file per holder, and in the end the complete metadata file. Beside the ceremonies stands what they build on.
 * Nothing in it is secret, and nothing in it is trusted.
 *
 *     ceremony/root-2/draft.json
 *     ceremony/root-2/signatures/alice.json
 *     ceremony/root-2/2.root.json
 *     ceremony/root-2/transcript.md
 *     ceremony/base/1.root.json
 *     ceremony/names.json
 *     ceremony/abandoned/root-2-<sha256>.json
 */

export interface Draft {
  readonly role: string;
  readonly version: number;
  /** The exact bytes to be signed. */
  readonly bytes: Uint8Array;
  /** By holder; not verified: `validSignatures` does. */
  readonly signatures: ReadonlyMap<string, DraftSignature>;
  /** The complete metadata file, once a threshold has signed. */
  readonly complete: Uint8Array | undefined;
}

export interface DraftSignature extends Signature {
  /** UTC, by the clock of the machine that made or imported it. */
  readonly when?: string | undefined;
}

export const MAX_DRAFT = 8 * 1024 * 1024;
const FOLDER = /^([a-z][a-z0-9._-]*)-([1-9]\d*)\/draft\.json$/;
const HOLDER = /^[a-z][a-z0-9._-]*$/;
const ABANDONED = /^abandoned\/([a-z][a-z0-9._-]*)-([1-9]\d*)-[0-9a-f]{64}\.json$/;
const NAMES = 'names.json';

/** The folders of ceremonies in a workspace. */
export class Ceremonies {
  private readonly store: Store;

  constructor(store: Store) {
    this.store = store;
  }

  /** Every ceremony; those of the same version in the order in which roles depend on each other. */
  async list(): Promise<Draft[]> {
    const drafts: Draft[] = [];
    for await (const { key } of this.store.list('')) {
      const [, role, version] = FOLDER.exec(key) ?? [];
      if (role !== undefined) drafts.push(await this.load(role, Number(version)));
    }
    const rank = (draft: Draft): number => ['root', 'targets'].indexOf(draft.role) + 1 || 3;
    return drafts.sort((a, b) => a.version - b.version || rank(a) - rank(b));
  }

  /** Lays down a draft; one that somebody has signed is never changed. */
  async draw(role: string, version: number, bytes: Uint8Array): Promise<void> {
    const key = `${folder(role, version)}/draft.json`;
    const old = await this.store.get(key, { maxLength: MAX_DRAFT });
    if (old !== undefined && Buffer.compare(old.bytes, bytes) === 0) return;
    if (old !== undefined && (await this.load(role, version)).signatures.size > 0) {
      throw new ConflictError('this draft has signatures already', {
        object: key,
        expected: 'an unsigned draft',
        found: 'a signed one',
        hint: `type \`tufa ceremony abandon ${role}\` to start again`,
      });
    }
    await this.store.swap(key, bytes, old?.etag);
  }

  /** Keeps a signature as soon as it is made, so that a sitting can be interrupted anywhere. */
  async addSignature(draft: Draft, holder: string, signature: DraftSignature): Promise<void> {
    const named = HOLDER.test(holder) ? holder : `key-${signature.keyid.slice(0, 16)}`;
    const taken = draft.signatures.get(named);
    // Somebody who replaces his key signs twice under one name: with the old key and with the new one.
    const name =
      taken === undefined || taken.keyid === signature.keyid ? named : `${named}-${signature.keyid.slice(0, 8)}`;
    await this.put(
      `${folder(draft.role, draft.version)}/signatures/${name}.json`,
      canonical({ keyid: signature.keyid, sig: signature.sig, when: signature.when }),
    );
  }

  /** Writes the complete file beside the draft. */
  async complete(draft: Draft, signatures: readonly Signature[]): Promise<Uint8Array> {
    const bytes = metadataFile(draft.bytes, signatures);
    await this.putFile(draft, metadataName(draft.role, draft.version), bytes);
    return bytes;
  }

  /** A file beside the draft: its transcript, the complete file that somebody else has made. */
  async putFile({ role, version }: Pick<Draft, 'role' | 'version'>, name: string, bytes: Uint8Array): Promise<void> {
    await this.put(`${folder(role, version)}/${name}`, bytes);
  }

  async getFile({ role, version }: Pick<Draft, 'role' | 'version'>, name: string): Promise<Uint8Array | undefined> {
    return (await this.store.get(`${folder(role, version)}/${name}`, { maxLength: MAX_DRAFT }))?.bytes;
  }

  /** What the drafts build on. */
  async bases(): Promise<Bases> {
    const bases = new Map<string, Uint8Array>();
    for await (const { key } of this.store.list('base/')) {
      const object = await this.store.get(key, { maxLength: MAX_DRAFT });
      if (object !== undefined) bases.set(key.slice('base/'.length), object.bytes);
    }
    return bases;
  }

  /**
   * Keeps a complete file for drafts to build on.
   * @throws TrustError when another one stands under its name: two files under one version are never one base
   */
  async addBase(name: string, bytes: Uint8Array): Promise<void> {
    const key = `base/${name}`;
    const old = await this.store.get(key, { maxLength: MAX_DRAFT });
    if (old === undefined) {
      await this.store.create(key, bytes);
      return;
    }
    // The same version may be complete with other signatures: what it says counts.
    const [kept, given] = [old.bytes, bytes].map((file) => signedBytesOf(file, name));
    if (Buffer.compare(kept!, given!) === 0) return;
    throw new TrustError('two different files under one version', {
      object: `ceremony/${key}`,
      code: 'trust.equivocation',
      expected: `sha256 ${sha256Hex(old.bytes)}`,
      found: `sha256 ${sha256Hex(bytes)}`,
      hint: 'find out which of them is live before anybody signs: tufa verify',
    });
  }

  /** Holders by keyid, as those who lead the ceremony call them. */
  async names(): Promise<ReadonlyMap<string, string>> {
    const object = await this.store.get(NAMES, { maxLength: MAX_DRAFT });
    return object === undefined ? new Map() : decodeNames(object.bytes, 'ceremony/names.json');
  }

  async addNames(names: ReadonlyMap<string, string>): Promise<void> {
    await this.put(NAMES, encodeNames(new Map([...(await this.names()), ...names])));
  }

  /** Takes a draft away for good; what it was, and who had signed it, stays on record. @param when UTC */
  async abandon(draft: Draft, when: string): Promise<void> {
    const { role, version, bytes, signatures } = draft;
    const sha256 = sha256Hex(bytes);
    const record = canonical({ role, version, sha256, when, signed: [...signatures.keys()] });
    await this.put(`abandoned/${folder(role, version)}-${sha256}.json`, record);
    await this.remove(draft);
  }

  /** Takes a draft away without a record: one that nobody has signed. */
  async remove({ role, version }: Pick<Draft, 'role' | 'version'>): Promise<void> {
    // The draft goes last: if we crash before, it is still there to be taken away.
    const keys: string[] = [];
    for await (const { key } of this.store.list(`${folder(role, version)}/`)) keys.push(key);
    for (const key of keys.filter((one) => !one.endsWith('/draft.json'))) await this.store.remove(key);
    await this.store.remove(`${folder(role, version)}/draft.json`);
  }

  /** Versions of a role that somebody has signed a draft of before it was abandoned: they are never drawn again. */
  async abandonedVersions(role: string): Promise<ReadonlySet<number>> {
    const versions = new Set<number>();
    for await (const { key } of this.store.list('abandoned/')) {
      const [, name, version] = ABANDONED.exec(key) ?? [];
      const object = name === role ? await this.store.get(key, { maxLength: MAX_DRAFT }) : undefined;
      const signed = object && map(parseJson(object.bytes, { what: key }), key).get('signed');
      if (Array.isArray(signed) && signed.length > 0) versions.add(Number(version));
    }
    return versions;
  }

  async load(role: string, version: number): Promise<Draft> {
    const at = folder(role, version);
    const read = async (name: string) => (await this.store.get(`${at}/${name}`, { maxLength: MAX_DRAFT }))?.bytes;
    const signatures = new Map<string, Signature>();
    for await (const { key } of this.store.list(`${at}/signatures/`)) {
      const holder = key.slice(`${at}/signatures/`.length, -'.json'.length);
      signatures.set(holder, decodeSignature(await read(`signatures/${holder}.json`), key));
    }
    const bytes = await read('draft.json');
    if (bytes === undefined) throw new InputError('not there', { object: `${at}/draft.json` });
    return { role, version, bytes, signatures, complete: await read(metadataName(role, version)) };
  }

  private async put(key: string, bytes: Uint8Array): Promise<void> {
    const old = await this.store.get(key, { maxLength: MAX_DRAFT });
    if (old !== undefined && Buffer.compare(old.bytes, bytes) === 0) return;
    await this.store.swap(key, bytes, old?.etag);
  }
}

function decodeSignature(bytes: Uint8Array | undefined, key: string): DraftSignature {
  const signature = map(parseJson(bytes ?? '', { what: key }), key);
  const when = signature.has('when') ? { when: text(signature.get('when'), 'when') } : {};
  return { keyid: text(signature.get('keyid'), 'keyid'), sig: text(signature.get('sig'), 'sig'), ...when };
}

function signedBytesOf(file: Uint8Array, name: string): Uint8Array {
  const type = parseMetadataName(name)?.role === 'root' ? 'root' : 'targets';
  return readMetadata(file, type, name).signedBytes;
}

function folder(role: string, version: number): string {
  return `${role}-${version}`;
}

/** `root 2`, as people call it. */
export function draftName({ role, version }: Pick<Draft, 'role' | 'version'>): string {
  return `${role} ${version}`;
}
