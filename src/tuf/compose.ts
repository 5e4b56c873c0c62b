import type { Encodable } from './encode.ts';
import { canonical, canonicalText, formatDate } from './encode.ts';
import type { Delegations, FileMeta, JsonMap, Key, NamedRoot, RoleKeys, Run, TargetFile, TopLevel } from './model.ts';

/**
 * The `signed` parts that tufa writes, as canonical bytes. What is large is put in as the bytes that it is; a test compares
 * each of them with the encoder. `others` are members of the version before that nobody here knows: they are kept.
 */

/** What python-tuf, tuf-js and go-tuf write themselves. */
const SPEC_VERSION = '1.0.31';

export interface SnapshotParts {
  readonly version: number;
  readonly expires: Date;
  readonly repository: string;
  readonly others?: JsonMap | undefined;
  /** Or its pieces, in order, with the commas between them (`spliceParts`): then it is copied once. */
  readonly meta: Run | readonly Uint8Array[];
  readonly queue: number;
  readonly receipt: string | undefined;
}

export interface TimestampParts {
  readonly version: number;
  readonly expires: Date;
  readonly repository: string;
  readonly others?: JsonMap | undefined;
  readonly made: Date;
  readonly root: NamedRoot;
  readonly snapshot: { readonly version: number; readonly length: number; readonly sha256: string };
}

export interface TargetsParts {
  readonly version: number;
  readonly expires: Date;
  readonly repository: string;
  readonly others?: JsonMap | undefined;
  readonly targets: Run;
  readonly delegations?: Delegations | undefined;
  /** Offline roles only. */
  readonly base?: number | undefined;
}

export interface RootParts {
  readonly version: number;
  readonly expires: Date;
  readonly repository: string;
  readonly keys: ReadonlyMap<string, Key>;
  readonly roles: Readonly<Record<TopLevel, RoleKeys>>;
  readonly floor: ReadonlyMap<string, number>;
}

export function composeTargets(parts: TargetsParts): Buffer {
  const { head, tail } = targetsFrame(parts);
  return Buffer.concat([head, parts.targets, tail]);
}

/** What stands before and behind the run of a targets role. */
export function targetsFrame(parts: Omit<TargetsParts, 'targets'>): Frame {
  const { delegations, base, others } = parts;
  return frame('targets', others, {
    ...commonMembers('targets', parts),
    delegations: delegations && delegationsValue(delegations),
    'x-tufa-base': base,
  });
}

export function composeSnapshot(parts: SnapshotParts): Buffer {
  const { head, tail } = frame('meta', parts.others, {
    ...commonMembers('snapshot', parts),
    'x-tufa-queue': parts.queue,
    'x-tufa-receipt': parts.receipt,
  });
  return Buffer.concat([head, ...(parts.meta instanceof Uint8Array ? [parts.meta] : parts.meta), tail]);
}

interface Frame {
  readonly head: Buffer;
  readonly tail: Buffer;
}

/** An object around the run of its member `hole`, whose braces are part of the frame. */
function frame(
  hole: string,
  others: JsonMap | undefined,
  known: { readonly [name: string]: Encodable | undefined },
): Frame {
  const members = [...(others ?? []), ...Object.entries(known)]
    .filter((member): member is [string, Encodable] => member[1] !== undefined)
    .map(([name, value]) => ({ name, text: `${canonicalText(name)}:${canonicalText(value)}` }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  const before = members.filter(({ name }) => name < hole).map(({ text }) => `${text},`);
  const after = members.filter(({ name }) => name > hole).map(({ text }) => `,${text}`);
  return {
    head: Buffer.from(`{${before.join('')}"${hole}":{`),
    tail: Buffer.from(`}${after.join('')}}`),
  };
}

function commonMembers(
  type: string,
  { version, expires, repository }: { version: number; expires: Date; repository: string },
): { readonly [name: string]: Encodable } {
  return {
    _type: type,
    expires: formatDate(expires),
    spec_version: SPEC_VERSION,
    version,
    'x-tufa-repository': repository,
  };
}

export function composeTimestamp(parts: TimestampParts): Buffer {
  const { version, sha256, since } = parts.root;
  return canonical({
    ...Object.fromEntries(parts.others ?? []),
    ...commonMembers('timestamp', parts),
    meta: {
      'snapshot.json': {
        hashes: { sha256: parts.snapshot.sha256 },
        length: parts.snapshot.length,
        version: parts.snapshot.version,
      },
    },
    'x-tufa-made': formatDate(parts.made),
    'x-tufa-root': { version, sha256, since: since === undefined ? undefined : formatDate(since) },
  });
}

export function composeRoot(parts: RootParts): Buffer {
  return canonical({
    _type: 'root',
    consistent_snapshot: true,
    expires: formatDate(parts.expires),
    keys: keysValue(parts.keys),
    roles: Object.fromEntries(
      Object.entries(parts.roles).map(([role, { keyids, threshold }]) => [role, { keyids, threshold }]),
    ),
    spec_version: SPEC_VERSION,
    version: parts.version,
    'x-tufa-floor': parts.floor.size === 0 ? undefined : parts.floor,
    'x-tufa-repository': parts.repository,
  });
}

/** The snapshot's entry of a role. No length: tough caps every role with that of `targets`. */
export function metaValue(meta: Pick<FileMeta, 'version' | 'sha256'>): Encodable {
  return { hashes: meta.sha256 === undefined ? undefined : { sha256: meta.sha256 }, version: meta.version };
}

/** An entry of `targets`. `custom.listed` is the index time of a file: when its path first appeared. */
export function targetValue(target: Pick<TargetFile, 'length' | 'sha256' | 'listed'>): Encodable {
  return {
    custom: target.listed === undefined ? undefined : { listed: formatDate(target.listed) },
    hashes: { sha256: target.sha256 },
    length: target.length,
  };
}

function delegationsValue({ keys, roles, succinct }: Delegations): Encodable {
  if (succinct !== undefined) {
    const { bitLength, namePrefix, keyids, threshold } = succinct;
    return {
      keys: keysValue(keys),
      succinct_roles: { bit_length: bitLength, keyids, name_prefix: namePrefix, threshold },
    };
  }
  return {
    keys: keysValue(keys),
    roles: roles.map(({ name, keyids, threshold, terminating, paths, pathHashPrefixes }) => ({
      keyids,
      name,
      path_hash_prefixes: pathHashPrefixes,
      paths,
      terminating,
      threshold,
    })),
  };
}

function keysValue(keys: ReadonlyMap<string, Key>): Encodable {
  return new Map(
    [...keys].map(([keyid, { keytype, scheme, keyval }]) => [
      keyid,
      { keytype, scheme, keyval: { public: keyval.public } },
    ]),
  );
}
