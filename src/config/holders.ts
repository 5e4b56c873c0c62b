import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigurationError, InputError } from '../errors.ts';
import { CLIENTS } from '../tuf/clients.ts';
import { map, refuse, text } from '../tuf/fields.ts';
import { parseJson } from '../tuf/json.ts';
import { assertPublishable, keyidOf } from '../tuf/keys.ts';
import type { JsonMap, Key } from '../tuf/model.ts';
import { createFile } from './files.ts';
import { keyName } from './schema.ts';

/** Who holds a key: a person of a ceremony, a job, an uploader. Public; `uri` says where this machine finds the private key. */
export interface Holder {
  readonly name: string;
  readonly keyid: string;
  readonly key: Key;
  /** `file:private/alice.pem`; undefined: the private key is somewhere else. */
  readonly uri?: string;
}

const FOLDER = 'holders';
const MAX_LENGTH = 65_536;

/** `holders/*.json` below `dir`, by name. @throws ConfigurationError for a file that does not say what it should */
export async function readHolders(dir: string): Promise<ReadonlyMap<string, Holder>> {
  const folder = join(dir, FOLDER);
  const files = await readdir(folder).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return [];
    throw new ConfigurationError(`cannot be read (${cause.code})`, { object: folder, hint: `ls -ld ${folder}`, cause });
  });
  // Names with a dot in front are drafts of files that a crash has left.
  const names = files.filter((file) => /^[^.].*\.json$/.test(file)).map((file) => file.slice(0, -'.json'.length));
  const holders = await Promise.all(names.sort().map((name) => readHolder(folder, name)));
  const first = new Map<string, string>();
  for (const { name, keyid } of holders) {
    const other = first.get(keyid);
    // The same key under two names would count as two people to everybody who reads this folder.
    if (other !== undefined) throw notAHolder(name, `a key of its own`, `the key of ${other}`);
    first.set(keyid, name);
  }
  return new Map(holders.map((holder) => [holder.name, holder]));
}

/** Create-only: a key is replaced by a ceremony, never by writing over it. @throws ConflictError, ConfigurationError */
export async function writeHolder(dir: string, { name, keyid, key, uri }: Holder): Promise<void> {
  const { keytype, scheme, keyval } = key;
  const value = { name, keyid, key: { keytype, scheme, keyval: { public: keyval.public } }, uri };
  const file = `${FOLDER}/${name}.json`;
  // Refused here, or it would be refused by every command that reads it.
  parseHolder(Buffer.from(JSON.stringify(value)), file);
  await createFile(join(dir, file), `${JSON.stringify(value, null, 2)}\n`);
}

/**
 * @param what names the bytes in errors: `holders/alice.json`
 * @throws InputError for a wrong form, a keyid that is not the key's, or a key that no client reads
 */
export function parseHolder(bytes: Uint8Array, what: string): Holder {
  const object = map(parseJson(bytes, { what, maxLength: MAX_LENGTH }), what);
  const fields = map(object.get('key'), `${what}: key`);
  const keyval = map(fields.get('keyval'), `${what}: keyval`);
  onlyFields(object, ['name', 'keyid', 'key', 'uri'], what);
  onlyFields(fields, ['keytype', 'scheme', 'keyval'], `${what}: key`);
  onlyFields(keyval, ['public'], `${what}: keyval`);
  const member = (from: JsonMap, name: string): string => text(from.get(name), `${what}: ${name}`);
  const key: Key = {
    keytype: member(fields, 'keytype'),
    scheme: member(fields, 'scheme'),
    keyval: { public: member(keyval, 'public') },
  };
  const keyid = member(object, 'keyid');
  if (keyid !== keyidOf(key)) refuse(`${what}: keyid`, `${keyidOf(key)}, which is the key's`, keyid);
  // Which clients have to read it says tufa.yaml, and every draft is held against that.
  assertPublishable(key, `${what}: key`, CLIENTS);
  const name = keyName().safeParse(member(object, 'name'));
  if (!name.success) return refuse(`${what}: name`, name.error.issues[0]?.message ?? '', member(object, 'name'));
  if (!object.has('uri')) return { name: name.data, keyid, key };
  const uri = member(object, 'uri');
  // It would be shown wherever the uri is.
  if (/[?&;]pin-value=/i.test(uri)) refuse(`${what}: uri`, 'no PIN in it', 'pin-value=');
  return { name: name.data, keyid, key, uri };
}

async function readHolder(folder: string, name: string): Promise<Holder> {
  const what = `${FOLDER}/${name}.json`;
  try {
    const holder = parseHolder(await readFile(join(folder, `${name}.json`)), what);
    if (holder.name !== name) refuse(`${what}: name`, name, holder.name);
    return holder;
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    const { expected = 'the public key of a holder', found = error.message, object = what } = error.details;
    throw notAHolder(name, expected, found, object, error);
  }
}

function notAHolder(
  name: string,
  expected: string,
  found: string,
  object = `${FOLDER}/${name}.json`,
  cause?: unknown,
): ConfigurationError {
  return new ConfigurationError('wrong form', {
    object,
    code: 'configuration.holder',
    expected,
    found,
    hint: `ask ${name} for the file again, then \`tufa key import\``,
    cause,
  });
}

function onlyFields(object: JsonMap, known: readonly string[], what: string): void {
  for (const name of object.keys()) {
    if (!known.includes(name)) refuse(what, `only ${known.join(', ')}`, JSON.stringify(name));
  }
}
