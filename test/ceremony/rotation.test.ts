import { Metadata, MetadataKind } from '@tufjs/models';
import { expect } from 'chai';
import type { Draft } from '../../src/ceremony/drafts.ts';
import type { FirstPlan } from '../../src/ceremony/first.ts';
import { firstDrafts } from '../../src/ceremony/first.ts';
import { nextRootDraft } from '../../src/ceremony/next.ts';
import { countedSignatures, isMet, signingSets } from '../../src/ceremony/sets.ts';
import { nextSlots } from '../../src/ceremony/slots.ts';
import { TufaError } from '../../src/errors.ts';
import { nextRoot, trustRoot } from '../../src/tuf/checks.ts';
import { metadataFile } from '../../src/tuf/encode.ts';
import type { Root, Signature, Verified } from '../../src/tuf/model.ts';
import { readSigned } from '../../src/tuf/read.ts';
import { TEST_UUID, type TestKey, type TestScheme, testKey } from '../support/repository.ts';
import { askPython } from './python.ts';

/** `2 a b c`: a threshold and its keys. `lacks` says which threshold is missing; none: root 2 is complete. */
type Row = [title: string, old: string, next: string, signed: string, lacks: '' | 'old' | 'new' | 'old new'];

const ROWS: readonly Row[] = [
  ['nothing changes, the threshold signs', '2 a b c', '2 a b c', 'a b', ''],
  ['nothing changes, everybody signs', '2 a b c', '2 a b c', 'a b c', ''],
  ['nothing changes, one signs', '2 a b c', '2 a b c', 'a', 'old new'],
  ['nobody signs', '2 a b c', '2 a b c', '', 'old new'],
  ['one key is replaced, two who stay sign', '2 a b c', '2 a b d', 'a b', ''],
  ['one key is replaced, one who stays and the new one sign', '2 a b c', '2 a b d', 'a d', 'old'],
  ['one key is replaced, one who stays and the one who leaves sign', '2 a b c', '2 a b d', 'a c', 'new'],
  ['one key is replaced, the leaving, the staying and the new one sign', '2 a b c', '2 a b d', 'a c d', ''],
  ['two of three keys are replaced, the old threshold alone signs', '2 a b c', '2 a d e', 'b c', 'new'],
  ['two of three keys are replaced, the new threshold alone signs', '2 a b c', '2 a d e', 'd e', 'old'],
  ['two of three keys are replaced, one of each and the one who stays sign', '2 a b c', '2 a d e', 'a b d', ''],
  ['all keys are replaced at once, both thresholds sign', '2 a b c', '2 d e f', 'a b d e', ''],
  ['all keys are replaced at once, the old threshold alone', '2 a b c', '2 d e f', 'a b c', 'new'],
  ['all keys are replaced at once, the new threshold alone', '2 a b c', '2 d e f', 'd e f', 'old'],
  ['all keys are replaced at once, one of each signs', '2 a b c', '2 d e f', 'a d', 'old new'],
  ['the threshold rises, the old one signs', '2 a b c d', '3 a b c d', 'a b', 'new'],
  ['the threshold rises, the new one signs', '2 a b c d', '3 a b c d', 'a b c', ''],
  ['the threshold falls, the new one signs', '3 a b c d', '2 a b c d', 'a b', 'old'],
  ['the threshold falls, the old one signs', '3 a b c d', '2 a b c d', 'a b c', ''],
  ['a holder is added, the old threshold signs', '2 a b c', '2 a b c d', 'a b', ''],
  ['a holder is added, the new one counts for the new threshold only', '2 a b c', '2 a b c d', 'a d', 'old'],
  ['a holder leaves, two who stay sign', '2 a b c d', '2 a b c', 'a b', ''],
  ['a holder leaves and signs for the old threshold only', '2 a b c d', '2 a b c', 'a d', 'new'],
  ['a stranger signs as well', '2 a b c', '2 a b c', 'a b g', ''],
  ['a stranger does not count', '2 a b c', '2 a b c', 'a g', 'old new'],
  ['a signature of another draft does not count', '2 a b c', '2 a b c', 'a b!', 'old new'],
  ['one signature of another draft beside a threshold', '2 a b c', '2 a b c', 'a b c!', ''],
  ['keys of three kinds, the threshold signs', '2 a pp rr', '2 a pp rr', 'pp rr', ''],
  ['an RSA key is replaced by a P-256 one', '2 a b rr', '2 a b pp', 'a rr pp', ''],
  ['an RSA key is replaced by a P-256 one, without the old threshold', '2 a b rr', '2 a b pp', 'a pp', 'old'],
  ['from 2 of 3 to 3 of 5 with three new people', '2 a b c', '3 a b d e f', 'a b d', ''],
  ['from 2 of 3 to 3 of 5, the new threshold lacks one', '2 a b c', '3 a b d e f', 'a b', 'new'],
];

const made = new Map<string, TestKey>();

