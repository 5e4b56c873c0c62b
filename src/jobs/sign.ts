import { draftName } from '../ceremony/drafts.ts';
import type { SigningSet } from '../ceremony/sets.ts';
import { countedSignatures } from '../ceremony/sets.ts';
import { writeTranscript } from '../ceremony/transcript.ts';
import type { Workspace } from '../config/workspace.ts';
import { sha256Hex } from '../tuf/digest.ts';
import { formatDate } from '../tuf/encode.ts';
import type { Signature } from '../tuf/model.ts';
import { beginTrustIfComplete, completeIfMet } from './ceremony/finish.ts';
import type { Table } from './ceremony/ground.ts';
import { openTable } from './ceremony/ground.ts';
import { openNote, recoverCommand } from './recover/note.ts';
import type { SetState, Sitting } from './sitting.ts';
import { setStates } from './sitting.ts';

export { prepareSitting, type SetState, type Sitting } from './sitting.ts';

export interface SignResult {
  readonly signed: readonly { readonly draft: string; readonly holder: string }[];
  readonly open: readonly {
    readonly draft: string;
    readonly signatures: number;
    readonly threshold: number;
    readonly missing: readonly string[];
    readonly sets: readonly SetState[];
  }[];
  /** Drafts that are complete now and wait to be published. */
  readonly complete: readonly string[];
  /** What to type to publish those. */
  readonly carry: string;
  /** sha256 of root 1's file, once the ceremony is complete: what `trust add` asks for. */
  readonly root: { readonly version: number; readonly sha256: string } | undefined;
}

/** Opens every key that will sign, before anybody is asked anything: one that is missing is said now. */
export async function preflight(workspace: Workspace, sitting: readonly Sitting[]): Promise<void> {
  for (const holder of new Set(sitting.flatMap((one) => (one.draft.complete === undefined ? one.here : []))))
    await workspace.signer(holder);
}

/**
 * Signs the drafts of a sitting with every key that this machine holds, each signature kept as soon as it is made. The
 * last signature completes the ceremony; that of root 1 makes the publisher's trusted state.
 */
export async function sign(workspace: Workspace, sitting: readonly Sitting[]): Promise<SignResult> {
  const table = await openTable(workspace, { anywhere: true });
  const signed: { draft: string; holder: string }[] = [];
  const open: SignResult['open'][number][] = [];
  const complete: string[] = [];
  let root: SignResult['root'];
  for (const { draft, sets, here } of sitting) {
    const name = draftName(draft);
    const made: Signature[] = [];
    for (const holder of draft.complete === undefined ? here : []) {
      const signer = await workspace.signer(holder);
      await table.memory.rememberDraft(draft);
      const sig = await signer.sign({ payload: draft.bytes, subject: name });
      const signature = { keyid: signer.keyid, sig, when: formatDate(workspace.clock()) };
      await table.ceremonies.addSignature(draft, holder, signature);
      made.push(signature);
      signed.push({ draft: name, holder });
    }
    const now = sets.map((set) => withSignatures(set, made));
    const bytes = await completeIfMet(table.ceremonies, draft, now);
    if (made.length > 0) await writeTranscript(table.ceremonies, draft, {});
    if (bytes === undefined) open.push(openState(table, name, now));
    else if (draft.version > 1) complete.push(name);
    if (bytes !== undefined && draft.role === 'root' && draft.version === 1)
      root = { version: draft.version, sha256: sha256Hex(bytes) };
  }
  if (root !== undefined && open.length === 0) await beginTrustIfComplete(workspace);
  if (signed.length > 0) await remember(workspace, table);
  const recovery = await openNote(workspace);
  const carry = recovery === undefined ? 'tufa ceremony publish' : recoverCommand(recovery);
  return { signed, open, complete, carry, root: open.length > 0 ? undefined : root };
}

/** What was shown and agreed to is what the next draft is compared with. */
async function remember(workspace: Workspace, { memory }: Table): Promise<void> {
  const { ground, names } = await openTable(workspace);
  await memory.rememberGround(ground, names.after);
}

function withSignatures(set: SigningSet, made: readonly Signature[]): SigningSet {
  const more = made.filter(({ keyid }) => set.role.keyids.includes(keyid));
  return { ...set, valid: countedSignatures([set, { ...set, valid: more }]) };
}

function openState(table: Table, draft: string, sets: readonly SigningSet[]): SignResult['open'][number] {
  const states = setStates(table, sets);
  const own = states.at(-1)!;
  return { draft, signatures: own.signatures, threshold: own.threshold, missing: own.missing, sets: states };
}
