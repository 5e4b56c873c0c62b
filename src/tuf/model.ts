/**
 * What metadata says, as values. Shapes follow section 4 of the TUF specification; what can be large (the targets of a
 * bin, the roles of a snapshot) stays a run of bytes (`run.ts`), so that nothing here grows with the index.
 */

/** A JSON value as the strict parser makes it: objects are Maps, because a key may be called `__proto__` or `10`. */
export type Json = null | boolean | number | string | Json[] | JsonMap;
export type JsonMap = Map<string, Json>;

export const TOP_LEVEL = ['root', 'targets', 'snapshot', 'timestamp'] as const;
export type TopLevel = (typeof TOP_LEVEL)[number];

/** `{keytype, scheme, keyval}` and nothing else; keyid is the sha256 of its canonical form (section 4.2). */
export interface Key {
  readonly keytype: string;
  readonly scheme: string;
  readonly keyval: { readonly public: string };
}

export interface Signature {
  readonly keyid: string;
  /** Lower-case hex. */
  readonly sig: string;
}

/** Who may sign a role, and how many of them must. */
export interface RoleKeys {
  readonly keyids: readonly string[];
  readonly threshold: number;
}

/** Sorted entries `"key":{...},"key":{...}` in canonical form, without the braces around them. */
export type Run = Uint8Array;

interface Common {
  readonly version: number;
  readonly expires: Date;
  /** `x-tufa-repository`; undefined in a foreign repository. */
  readonly repository: string | undefined;
  /** Of an online role, the members that nobody here knows: what is signed again keeps them (section 4). */
  readonly others?: JsonMap | undefined;
}

export interface Root extends Common {
  readonly type: 'root';
  readonly keys: ReadonlyMap<string, Key>;
  readonly roles: Readonly<Record<TopLevel, RoleKeys>>;
  /** `x-tufa-floor`: versions of the offline roles when this root was signed. */
  readonly floor: ReadonlyMap<string, number>;
}

export interface FileMeta {
  readonly version: number;
  readonly length: number | undefined;
  /** sha256, lower-case hex. */
  readonly sha256: string | undefined;
  /** sha512, lower-case hex; only foreign repositories have it. */
  readonly sha512: string | undefined;
}

/** `x-tufa-root`: the root that a timestamp was made for. A bridge has no `since`. */
export interface NamedRoot {
  readonly version: number;
  readonly sha256: string;
  readonly since: Date | undefined;
}

export interface Timestamp extends Common {
  readonly type: 'timestamp';
  readonly snapshot: FileMeta;
  /** `x-tufa-made`, never falling. */
  readonly made: Date | undefined;
  readonly root: NamedRoot | undefined;
}

export interface Snapshot extends Common {
  readonly type: 'snapshot';
  /** `"bins.json":{"version":1},...` */
  readonly meta: Run;
  /** `x-tufa-queue`: number of the last queue entry folded in. */
  readonly queue: number | undefined;
  /** `x-tufa-receipt`: sha256 of the receipt of this version. */
  readonly receipt: string | undefined;
}

export interface Targets extends Common {
  readonly type: 'targets';
  /** `"simple/foo/index.html":{"hashes":{...},"length":1},...` */
  readonly targets: Run;
  readonly delegations: Delegations | undefined;
  /** `x-tufa-base`: the version that this one replaces (offline roles). */
  readonly base: number | undefined;
}

export interface Delegations {
  readonly keys: ReadonlyMap<string, Key>;
  /** In order of priority; empty when `succinct` is there. */
  readonly roles: readonly DelegatedRole[];
  readonly succinct: SuccinctRoles | undefined;
}

export interface DelegatedRole extends RoleKeys {
  readonly name: string;
  readonly terminating: boolean;
  /** Exactly one of the two. */
  readonly paths: readonly string[] | undefined;
  readonly pathHashPrefixes: readonly string[] | undefined;
}

/** TAP 15. Always terminating. */
export interface SuccinctRoles extends RoleKeys {
  readonly bitLength: number;
  readonly namePrefix: string;
}

export interface TargetFile {
  readonly length: number;
  readonly sha256: string | undefined;
  readonly sha512: string | undefined;
  /** `custom.listed`: when the path first appeared in the index (UTC). */
  readonly listed: Date | undefined;
}

export type SignedPart = Root | Timestamp | Snapshot | Targets;

/** A metadata file whose form is right and whose signatures nobody has looked at. */
export interface MetadataFile<T extends SignedPart = SignedPart> {
  /** As it was read, or as it is to be written. */
  readonly bytes: Uint8Array;
  /** The canonical form of `signed`: what the signatures are over. */
  readonly signedBytes: Uint8Array;
  readonly signatures: readonly Signature[];
  readonly signed: T;
}

declare const verified: unique symbol;
/** Made by `verify.ts` only, after a threshold of the delegator's keys has signed it. */
export type Verified<T extends SignedPart> = MetadataFile<T> & { readonly [verified]: true };
