import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { BundledDraft } from '../../ceremony/bundle.ts';
import { encodeBundle } from '../../ceremony/bundle.ts';
import type { Draft } from '../../ceremony/drafts.ts';
import { draftName } from '../../ceremony/drafts.ts';
import { externalSignature } from '../../ceremony/external.ts';
import type { Bases } from '../../ceremony/ground.ts';
import type { SigningSet } from '../../ceremony/sets.ts';
import { signingSets } from '../../ceremony/sets.ts';
import { TRANSCRIPT_JSON, writeTranscript } from '../../ceremony/transcript.ts';
import { createFile } from '../../config/files.ts';
import { CONFIG_FILE } from '../../config/load.ts';
import type { Workspace } from '../../config/workspace.ts';
import { InputError } from '../../errors.ts';
import { formatDate } from '../../tuf/encode.ts';
import { parseMetadataName } from '../../tuf/layout.ts';
import type { Signature } from '../../tuf/model.ts';
import { setStates } from '../sitting.ts';
import { beginTrustIfComplete, completeIfMet } from './finish.ts';
import { holderName, openTable } from './ground.ts';
import type { Imported } from './import.ts';

export interface Exported {
  readonly file: string;
  readonly drafts: readonly string[];
  readonly signatures: number;
  /** Drafts that were left out because they wait for keys. */
  readonly waiting: readonly string[];
}

/** ceremony export: one file with everything that a holder in another folder needs, and nothing that is secret. */
export async function exportCeremony(workspace: Workspace, file: string): Promise<Exported> {
  const { ceremonies, bases, open, unreadable, names } = await openTable(workspace, { anywhere: true });
  const drafts: BundledDraft[] = [];
  // The first drafts belong together: while one of them waits for keys, none of them is of use.
  for (const { draft } of unreadable.length > 0 ? [] : open) {
    const transcript = await ceremonies.getFile(draft, TRANSCRIPT_JSON);
    drafts.push({ ...draft, transcript: transcript && Buffer.from(transcript).toString('utf8') });
  }
  const { name, uuid } = workspace.config.repository;
  const text = encodeBundle({
    repository: { name, uuid },
    config: await readFile(join(workspace.dir, CONFIG_FILE), 'utf8'),
    holders: [...(await workspace.holders()).values()].map(({ name: holder, keyid, key }) => ({
      name: holder,
      keyid,
      key,
    })),
    names: names.after,
    bases: newest(bases),
    drafts,
  });
  await createFile(resolve(file), text);
  return {
    file,
    drafts: drafts.map(draftName),
    signatures: drafts.reduce((sum, { signatures }) => sum + signatures.size, 0),
    waiting: unreadable.length > 0 ? [...unreadable, ...open.map(({ draft }) => draft)].map(draftName) : [],
  };
}

/** Every root, and the newest version of each other role. */
function newest(bases: Bases): Bases {
  const versions = new Map<string, number>();
  const named = [...bases].map(([name, bytes]) => ({ name, bytes, ...parseMetadataName(name) }));
  for (const { role = '', version = 0 } of named) versions.set(role, Math.max(version, versions.get(role) ?? 0));
  return new Map(
    named
      .filter(({ role = '', version }) => role === 'root' || versions.get(role) === version)
      .map(({ name, bytes }) => [name, bytes]),
  );
}

export interface SignatureImport {
  /** `root-2` or `root 2`. */
  readonly draft: string;
  readonly holder: string;
  readonly signature: Uint8Array;
}

/** ceremony import --signature: what another program has signed, verified before it is added. */
export async function importSignature(
  workspace: Workspace,
  { draft: wanted, holder, signature }: SignatureImport,
): Promise<Imported> {
  const table = await openTable(workspace, { anywhere: true });
  const one = table.open.find(({ draft }) => `${draft.role}-${draft.version}` === wanted.replace(' ', '-'));
  if (one === undefined) {
    throw new InputError('no such draft is open', {
      object: wanted,
      code: 'input.draft',
      expected: table.open.map(({ draft }) => `${draft.role}-${draft.version}`).join(', ') || 'an open draft',
      found: wanted,
      hint: 'tufa ceremony show',
    });
  }
  const sets = signingSets(one, table.open, table.ground);
  const keyids = [...new Set(sets.flatMap(({ role }) => role.keyids))];
  const mine = keyids.filter((keyid) => holderName(table, keyid) === holder);
  if (mine.length === 0) {
    throw new InputError('no key of this holder signs the draft', {
      object: `${draftName(one.draft)}, signature of ${holder}`,
      code: 'input.unknown-key',
      expected: keyids.map((keyid) => holderName(table, keyid)).join(', '),
      found: holder,
    });
  }
  const { keyid, sig } = firstValid(mine, sets, one.draft, { holder, signature });
  await table.ceremonies.addSignature(one.draft, holder, { keyid, sig, when: formatDate(workspace.clock()) });
  const draft = await table.ceremonies.load(one.draft.role, one.draft.version);
  const now = signingSets({ ...one, draft }, table.open, table.ground);
  const complete = (await completeIfMet(table.ceremonies, draft, now)) !== undefined;
  await writeTranscript(table.ceremonies, draft, {});
  if (draft.version === 1) await beginTrustIfComplete(workspace);
  const name = draftName(draft);
  return {
    laidDown: false,
    drafts: [{ draft: name, complete, sets: setStates(table, now) }],
    added: [{ draft: name, holder }],
    warnings: [],
  };
}

/** Somebody who replaces a key has two of them under one name. @throws TrustError of the first, when none has signed */
function firstValid(
  keyids: readonly string[],
  sets: readonly SigningSet[],
  draft: Draft,
  { holder, signature }: Pick<SignatureImport, 'holder' | 'signature'>,
): Signature {
  let refused: unknown;
  for (const keyid of keyids) {
    const key = sets.find(({ keys, role }) => role.keyids.includes(keyid) && keys.has(keyid))?.keys.get(keyid);
    try {
      if (key !== undefined) return { keyid, sig: externalSignature(signature, key, draft, holder) };
    } catch (error) {
      refused ??= error;
    }
  }
  throw refused;
}
