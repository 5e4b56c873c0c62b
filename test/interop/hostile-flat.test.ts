import { expect } from 'chai';
import { sha256Hex } from '../../src/tuf/digest.ts';
import type { Encodable } from '../../src/tuf/encode.ts';
import { targetKey } from '../../src/tuf/layout.ts';
import {
  bins,
  DEEP,
  delegateTo,
  FORGED,
  HONEST,
  type Hostile,
  honest,
  lay,
  POLICY,
  secondRoot,
  twoHashes,
  WHEEL,
} from './support/hostile.ts';
import { Jury, type Verdict } from './support/verdicts.ts';

/**
 * Hostile repositories with `bits: 0`, a tree that tough reads as well, and states that a client has kept. `tufa` is what
 * must be right; the others stand beside it.
 */
interface Case {
  readonly name: string;
  /** Changes an honest repository. */
  readonly edit: (hostile: Hostile) => void;
  readonly paths: readonly string[];
  /** Of a client that is not named: those of tufa. `any`: it decides by chance. */
  readonly expected: { readonly tufa: readonly Verdict[] } & Readonly<Record<string, readonly Verdict[]>>;
  /** The clients have seen the honest repository, in an earlier version. */
  readonly kept?: boolean;
}

const [W, P] = [HONEST[WHEEL], HONEST[POLICY]];
const R = 'refused';
const GHOST = 'policies/ghost.json';
const EARLIER = 2;

const cases: readonly Case[] = [
  {
    name: 'nothing: the honest tree',
    edit: () => undefined,
    paths: [WHEEL, POLICY, GHOST],
    expected: { tufa: [W, P, 'absent'] },
  },
  {
    name: 'a forged copy of a claimed policy in recent0',
    edit: (h) => {
      h.roles['recent0']!.targets = { [POLICY]: FORGED };
    },
    paths: [WHEEL, POLICY],
    expected: { tufa: [W, P] },
  },
  {
    name: 'a policy in bin0, which may not list any',
    edit: (h) => {
      for (const bin of bins(h)) bin.targets = { ...bin.targets, [GHOST]: FORGED };
    },
    paths: [WHEEL, POLICY, GHOST],
    // One stray target stops everything in tough.
    expected: { tufa: [W, P, 'absent'], tough: [R, R, R] },
  },
  {
    name: "a thief of bin0's key delegates to the NAME of claimed, in a snapshot without hashes",
    edit: (h) => {
      h.versionOnly = true;
      for (const bin of bins(h)) Object.assign(bin, { delegations: delegateTo('claimed', h.keys.thief), targets: {} });
      plantClaimed(h);
    },
    paths: [WHEEL, POLICY],
    expected: { tufa: [R, R], 'python-tuf': ['absent', R], 'tuf-js': ['absent', R], 'go-tuf': ['absent', FORGED] },
  },
  {
    name: 'the same, and the policy is looked up first',
    edit: (h) => {
      h.versionOnly = true;
      for (const bin of bins(h)) Object.assign(bin, { delegations: delegateTo('claimed', h.keys.thief), targets: {} });
    },
    paths: [POLICY, WHEEL],
    expected: { tufa: [P, R], 'python-tuf': [P, R], 'tuf-js': [P, R], 'go-tuf': [P, 'absent'], tough: [P, 'absent'] },
  },
  {
    name: 'an expired bin0: packages fail, policies go on',
    edit: (h) => {
      for (const bin of bins(h)) bin.expires = new Date(h.now.getTime() - 1000);
    },
    paths: [WHEEL, POLICY],
    expected: { tufa: [R, P], tough: [R, R] },
  },
  {
    name: 'bin0 is missing in the snapshot',
    edit: (h) => {
      h.meta['bin0'] = undefined;
    },
    paths: [WHEEL, POLICY],
    // tough drops the role without a word, and all that targets delegates with it.
    expected: { tufa: [R, P], tough: ['absent', 'absent'] },
  },
  {
    name: 'a bin0 of more than 5,000,000 bytes without a length',
    edit: (h) => {
      for (const bin of bins(h)) bin.padding = 5_100_000;
    },
    paths: [WHEEL, POLICY],
    expected: { tufa: [R, P], tough: [W, P] },
  },
  {
    name: 'a snapshot of 1,500,000 bytes without a length',
    edit: (h) => Object.assign(h, { snapshotPadding: 1_500_000, snapshotLength: false }),
    paths: [POLICY],
    expected: { tufa: [P], tough: [R] },
  },
  {
    name: 'a timestamp of 17,000 bytes',
    edit: (h) => {
      h.timestampPadding = 17_000;
    },
    paths: [POLICY],
    expected: { tufa: [R], tough: [P] },
  },
  {
    name: 'a next root of 520,000 bytes',
    edit: (h) => secondRoot(h, (signed) => Object.assign(signed, { 'x-padding': 'x'.repeat(520_000) })),
    paths: [POLICY],
    expected: { tufa: [R], tough: [P] },
  },
  {
    name: 'a next root of another repository',
    edit: (h) =>
      secondRoot(h, (signed) => Object.assign(signed, { 'x-tufa-repository': 'ffffffff-6f0e-4c39-9c1c-6e1a3a5d7f42' })),
    paths: [POLICY],
    expected: { tufa: [R], 'python-tuf': [P], 'tuf-js': [P], 'go-tuf': [P], tough: [P] },
  },
  {
    name: 'two hashes and a copy under one of them only',
    edit: (h) => {
      for (const bin of bins(h)) bin.targets = { [WHEEL]: twoHashes(W, undefined) };
    },
    paths: [WHEEL],
    expected: { tufa: [W], 'go-tuf': ['any'] },
  },
  {
    name: 'a path deeper than its pattern',
    edit: (h) => {
      h.roles['trust']!.targets = { [DEEP]: FORGED };
    },
    paths: [DEEP, WHEEL],
    expected: { tufa: ['absent', W], tough: [FORGED, W] },
  },
  {
    name: 'one public key under two keyids, to reach a threshold of 2 alone',
    edit: (h) => {
      const { keyid, key, sign } = h.keys.online;
      const other = {
        keyid: 'ab'.repeat(32),
        key,
        sign: (payload: Uint8Array) => ({ ...sign(payload), keyid: 'ab'.repeat(32) }),
      };
      h.rootEdit = (signed) => {
        const { keys, roles } = signed as Record<string, Record<string, Record<string, Encodable>>>;
        keys![other.keyid] = keys![keyid]!;
        for (const role of ['snapshot', 'timestamp']) roles![role] = { keyids: [keyid, other.keyid], threshold: 2 };
      };
      h.online = [h.keys.online, other];
    },
    paths: [POLICY],
    expected: { tufa: [R], 'python-tuf': [P], 'tuf-js': [P] },
  },
  {
    name: 'an older claimed that is still valid, shown to those who have seen the newer one',
    edit: (h) => {
      h.roles['claimed'] = { ...h.roles['claimed']!, version: EARLIER - 1, targets: { [POLICY]: 'the older policy' } };
    },
    kept: true,
    paths: [POLICY],
    expected: { tufa: [R] },
  },
  {
    name: 'a role that was in the snapshot is there no more',
    edit: (h) => {
      h.meta['deny'] = undefined;
    },
    kept: true,
    paths: [POLICY],
    expected: { tufa: [R] },
  },
];

