import { expect } from 'chai';
import type { Encodable } from '../../src/tuf/encode.ts';
import type { Signature } from '../../src/tuf/model.ts';
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
  twoHashes,
  WHEEL,
} from './support/hostile.ts';
import { Jury, type Verdict } from './support/verdicts.ts';

/**
 * What our client and the four real ones make of hostile repositories. `tufa` is what must be right; the others stand
 * beside it, so that a change in any of them is seen. tough cannot read succinct roles: where the tree has some, it
 * refuses everything.
 */
interface Case {
  readonly name: string;
  readonly make: () => Hostile;
  readonly paths: readonly string[];
  readonly expected: Readonly<Record<'tufa' | 'python-tuf' | 'tuf-js' | 'go-tuf' | 'tough', readonly Verdict[]>>;
}

const [W, P] = [HONEST[WHEEL], HONEST[POLICY]];
const R = 'refused';
/** Everybody the same, but tough, which cannot parse the tree. */
const all = (...verdicts: Verdict[]): Case['expected'] => ({
  tufa: verdicts,
  'python-tuf': verdicts,
  'tuf-js': verdicts,
  'go-tuf': verdicts,
  tough: verdicts.map(() => R),
});
const change =
  (edit: (hostile: Hostile) => void, bits = 2, scheme: 'ed25519' | 'p-256' = 'ed25519') =>
  (): Hostile => {
    const hostile = honest(scheme, bits);
    edit(hostile);
    return hostile;
  };

/** A thief's role file in the place of an offline one, without a place of its own in the snapshot. */
function plantClaimed(hostile: Hostile): void {
  const { version } = hostile.roles['claimed']!;
  const forged = honest();
  forged.roles = {
    claimed: { ...hostile.roles['claimed']!, targets: { [POLICY]: FORGED }, signers: [hostile.keys.thief] },
  };
  const bytes = lay(forged);
  hostile.after = (files) => {
    files.set(`metadata/${version}.claimed.json`, bytes.get(`metadata/${version}.claimed.json`)!);
    for (const [key, value] of bytes) if (key.startsWith('targets/')) files.set(key, value);
  };
}

