import { MUTANTS } from './mutants.ts';
import type { Cast } from './system.ts';
import * as cast from './system.ts';

/**
 * Negative controls: the protocol with one rule left out, or with one step function mutated. Each must break an invariant;
 * one that does not says that the model would not notice if the program forgot the rule.
 */

const {
  accepts,
  adds,
  adversary,
  carrier,
  ceremony,
  client,
  clock,
  publisher,
  refresh,
  removes,
  FILE,
  OTHER_FILE,
  PAGE,
} = cast;

const UPLOADS = [adds('alice', FILE, 'X'), removes('bob', FILE)];

export interface Control {
  readonly name: string;
  readonly cast: Cast;
  /** Of the invariant that must break. */
  readonly breaks: RegExp;
}

const WITHOUT: readonly Control[] = [
  {
    name: 'the claim: two publishers',
    cast: { without: ['claim'], actors: [publisher(1), publisher(1), ...UPLOADS] },
    breaks: /two bodies/,
  },
  {
    name: 'the claim: a publisher that crashes and runs again',
    cast: { without: ['claim'], actors: [publisher(2), ...UPLOADS], crashes: 1 },
    breaks: /two bodies/,
  },
  {
    name: 'the claim of refresh',
    cast: { without: ['claim of refresh'], actors: [publisher(1), refresh(1), ...UPLOADS] },
    breaks: /two bodies/,
  },
  {
    name: 'the bridge',
    cast: { without: ['bridge'], actors: [publisher(1), ceremony('2a')] },
    breaks: /fresh client/,
  },
  {
    name: 'x-tufa-root',
    cast: { without: ['x-tufa-root'], actors: [refresh(1), ceremony('2a', 4)], reads: 'any order' },
    breaks: /fresh client|x-tufa-root falls/,
  },
  {
    name: 'the high-water mark: a publisher crashes before it deletes',
    cast: { without: ['x-tufa-queue'], actors: [publisher(2), adds('alice', FILE, 'X')], crashes: 1 },
    breaks: /folded twice/,
  },
  {
    name: 'the high-water mark: two publishers',
    cast: { without: ['x-tufa-queue'], actors: [publisher(1), publisher(1), adds('alice', FILE, 'X')] },
    breaks: /folded twice/,
  },
  {
    name: 'If-Match',
    cast: { without: ['If-Match'], actors: [publisher(1), refresh(1), adds('alice', FILE, 'X')] },
    breaks: /record|not there any more|goes from version/,
  },
  {
    name: 'was',
    cast: {
      without: ['was'],
      actors: [publisher(2), adds('alice', PAGE, 'Q', 'pages'), adds('bob', FILE, 'X')],
      pages: true,
    },
    breaks: /undoes/,
  },
  {
    name: 'after',
    cast: {
      without: ['after'],
      actors: [publisher(3), adds('alice', FILE, 'X'), adds('carol', FILE, 'X'), removes('bob', FILE)],
    },
    breaks: /undoes/,
  },
  {
    name: 'the journal of the uploader',
    cast: { without: ['journal'], actors: [publisher(3), adds('alice', FILE, 'X'), removes('bob', FILE)], crashes: 1 },
    breaks: /undoes|twice/,
  },
  {
    name: 'the record',
    cast: { without: ['record'], actors: [publisher(2), adds('alice', FILE, 'X'), adds('bob', OTHER_FILE, 'Y')] },
    breaks: /no record/,
  },
  {
    name: 'the order of swap and record',
    cast: {
      without: ['record after the swap'],
      actors: [publisher(2), refresh(1), adds('alice', FILE, 'X')],
      crashes: 1,
    },
    breaks: /said to be committed/,
  },
  {
    name: 'the first free number',
    cast: {
      without: ['first free number'],
      actors: [publisher(2), adds('alice', FILE, 'X'), adversary('plants garbage in the queue at 2')],
    },
    breaks: /not folded/,
  },
  {
    name: 'the number in the envelope',
    cast: {
      without: ['number in the envelope', 'after'],
      actors: [publisher(3), adds('alice', FILE, 'X'), removes('bob', FILE), adversary('copies an entry')],
    },
    breaks: /twice|undoes/,
  },
  {
    name: 'the second walk of the chain',
    cast: {
      without: ['second walk'],
      actors: [refresh(1), refresh(1), ceremony('2a'), clock(1)],
      reads: 'roots first',
    },
    breaks: /cries alarm/,
  },
  {
    name: 'the order of pending and chain',
    cast: { without: ['pending before the chain'], actors: [refresh(1), ceremony('2a', 3)], reads: 'any order' },
    breaks: /said to be lost/,
  },
  {
    name: 'the own after of what is accepted',
    cast: {
      without: ['after of what is accepted'],
      actors: [
        publisher(4),
        removes('bob', FILE),
        adds('alice', FILE, 'X'),
        accepts('op1', 1, FILE),
        accepts('op2', 1, FILE),
      ],
      live: cast.LISTED,
      hold: 0,
    },
    breaks: /undoes/,
  },
  {
    name: 'x-tufa-base',
    cast: { without: ['x-tufa-base'], actors: [publisher(2), carrier('A', 1), carrier('B', 1)] },
    breaks: /was drawn on/,
  },
  {
    name: 'the first free version of an offline role',
    cast: {
      without: ['first free version'],
      actors: [publisher(2), carrier('A', 1), adversary('plants an offline role')],
    },
    breaks: /for ever/,
  },
];

