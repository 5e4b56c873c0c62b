import { InputError } from '../errors.ts';
import { list, map, positive, text } from '../tuf/fields.ts';
import { parseJson } from '../tuf/json.ts';
import { parseMetadataName } from '../tuf/layout.ts';
import type { Json, Key } from '../tuf/model.ts';
import type { Draft, DraftSignature } from './drafts.ts';

/**
 * One file that carries ceremonies to a folder which shares nothing else: drafts, what they build on, signatures, public keys
 * with their names, and tufa.yaml for a folder that has none. Nothing in it is secret, and nothing in it is trusted: it is
 * a letter, not a seal.
 */
export interface Bundle {
  readonly repository: { readonly name: string; readonly uuid: string };
  /** tufa.yaml, as text. */
  readonly config: string;
  readonly holders: readonly BundledHolder[];
  /** Holders by keyid, those whose keys are not in `holders` any more as well. */
  readonly names: ReadonlyMap<string, string>;
  /** Complete files by their names below `metadata/`. */
  readonly bases: ReadonlyMap<string, Uint8Array>;
  readonly drafts: readonly BundledDraft[];
}

export interface BundledHolder {
  readonly name: string;
  readonly keyid: string;
  readonly key: Key;
}

export type BundledDraft = Draft & {
  /** What its transcript says beside signatures, as text. */
  readonly transcript: string | undefined;
};

const TYPE = 'tufa-ceremony';
const MAX_BUNDLE = 64 * 1024 * 1024;
const ROLE = /^[a-z][a-z0-9._-]*$/;

/** JSON with line breaks: it goes through git and mail. */
export function encodeBundle({ repository, config, holders, names, bases, drafts }: Bundle): string {
  const value = {
    _type: TYPE,
    repository: { name: repository.name, uuid: repository.uuid },
    config,
    holders: holders.map(({ name, keyid, key: { keytype, scheme, keyval } }) => ({
      name,
      keyid,
      key: { keytype, scheme, keyval: { public: keyval.public } },
    })),
    names: Object.fromEntries(names),
    base: [...bases].map(([name, bytes]) => ({ name, file: utf8(bytes) })),
    drafts: drafts.map(({ role, version, bytes, signatures, complete, transcript }) => ({
      role,
      version,
      bytes: utf8(bytes),
      signatures: [...signatures].map(([holder, { keyid, sig, when }]) => ({ holder, keyid, sig, when })),
      complete: complete && utf8(complete),
      transcript,
    })),
  };
  return `${JSON.stringify(value, null, 2)}\n`;
}

/** @throws InputError */
export function decodeBundle(bytes: Uint8Array, what: string): Bundle {
  const bundle = map(parseJson(bytes, { what, maxLength: MAX_BUNDLE }), what);
  if (bundle.get('_type') !== TYPE) {
    throw new InputError('not a file of a ceremony', {
      object: what,
      code: 'input.bundle',
      expected: `"_type": "${TYPE}"`,
      found: JSON.stringify(bundle.get('_type') ?? null),
      hint: 'make one with `tufa ceremony export FILE`',
    });
  }
  const repository = map(bundle.get('repository'), 'repository');
  const names = map(bundle.get('names'), 'names');
  return {
    repository: { name: text(repository.get('name'), 'name'), uuid: text(repository.get('uuid'), 'uuid') },
    config: text(bundle.get('config'), 'config'),
    holders: list(bundle.get('holders'), 'holders').map(decodeHolder),
    names: new Map([...names].map(([keyid, name]) => [keyid, text(name, 'names')])),
    bases: new Map(list(bundle.get('base'), 'base').map(decodeBase)),
    drafts: list(bundle.get('drafts'), 'drafts').map(decodeDraft),
  };
}

function decodeHolder(value: Json): BundledHolder {
  const holder = map(value, 'holder');
  const key = map(holder.get('key'), 'key');
  return {
    name: text(holder.get('name'), 'holder.name'),
    keyid: text(holder.get('keyid'), 'holder.keyid'),
    key: {
      keytype: text(key.get('keytype'), 'keytype'),
      scheme: text(key.get('scheme'), 'scheme'),
      keyval: { public: text(map(key.get('keyval'), 'keyval').get('public'), 'keyval.public') },
    },
  };
}

/** The name becomes a file's name: it has to be one that metadata can have, and nothing else. */
function decodeBase(value: Json): [string, Uint8Array] {
  const base = map(value, 'base');
  const name = text(base.get('name'), 'base.name');
  const parsed = parseMetadataName(name);
  if (parsed?.version === undefined || !ROLE.test(parsed.role))
    throw new InputError('not the name of metadata', { object: JSON.stringify(name), code: 'input.bundle' });
  return [name, Buffer.from(text(base.get('file'), name))];
}

function decodeDraft(value: Json): BundledDraft {
  const draft = map(value, 'draft');
  const role = text(draft.get('role'), 'draft.role');
  if (!ROLE.test(role)) throw new InputError('not a role', { object: JSON.stringify(role), code: 'input.bundle' });
  const signatures = new Map<string, DraftSignature>();
  for (const [i, one] of list(draft.get('signatures'), 'signatures').entries()) {
    const signature = map(one, `signatures[${i}]`);
    const when = signature.has('when') ? { when: text(signature.get('when'), 'when') } : {};
    const keyid = text(signature.get('keyid'), 'keyid');
    const holder = text(signature.get('holder'), 'holder');
    signatures.set(signatures.has(holder) ? `${holder}-${i}` : holder, {
      keyid,
      sig: text(signature.get('sig'), 'sig'),
      ...when,
    });
  }
  return {
    role,
    version: positive(draft.get('version'), 'draft.version'),
    bytes: Buffer.from(text(draft.get('bytes'), 'draft.bytes')),
    signatures,
    complete: draft.has('complete') ? Buffer.from(text(draft.get('complete'), 'draft.complete')) : undefined,
    transcript: draft.has('transcript') ? text(draft.get('transcript'), 'draft.transcript') : undefined,
  };
}

function utf8(bytes: Uint8Array): string {
  return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
}