const cases: readonly Case[] = [
  {
    name: 'nothing: the honest tree',
    make: honest,
    paths: [WHEEL, POLICY, 'packages/no/no-1.0.zip'],
    expected: all(W, P, 'absent'),
  },
  {
    name: "a thief of the bins' key delegates to the NAME of claimed, and the snapshot lists no hashes",
    make: change((h) => {
      h.versionOnly = true;
      for (const bin of bins(h)) bin.delegations = delegateTo('claimed', h.keys.thief);
      for (const bin of bins(h)) bin.targets = {};
      plantClaimed(h);
    }),
    paths: [WHEEL, POLICY],
    expected: { ...all(R, R), 'go-tuf': ['absent', FORGED], 'python-tuf': ['absent', R], 'tuf-js': ['absent', R] },
  },
  {
    name: 'the same with hashes in the snapshot',
    make: change((h) => {
      for (const bin of bins(h)) bin.delegations = delegateTo('claimed', h.keys.thief);
      for (const bin of bins(h)) bin.targets = {};
      plantClaimed(h);
    }),
    paths: [WHEEL, POLICY],
    expected: all(R, R),
  },
  {
    name: "a thief of recent's key delegates to the NAME of claimed",
    make: change((h) => {
      h.roles['recent0']!.delegations = delegateTo('claimed', h.keys.thief);
      h.roles['recent0']!.targets = {};
    }),
    paths: ['policies/new.json', POLICY],
    expected: { ...all('absent', P), tufa: [R, P] },
  },
  {
    name: 'a policy in a bin, and a forged copy of a claimed policy in recent',
    make: change((h) => {
      for (const bin of bins(h)) bin.targets = { ...bin.targets, 'policies/ghost.json': FORGED, [POLICY]: FORGED };
      h.roles['recent0']!.targets = { [POLICY]: FORGED };
    }),
    paths: [POLICY, 'policies/ghost.json', WHEEL],
    expected: all(P, 'absent', W),
  },
  {
    name: 'an older claimed that is still valid, from a thief of snapshot and timestamp: down to the floor of root',
    make: change((h) => {
      h.roles['claimed'] = { ...h.roles['claimed']!, version: 1, targets: { [POLICY]: 'the older policy' } };
    }),
    paths: [POLICY],
    expected: all('the older policy'),
  },
  {
    name: 'the same below the floor of root',
    make: change((h) => {
      h.floor = { claimed: 2 };
      h.roles['claimed'] = { ...h.roles['claimed']!, version: 1, targets: { [POLICY]: 'the older policy' } };
    }),
    paths: [POLICY],
    expected: { ...all('the older policy'), tufa: [R] },
  },
  {
    name: 'an expired claimed: every policy fails, packages go on',
    make: change((h) => {
      h.roles['claimed']!.expires = new Date(h.now.getTime() - 1000);
    }),
    paths: [POLICY, WHEEL],
    expected: all(R, W),
  },
  {
    name: 'claimed is missing in the snapshot',
    make: change((h) => {
      h.meta['claimed'] = undefined;
    }),
    paths: [POLICY, WHEEL],
    // tough drops the role without a word, and all that it delegates with it.
    expected: { ...all(R, W), tough: ['absent', 'absent'] },
  },
  {
    name: 'a bin of more than 5,000,000 bytes without a length',
    make: change((h) => {
      for (const bin of bins(h)) bin.padding = 5_100_000;
    }, 1),
    paths: [WHEEL, POLICY],
    expected: all(R, P),
  },
  {
    name: 'a snapshot of more than 2,000,000 bytes without a length',
    make: change((h) => {
      h.snapshotPadding = 2_100_000;
      h.snapshotLength = false;
    }),
    paths: [POLICY],
    expected: all(R),
  },
  {
    name: 'a timestamp of 17,000 bytes',
    make: change((h) => {
      h.timestampPadding = 17_000;
    }),
    paths: [POLICY],
    expected: all(R),
  },
  {
    name: 'a second hash that is wrong',
    make: change((h) => {
      for (const bin of bins(h)) bin.targets = { [WHEEL]: twoHashes(W, 'sha512') };
    }),
    paths: [WHEEL],
    expected: all(R),
  },
  {
    name: 'a path deeper than its pattern',
    make: change((h) => {
      h.roles['trust']!.targets = { [DEEP]: FORGED };
    }),
    paths: [DEEP],
    expected: all('absent'),
  },
  {
    name: 'standards 8: signatures as raw r,s instead of DER',
    make: change(
      (h) => {
        h.sign = (key, payload) => rawSignature(key.sign(payload));
      },
      2,
      'p-256',
    ),
    paths: [POLICY],
    expected: { ...all(R), 'go-tuf': [P] },
  },
  {
    name: 'a threshold of 0',
    make: change((h) => {
      h.rootEdit = (signed) => {
        (signed['roles'] as Record<string, Record<string, Encodable>>)['timestamp']!['threshold'] = 0;
      };
    }),
    paths: [POLICY],
    expected: all(R),
  },
  {
    name: 'timestamp of another repository (staging) under the same keys',
    make: change((h) => {
      h.timestampRepository = 'ffffffff-6f0e-4c39-9c1c-6e1a3a5d7f42';
    }),
    paths: [POLICY],
    expected: { ...all(P), tufa: [R] },
  },
  {
    name: 'an offline role of another repository',
    make: change((h) => {
      h.roles['claimed']!.repository = 'ffffffff-6f0e-4c39-9c1c-6e1a3a5d7f42';
    }),
    paths: [POLICY, WHEEL],
    expected: { ...all(P, W), tufa: [R, W] },
  },
];

/** DER SEQUENCE of two INTEGERs -> r || s, 32 bytes each. */
function rawSignature({ keyid, sig }: Signature): Signature {
  const der = Buffer.from(sig, 'hex');
  const part = (at: number): Buffer => der.subarray(at + 2, at + 2 + der[at + 1]!);
  const fixed = (bytes: Buffer): Buffer => Buffer.concat([Buffer.alloc(32), bytes]).subarray(-32);
  const r = part(2);
  return { keyid, sig: Buffer.concat([fixed(r), fixed(part(4 + r.length))]).toString('hex') };
}

describe('hostile repositories', function () {
  this.timeout(120_000);
  let jury: Jury;

  before(async function () {
    this.timeout(1_200_000);
    jury = await Jury.convene();
  });

  after(() => jury.dismiss());

  for (const { name, make, paths, expected } of cases) {
    it(name, async () => {
      const hostile = make();
      const verdicts = await jury.ask(lay(hostile), paths, hostile.now);
      const wanted = Object.fromEntries(
        Object.entries(expected).filter(([client]) => client === 'tufa' || jury.names.some((n) => n === client)),
      );
      expect(verdicts).to.deep.equal(wanted);
    });
  }
});
