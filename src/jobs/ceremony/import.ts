import { isOver, readDraft } from '../../ceremony/assess.ts';
import type { Bundle, BundledDraft } from '../../ceremony/bundle.ts';
import { decodeBundle } from '../../ceremony/bundle.ts';
import type { Draft, DraftSignature } from '../../ceremony/drafts.ts';
import { draftName } from '../../ceremony/drafts.ts';
import type { Ground } from '../../ceremony/ground.ts';
import { findGround } from '../../ceremony/ground.ts';
import type { ReadDraft, SigningSet } from '../../ceremony/sets.ts';
import { isMet, signingSets } from '../../ceremony/sets.ts';
import { decodeNoted, writeTranscript } from '../../ceremony/transcript.ts';
import {
  createWorkspaceFrom,
  parseHolder,
  Workspace,
  type WorkspaceOptions,
  writeHolder,
} from '../../config/workspace.ts';
import { ConfigurationError, ConflictError, InputError, TrustError } from '../../errors.ts';
import { sha256Hex } from '../../tuf/digest.ts';
import { verifySignature } from '../../tuf/keys.ts';
import { metadataName, parseMetadataName } from '../../tuf/layout.ts';
import { readMetadata } from '../../tuf/read.ts';
import type { SetState } from '../sitting.ts';
import { setStates } from '../sitting.ts';
import { beginTrustIfComplete, completeIfMet } from './finish.ts';
import type { Table } from './ground.ts';
import { openTable } from './ground.ts';

export interface Imported {
  /** The folder had no workspace: one was laid down. */
  readonly laidDown: boolean;
  readonly drafts: readonly {
    readonly draft: string;
    readonly complete: boolean;
    readonly sets: readonly SetState[];
  }[];
  /** Signatures that were not here before, each verified. */
  readonly added: readonly { readonly draft: string; readonly holder: string }[];
  readonly warnings: readonly string[];
}

/**
 * ceremony import: takes in what another folder has exported. Everything is looked at before anything is written: every
 * signature is verified with the keys of its draft, and what the drafts build on must lead on from what this signer trusts.
 */
export async function importCeremony(
  dir: string,
  bytes: Uint8Array,
  what: string,
  options: Partial<WorkspaceOptions>,
): Promise<Imported> {
  const bundle = decodeBundle(bytes, what);
  const { workspace, laidDown } = await openOrLayDown(dir, bundle, options);
  try {
    return { ...(await take(workspace, bundle, what)), laidDown };
  } finally {
    await workspace.close();
  }
}

async function openOrLayDown(
  dir: string,
  bundle: Bundle,
  options: Partial<WorkspaceOptions>,
): Promise<{ workspace: Workspace; laidDown: boolean }> {
  try {
    return { workspace: await Workspace.open(dir, options), laidDown: false };
  } catch (error) {
    if (!(error instanceof ConfigurationError) || error.code !== 'configuration.no-workspace') throw error;
  }
  // Nothing of a file that cannot be read is laid down.
  for (const draft of bundle.drafts) readDraft(draft);
  await createWorkspaceFrom(dir, bundle.config);
  return { workspace: await Workspace.open(dir, options), laidDown: true };
}

