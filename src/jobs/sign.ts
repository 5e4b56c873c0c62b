import type { Draft } from '../ceremony/drafts.ts';
import { validSignatures } from '../ceremony/drafts.ts';
import type { Workspace } from '../config/workspace.ts';
import { InputError, PersonError } from '../errors.ts';
import { TrustedState } from '../trusted/state.ts';
import { trustRoot } from '../tuf/checks.ts';
import { sha256Hex } from '../tuf/digest.ts';
import type { Key, RoleKeys, Root, Signature, SignedPart, Targets } from '../tuf/model.ts';
import { readSigned } from '../tuf/read.ts';
import { missingKeys } from './draw.ts';

/** One draft as a holder sees it before signing. */
export interface Sitting {
  readonly draft: Draft;
  readonly signed: SignedPart;
  /** sha256 of the exact bytes. */
  readonly digest: string;
  readonly role: RoleKeys;
  readonly keys: ReadonlyMap<string, Key>;
  readonly valid: readonly Signature[];
  /** Holders whose keys this machine can open and who have not signed yet. */
  readonly here: readonly string[];
  /** Holders who could sign and have not. */
  readonly missing: readonly string[];
}

export interface SignResult {
  readonly signed: readonly { readonly draft: string; readonly holder: string }[];
  readonly open: readonly {
    readonly draft: string;
    readonly signatures: number;
    readonly threshold: number;
    readonly missing: readonly string[];
  }[];
  /** sha256 of root 1's file, once the ceremony is complete: what `trust add` asks for. */
  readonly root: { readonly version: number; readonly sha256: string } | undefined;
}

/** Every open draft, with who may sign it and who can do so here. Nothing is opened. */
export async function prepareSitting(workspace: Workspace, only: readonly string[] | undefined): Promise<Sitting[]> {
  const lacking = await missingKeys(workspace);
  if (lacking.holders.length + lacking.online.length > 0) {
    const names = [...lacking.holders, ...lacking.online];
    const holders = lacking.holders.map((name) => `--holder ${name}`);
    const flags = [...holders, ...(lacking.online.length > 0 ? ['--online'] : [])].join(' ');
    throw new PersonError('the drafts wait for keys', {
      expected: `keys of ${names.join(', ')} in holders/`,
      found: 'none',
      hint: `type \`tufa key generate ${flags}\` or \`tufa key import\``,
    });
  }
  const drafts = await (await workspace.ceremonies()).list();
  const parts = drafts.map((draft) => ({
    draft,
    signed: readSigned(draft.bytes, draft.role === 'root' ? 'root' : 'targets', `${draft.role} ${draft.version}`),
  }));
  const holders = await workspace.holders();
  return parts.map(({ draft, signed }) => {
    const { keys, role } = whoSigns(draft, parts);
    const valid = validSignatures(draft, keys, role);
    const able = [...holders.values()].filter(
      (h) => role.keyids.includes(h.keyid) && !valid.some((s) => s.keyid === h.keyid),
    );
    const here = able
      .filter((h) => h.uri !== undefined && (only === undefined || only.includes(h.name)))
      .map((h) => h.name);
    return { draft, signed, digest: sha256Hex(draft.bytes), role, keys, valid, here, missing: able.map((h) => h.name) };
  });
}

/** The delegator of a draft among the drafts of its ceremony: root signs for itself and for targets, targets for the rest. */
function whoSigns(
  draft: Draft,
  parts: readonly { draft: Draft; signed: SignedPart }[],
): { keys: ReadonlyMap<string, Key>; role: RoleKeys } {
  const find = (role: string): SignedPart | undefined =>
    parts.find((p) => p.draft.role === role && p.draft.version === 1)?.signed;
  const root = find('root') as Root | undefined;
  const targets = find('targets') as Targets | undefined;
  if (draft.role === 'root' || draft.role === 'targets') {
    if (root !== undefined) return { keys: root.keys, role: root.roles[draft.role] };
  } else {
    const role = targets?.delegations?.roles.find((r) => r.name === draft.role);
    if (role !== undefined && targets?.delegations !== undefined) return { keys: targets.delegations.keys, role };
  }
  throw new InputError('nobody is named who may sign this draft', {
    object: `${draft.role} ${draft.version}`,
    expected: 'a root and targets that delegate to it',
    found: 'none',
  });
}

/**
 * Signs the drafts of a sitting with every key that this machine holds, each signature kept as soon as it is made. The
 * last signature completes the ceremony and makes the publisher's trusted state.
 */
export async function sign(workspace: Workspace, sitting: readonly Sitting[]): Promise<SignResult> {
  const ceremonies = await workspace.ceremonies();
  const signed: { draft: string; holder: string }[] = [];
  const open: SignResult['open'][number][] = [];
  let root: SignResult['root'];
  for (const { draft, role, valid, here, missing } of sitting) {
    const name = `${draft.role} ${draft.version}`;
    const signatures = [...valid];
    for (const holder of draft.complete === undefined ? here : []) {
      const signer = await workspace.signer(holder);
      const signature = { keyid: signer.keyid, sig: await signer.sign({ payload: draft.bytes, subject: name }) };
      await ceremonies.addSignature(draft, holder, signature);
      signatures.push(signature);
      signed.push({ draft: name, holder });
    }
    if (signatures.length < role.threshold) {
      open.push({
        draft: name,
        signatures: signatures.length,
        threshold: role.threshold,
        missing: missing.filter((h) => !here.includes(h)),
      });
      continue;
    }
    const bytes = draft.complete ?? (await ceremonies.complete(draft, signatures));
    if (draft.role === 'root') root = { version: draft.version, sha256: sha256Hex(bytes) };
  }
  if (root === undefined || open.length > 0) return { signed, open, root: undefined };
  await beginTrust(workspace);
  return { signed, open, root };
}

/** The trusted state of the publisher starts where root 1 was completed, never by publishing. */
async function beginTrust(workspace: Workspace): Promise<void> {
  const complete = (await (await workspace.ceremonies()).list()).find(
    (d) => d.role === 'root' && d.version === 1,
  )?.complete;
  if (complete !== undefined)
    await new TrustedState(await workspace.trustedStore()).begin(trustRoot(complete, '1.root.json'));
}