const ROOT = { actors: [refresh(1), ceremony('2a', 3)], reads: 'any order' } as const;
const QUEUE = { actors: [publisher(2), refresh(1), ...UPLOADS], faults: 1 } as const;

const MUTATED: Readonly<Record<keyof typeof MUTANTS, { cast: Cast; breaks: RegExp }>> = {
  'nextNumber does not rise': { cast: QUEUE, breaks: /stuck/ },
  'nextNumber ignores that a number was taken': { cast: { ...QUEUE, crashes: 1 }, breaks: /stuck/ },
  'highestVersion looks at the timestamp alone': {
    cast: { actors: [publisher(1), adds('alice', FILE, 'X')], live: cast.IMPORTED },
    breaks: /leaf goes from version/,
  },
  'outcome says lost when the live timestamp is ours': { cast: QUEUE, breaks: /said to be lost and was committed/ },
  'outcome ignores the record': { cast: QUEUE, breaks: /said to be lost and was committed/ },
  'outcome says lost while the swap may still land': { cast: QUEUE, breaks: /may still land/ },
  'outcome takes moved for an answer': { cast: QUEUE, breaks: /said to be lost and was committed/ },
  'outcome believes a record that is not ours': {
    cast: { actors: [publisher(1), refresh(1), adds('alice', FILE, 'X'), adversary('plants a record')], faults: 1 },
    breaks: /said to be lost/,
  },
  'drain skips holes': {
    cast: { actors: [publisher(2), adds('alice', FILE, 'X'), adversary('plants garbage in the queue at 2')] },
    breaks: /below the mark|one at a time/,
  },
  'drain ignores was': {
    cast: { actors: [publisher(2), adds('alice', PAGE, 'Q', 'pages'), adds('bob', FILE, 'X')], pages: true },
    breaks: /undoes|one at a time/,
  },
  'drain ignores after': {
    cast: { actors: [publisher(3), adds('alice', FILE, 'X'), adds('carol', FILE, 'X'), removes('bob', FILE)] },
    breaks: /undoes|one at a time/,
  },
  'bridge puts the root without a bridge': { cast: ROOT, breaks: /fresh client/ },
  'bridge sets since at the bridge': {
    cast: { actors: [refresh(2), ceremony('2a'), client(1, { grace: 1 }), clock(2)], grace: 1, reads: 'at once' },
    breaks: /client fails within the grace/,
  },
  'bridge does not wait for the grace': {
    cast: { actors: [ceremony('2a', 3), ceremony('3a', 3), client(1, { grace: 1 }), clock(1)], grace: 1 },
    breaks: /client fails within the grace/,
  },
  'bridge drops the old keys at once': {
    cast: { actors: [ceremony('2a', 3), client(1, { grace: 1 })], grace: 1 },
    breaks: /client fails within the grace/,
  },
  'bridge takes a grace that is just over for over': {
    cast: { actors: [refresh(2), ceremony('2a'), client(1, { grace: 1 }), clock(2)], grace: 1 },
    breaks: /client fails within the grace/,
  },
  'bridge cries that a root is lost before reading again': {
    cast: { actors: [refresh(1), ceremony('2a', 3)], reads: 'any order' },
    breaks: /said to be lost/,
  },
  'bridge puts another root than the one that is named': {
    cast: { actors: [ceremony('2a', 3), ceremony('2b', 3)] },
    breaks: /fresh client/,
  },
  'bridge lets a job repair that cannot sign the snapshot': {
    cast: {
      actors: [refresh(1, { keys: cast.STAMPS }), ceremony('2a'), adversary('copies a pending root to its place')],
      attacked: true,
    },
    breaks: /fresh client/,
  },
  'bridge says that nothing is due after a root was copied': {
    cast: { actors: [ceremony('2a'), adversary('copies a pending root to its place')], attacked: true },
    breaks: /stuck/,
  },
  'bridge trusts the timestamp over the chain': {
    cast: {
      actors: [ceremony('2a', 3), ceremony('2b', 3), adversary('copies a pending root to its place')],
      attacked: true,
    },
    breaks: /stuck|said to be lost/,
  },
  'plan drops the expiry of the timestamp': { cast: QUEUE, breaks: /expires at/ },
  'plan drops the expiry of the snapshot': { cast: QUEUE, breaks: /expires at/ },
  'plan drops the expiry of leaves': { cast: QUEUE, breaks: /expires at/ },
  'plan lowers the version of the snapshot': { cast: QUEUE, breaks: /snapshot (goes from version|1 is)/ },
  'plan lowers the version of the timestamp': { cast: QUEUE, breaks: /timestamp goes from version/ },
  'plan lowers the version of leaves': { cast: QUEUE, breaks: /leaf (goes from version|1 is)/ },
  'plan forgets the mark': { cast: QUEUE, breaks: /the mark/ },
  'plan keeps no root in the timestamp that follows': { cast: ROOT, breaks: /stuck|fresh client/ },
};

export const CONTROLS: readonly Control[] = [
  ...WITHOUT.map(({ name, ...rest }) => ({ name: `without ${name}`, ...rest })),
  ...Object.entries(MUTATED).map(([name, { cast: mutated, breaks }]) => ({
    name,
    cast: { ...mutated, steps: MUTANTS[name as keyof typeof MUTANTS] },
    breaks,
  })),
];
