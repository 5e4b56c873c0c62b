import { assertNext, staleDraft } from '../../ceremony/assess.ts';
import { draftName } from '../../ceremony/drafts.ts';
import { groundVersion } from '../../ceremony/ground.ts';
import type { Workspace } from '../../config/workspace.ts';
import { TufaError } from '../../errors.ts';
import { sha256Hex } from '../../tuf/digest.ts';
import { metadataName } from '../../tuf/layout.ts';
import type { SetState, Sitting } from '../sitting.ts';
import { prepare, setStates } from '../sitting.ts';
import { openTable } from './ground.ts';

export interface ShownDraft {
  readonly draft: string;
  readonly sha256: string;
  readonly complete: boolean;
  readonly sets: readonly SetState[];
  /** undefined: what is wrong with it is in `problem`. */
  readonly sitting: Sitting | undefined;
  /** Why `tufa sign` would refuse it. */
  readonly problem: string | undefined;
}

/** A complete file, for the sheet that is printed and kept on paper (PEP 458, "Managing offline keys"). */
export interface SheetLine {
  readonly file: string;
  readonly length: number;
  readonly sha256: string;
  /** Of the part that was signed. */
  readonly signedSha256: string;
}

export interface Shown {
  readonly repository: { readonly name: string; readonly uuid: string };
  readonly drafts: readonly ShownDraft[];
  readonly sheet: readonly SheetLine[];
}

/** ceremony show: every ceremony that is not over, as `tufa sign` would see it. Opens no key and refuses nothing. */
export async function showCeremony(workspace: Workspace, roles: readonly string[] | undefined): Promise<Shown> {
  const table = await openTable(workspace, { anywhere: true });
  const { repository, clients } = workspace.config;
  const drafts: ShownDraft[] = [];
  const sheet: SheetLine[] = [];
  for (const one of table.open) {
    const { draft } = one;
    if (roles !== undefined && !roles.includes(draft.role)) continue;
    let sitting: Sitting | undefined;
    let problem: string | undefined;
    try {
      assertNext(one, table.ground, repository.uuid);
      sitting = await prepare(workspace, table, one, { breaks: clients });
    } catch (error) {
      if (!(error instanceof TufaError)) throw error;
      problem = error.hint === undefined ? error.message : `${error.message}; ${error.hint}`;
    }
    const signedSha256 = sha256Hex(draft.bytes);
    drafts.push({
      draft: draftName(draft),
      sha256: signedSha256,
      complete: draft.complete !== undefined,
      sets: sitting === undefined ? [] : setStates(table, sitting.sets),
      sitting,
      problem,
    });
    if (draft.complete !== undefined)
      sheet.push({
        file: metadataName(draft.role, draft.version),
        length: draft.complete.length,
        sha256: sha256Hex(draft.complete),
        signedSha256,
      });
  }
  for (const draft of table.lost.filter(({ role }) => roles === undefined || roles.includes(role))) {
    const { message, hint } = staleDraft(draft, draft.version - 1, groundVersion(table.ground, draft.role));
    const shown = { draft: draftName(draft), sha256: sha256Hex(draft.bytes), complete: draft.complete !== undefined };
    drafts.push({ ...shown, sets: [], sitting: undefined, problem: `${message}; ${hint}` });
  }
  return { repository: { name: repository.name, uuid: repository.uuid }, drafts, sheet };
}
