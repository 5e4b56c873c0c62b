import { isLost, isOver, readDraft } from '../../ceremony/assess.ts';
import type { Ceremonies, Draft } from '../../ceremony/drafts.ts';
import type { Bases, Ground } from '../../ceremony/ground.ts';
import { findGround } from '../../ceremony/ground.ts';
import { SignerMemory } from '../../ceremony/memory.ts';
import type { ReadDraft } from '../../ceremony/sets.ts';
import type { Workspace } from '../../config/workspace.ts';
import { InputError, TrustError } from '../../errors.ts';
import { TrustedState } from '../../trusted/state.ts';
import { trustRoot } from '../../tuf/checks.ts';
import { sha256Hex } from '../../tuf/digest.ts';
import { metadataName, parseMetadataName } from '../../tuf/layout.ts';
import type { Root, Verified } from '../../tuf/model.ts';
import { readMetadata } from '../../tuf/read.ts';

/** The ceremonies of a workspace with what they stand on. */
export interface Table {
  readonly ceremonies: Ceremonies;
  readonly memory: SignerMemory;
  readonly bases: Bases;
  readonly ground: Ground;
  /** Drafts whose version is not what later ones build on; complete ones too. */
  readonly open: readonly ReadDraft[];
  /** Drafts whose version went live with other bytes. */
  readonly lost: readonly Draft[];
  /** Drafts that cannot be read yet: the first ones wait for keys. */
  readonly unreadable: readonly Draft[];
  /** Names of holders by keyid: as this signer remembers them, and as they are told now. */
  readonly names: { readonly before: ReadonlyMap<string, string>; readonly after: ReadonlyMap<string, string> };
}

export interface Anchoring {
  /** Digest of a root's file that a person has given: where the trust of a new signer starts. */
  readonly rootSha256?: string | undefined;
  /** Only looks: without a root that is trusted, start at the lowest that is there. */
  readonly anywhere?: boolean;
}

export async function openTable(workspace: Workspace, anchoring: Anchoring = {}): Promise<Table> {
  const ceremonies = await workspace.ceremonies();
  const memory = new SignerMemory(await workspace.signerStore());
  const [drafts, bases] = [await ceremonies.list(), await ceremonies.bases()];
  const anchor = await findAnchor(workspace, memory, drafts, bases, anchoring);
  const ground = findGround(anchor === undefined && anchoring.anywhere !== true ? new Map() : bases, anchor);
  const { open, unreadable } = readAll(
    drafts.filter((draft) => !isOver(draft, bases, ground)),
    anchoring.anywhere === true,
  );
  // A ceremony that builds on something needs somebody who has seen it.
  if (anchor === undefined && anchoring.anywhere !== true && bases.size > 0 && open.length > 0) throw untrusted(bases);
  return {
    ceremonies,
    memory,
    bases,
    ground,
    open,
    lost: drafts.filter((draft) => isLost(draft, bases)),
    unreadable,
    names: await namesOf(workspace),
  };
}

/** Delegators first. @param tolerant whether drafts that cannot be read are put aside */
function readAll(drafts: readonly Draft[], tolerant: boolean): Pick<Table, 'open' | 'unreadable'> {
  const rank = ({ role }: Draft): number => ['root', 'targets'].indexOf(role) + 1 || 3;
  const unreadable: Draft[] = [];
  const open = [...drafts]
    .sort((a, b) => rank(a) - rank(b))
    .flatMap((draft) => {
      try {
        return [readDraft(draft)];
      } catch (error) {
        if (!tolerant || !(error instanceof InputError)) throw error;
        unreadable.push(draft);
        return [];
      }
    });
  return { open, unreadable };
}

/**
 * The root that this signer trusts: the one that it keeps, root 1 that it has signed itself, the one whose digest a person
 * has given, or the publisher's in this very workspace. Never the one that came along with a draft.
 */
async function findAnchor(
  workspace: Workspace,
  memory: SignerMemory,
  drafts: readonly Draft[],
  bases: Bases,
  { rootSha256 }: Anchoring,
): Promise<Verified<Root> | undefined> {
  const kept = await memory.root();
  if (kept !== undefined) return kept;
  const roots = [
    ...drafts.flatMap(({ role, complete }) => (role === 'root' && complete !== undefined ? [complete] : [])),
    ...[...bases].flatMap(([name, bytes]) => (parseMetadataName(name)?.role === 'root' ? [bytes] : [])),
  ];
  if (rootSha256 !== undefined) {
    const given = roots.find((bytes) => sha256Hex(bytes) === rootSha256);
    if (given !== undefined) {
      const root = trustRoot(given, 'root with the digest that was given');
      await memory.trusted.begin(root);
      return root;
    }
    const found = roots.map((bytes) => sha256Hex(bytes)).join(', ') || 'no root';
    throw new TrustError('no root of this ceremony has the digest that was given', {
      object: '--root-sha256',
      code: 'trust.unseen-root',
      expected: rootSha256,
      found,
    });
  }
  const signed = await memory.signedDigests();
  const own = roots.find((bytes) => signed.has(sha256Hex(readMetadata(bytes, 'root', 'root').signedBytes)));
  if (own !== undefined) return trustRoot(own, 'root that was signed here');
  return (await new TrustedState(await workspace.trustedStore()).load())?.root;
}

/** Who has which key: own `holders/` first, then what is remembered, or told by those who lead the ceremony. */
export async function namesOf(workspace: Workspace): Promise<Table['names']> {
  const own = new Map([...(await workspace.holders()).values()].map(({ keyid, name }) => [keyid, name]));
  const remembered = await new SignerMemory(await workspace.signerStore()).names();
  const told = await (await workspace.ceremonies()).names();
  return { before: new Map([...own, ...remembered]), after: new Map([...own, ...told]) };
}

function untrusted(bases: Bases): TrustError {
  const [name, bytes] = [...bases].filter(([one]) => parseMetadataName(one)?.role === 'root').at(-1) ?? [];
  return new TrustError('this signer has seen no root of this repository', {
    object: name ?? metadataName('root', 1),
    code: 'trust.unseen-root',
    expected: 'a root that it has signed or that somebody vouches for',
    found: bytes === undefined ? 'none' : `one with sha256 ${sha256Hex(bytes)}`,
    hint: 'ask a holder for its digest over another way, then type: tufa sign --root-sha256 DIGEST',
  });
}

/** Name of a key's holder for people; a key that nobody here knows by the beginning of its keyid. */
export function holderName({ names }: Pick<Table, 'names'>, keyid: string): string {
  return names.after.get(keyid) ?? names.before.get(keyid) ?? `key ${keyid.slice(0, 8)}`;
}