async function take(workspace: Workspace, bundle: Bundle, what: string): Promise<Omit<Imported, 'laidDown'>> {
  const { uuid } = workspace.config.repository;
  if (bundle.repository.uuid !== uuid) {
    throw new TrustError('a ceremony of another repository', {
      object: what,
      code: 'trust.repository',
      expected: uuid,
      found: bundle.repository.uuid,
    });
  }
  const table = await openTable(workspace, { anywhere: true });
  const { ceremonies } = table;
  const ground = groundWith(bundle, table);
  const incoming = bundle.drafts.filter((draft) => !isOver(draft, table.bases, ground)).map(readDraft);
  const merged = incoming.map((one) => mergeWith(table, one, uuid));
  const open = [...merged, ...table.open.filter((one) => !merged.some((other) => sameName(one.draft, other.draft)))];
  for (const one of merged) assertSigned(one, signingSets(one, open, ground));

  const warnings = await takeHolders(workspace, bundle);
  await ceremonies.addNames(bundle.names);
  for (const [name, file] of bundle.bases) await ceremonies.addBase(name, file);
  const added: { draft: string; holder: string }[] = [];
  for (const { draft } of merged) {
    await ceremonies.draw(draft.role, draft.version, draft.bytes);
    for (const { holder, signature } of await newSignatures(table, draft)) {
      const here = await ceremonies.load(draft.role, draft.version);
      await ceremonies.addSignature(here, holder, signature);
      added.push({ draft: draftName(draft), holder });
    }
    await takeComplete(table, draft);
    const { transcript } = bundle.drafts.find((one) => sameName(one, draft)) as BundledDraft;
    await writeTranscript(ceremonies, draft, transcript === undefined ? {} : decodeNoted(Buffer.from(transcript)));
  }
  return { drafts: await settle(workspace, merged), added, warnings };
}

/** Completes what has every threshold now. */
async function settle(workspace: Workspace, merged: readonly ReadDraft[]): Promise<Imported['drafts']> {
  const table = await openTable(workspace, { anywhere: true });
  const drafts: Imported['drafts'][number][] = [];
  for (const one of table.open.filter(({ draft }) => merged.some((other) => sameName(draft, other.draft)))) {
    const sets = signingSets(one, table.open, table.ground);
    const complete = await completeIfMet(table.ceremonies, one.draft, sets);
    if (complete !== undefined) await writeTranscript(table.ceremonies, one.draft, {});
    drafts.push({ draft: draftName(one.draft), complete: complete !== undefined, sets: setStates(table, sets) });
  }
  await beginTrustIfComplete(workspace);
  return drafts;
}

/** What the drafts stand on, with what comes along. @throws TrustError when that does not follow from what is here */
function groundWith({ bases }: Bundle, { bases: here, ground }: Table): Ground {
  for (const [name, bytes] of bases) {
    const { role = '', version } = parseMetadataName(name) ?? {};
    const { signed } = readMetadata(bytes, role === 'root' ? 'root' : 'targets', name);
    if (signed.version !== version)
      throw new InputError('another version inside', {
        object: name,
        expected: `${version}`,
        found: `${signed.version}`,
      });
  }
  return findGround(new Map([...here, ...bases]), ground.chain[0]);
}

/** The draft with the signatures that are here and those that came. */
function mergeWith(table: Table, one: ReadDraft, uuid: string): ReadDraft {
  const { draft, signed } = one;
  if (signed.repository !== uuid) {
    throw new TrustError('a draft for another repository', {
      object: draftName(draft),
      code: 'trust.repository',
      expected: uuid,
      found: `${signed.repository ?? 'none'} (sha256 ${sha256Hex(draft.bytes)})`,
    });
  }
  const here = table.open.find((other) => sameName(other.draft, draft))?.draft;
  if (here === undefined) return one;
  if (Buffer.compare(here.bytes, draft.bytes) !== 0) {
    if (here.signatures.size === 0) return one;
    throw new ConflictError('another draft of this version has signatures here', {
      object: draftName(draft),
      code: 'conflict.open-draft',
      expected: `sha256 ${sha256Hex(here.bytes)}`,
      found: `sha256 ${sha256Hex(draft.bytes)}`,
      hint: `ask who leads which of them counts; to give up the one here: tufa ceremony abandon ${draft.role}`,
    });
  }
  const known = new Set([...here.signatures.values()].map(({ keyid }) => keyid));
  const fresh = [...draft.signatures].filter(([, { keyid }]) => !known.has(keyid));
  const apart = fresh.map(([holder, signature]): [string, DraftSignature] => [
    here.signatures.has(holder) ? `${holder}-${signature.keyid.slice(0, 8)}` : holder,
    signature,
  ]);
  const complete = here.complete ?? draft.complete;
  return { signed, draft: { ...draft, complete, signatures: new Map([...here.signatures, ...apart]) } };
}

