import { CONTROLS } from './controls.ts';
import { explore } from './explore.ts';
import { system } from './system.ts';

/**
 * The traces that broke the drafts of the protocol, each with the rule that was made of it: what is left out or mutated
 * brings the trace back, and the same cast with nothing left out is clean.
 */
export const TRACES = {
  E1: {
    what: 'a change whose answer was lost is applied again',
    controls: ['outcome ignores the record', 'outcome takes moved for an answer'],
  },
  E2: {
    what: 'the pending root is removed while a publisher has read the old chain',
    controls: ['without x-tufa-root'],
  },
  E3: {
    what: 'garbage in the place of a pending root, and two of them',
    controls: ['bridge puts another root than the one that is named'],
  },
  E4: {
    what: 'two attempts under one number',
    controls: [
      'without the claim: two publishers',
      'without the claim: a publisher that crashes and runs again',
      'without the claim of refresh',
    ],
  },
  E5: { what: 'holes in the queue', controls: ['without the first free number', 'drain skips holes'] },
  E6: { what: 'an uploader that is killed and run again', controls: ['without the journal of the uploader'] },
  E7: { what: 'the root moves between two reads', controls: ['without the second walk of the chain'] },
  E8: { what: 'planted snapshots, receipts and records', controls: ['outcome believes a record that is not ours'] },
  E9: { what: 'a bin that is above its timestamp', controls: ['highestVersion looks at the timestamp alone'] },
  V1: {
    what: 'the timestamp names a root whose place another one took',
    controls: ['bridge trusts the timestamp over the chain'],
  },
  V2: { what: 'a timestamp-only job repairs', controls: ['bridge lets a job repair that cannot sign the snapshot'] },
  V3: {
    what: 'nothing is due after a root was copied',
    controls: ['bridge says that nothing is due after a root was copied'],
  },
  V4: {
    what: 'the grace begins at the bridge',
    controls: ['bridge sets since at the bridge', 'bridge takes a grace that is just over for over'],
  },
  V5: { what: 'two roots within one grace', controls: ['bridge does not wait for the grace'] },
  V6: {
    what: 'a root is said to be lost that has just been put',
    controls: ['bridge cries that a root is lost before reading again', 'without the order of pending and chain'],
  },
  V7: {
    what: 'absent, present, absent',
    controls: ['without after', 'without the journal of the uploader', 'drain ignores after'],
  },
  V8: { what: 'a held entry is accepted twice', controls: ['without the own after of what is accepted'] },
  V9: {
    what: 'the next name of an offline role is taken, and two drafts on one version',
    controls: ['without x-tufa-base', 'without the first free version of an offline role'],
  },
} as const satisfies Record<string, { what: string; controls: readonly string[] }>;

export type TraceId = keyof typeof TRACES;

/** The same trace played with the program itself: what it shows, and how. */
export type Real = Readonly<Record<string, () => Promise<void>>>;

/** What is wrong with a trace in the model; undefined: it breaks as it should, and is clean with the rule in its place. */
export function modelOf(id: TraceId): string | undefined {
  for (const name of TRACES[id].controls) {
    const control = CONTROLS.find((one) => one.name === name);
    if (control === undefined) return `there is no control ${name}`;
    const without = explore(system(control.cast), { states: 400_000, settleEvery: 1 }).violation;
    if (without === undefined || !control.breaks.test(without.broken)) return `${name}: nothing breaks`;
    const { without: _, steps: __, ...whole } = control.cast;
    const { violation } = explore(system(whole), { states: 60_000, settleEvery: 10 });
    if (violation !== undefined)
      return `with every rule, ${name}: ${[violation.broken, ...violation.trace].join('\n')}`;
  }
  return undefined;
}
