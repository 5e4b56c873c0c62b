import { InputError } from '../errors.ts';
import type { Signer } from '../signers/port.ts';
import { canonical, formatDate, metadataFile } from '../tuf/encode.ts';
import { date, list, map, natural, positive, refuse, sha256, strings, text } from '../tuf/fields.ts';
import { keyidOf, verifySignature } from '../tuf/keys.ts';
import type { Json, Key } from '../tuf/model.ts';
import { assertTargetPath } from '../tuf/names.ts';

/**
 * A queue entry is a signed envelope: a store's credential alone changes nothing. `number` is in the signed part, so that
 * nobody can replay another's entry under a new number.
 */

export const KINDS = ['files', 'pages', 'removal', 'policy', 'deny', 'operator'] as const;
export type Kind = (typeof KINDS)[number];

/** Content of a target path: what it was when the change was planned, or what it shall be. */
export interface Content {
  readonly sha256: string;
  /** Bytes. */
  readonly length: number;
}

/** One change: `was` is the sha256 that the path had when it was planned (null: absent), `now` what it gets (null: removed). */
export interface Row {
  readonly path: string;
  readonly was: string | null;
  readonly now: Content | null;
}

export interface Entry {
  readonly repository: string;
  readonly number: number;
  /** Name in tufa.yaml. */
  readonly uploader: string;
  readonly kind: Kind;
  readonly changes: readonly Row[];
  /** The mark (last folded number) that the change was planned on. */
  readonly after: number;
  readonly made: Date;
}

/** Who may append what: `uploaders` in tufa.yaml. */
export interface Uploader {
  readonly name: string;
  readonly key: Key;
  readonly kinds: readonly Kind[];
  /** Project names, or `*` for all of them and for paths that belong to none. */
  readonly projects: readonly string[];
}

/** Bytes; an entry of 20,000 rows fits. */
export const MAX_ENTRY = 16 * 1024 * 1024;

/** The envelope of `entry`, signed by the uploader. */
export async function sealEntry(entry: Entry, signer: Signer): Promise<Buffer> {
  const payload = canonical({
    _type: 'queue-entry',
    after: entry.after,
    changes: entry.changes.map(({ path, was, now }) => ({
      now: now && { length: now.length, sha256: now.sha256 },
      path,
      was,
    })),
    kind: entry.kind,
    made: formatDate(entry.made),
    number: entry.number,
    repository: entry.repository,
    uploader: entry.uploader,
  });
  const sig = await signer.sign({ payload, subject: `queue entry ${entry.number}` });
  return metadataFile(payload, [{ keyid: signer.keyid, sig }]);
}

/**
 * Opens an envelope: form, number, repository, uploader and signature.
 * @param value the entry, parsed strictly
 * @param number the one in its name
 * @throws InputError; the drain refuses this entry alone and goes on
 */
export function openEntry(value: Json, number: number, repository: string, uploaders: readonly Uploader[]): Entry {
  const what = `queue entry ${number}`;
  const file = map(value, what);
  const entry = decode(file.get('signed'), what);
  if (entry.number !== number) deny(what, 'made for another number', `${number}`, `${entry.number}`);
  if (entry.repository !== repository) deny(what, 'made for another repository', repository, entry.repository);
  const uploader = uploaders.find((u) => u.name === entry.uploader);
  if (uploader === undefined) return deny(what, 'unknown uploader', 'one of tufa.yaml', JSON.stringify(entry.uploader));
  const signatures = list(file.get('signatures'), 'signatures').map((s) => map(s, 'signatures'));
  const keyid = keyidOf(uploader.key);
  const sig = signatures.find((s) => s.get('keyid') === keyid)?.get('sig');
  if (typeof sig !== 'string' || !verifySignature(uploader.key, canonical(file.get('signed') as Json), sig)) {
    deny(what, 'not signed by its uploader', `a signature of ${uploader.name}`, 'none that verifies');
  }
  return entry;
}

function decode(value: Json | undefined, what: string): Entry {
  const signed = map(value, what);
  const known = ['_type', 'after', 'changes', 'kind', 'made', 'number', 'repository', 'uploader'];
  const unknown = [...signed.keys()].find((name) => !known.includes(name));
  if (unknown !== undefined) refuse(what, 'only known fields', JSON.stringify(unknown));
  if (signed.get('_type') !== 'queue-entry') refuse(what, '_type "queue-entry"', 'another');
  const kind = KINDS.find((k) => k === signed.get('kind'));
  return {
    repository: text(signed.get('repository'), 'repository'),
    number: positive(signed.get('number'), 'number'),
    uploader: text(signed.get('uploader'), 'uploader'),
    kind: kind ?? refuse('kind', KINDS.join(', '), JSON.stringify(signed.get('kind') ?? null)),
    changes: list(signed.get('changes'), 'changes').map(decodeRow),
    after: natural(signed.get('after'), 'after'),
    made: date(signed.get('made'), 'made'),
  };
}

function decodeRow(value: Json, index: number): Row {
  const what = `changes[${index}]`;
  const row = map(value, what);
  if (strings([...row.keys()].sort(), what).join() !== 'now,path,was')
    refuse(what, 'now, path and was', [...row.keys()].join());
  const path = text(row.get('path'), `${what}.path`);
  assertTargetPath(path);
  const was = row.get('was') ?? null;
  const now = row.get('now') ?? null;
  return {
    path,
    was: was === null ? null : sha256(was, `${what}.was`),
    now: now === null ? null : decodeContent(now, `${what}.now`),
  };
}

function decodeContent(value: Json, what: string): Content {
  const content = map(value, what);
  if ([...content.keys()].sort().join() !== 'length,sha256')
    refuse(what, 'length and sha256', [...content.keys()].join());
  return {
    length: natural(content.get('length'), `${what}.length`),
    sha256: sha256(content.get('sha256'), `${what}.sha256`),
  };
}

function deny(object: string, what: string, expected: string, found: string): never {
  throw new InputError(what, { object, expected, found, code: 'input.queue-entry' });
}
