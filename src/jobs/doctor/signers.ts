import type { Holder, Workspace } from '../../config/workspace.ts';
import { EXIT, PersonError, TufaError } from '../../errors.ts';
import { type Reporter, SILENT } from '../context.ts';
import { usableHolders } from '../keyring.ts';
import { listKeys } from '../keys.ts';
import { type KeySet, type LiveSets, liveSets } from './sets.ts';

/** `ok`: it signed. `locked`: nobody gave its passphrase or PIN. `elsewhere`: its private key is not on this machine. */
export type KeyState = 'ok' | 'locked' | 'failed' | 'elsewhere';

export interface Problem {
  readonly code: string;
  readonly exitCode: number;
  readonly message: string;
  readonly hint: string | undefined;
}

export interface KeyDiagnosis {
  readonly name: string;
  readonly keyid: string;
  readonly scheme: string;
  readonly uri: string | undefined;
  /** Of the metadata that counts; before the first publication, of tufa.yaml. */
  readonly roles: readonly string[];
  readonly state: KeyState;
  readonly problem: Problem | undefined;
}

/** Whether this machine can sign a role, under one root. */
export interface SetDiagnosis {
  readonly root: number;
  readonly source: KeySet['source'];
  readonly role: string;
  readonly threshold: number;
  /** Names of keys that signed just now. */
  readonly here: readonly string[];
  /** The role's other keys: names, or the first digits of a keyid that nobody here has. */
  readonly others: readonly string[];
  readonly complete: boolean;
}

export interface SignersDiagnosis {
  readonly keys: readonly KeyDiagnosis[];
  readonly sets: readonly SetDiagnosis[];
  readonly exitCode: number;
}

export interface DoctorOptions {
  /** Roles that this machine signs; default all that are online. */
  readonly roles?: readonly ('timestamp' | 'snapshot' | 'leaves')[] | undefined;
}

/**
 * doctor signers: opens each key of `holders/` that has a URI, has it sign something that is of use to nobody, and
 * verifies that. Then it compares what can sign here with the roles of the newest root and of every root that may follow:
 * a job without the keys of both commits nothing after the bridge (design, section 5).
 */
export async function doctorSigners(
  workspace: Workspace,
  options: DoctorOptions = {},
  reporter: Reporter = SILENT,
): Promise<SignersDiagnosis> {
  const live = await liveSets(workspace, reporter);
  const holders = [...(await workspace.holders()).values()];
  const keys: KeyDiagnosis[] = [];
  for (const holder of holders) {
    keys.push({ ...(await tried(workspace, holder)), roles: await rolesOf(workspace, holder, live) });
    reporter.progress('keys', keys.length, holders.length);
  }
  const usable = new Set((await usableHolders(workspace)).map(({ name }) => name));
  const sets = live.sets
    .filter(({ kind }) => options.roles?.includes(kind) ?? true)
    .map((set) => compared(set, keys, usable));
  return { keys, sets, exitCode: exitCodeOf(keys, sets) };
}

async function tried(workspace: Workspace, { name, keyid, key, uri }: Holder): Promise<Omit<KeyDiagnosis, 'roles'>> {
  const about = { name, keyid, scheme: key.scheme, uri, problem: undefined };
  if (uri === undefined) return { ...about, state: 'elsewhere' };
  try {
    const signer = await workspace.signer(name);
    // Not JSON, so that the signature over it is of no use to anybody; verified before it is returned.
    const nonce = Buffer.from(workspace.random(16)).toString('hex');
    await signer.sign({ payload: Buffer.from(`tufa doctor signers: ${name} ${nonce}`), subject: `trial of ${name}` });
    return { ...about, state: 'ok' };
  } catch (error) {
    if (!(error instanceof TufaError)) throw error;
    const { code, exitCode, message, hint } = error;
    const state = error instanceof PersonError ? 'locked' : 'failed';
    return { ...about, state, problem: { code, exitCode, message, hint } };
  }
}

async function rolesOf(workspace: Workspace, { name, keyid }: Holder, live: LiveSets): Promise<readonly string[]> {
  if (live.roles !== undefined) return live.roles.get(keyid) ?? [];
  return (await listKeys(workspace)).find((key) => key.name === name)?.roles ?? [];
}

function compared(set: KeySet, keys: readonly KeyDiagnosis[], usable: ReadonlySet<string>): SetDiagnosis {
  const { root, source, role, keyids, threshold } = set;
  const able = keys.filter((key) => key.state === 'ok' && usable.has(key.name) && keyids.includes(key.keyid));
  const others = keyids
    .filter((keyid) => !able.some((key) => key.keyid === keyid))
    .map((keyid) => keys.find((key) => key.keyid === keyid)?.name ?? keyid.slice(0, 8));
  return {
    root,
    source,
    role,
    threshold,
    here: able.map(({ name }) => name),
    others,
    complete: able.length >= threshold,
  };
}

/** What has to be mended in the configuration goes first: a signer cannot get well before. */
function exitCodeOf(keys: readonly KeyDiagnosis[], sets: readonly SetDiagnosis[]): number {
  const failed = keys.filter(({ state }) => state === 'failed');
  if (failed.some(({ problem }) => problem?.exitCode === EXIT.configuration)) return EXIT.configuration;
  return failed.length > 0 || sets.some(({ complete }) => !complete) ? EXIT.signer : EXIT.done;
}
