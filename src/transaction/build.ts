import pLimit from 'p-limit';
import { ConflictError, TrustError } from '../errors.ts';
import { encodeReceipt } from '../queue/receipts.ts';
import { hashStream } from '../stores/body.ts';
import type { Trusted } from '../tuf/checks.ts';
import { sha256Hex } from '../tuf/digest.ts';
import { METADATA_PREFIX, metadataKey, parseMetadataName, receiptKey, recordKey, rootKey } from '../tuf/layout.ts';
import { checkSizes, refuseFindings } from '../tuf/limits.ts';
import type { Context, SigningSet } from './context.ts';
import { topLevelSet } from './context.ts';
import type { Folded } from './fold.ts';
import type { Genesis } from './genesis.ts';
import type { NewRole } from './plan.ts';
import { planLeaf, planSnapshot, planTimestamp } from './plan.ts';
import type { Plan, SignDecision } from './prepare.ts';
import type { Live } from './read.ts';
import { fileName, rehearse } from './rehearse.ts';
import type { Roles } from './roles.ts';
import { askTufModels } from './second-opinion.ts';
import { signDraft } from './sign.ts';
import type { Upload } from './upload.ts';

/** Asked of signers at once: a first publication signs thousands of leaves, and a KMS counts requests. */
const SIGNATURES = 16;

export interface Built {
  readonly timestamp: NewRole;
  readonly uploads: readonly Upload[];
  readonly signed: readonly string[];
  readonly offline: ReadonlySet<string>;
  /** Verified by the rehearsal. */
  readonly result: Trusted;
}

/** plan, sign, rehearse: everything in memory, nothing visible. */
export async function build(
  context: Context,
  genesis: Genesis | undefined,
  live: Live,
  decision: SignDecision,
  roles: Roles,
  plan: Plan,
  number: number,
): Promise<Built> {
  const { keyring, settings } = context;
  const { evidence } = live;
  const now = context.clock();
  const limit = pLimit(SIGNATURES);
  const leaves = await Promise.all(
    [...plan.leaves.values()].map(({ leaf, changes }) =>
      limit(() => signDraft(keyring, planLeaf(leaf, changes, number, now, settings), [leaf.delegator], evidence)),
    ),
  );
  const first = [...(genesis?.offline ?? [])].map(
    ([name, file]): NewRole => ({ name, version: file.signed.version, bytes: file.bytes }),
  );
  const offline = [...first, ...plan.offline];
  const receipt = plan.folded && composeReceipt(live, plan.folded, number, settings.repository);
  const sets = (role: 'timestamp' | 'snapshot'): SigningSet[] => decision.sets.map((root) => topLevelSet(root, role));

  const snapshot = plan.snapshot
    ? await signDraft(
        keyring,
        planSnapshot(
          {
            old: live.snapshot?.signed,
            roles: [...offline, ...leaves],
            version: number,
            now,
            queue: plan.folded?.drained.mark ?? live.snapshot?.signed.queue ?? 0,
            receipt: receipt && sha256Hex(receipt),
          },
          settings,
        ),
        sets('snapshot'),
        evidence,
      )
    : { name: 'snapshot', version: live.snapshot!.signed.version, bytes: live.snapshot!.bytes };
  const listed = { version: snapshot.version, length: snapshot.bytes.length, sha256: evidence.sha256(snapshot.bytes) };
  const timestamp = await signDraft(
    keyring,
    planTimestamp(
      { old: live.timestamp?.signed, version: number, now, root: decision.names, snapshot: listed },
      settings,
    ),
    sets('timestamp'),
    evidence,
  );

  const created = [...offline, ...leaves, ...(plan.snapshot ? [snapshot] : [])];
  checkLimits(context, [...created, timestamp]);
  if (offline.length > 0) await askTufModels(await roles.offlineFiles());
  const files = new Map([...created, timestamp].map((role) => [fileName(role.name, role.version), role.bytes]));
  const before = live.verifiedBy && { root: live.verifiedBy, timestamp: live.timestamp, snapshot: live.snapshot };
  const result = await rehearse({
    files,
    read: (name) => roles.read(name),
    roots: decision.sets,
    before,
    changes: plan.changes,
    leaves: [...plan.leaves.values()].map(({ leaf }) => leaf),
    now,
    evidence,
    warn: context.warn,
  });

  const uploads: Upload[] = [
    ...(genesis ? [{ key: rootKey(1), bytes: genesis.root.bytes }] : []),
    ...created.map((role) => ({ key: metadataKey(role.name, role.version), bytes: role.bytes })),
    ...plan.pages,
    ...(receipt ? [{ key: receiptKey(plan.folded!.drained.mark, number), bytes: receipt }] : []),
    // The reader writes the record of what it has read: before any later timestamp is committed, record v exists.
    ...(live.timestamp ? [{ key: recordKey(live.timestamp.signed.version), bytes: live.timestamp.bytes }] : []),
  ];
  return {
    timestamp,
    uploads,
    signed: [...leaves.map((l) => l.name), ...(plan.snapshot ? ['snapshot'] : []), 'timestamp'],
    offline: new Set(offline.map((r) => metadataKey(r.name, r.version))),
    result,
  };
}

/** Sizes against every served client's limits; timestamp.json lists the length of the snapshot, which lifts its limit. */
function checkLimits(context: Context, files: readonly NewRole[]): void {
  const sized = files.map(({ name, version, bytes }) => ({
    role: name,
    version,
    length: bytes.length,
    signedLength: name === 'snapshot',
  }));
  const findings = checkSizes(sized, context.settings.clients);
  refuseFindings(findings);
  for (const { object, message, expected, found, client } of findings)
    context.warn(`${object}: ${message} for ${client}: ${expected}, found ${found}`);
}

function composeReceipt(live: Live, folded: Folded, number: number, repository: string): Buffer {
  const { mark, results } = folded.drained;
  const old = live.snapshot?.signed;
  const previous = old?.receipt === undefined ? undefined : { mark: old.queue ?? 0, sha256: old.receipt };
  return encodeReceipt({ mark, version: number, previous, entries: results }, repository);
}

/**
 * Other bytes stood where a create-only put went. A record that is wrong stops gc, not publishing; for an online role it
 * is an alarm, and the next number is free; two signed files of an offline role under one version are an attack.
 */
export async function isOurNumberFree(context: Context, built: Built, other: readonly Upload[]): Promise<boolean> {
  let free = true;
  for (const { key, bytes } of other) {
    const [expected, found] = [`sha256 ${sha256Hex(bytes)}`, `sha256 ${await digestAt(context, key)}`];
    const hint = `find out whose file that is: ${context.store.uri}/${key}`;
    if (key === rootKey(1))
      throw new ConflictError('another root 1 is published already', { object: key, expected, found, hint });
    if (built.offline.has(key)) {
      const details = { object: key, code: 'trust.equivocation', expected, found, hint };
      throw new TrustError('two different files under one version', details);
    }
    context.warn(`${key}: other bytes than ours stand there: expected ${expected}, found ${found}`);
    if (parseMetadataName(key.slice(METADATA_PREFIX.length))?.role !== 'timestamp') free = false;
  }
  return free;
}

async function digestAt({ store }: Context, key: string): Promise<string> {
  const object = await store.open(key);
  return object === undefined ? 'of nothing' : (await hashStream(object.stream)).sha256;
}
