import { constants, createHash, createPrivateKey, sign } from 'node:crypto';
import { access, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { canonicalize } from '@tufjs/canonical-json';

/**
 * What somebody with the keys of a workspace, or with its storage alone, can put there. Signed with node:crypto and
 * encoded by another library than tufa's own code.
 */

/** A JSON object, open to any change. */
// biome-ignore lint/suspicious/noExplicitAny: what is planted has any form
export type Loose = Record<string, any>;

export interface Planting {
  /** By role: changes the signed part before it is signed. */
  readonly change: Readonly<Record<string, (signed: Loose) => void>>;
  /** By role: changes the text of the signed file, which nobody signs again. */
  readonly text?: Readonly<Record<string, (text: string) => string>>;
  /** Bytes of the salt of RSA-PSS. */
  readonly saltLength?: number;
  /** By role: signs these bytes instead of the canonical form. */
  readonly payload?: Readonly<Record<string, (signed: Loose) => Buffer>>;
}

/**
 * The next version of the roles that are named, and of snapshot and timestamp around them, signed by the keys of the
 * workspace and put in its store.
 *
 * @returns the new version
 */
export async function plant(dir: string, planting: Planting): Promise<number> {
  const timestamp = await live(dir, 'timestamp');
  const snapshot = await live(dir, 'snapshot');
  const version = timestamp.signed['version'] + 1;
  const { change } = planting;
  const meta: Loose = { ...snapshot.signed['meta'] };
  for (const role of Object.keys(change).filter((name) => name !== 'snapshot' && name !== 'timestamp')) {
    const file = JSON.parse(await readFile(metadataPath(dir, role, meta[`${role}.json`].version), 'utf8'));
    const bytes = await seal(dir, role, { ...file.signed, version }, planting);
    await writeFile(metadataPath(dir, role, version), bytes);
    meta[`${role}.json`] = { hashes: { sha256: sha256(bytes) }, version };
  }
  let listed = timestamp.signed['meta']['snapshot.json'];
  if (Object.keys(change).some((role) => role !== 'timestamp')) {
    const bytes = await seal(dir, 'snapshot', { ...snapshot.signed, meta, version }, planting);
    await writeFile(metadataPath(dir, 'snapshot', version), bytes);
    listed = { hashes: { sha256: sha256(bytes) }, length: bytes.length, version };
  }
  const next = { ...timestamp.signed, meta: { 'snapshot.json': listed }, version };
  const bytes = await seal(dir, 'timestamp', next, planting);
  await writeFile(join(dir, 'public', 'metadata', 'timestamp.json'), bytes);
  return version;
}

/** Puts an entry into the queue, signed by the operator. @param text changes it after it was signed */
export async function plantEntry(
  dir: string,
  number: number,
  fields: Loose,
  text: (text: string) => string = (same) => same,
): Promise<void> {
  const config = await readFile(join(dir, 'tufa.yaml'), 'utf8');
  const signed = {
    _type: 'queue-entry',
    after: 0,
    changes: [],
    kind: 'files',
    made: '2026-11-25T12:00:00Z',
    number,
    repository: /uuid: (\S+)/.exec(config)?.[1],
    uploader: 'operator',
    ...fields,
  };
  const payload = Buffer.from(canonicalize(signed));
  const file = { signatures: [await signatureOf(dir, 'operator', payload)], signed };
  await writeFile(entryPath(dir, number), text(JSON.stringify(file)));
}

export function entryPath(dir: string, number: number): string {
  return join(dir, 'public', 'queue', `${String(number).padStart(12, '0')}.json`);
}

/** Changes a draft of the ceremony as somebody with an editor does: it stays in canonical form. */
export async function editDraft(dir: string, role: string, change: (signed: Loose) => void): Promise<void> {
  const path = draftPath(dir, role);
  // The canonical form has PEM keys with raw newlines, which are no JSON.
  const signed = JSON.parse((await readFile(path, 'utf8')).replaceAll('\n', '\\n'));
  change(signed);
  await writeFile(path, canonicalize(signed));
}

export function draftPath(dir: string, role: string): string {
  return join(dir, 'ceremony', `${role}-1`, 'draft.json');
}

/** The file of a role that is live: parsed, nothing is verified. */
export async function live(dir: string, role: string): Promise<{ signed: Loose; signatures: Loose[]; bytes: Buffer }> {
  const timestamp = await load(join(dir, 'public', 'metadata', 'timestamp.json'));
  if (role === 'timestamp') return timestamp;
  const snapshot = await load(metadataPath(dir, 'snapshot', timestamp.signed['meta']['snapshot.json'].version));
  if (role === 'snapshot') return snapshot;
  if (role === 'root') return load(metadataPath(dir, 'root', await newestRoot(dir)));
  return load(metadataPath(dir, role, snapshot.signed['meta'][`${role}.json`].version));
}

/** The signed part of every role that the live snapshot lists. */
export async function liveRoles(dir: string): Promise<Record<string, Loose>> {
  const names = Object.keys((await live(dir, 'snapshot')).signed['meta'] as Loose);
  const roles = names.map(async (file) => {
    const name = file.slice(0, -'.json'.length);
    return [name, (await live(dir, name)).signed] as const;
  });
  return Object.fromEntries(await Promise.all(roles));
}

/** Names below `metadata/`. */
export async function metadataFiles(dir: string): Promise<string[]> {
  return (await readdir(join(dir, 'public', 'metadata'))).filter((name) => name.endsWith('.json'));
}

/** What is published under a target path. */
export async function targetFile(dir: string, path: string, digest: string): Promise<Buffer> {
  const slash = path.lastIndexOf('/') + 1;
  return readFile(join(dir, 'public', 'targets', `${path.slice(0, slash)}${digest}.${path.slice(slash)}`));
}

export async function load(path: string): Promise<{ signed: Loose; signatures: Loose[]; bytes: Buffer }> {
  const bytes = await readFile(path);
  return { ...JSON.parse(bytes.toString('utf8')), bytes };
}

export function metadataPath(dir: string, role: string, version: number): string {
  return join(dir, 'public', 'metadata', `${version}.${role}.json`);
}

/** A signature by the key that `holders/` has under this name. */
export async function signatureOf(
  dir: string,
  holder: string,
  payload: Buffer,
  saltLength = 32,
): Promise<{ keyid: string; sig: string }> {
  const { keyid, key } = JSON.parse(await readFile(join(dir, 'holders', `${holder}.json`), 'utf8'));
  const privateKey = createPrivateKey(await readFile(join(dir, 'private', `${holder}.pem`)));
  const padding = key.keytype === 'rsa' ? { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength } : {};
  const sig = sign(key.keytype === 'ed25519' ? null : 'sha256', payload, { key: privateKey, ...padding });
  return { keyid, sig: sig.toString('hex') };
}

export function sha256(bytes: string | Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

async function seal(dir: string, role: string, signed: Loose, planting: Planting): Promise<Buffer> {
  planting.change[role]?.(signed);
  const payload = planting.payload?.[role]?.(signed) ?? Buffer.from(canonicalize(signed));
  const signatures = [await signatureOf(dir, await keyFor(dir, role), payload, planting.saltLength)];
  const text = JSON.stringify({ signatures, signed });
  return Buffer.from(planting.text?.[role]?.(text) ?? text);
}

/** The holder's name of an online role's key. Profile hobby has one key for all of them. */
async function keyFor(dir: string, role: string): Promise<string> {
  const name = /^(bin|recent|deny)/.exec(role)?.[1] ?? 'online';
  const own = name === 'bin' ? 'bins' : name;
  return access(join(dir, 'private', `${own}.pem`)).then(
    () => own,
    () => 'online',
  );
}

async function newestRoot(dir: string): Promise<number> {
  for (let version = 1; ; version++) {
    const next = await readFile(metadataPath(dir, 'root', version + 1)).catch(() => undefined);
    if (next === undefined) return version;
  }
}
