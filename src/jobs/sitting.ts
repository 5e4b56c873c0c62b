import { assertNext, baseOf, staleDraft } from '../ceremony/assess.ts';
import type { Diff, Part } from '../ceremony/diff.ts';
import { diff } from '../ceremony/diff.ts';
import { keyUses } from '../ceremony/diff-keys.ts';
import type { Draft } from '../ceremony/drafts.ts';
import { draftName } from '../ceremony/drafts.ts';
import { groundFile, groundVersion } from '../ceremony/ground.ts';
import { checkDraft, findingText, refuseUnless } from '../ceremony/rules.ts';
import type { ReadDraft, SigningSet } from '../ceremony/sets.ts';
import { missingKeyids, signingSets } from '../ceremony/sets.ts';
import type { Workspace } from '../config/workspace.ts';
import { ConflictError, PersonError } from '../errors.ts';
import { sha256Hex } from '../tuf/digest.ts';
import type { Key, RoleKeys, Signature, SignedPart } from '../tuf/model.ts';
import type { Table } from './ceremony/ground.ts';
import { holderName, openTable } from './ceremony/ground.ts';
import { missingKeys } from './draw.ts';

/** One draft as a holder sees it before signing. */
export interface Sitting {
  readonly draft: Draft;
  readonly signed: SignedPart;
  /** sha256 of the exact bytes. */
  readonly digest: string;
  /** Every threshold that has to sign: root N+1 has two. */
  readonly sets: readonly SigningSet[];
  /** Of the last of `sets`: the draft's own, or its delegator's. */
  readonly role: RoleKeys;
  readonly keys: ReadonlyMap<string, Key>;
  readonly valid: readonly Signature[];
  /** Holders whose keys this machine can open and who have not signed yet. */
  readonly here: readonly string[];
  /** Holders who could sign and have not. */
  readonly missing: readonly string[];
  /** Against what this signer has seen. */
  readonly diff: Diff;
  /** Whether the signer has seen the version that the draft replaces, or knows it by its signatures alone. */
  readonly seen: boolean;
  readonly warnings: readonly string[];
}

export interface SetState {
  /** `root 1`: whose keys these are. */
  readonly by: string;
  readonly signatures: number;
  readonly threshold: number;
  /** Holders who could still sign. */
  readonly missing: readonly string[];
}

export interface SittingOptions {
  /** Only with the keys of these holders. */
  readonly only?: readonly string[] | undefined;
  /** Digest of a root that a person has given to a new signer. */
  readonly rootSha256?: string | undefined;
  /** Clients that a draft may leave behind. */
  readonly breaks?: readonly string[] | undefined;
}

/**
 * Every ceremony that is not over, with who may sign it and who can do so here. Each draft is compared with what this
 * signer has seen; nothing is opened.
 */
export async function prepareSitting(
  workspace: Workspace,
  only: readonly string[] | undefined,
  options: Omit<SittingOptions, 'only'> = {},
): Promise<Sitting[]> {
  const first = (await (await workspace.ceremonies()).list()).some(isFirst);
  if (first) await assertKeysThere(workspace);
  const table = await openTable(workspace, { rootSha256: options.rootSha256 });
  const sitting: Sitting[] = [];
  const [lost] = table.lost;
  let stale: unknown = lost && staleDraft(lost, lost.version - 1, groundVersion(table.ground, lost.role));
  for (const one of table.open) {
    try {
      assertNext(one, table.ground, workspace.config.repository.uuid);
    } catch (error) {
      // One that nobody needs any more does not hold up the others; alone, it is what there is to say.
      if (!(error instanceof ConflictError)) throw error;
      stale ??= error;
      continue;
    }
    sitting.push(await prepare(workspace, table, one, { ...options, only }));
  }
  if (stale !== undefined && sitting.length === 0) throw stale;
  return sitting;
}

/** Root 1, drawn and not complete: its draft may still wait for keys. */
function isFirst({ role, version, complete }: Draft): boolean {
  return role === 'root' && version === 1 && complete === undefined;
}

