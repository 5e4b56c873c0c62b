import pLimit from 'p-limit';
import { TrustError } from '../errors.ts';
import type { Store } from '../stores/port.ts';
import { listed, Roles } from '../transaction/roles.ts';
import { askTufJs, askTufModels, SECOND_OPINION_ROLES, SECOND_OPINION_TARGETS } from '../transaction/second-opinion.ts';
import { hasContent } from '../transaction/upload.ts';
import { METADATA_PREFIX, targetKey } from '../tuf/layout.ts';
import type { Targets, Verified } from '../tuf/model.ts';
import { count, keysOf } from '../tuf/run.ts';
import type { RepositoryClient } from './client.ts';
import type { Reporter } from './context.ts';

export interface Verification {
  readonly root: number;
  readonly timestamp: number;
  readonly snapshot: number;
  readonly roles: number;
  readonly targets: number;
  /** Target files whose bytes were compared. */
  readonly files: number;
  /** Who else walked the same state and agrees. */
  readonly secondOpinion: readonly string[];
}

const CONCURRENCY = 4;
const SAMPLE = 16;

/**
 * verify: the whole repository as it is live now: root chain, timestamp, snapshot, every delegated role with every check
 * of section 5, every target file's bytes; then tuf-js and `@tufjs/models` as a second opinion.
 */
export async function verify(
  client: RepositoryClient,
  options: { now: Date; metadataOnly: boolean },
  reporter: Reporter,
): Promise<Verification> {
  const start = client.trusted.root;
  await client.refresh();
  const { root, timestamp, snapshot } = client.trusted;
  const roles = new Roles(client.store, root, snapshot);
  const sample = new Map<string, string | null>();
  let [roleCount, targets, files] = [0, 0, 0];
  for await (const { name, role } of everyRole(roles)) {
    assertFresh(name, role, options.now);
    roleCount++;
    const listing = count(role.signed.targets);
    targets += listing;
    if (!options.metadataOnly) files += await compareFiles(client.store, role, reporter);
    const first = keysOf(role.signed.targets).next().value;
    if (sample.size < SAMPLE && first !== undefined && listing <= SECOND_OPINION_TARGETS)
      sample.set(first, listed(role, first)?.sha256 ?? null);
  }
  const opinions = await secondOpinion(client.store, roles, start, roleCount, sample, options.now);
  return {
    root: root.signed.version,
    timestamp: timestamp!.signed.version,
    snapshot: snapshot!.signed.version,
    roles: roleCount,
    targets,
    files,
    secondOpinion: opinions,
  };
}

/** `targets`, the offline roles and every online one, each verified by its delegator. */
async function* everyRole(roles: Roles): AsyncGenerator<{ name: string; role: Verified<Targets> }> {
  yield { name: 'targets', role: await roles.targets() };
  for await (const { name, delegator } of roles.delegatedRoles()) {
    const role = await roles.load(name, delegator);
    if (role === undefined)
      throw new TrustError('not in the snapshot', {
        object: `${name}.json`,
        expected: 'an entry',
        found: 'none',
        check: '5.6.1',
      });
    yield { name, role };
  }
}

async function compareFiles(store: Store, role: Verified<Targets>, reporter: Reporter): Promise<number> {
  const limit = pLimit(CONCURRENCY);
  let compared = 0;
  await Promise.all(
    [...keysOf(role.signed.targets)].map((path) =>
      limit(async () => {
        const target = listed(role, path)!;
        const sha256 = target.sha256 ?? '';
        if (!(await hasContent(store, targetKey(path, sha256), { sha256, length: target.length }))) {
          throw new TrustError('another content, or none', {
            object: path,
            expected: `sha256 ${sha256} and ${target.length} bytes`,
            found: 'something else',
            check: '5.7.3',
            code: 'trust.target',
          });
        }
        reporter.progress('files compared', ++compared, 0);
      }),
    ),
  );
  return compared;
}

async function secondOpinion(
  store: Store,
  roles: Roles,
  start: RepositoryClient['trusted']['root'],
  roleCount: number,
  sample: ReadonlyMap<string, string | null>,
  now: Date,
): Promise<string[]> {
  await askTufModels(await roles.offlineFiles());
  if (roleCount > SECOND_OPINION_ROLES) return ['@tufjs/models'];
  const read = async (name: string): Promise<Uint8Array | undefined> =>
    (await store.get(`${METADATA_PREFIX}${name}`, { maxLength: 64 * 1024 * 1024 }))?.bytes;
  await askTufJs({ root: start, now, expected: sample, read });
  return ['@tufjs/models', 'tuf-js'];
}

function assertFresh(name: string, role: Verified<Targets>, now: Date): void {
  if (role.signed.expires > now) return;
  throw new TrustError('expired', {
    object: `${name} ${role.signed.version}`,
    expected: `a time before ${role.signed.expires.toISOString()}`,
    found: now.toISOString(),
    check: '5.6.5',
    code: 'trust.expired',
  });
}
