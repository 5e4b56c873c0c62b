import { ConflictError, InputError } from '../errors.ts';
import type { Store } from '../stores/port.ts';
import { canonical, metadataFile } from '../tuf/encode.ts';
import { map, text } from '../tuf/fields.ts';
import { parseJson } from '../tuf/json.ts';
import { verifySignature } from '../tuf/keys.ts';
import { metadataName } from '../tuf/layout.ts';
import type { Key, RoleKeys, Signature } from '../tuf/model.ts';

/**
 * A ceremony is a folder that can live in git or on a stick: the draft (the exact bytes to be signed), one detached
 * signature file per holder, and in the end the complete metadata file. Nothing in it is secret.
 *
 *     ceremony/root-1/draft.json
 *     ceremony/root-1/signatures/alice.json
 *     ceremony/root-1/1.root.json
 */

export interface Draft {
  readonly role: string;
  readonly version: number;
  /** The exact bytes to be signed. */
  readonly bytes: Uint8Array;
  /** By holder; not verified: `validSignatures` does. */
  readonly signatures: ReadonlyMap<string, Signature>;
  /** The complete metadata file, once a threshold has signed. */
  readonly complete: Uint8Array | undefined;
}

const MAX_DRAFT = 8 * 1024 * 1024;
const FOLDER = /^([a-z][a-z0-9._-]*)-([1-9]\d*)\/draft\.json$/;

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
  async addSignature(draft: Draft, holder: string, signature: Signature): Promise<void> {
    const key = `${folder(draft.role, draft.version)}/signatures/${holder}.json`;
    const old = await this.store.get(key, { maxLength: MAX_DRAFT });
    await this.store.swap(key, canonical({ keyid: signature.keyid, sig: signature.sig }), old?.etag);
  }

  /** Writes the complete file beside the draft. */
  async complete(draft: Draft, signatures: readonly Signature[]): Promise<Uint8Array> {
    const bytes = metadataFile(draft.bytes, signatures);
    const key = `${folder(draft.role, draft.version)}/${metadataName(draft.role, draft.version)}`;
    const old = await this.store.get(key, { maxLength: MAX_DRAFT });
    await this.store.swap(key, bytes, old?.etag);
    return bytes;
  }

  private async load(role: string, version: number): Promise<Draft> {
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
}

/** Signatures of the role's keys over the draft that verify, each key once. */
export function validSignatures(draft: Draft, keys: ReadonlyMap<string, Key>, role: RoleKeys): Signature[] {
  const valid = new Map<string, Signature>();
  for (const signature of draft.signatures.values()) {
    const key = role.keyids.includes(signature.keyid) ? keys.get(signature.keyid) : undefined;
    if (key !== undefined && verifySignature(key, draft.bytes, signature.sig)) valid.set(signature.keyid, signature);
  }
  return [...valid.values()];
}

function decodeSignature(bytes: Uint8Array | undefined, key: string): Signature {
  const signature = map(parseJson(bytes ?? '', { what: key }), key);
  return { keyid: text(signature.get('keyid'), 'keyid'), sig: text(signature.get('sig'), 'sig') };
}

function folder(role: string, version: number): string {
  return `${role}-${version}`;
}
