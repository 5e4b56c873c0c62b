import { formatDate, jsonText } from '../tuf/encode.ts';
import { map } from '../tuf/fields.ts';
import { parseJson } from '../tuf/json.ts';
import type { JsonMap, SignedPart } from '../tuf/model.ts';
import { diffKeys } from './diff-keys.ts';
import { diffDelegations, diffTargets, unknownFields } from './diff-parts.ts';

/**
 * The semantic diff of two signed parts: what a holder has to agree to. It is made of the bytes that the signer trusts and
 * of the bytes that are to be signed, never of what somebody says about them. What could harm is flagged: the same name
 * with another key, a lower threshold, a longer life, a key of an offline role that is online.
 */

export type ChangeKind =
  | 'version'
  | 'expires'
  | 'threshold'
  | 'key.added'
  | 'key.removed'
  /** The same holder with another key. */
  | 'key.replaced'
  /** The same keyid with another key. */
  | 'key.content'
  /** The same key with another holder. */
  | 'key.renamed'
  /** One key for an online and an offline role. */
  | 'key.reused'
  | 'role.added'
  | 'role.removed'
  | 'role.order'
  | 'paths'
  | 'terminating'
  | 'bins'
  | 'floor'
  | 'field'
  | 'target.added'
  | 'target.removed'
  | 'target.changed';

export interface Change {
  readonly kind: ChangeKind;
  /** Somebody should look twice. */
  readonly flagged: boolean;
  /** What has changed: a role, a keyid, a field's path, a target path. */
  readonly subject: string;
  /** undefined: there was none, or there is none any more. */
  readonly before: string | undefined;
  readonly after: string | undefined;
  /** Holder of the key that this is about. */
  readonly holder?: string | undefined;
  /** Why it is flagged, where the values do not say it. */
  readonly why?: string | undefined;
}

export interface Diff {
  readonly role: string;
  /** undefined: the signer has seen none before. */
  readonly from: number | undefined;
  readonly to: number;
  readonly changes: readonly Change[];
  /** Nothing but version and expiry has moved. */
  readonly renewal: boolean;
}

/** A root or an offline targets role: what it says and the bytes that say it. */
export interface Part {
  readonly signed: SignedPart;
  readonly signedBytes: Uint8Array;
}

export interface DiffContext {
  /** Names of holders by keyid: as the signer remembers them, and as they are told now. */
  readonly names: { readonly before: ReadonlyMap<string, string>; readonly after: ReadonlyMap<string, string> };
  /** Roles that other parts give a key to, by keyid. */
  readonly elsewhere: ReadonlyMap<string, readonly string[]>;
  /** The version that the draft says it replaces. */
  readonly base: number;
  readonly now: Date;
  /** Milliseconds that this role is usually valid for; undefined: any later date is flagged. */
  readonly usual: number | undefined;
}

/** A raw signed part with its decoded form, for the functions that look for what nobody knows. */
export interface Raw {
  readonly signed: SignedPart;
  readonly json: JsonMap;
}

/** Milliseconds that a draft may be older than its signature without a longer life. */
const SLACK = 24 * 60 * 60 * 1000;

export function diff(role: string, before: Part | undefined, after: Part, context: DiffContext): Diff {
  const old = before && raw(before);
  const now = raw(after);
  const rest = [
    ...diffKeys(role, old?.signed, now.signed, context),
    ...diffDelegations(old?.signed, now.signed),
    ...diffFloor(old?.signed, now.signed),
    ...unknownFields(old?.json, now.json),
    ...diffTargets(old?.signed, now.signed),
  ];
  return {
    role,
    from: old?.signed.version,
    to: now.signed.version,
    changes: [
      ...diffVersion(old?.signed, now.signed, context),
      ...diffExpiry(old?.signed, now.signed, context),
      ...rest,
    ],
    renewal: old !== undefined && rest.length === 0,
  };
}

function diffVersion(before: SignedPart | undefined, after: SignedPart, { base }: DiffContext): Change[] {
  const skips = after.version !== base + 1;
  return [
    {
      kind: 'version',
      flagged: skips,
      subject: 'version',
      before: before && `${before.version}`,
      after: `${after.version}`,
      why: skips ? `drawn on version ${base}: not exactly one more` : undefined,
    },
  ];
}

function diffExpiry(before: SignedPart | undefined, after: SignedPart, { now, usual }: DiffContext): Change[] {
  const lasts = after.expires.getTime() - now.getTime();
  const later = before !== undefined && after.expires.getTime() > before.expires.getTime();
  const longer = usual === undefined ? later : lasts > usual + SLACK;
  if (before !== undefined && before.expires.getTime() === after.expires.getTime() && !longer) return [];
  return [
    {
      kind: 'expires',
      flagged: longer,
      subject: 'expires',
      before: before && formatDate(before.expires),
      after: formatDate(after.expires),
      why: longer ? longerThan(lasts, usual) : undefined,
    },
  ];
}

function longerThan(lasts: number, usual: number | undefined): string {
  const days = (ms: number): string => `${Math.round(ms / SLACK)} d`;
  return usual === undefined ? 'later than before' : `valid for ${days(lasts)}, ${days(usual)} are usual`;
}

function diffFloor(before: SignedPart | undefined, after: SignedPart): Change[] {
  if (after.type !== 'root') return [];
  const old = before?.type === 'root' ? before.floor : new Map<string, number>();
  return [...new Set([...old.keys(), ...after.floor.keys()])].flatMap((role) => {
    const [was, is] = [old.get(role), after.floor.get(role)];
    if (was === is) return [];
    const flagged = (is ?? 0) < (was ?? 0);
    return [{ kind: 'floor', flagged, subject: role, before: was && `${was}`, after: is && `${is}` } as Change];
  });
}

function raw({ signed, signedBytes }: Part): Raw {
  return { signed, json: map(parseJson(jsonText(signedBytes), { what: 'signed part' }), 'signed part') };
}