/** The thief's claimed under the version that the snapshot lists. */
function plantClaimed(hostile: Hostile): void {
  const { version } = hostile.roles['claimed']!;
  const forged = { ...honest('ed25519', 0), keys: hostile.keys };
  forged.roles = {
    claimed: { ...hostile.roles['claimed']!, targets: { [POLICY]: FORGED }, signers: [hostile.keys.thief] },
  };
  const key = `metadata/${version}.claimed.json`;
  const planted = lay(forged).get(key)!;
  hostile.after = (files) => {
    files.set(key, planted).set(targetKey(POLICY, sha256Hex(FORGED)), Buffer.from(FORGED));
  };
}

/** The same repository before, every role one version lower. */
function earlier(hostile: Hostile): Map<string, Uint8Array> {
  const roles = Object.entries(hostile.roles).map(([name, part]) => [name, { ...part, version: EARLIER }] as const);
  return lay({ ...hostile, roles: Object.fromEntries(roles), version: EARLIER });
}

describe('hostile repositories that tough can read', function () {
  this.timeout(120_000);
  let jury: Jury;

  before(async function () {
    this.timeout(1_200_000);
    jury = await Jury.convene();
  });

  after(() => jury.dismiss());

  for (const { name, edit, paths, expected, kept } of cases) {
    it(name, async () => {
      const hostile = honest('ed25519', 0);
      const before = kept === true ? earlier(hostile) : undefined;
      edit(hostile);
      const found = await jury.ask(lay(hostile), paths, hostile.now, before);
      for (const client of ['tufa', ...jury.names]) {
        const wanted = expected[client] ?? expected.tufa;
        const verdicts = found[client]!.map((verdict, i) => (wanted[i] === 'any' ? 'any' : verdict));
        expect(verdicts, client).to.deep.equal(wanted);
      }
    });
  }
});
