import type { Slot, Stealable } from '../../ceremony/compromise.ts';
import type { EntryResult } from '../../queue/drain.ts';
import type { ChangedLeaf } from '../../transaction/difference.ts';
import type { Recovered } from '../../transaction/recover.ts';
import { roleMeta } from '../../tuf/checks.ts';
import { sha256Hex } from '../../tuf/digest.ts';
import { formatDate } from '../../tuf/encode.ts';
import type { Good } from './good.ts';
import type { RecoveryNote } from './note.ts';
import { recoverCommand } from './note.ts';
import type { GoodGround, Scene } from './scene.ts';

/** One of PEP 458's five, "In the Event of a Key Compromise". */
export interface Step {
  readonly step: 1 | 2 | 3 | 4 | 5;
  readonly what: string;
}

export interface Recovery {
  /** `open`: its drafts wait for signatures, nothing is changed yet. `already`: it was recovered before. */
  readonly state: 'open' | 'recovered' | 'already';
  readonly good: { readonly version: number; readonly sha256: string; readonly provenBy: Good['provenBy'] | undefined };
  /** What stood at timestamp.json, by its own word. */
  readonly live:
    | {
        readonly version: number | undefined;
        readonly made: string | undefined;
        readonly sha256: string | undefined;
        readonly why: string | undefined;
      }
    | undefined;
  /** Whose keys change, and why. */
  readonly keys: readonly {
    readonly role: Stealable;
    readonly why: Slot['why'];
    readonly old: readonly string[];
    readonly next: readonly string[];
  }[];
  /** Online roles that differ between the good snapshot and what was live. */
  readonly changed: readonly ChangedLeaf[];
  /** Leaves that only a person has vouched for. */
  readonly unproven: number;
  readonly drafts: RecoveryNote['drafts'];
  readonly steps: readonly Step[];
  /** Of the queue, folded again on the good state. */
  readonly entries: readonly EntryResult[];
  /** Of the new timestamp and snapshot. */
  readonly version: number | undefined;
  readonly warnings: readonly string[];
  /** What to type next. */
  readonly next: string;
}

/** What a run has looked at. */
export interface Picture {
  readonly scene: Scene;
  readonly base: GoodGround;
  readonly slots: readonly Slot[];
  readonly changed: readonly ChangedLeaf[];
  readonly unproven: number;
}

export function openReport(picture: Picture, note: RecoveryNote, warnings: readonly string[]): Recovery {
  const next = `tufa sign; elsewhere: tufa ceremony export FILE; then again: ${recoverCommand(note)}`;
  return { ...looked(picture, note), state: 'open', steps: stepsOf(picture, note, undefined), warnings, next };
}

export function recoveredReport(picture: Picture, note: RecoveryNote, recovered: Recovered): Recovery {
  const { version, entries } = recovered;
  const steps = stepsOf(picture, note, recovered);
  return { ...looked(picture, note), state: 'recovered', steps, entries, version, warnings: [], next: NEXT };
}

/** The same command once more. */
export function alreadyReport(note: RecoveryNote, version: number): Recovery {
  return {
    state: 'already',
    good: { ...note.good, provenBy: undefined },
    live: undefined,
    keys: [],
    changed: [],
    unproven: 0,
    drafts: note.drafts,
    steps: [],
    entries: [],
    version,
    warnings: [],
    next: NEXT,
  };
}

const NEXT =
  'tufa verify; tell your users (a bulletin is what PEP 458 recommends); take the URIs of the stolen keys out of holders/ and destroy them';

function looked(
  { scene, base, slots, changed, unproven }: Picture,
  note: RecoveryNote,
): Omit<Recovery, 'state' | 'steps' | 'next'> {
  const { bytes, timestamp, why } = scene.attacked;
  const made = timestamp?.signed.made;
  return {
    good: { ...note.good, provenBy: base.good.provenBy },
    live: {
      version: timestamp?.signed.version,
      made: made && formatDate(made),
      sha256: bytes && sha256Hex(bytes),
      why,
    },
    keys: slots.map(({ role, why: cause, old, next }) => ({ role, why: cause, old: old.keyids, next: next.keyids })),
    changed,
    unproven,
    drafts: note.drafts,
    entries: [],
    version: undefined,
    warnings: [],
  };
}

/** @param recovered undefined: what will be done */
function stepsOf(
  { base, slots, changed }: Picture,
  { drafts }: RecoveryNote,
  recovered: Recovered | undefined,
): Step[] {
  const version = (role: string): string => `${role} ${drafts.find((draft) => draft.role === role)?.version ?? ''}`;
  const named = (wanted: (slot: Slot) => boolean): string =>
    slots
      .filter(wanted)
      .map(({ role }) => role)
      .join(', ');
  const inRoot = named(({ delegator }) => delegator === 'root');
  const holders = slots.filter(({ online, delegator }) => !online && delegator !== 'root');
  const leaves = slots.filter(({ online, delegator }) => online && delegator !== 'root');
  const differ = `${changed.length} online ${changed.length === 1 ? 'role differs' : 'roles differ'} from snapshot ${base.good.snapshot.signed.version}`;
  const offline = drafts.filter(({ role }) => role !== 'root').map(({ role }) => version(role));
  const expires = recovered?.trusted.snapshot.signed.expires;
  const number = recovered === undefined ? 'a number above the good one' : `version ${recovered.version}`;
  return [
    { step: 1, what: `${version('root')}: new keys for ${inRoot}` },
    {
      step: 2,
      what:
        holders.length === 0
          ? 'holders below targets: none is named as stolen, theirs stay'
          : `${version('targets')}: new holders for ${holders.map(({ role }) => role.replace(/-holders$/, '')).join(', ')}`,
    },
    {
      step: 3,
      what: `${differ}: their good rows come back${leaves.map(({ role, delegator }) => `; ${version(delegator)} names the new key of ${role}`).join('')}`,
    },
    {
      step: 4,
      what: `${[...offline.map((one) => `${one} by its holders`), `all ${countLeaves(base)} online roles as ${number}`].join(', ')}: signed anew, expiry extended`,
    },
    {
      step: 5,
      what: `a new snapshot and timestamp, ${number}${expires === undefined ? '' : `; the snapshot expires ${formatDate(expires)}`}`,
    },
  ];
}

function countLeaves({ good, online }: GoodGround): number {
  return online.filter((name) => roleMeta(good.snapshot, name) !== undefined).length;
}