/** `pp` is a P-256 key, `rr` an RSA one, all others Ed25519. */
function key(name: string): TestKey {
  const scheme: TestScheme = name === 'pp' ? 'p-256' : name === 'rr' ? 'rsa-pss' : 'ed25519';
  const known = made.get(name) ?? testKey(scheme);
  made.set(name, known);
  return known;
}

function roleOf(text: string) {
  const [threshold, ...names] = text.split(' ');
  return { keyids: names.map((name) => key(name).keyid), threshold: Number(threshold) };
}

function planOf(text: string): FirstPlan {
  const hot = { keyids: [key('online').keyid], threshold: 1 };
  const people = roleOf('2 a b c');
  const year = new Date('2037-01-01T00:00:00Z');
  return {
    repository: TEST_UUID,
    keys: new Map([...made.values()].map((one) => [one.keyid, one.key])),
    roles: {
      root: roleOf(text),
      targets: people,
      trust: people,
      claimed: people,
      bins: people,
      recent: people,
      timestamp: hot,
      snapshot: hot,
      deny: hot,
      leafBins: hot,
      leafRecent: hot,
    },
    bits: { bins: 0, recent: 0 },
    expires: { root: year, targets: year, trust: year, claimed: year, bins: year, recent: year },
  };
}

interface Rotation {
  readonly row: Row;
  readonly old: Verified<Root>;
  readonly draft: Draft;
  /** With every signature that somebody made, whoever he is. */
  readonly file: Buffer;
}

function rotate(row: Row): Rotation {
  const [, oldText, nextText, signers] = row;
  for (const name of `${oldText} ${nextText} ${signers.replace('!', '')} online`.split(' '))
    if (/^[a-z]/.test(name)) key(name);
  const first = firstDrafts(planOf(oldText)).get('root')!;
  const [count, ...names] = oldText.split(' ');
  const signatures = names.slice(0, Number(count)).map((name) => key(name).sign(first));
  const old = trustRoot(metadataFile(first, signatures));
  const plan = planOf(nextText);
  const slots = nextSlots('root', old.signed, plan, {});
  const bytes = nextRootDraft(old, { expires: plan.expires.root, keys: plan.keys, slots, floor: new Map() });
  const made = new Map<string, Signature>();
  for (const name of signers.split(' ').filter((one) => one !== ''))
    made.set(name, key(name.replace('!', '')).sign(name.endsWith('!') ? first : bytes));
  const draft: Draft = { role: 'root', version: 2, bytes, signatures: made, complete: undefined };
  return { row, old, draft, file: metadataFile(bytes, [...made.values()]) };
}

function tufJs({ old, file }: Rotation): string {
  const parse = (bytes: Uint8Array) => Metadata.fromJSON(MetadataKind.Root, JSON.parse(Buffer.from(bytes).toString()));
  const next = parse(file);
  try {
    parse(old.bytes).verifyDelegate('root', next);
    next.verifyDelegate('root', next);
    return 'follows';
  } catch (error) {
    return (error as Error).constructor.name;
  }
}

function ours({ old, file }: Rotation): string {
  try {
    nextRoot(old, file);
    return 'follows';
  } catch (error) {
    if (!(error instanceof TufaError)) throw error;
    return error.code;
  }
}

describe('a rotation of root keys', () => {
  const rotations = ROWS.map(rotate);

  for (const rotation of rotations) {
    const [title, old, next, signed, lacks] = rotation.row;
    it(`${title} (${old} -> ${next}, signed by ${signed || 'nobody'}): ${lacks === '' ? 'complete' : `lacks ${lacks}`}`, () => {
      const root = readSigned(rotation.draft.bytes, 'root', 'root 2');
      const ground = { chain: [rotation.old], roles: new Map() };
      const one = { draft: rotation.draft, signed: root };
      const sets = signingSets(one, [one], ground);
      const missing = sets.flatMap(({ valid, role }, i) => (valid.length < role.threshold ? [['old', 'new'][i]] : []));
      expect(missing.join(' ')).to.equal(lacks);
      expect(isMet(sets)).to.equal(lacks === '');
      const expected = lacks === '' ? 'follows' : 'trust.threshold';
      expect(ours(rotation)).to.equal(expected);
      expect(tufJs(rotation)).to.equal(lacks === '' ? 'follows' : 'UnsignedMetadataError');
      // What a ceremony writes carries only signatures that count, and verifies as well.
      if (lacks === '') nextRoot(rotation.old, metadataFile(rotation.draft.bytes, countedSignatures(sets)));
    });
  }

  it(`python-tuf agrees on each of the ${ROWS.length} rows`, async function () {
    this.timeout(15 * 60_000);
    const answers = await askPython(rotations.map(({ old, file }) => ({ old: old.bytes, new: file })));
    expect(answers.length).to.be.at.least(25);
    expect(answers).to.deep.equal(ROWS.map((row) => (row[4] === '' ? 'follows' : 'UnsignedMetadataError')));
  });
});
