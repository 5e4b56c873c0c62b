import { isOver, readDraft } from '../../ceremony/assess.ts';
import { diff } from '../../ceremony/diff.ts';
import type { Ceremonies, Draft } from '../../ceremony/drafts.ts';
import { draftName } from '../../ceremony/drafts.ts';
import type { Ground } from '../../ceremony/ground.ts';
import { groundFile, groundVersion } from '../../ceremony/ground.ts';
import { ONE_TIME_KEYS, OneTimeKey } from '../../ceremony/one-time.ts';
import type { Planned } from '../../ceremony/plan.ts';
import { planCeremony } from '../../ceremony/plan.ts';
import { checkDraft, findingText, refuseUnless } from '../../ceremony/rules.ts';
import { signingSets } from '../../ceremony/sets.ts';
import { writeTranscript } from '../../ceremony/transcript.ts';
import type { Workspace } from '../../config/workspace.ts';
import { ConflictError, PersonError } from '../../errors.ts';
import { sha256Hex } from '../../tuf/digest.ts';
import { formatDate } from '../../tuf/encode.ts';
import { metadataKey } from '../../tuf/layout.ts';
import type { RoleKeys } from '../../tuf/model.ts';
import { readSigned } from '../../tuf/read.ts';
import { MAX_LENGTH } from '../../tuf/walk.ts';
import type { Reporter } from '../context.ts';
import { SILENT } from '../context.ts';
import { missingKeys, planOf } from '../draw.ts';
import { completeIfMet } from './finish.ts';
import { namesOf } from './ground.ts';
import type { LiveGround } from './live.ts';
import { keepBases, readGround } from './live.ts';

export interface OpenOptions {
  readonly roles: readonly string[];
  /** Milliseconds from now; default: what tufa.yaml says for each role. */
  readonly expires?: number | undefined;
  /** The roles are signed with keys that are made and destroyed here. */
  readonly oneTime?: boolean | undefined;
  /** After a compromise: keys of online roles change at once. */
  readonly atOnce?: boolean | undefined;
  readonly breaks?: readonly string[] | undefined;
}

export interface Opened {
  readonly drafts: readonly {
    readonly role: string;
    readonly version: number;
    readonly base: number;
    readonly sha256: string;
    /** Nobody asked for it: it has to be signed because its keys change. */
    readonly follows: boolean;
  }[];
  /** One-time keys that have signed and are gone, by keyid. */
  readonly destroyed: readonly string[];
  readonly warnings: readonly string[];
}

/** ceremony open: draws the next drafts of offline roles from what is live and what tufa.yaml and `holders/` want now. */
export async function openCeremony(
  workspace: Workspace,
  options: OpenOptions,
  reporter: Reporter = SILENT,
): Promise<Opened> {
  await assertKeysThere(workspace);
  const state = await readGround(workspace, reporter);
  const ceremonies = await workspace.ceremonies();
  const once = new Map(options.oneTime === true ? options.roles.map((role) => [role, oneTimeKeys()]) : []);
  const drafts = (await ceremonies.list()).filter((draft) => groundVersion(state.ground, draft.role) < draft.version);
  const planned = await planDrafts(workspace, state, ceremonies, drafts, options, once);
  const warnings = checkPlanned(workspace, planned, options.breaks);
  for (const { role, version } of planned) assertOneOpen(drafts, role, version);
  await keepBases(ceremonies, state);
  await ceremonies.addNames(await namesToTell(workspace, once));
  for (const one of planned) await drawOne(workspace, ceremonies, state.ground, one);
  return {
    drafts: planned.map(({ role, version, bytes, follows }) => ({
      role,
      version,
      base: groundVersion(state.ground, role),
      sha256: sha256Hex(bytes),
      follows,
    })),
    destroyed: await signOnce(ceremonies, state.ground, planned, once, formatDate(workspace.clock())),
    warnings,
  };
}

/** The draft, and in its transcript what it changes. */
export async function drawOne(
  workspace: Workspace,
  ceremonies: Ceremonies,
  ground: Ground,
  { role, version, bytes }: Planned,
): Promise<void> {
  await ceremonies.draw(role, version, bytes);
  const draft = await ceremonies.load(role, version);
  const { signed } = readDraft(draft);
  const { changes } = diff(
    role,
    groundFile(ground, role),
    { signed, signedBytes: bytes },
    {
      names: await namesOf(workspace),
      elsewhere: new Map(),
      base: groundVersion(ground, role),
      now: workspace.clock(),
      usual: workspace.config.expires[role as keyof typeof workspace.config.expires],
    },
  );
  const drawn = formatDate(workspace.clock());
  await writeTranscript(ceremonies, draft, { base: groundVersion(ground, role), drawn, changes });
}

async function namesToTell(
  workspace: Workspace,
  once: ReadonlyMap<string, readonly OneTimeKey[]>,
): Promise<Map<string, string>> {
  const holders = [...(await workspace.holders()).values()].map(({ keyid, name }) => [keyid, name] as const);
  // Each with a name of its own: the next one-time key is another, and no holder that has changed his key.
  const keys = [...once.values()].flat().map(({ keyid }) => [keyid, `one-time-${keyid.slice(0, 8)}`] as const);
  return new Map([...holders, ...keys]);
}

