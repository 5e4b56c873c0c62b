import { InputError, PersonError, TrustError } from '../../errors.ts';
import type { Context } from '../../transaction/context.ts';
import type { GoodState } from '../../transaction/recover.ts';
import type { Kept } from '../../trusted/state.ts';
import { newSnapshot, newTimestamp } from '../../tuf/checks.ts';
import { sha256Hex } from '../../tuf/digest.ts';
import { formatDate } from '../../tuf/encode.ts';
import { metadataKey, recordKey } from '../../tuf/layout.ts';
import type { Root, Snapshot, Timestamp, Verified } from '../../tuf/model.ts';
import { MAX_LENGTH } from '../../tuf/walk.ts';

/** The last good state, and how it is known to be it. */
export interface Good extends GoodState {
  /** sha256 of the files. */
  readonly sha256: { readonly timestamp: string; readonly snapshot: string };
  readonly provenBy: 'trusted state' | 'digest';
  /** The digest that is known to be the right one. */
  readonly known: string;
}

/** What somebody says the last good snapshot is. */
export interface GoodClaim {
  /** Version of its timestamp. */
  readonly version: number;
  /** sha256 of its timestamp, or of the snapshot that it names. */
  readonly sha256?: string | undefined;
}

const MAX_SNAPSHOT = 256 * 1024 * 1024;

/**
 * The state that a recovery starts from. The keys that have signed it are those that were stolen, so a signature proves
 * nothing, and the store may hold anything: it is taken from the publisher's trusted state, or a person vouches for its
 * digest (PEP 458, "Auditing Snapshots": whoever archives the hashes of snapshots has it).
 */
export async function findGood(
  { store, warn }: Context,
  kept: Kept,
  chain: readonly Verified<Root>[],
  claim: GoodClaim,
): Promise<Good> {
  const key = recordKey(claim.version);
  const own = kept.timestamp?.signed.version === claim.version ? kept.timestamp : undefined;
  const record = await store.get(key, { maxLength: MAX_LENGTH.timestamp });
  const bytes = own?.bytes ?? record?.bytes;
  if (bytes === undefined) throw noSuchVersion(key, kept);
  if (own !== undefined && record !== undefined && Buffer.compare(own.bytes, record.bytes) !== 0)
    warn(`${key}: another file than the trusted state has: sha256 ${sha256Hex(record.bytes)}; it is not used`);
  const { root, timestamp } = verifyTimestamp(chain, bytes, key);
  if (timestamp.signed.version !== claim.version) {
    throw new TrustError('the record of another version', {
      object: key,
      code: 'trust.version',
      expected: `timestamp ${claim.version}`,
      found: `timestamp ${timestamp.signed.version}`,
    });
  }
  const snapshot = await readSnapshot(store, root, timestamp, kept);
  const sha256 = { timestamp: sha256Hex(timestamp.bytes), snapshot: sha256Hex(snapshot.bytes) };
  const vouched = claim.sha256 !== undefined && Object.values(sha256).includes(claim.sha256);
  if (claim.sha256 !== undefined && !vouched) throw forged(key, claim.sha256, sha256);
  if (own === undefined && !vouched) throw unproven(key, kept, timestamp, sha256);
  const whole = own !== undefined || claim.sha256 === sha256.timestamp;
  return {
    root,
    timestamp: whole ? timestamp : withoutWord(timestamp),
    snapshot,
    sha256,
    provenBy: own === undefined ? 'digest' : 'trusted state',
    known: whole ? sha256.timestamp : sha256.snapshot,
  };
}

/** Where the snapshot alone is vouched for, the timestamp's own fields are the word of whoever has the key: a time to come. */
function withoutWord(timestamp: Verified<Timestamp>): Verified<Timestamp> {
  return { ...timestamp, signed: { ...timestamp.signed, made: undefined, others: new Map() } };
}

function verifyTimestamp(
  chain: readonly Verified<Root>[],
  bytes: Uint8Array,
  what: string,
): { root: Verified<Root>; timestamp: Verified<Timestamp> } {
  let last: unknown;
  for (const root of chain) {
    try {
      return { root, timestamp: newTimestamp({ root, timestamp: undefined, snapshot: undefined }, bytes, undefined) };
    } catch (error) {
      if (!(error instanceof TrustError)) throw error;
      last = error;
    }
  }
  throw new TrustError('not signed by the keys that a root names', {
    object: what,
    code: 'trust.threshold',
    expected: `a timestamp by the keys of root ${chain.map(({ signed }) => signed.version).join(' or ')}`,
    found: 'another',
    cause: last,
  });
}

async function readSnapshot(
  store: Context['store'],
  root: Verified<Root>,
  timestamp: Verified<Timestamp>,
  kept: Kept,
): Promise<Verified<Snapshot>> {
  const { version, length, sha256 } = timestamp.signed.snapshot;
  const own = kept.snapshot?.signed.version === version && sha256Hex(kept.snapshot.bytes) === sha256;
  const key = metadataKey('snapshot', version);
  const bytes = own ? kept.snapshot?.bytes : (await store.get(key, { maxLength: length ?? MAX_SNAPSHOT }))?.bytes;
  if (bytes !== undefined) return newSnapshot(root, timestamp, undefined, bytes, undefined);
  throw new TrustError('a file of the good state is not there', {
    object: key,
    code: 'trust.missing',
    expected: `sha256 ${sha256 ?? 'that timestamp lists'}`,
    found: 'nothing',
    hint: 'put it back from a mirror or a backup, or name an older snapshot with --good',
  });
}

function noSuchVersion(key: string, kept: Kept): InputError {
  const version = kept.timestamp?.signed.version;
  return new InputError('no snapshot of this number is recorded', {
    object: key,
    code: 'input.good',
    expected: 'the record of a timestamp that was live',
    found: 'nothing',
    hint: version === undefined ? 'list metadata/*.timestamp.json' : `the trusted state is at version ${version}`,
  });
}

function forged(key: string, given: string, { timestamp, snapshot }: Good['sha256']): TrustError {
  return new TrustError('not the good state that was vouched for', {
    object: key,
    code: 'trust.good-forged',
    expected: `sha256 ${given}`,
    found: `timestamp ${timestamp}, snapshot ${snapshot}`,
    hint: 'the store may have been changed: put the right files back from a mirror or a backup; nothing was written',
  });
}

function unproven(key: string, kept: Kept, { signed }: Verified<Timestamp>, sha256: Good['sha256']): PersonError {
  const made = signed.made === undefined ? '' : `, made ${formatDate(signed.made)}`;
  return new PersonError('nobody here knows whether this is the good state: the stolen keys can have signed it', {
    object: key,
    code: 'person.good-unproven',
    expected: `the trusted state at version ${signed.version} (it is at ${kept.timestamp?.signed.version ?? 'none'}), or a digest`,
    found: `timestamp ${sha256.timestamp}, snapshot ${sha256.snapshot}${made}`,
    hint: 'compare with a digest that was written down elsewhere, then add: --good-sha256 DIGEST',
  });
}