/** Each signature by a key that may sign this draft, and over these very bytes; a complete file by every threshold. */
function assertSigned({ draft }: ReadDraft, sets: readonly SigningSet[]): void {
  const keys = new Map(sets.flatMap(({ keys: named, role }) => role.keyids.map((id) => [id, named.get(id)] as const)));
  const check = (holder: string, { keyid, sig }: DraftSignature): void => {
    const key = keys.get(keyid);
    const object = `${draftName(draft)}, signature of ${holder}`;
    if (key === undefined) {
      const expected = `one of ${[...keys.keys()].map((id) => id.slice(0, 8)).join(', ')}`;
      throw new InputError('a key that does not sign this draft', {
        object,
        code: 'input.unknown-key',
        expected,
        found: keyid,
      });
    }
    if (verifySignature(key, draft.bytes, sig)) return;
    const expected = `a signature of key ${keyid} over sha256 ${sha256Hex(draft.bytes)}`;
    throw new TrustError('does not verify', { object, code: 'trust.signature', expected, found: 'another one' });
  };
  for (const [holder, signature] of draft.signatures) check(holder, signature);
  if (draft.complete === undefined) return;
  const name = metadataName(draft.role, draft.version);
  const file = readMetadata(draft.complete, draft.role === 'root' ? 'root' : 'targets', name);
  const carried = new Map(file.signatures.map((signature) => [signature.keyid, signature]));
  for (const [keyid, signature] of carried) check(keyid.slice(0, 8), signature);
  const same = Buffer.compare(file.signedBytes, draft.bytes) === 0;
  if (
    same &&
    isMet(
      sets.map((set) => ({ ...set, valid: file.signatures.filter(({ keyid }) => set.role.keyids.includes(keyid)) })),
    )
  )
    return;
  throw new TrustError('claims to be complete, and is not', {
    object: name,
    code: 'trust.threshold',
    expected: 'every threshold over the draft',
    found: same ? `${carried.size} signatures` : 'another signed part',
  });
}

async function newSignatures(
  { ceremonies }: Table,
  draft: Draft,
): Promise<{ holder: string; signature: DraftSignature }[]> {
  const here = await ceremonies.load(draft.role, draft.version);
  const known = new Set([...here.signatures.values()].map(({ keyid }) => keyid));
  return [...draft.signatures]
    .filter(([, { keyid }]) => !known.has(keyid))
    .map(([holder, signature]) => ({ holder, signature }));
}

/** The one complete file that the others have as well, so that its digest is the same everywhere. */
async function takeComplete({ ceremonies }: Table, draft: Draft): Promise<void> {
  const here = await ceremonies.load(draft.role, draft.version);
  if (here.complete === undefined && draft.complete !== undefined)
    await ceremonies.putFile(draft, metadataName(draft.role, draft.version), draft.complete);
}

/** Public keys that are not here yet. A name that stands for another key here is not touched: it may be one's own. */
async function takeHolders(workspace: Workspace, { holders }: Bundle): Promise<string[]> {
  const known = await workspace.holders();
  const names = new Map([...known.values()].map(({ keyid, name }) => [keyid, name]));
  const warnings: string[] = [];
  for (const { name, keyid, key } of holders) {
    const holder = parseHolder(Buffer.from(JSON.stringify({ name, keyid, key })), `holder ${name}`);
    const [same, other] = [names.get(keyid), known.get(name)];
    if (same !== undefined) {
      if (same !== name) warnings.push(`the key that is called ${name} there is called ${same} here: kept`);
    } else if (other !== undefined) warnings.push(`${name} has another key here than there: kept`);
    else await writeHolder(workspace.dir, holder);
  }
  await workspace.reload();
  return warnings;
}

function sameName(a: Draft, b: Draft): boolean {
  return a.role === b.role && a.version === b.version;
}