function oneTimeKeys(): OneTimeKey[] {
  return Array.from({ length: ONE_TIME_KEYS }, () => new OneTimeKey());
}

async function planDrafts(
  workspace: Workspace,
  { context, ground }: LiveGround,
  ceremonies: Ceremonies,
  drafts: readonly Draft[],
  { roles, expires, atOnce }: OpenOptions,
  once: ReadonlyMap<string, readonly OneTimeKey[]>,
): Promise<Planned[]> {
  const plan = await planOf(workspace);
  const { config } = workspace;
  const now = workspace.clock().getTime();
  const usual = (role: string): number => config.expires[role as keyof typeof config.expires];
  const oneTime = new Map<string, RoleKeys>(
    [...once].map(([role, keys]) => [role, { keyids: keys.map(({ keyid }) => keyid), threshold: keys.length }]),
  );
  const keys = new Map([...plan.keys, ...[...once.values()].flat().map(({ keyid, key }) => [keyid, key] as const)]);
  const versions = new Map<string, number>();
  for (const role of ground.roles.keys()) {
    const open = drafts.find((draft) => draft.role === role);
    versions.set(role, open?.version ?? (await freeVersion(context.store, ceremonies, ground, role)));
  }
  return planCeremony(
    ground,
    { ...plan, keys },
    {
      asked: new Set(roles),
      oneTime,
      atOnce: atOnce === true,
      known: new Set([...(await workspace.holders()).values()].map(({ keyid }) => keyid)),
      expires: (role) => new Date(now + (expires ?? usual(role))),
      version: (role) => versions.get(role) ?? groundVersion(ground, role) + 1,
    },
  );
}

/** Above the live one; not one that an older ceremony has put or signed: two files under one version are an alarm. */
async function freeVersion(
  store: LiveGround['context']['store'],
  ceremonies: Ceremonies,
  ground: Ground,
  role: string,
): Promise<number> {
  const abandoned = await ceremonies.abandonedVersions(role);
  for (let version = groundVersion(ground, role) + 1; ; version++) {
    if (abandoned.has(version)) continue;
    const object = await store.get(metadataKey(role, version), { maxLength: MAX_LENGTH.targets });
    if (object === undefined) return version;
  }
}

/** Refuses drafts that a served client could not read. @returns warnings */
export function checkPlanned(
  workspace: Workspace,
  planned: readonly Planned[],
  breaks: readonly string[] | undefined,
): string[] {
  const findings = planned.flatMap(({ role, bytes }) => {
    const signed = readSigned(bytes, role === 'root' ? 'root' : 'targets', `the draft of ${role}`);
    return checkDraft({ role, signed, length: bytes.length }, workspace.config.clients);
  });
  return refuseUnless(findings, breaks ?? []).map(findingText);
}

/** At most one open draft of a role: two of them would both wait for signatures, and one of them in vain. */
function assertOneOpen(drafts: readonly Draft[], role: string, version: number): void {
  const other = drafts.find((draft) => draft.role === role && (draft.version !== version || draft.signatures.size > 0));
  if (other === undefined) return;
  throw new ConflictError('a ceremony of this role is open', {
    object: draftName(other),
    code: 'conflict.open-draft',
    expected: `no open draft of ${role}`,
    found: other.complete === undefined ? `${other.signatures.size} signatures on it` : 'one that is complete',
    hint:
      other.complete === undefined
        ? `sign it, draw it again with \`tufa ceremony rebase ${role}\`, or give it up: tufa ceremony abandon ${role}`
        : 'publish it: tufa ceremony publish',
  });
}

/** One-time keys sign at once, and are gone. */
async function signOnce(
  ceremonies: Ceremonies,
  ground: Ground,
  planned: readonly Planned[],
  once: ReadonlyMap<string, readonly OneTimeKey[]>,
  when: string,
): Promise<string[]> {
  const destroyed: string[] = [];
  for (const { role, version, bytes } of planned) {
    for (const key of once.get(role) ?? []) {
      const draft = await ceremonies.load(role, version);
      await ceremonies.addSignature(draft, `one-time-${key.keyid.slice(0, 8)}`, { ...key.use(bytes), when });
      destroyed.push(key.keyid);
    }
  }
  if (destroyed.length === 0) return destroyed;
  const bases = await ceremonies.bases();
  const open = (await ceremonies.list()).filter((draft) => !isOver(draft, bases, ground)).map(readDraft);
  for (const one of open) await completeIfMet(ceremonies, one.draft, signingSets(one, open, ground));
  return destroyed;
}

/** @throws PersonError when tufa.yaml names a key that `holders/` lacks */
export async function assertKeysThere(workspace: Workspace): Promise<void> {
  const { holders, online } = await missingKeys(workspace);
  if (holders.length + online.length === 0) return;
  throw new PersonError('tufa.yaml names keys that are not there', {
    expected: `keys of ${[...holders, ...online].join(', ')} in holders/`,
    found: 'none',
    hint: [
      ...holders.map((name) => `tufa key import ${name}.json --holder ${name}`),
      ...(online.length > 0 ? ['tufa key generate --online'] : []),
    ].join('; '),
  });
}