/** What there is to say about one draft. @throws InputError when nobody should sign it */
export async function prepare(
  workspace: Workspace,
  table: Table,
  one: ReadDraft,
  options: SittingOptions,
): Promise<Sitting> {
  const { draft, signed } = one;
  const { clients, expires } = workspace.config;
  const findings = checkDraft({ role: draft.role, signed, length: draft.bytes.length }, clients);
  const warnings = refuseUnless(findings, options.breaks ?? []).map(findingText);
  const sets = signingSets(one, table.open, table.ground);
  const own = sets.at(-1);
  if (own === undefined) {
    throw new PersonError('nobody is named who may sign this draft', {
      object: draftName(draft),
      expected: 'a root and targets that delegate to it',
      found: 'none',
      hint: 'tufa ceremony import FILE brings what it builds on',
    });
  }
  const missing = missingKeyids(sets);
  const here = [...(await workspace.holders()).values()]
    .filter(({ name, uri }) => uri !== undefined && (options.only === undefined || options.only.includes(name)))
    .filter(({ keyid }) => missing.includes(keyid))
    .map(({ name }) => name);
  const before = await lastSeen(table, draft);
  return {
    draft,
    signed,
    digest: sha256Hex(draft.bytes),
    sets,
    role: own.role,
    keys: own.keys,
    valid: own.valid,
    here,
    missing: missing.map((keyid) => holderName(table, keyid)),
    diff: diff(
      draft.role,
      before?.part,
      { signed, signedBytes: draft.bytes },
      {
        names: table.names,
        elsewhere: usesElsewhere(table, draft.role),
        base: baseOf(one),
        now: workspace.clock(),
        usual: expires[draft.role as keyof typeof expires],
      },
    ),
    seen: before?.seen ?? true,
    warnings,
  };
}

/** What this signer has seen of a role: with its own eyes, or (`seen: false`) by its signatures alone. */
async function lastSeen(
  { ground, memory }: Table,
  { role, version }: Draft,
): Promise<{ part: Part; seen: boolean } | undefined> {
  const base = groundFile(ground, role);
  if (base === undefined || base.signed.version >= version) return undefined;
  const signed = await memory.signedDigests();
  if (signed.has(sha256Hex(base.signedBytes))) return { part: base, seen: true };
  const own = role === 'root' ? await memory.root() : await memory.seen(role);
  return own === undefined ? { part: base, seen: false } : { part: own, seen: true };
}

/** Roles that other parts give a key to: the drafts of the same ceremony first, what is live otherwise. */
function usesElsewhere({ ground, open }: Table, role: string): ReadonlyMap<string, readonly string[]> {
  const parts = new Map<string, SignedPart>();
  const root = ground.chain.at(-1);
  if (root !== undefined) parts.set('root', root.signed);
  for (const [name, file] of ground.roles) parts.set(name, file.signed);
  for (const { draft, signed } of open) parts.set(draft.role, signed);
  parts.delete(role);
  const uses = new Map<string, string[]>();
  for (const [name, signed] of parts)
    for (const [keyid, slot] of keyUses(name, signed)) uses.set(keyid, [...(uses.get(keyid) ?? []), slot]);
  return uses;
}

async function assertKeysThere(workspace: Workspace): Promise<void> {
  const lacking = await missingKeys(workspace);
  if (lacking.holders.length + lacking.online.length === 0) return;
  const names = [...lacking.holders, ...lacking.online];
  const holders = lacking.holders.map((name) => `--holder ${name}`);
  const flags = [...holders, ...(lacking.online.length > 0 ? ['--online'] : [])].join(' ');
  throw new PersonError('the drafts wait for keys', {
    expected: `keys of ${names.join(', ')} in holders/`,
    found: 'none',
    hint: `type \`tufa key generate ${flags}\` or \`tufa key import\``,
  });
}

/** Each threshold apart, with who could still sign for it. */
export function setStates(table: Pick<Table, 'names'>, sets: readonly SigningSet[]): SetState[] {
  return sets.map((set) => ({
    by: set.by,
    signatures: set.valid.length,
    threshold: set.role.threshold,
    missing: missingKeyids([set]).map((keyid) => holderName(table, keyid)),
  }));
}
