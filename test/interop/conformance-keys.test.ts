import { expect } from 'chai';
import { type TestKey, testKey } from '../support/repository.ts';
import { inDays, Simulator } from './support/simulator.ts';
import { ClientUnderTest } from './support/tufa-client.ts';

/** One version of a role: who may sign it, how many must, who did. A letter is a key. */
type Version = readonly [keys: string, threshold: number, signed: string];

interface Rotation {
  readonly name: string;
  /** Root 1, 2, ...; of the others the version that the client is shown. */
  readonly versions: readonly Version[];
  /** The last version is refused, and the one before it stays. */
  readonly refused?: true;
}

const roots: readonly Rotation[] = [
  {
    name: 'another key, by both',
    versions: [
      ['a', 1, 'a'],
      ['b', 1, 'ba'],
      ['b', 1, 'b'],
    ],
  },
  {
    name: 'beside signatures of strangers',
    versions: [
      ['a', 1, 'xay'],
      ['b', 1, 'xbay'],
      ['b', 1, 'xby'],
    ],
  },
  {
    name: 'three of five, other three each time',
    versions: [
      ['abcde', 3, 'ace'],
      ['abcde', 3, 'aeb'],
      ['abcde', 3, 'bcd'],
    ],
  },
  {
    name: 'one of five replaced, by three who stay',
    versions: [
      ['abcde', 3, 'ace'],
      ['abdef', 3, 'aeb'],
    ],
  },
  {
    name: 'one of five replaced, by three of each set',
    versions: [
      ['abcde', 3, 'ace'],
      ['abdef', 3, 'acef'],
      ['abdef', 3, 'aef'],
    ],
  },
  {
    name: 'all of five replaced',
    versions: [
      ['abcde', 3, 'ace'],
      ['fghij', 3, 'acefgh'],
      ['fghij', 3, 'hij'],
    ],
  },
  {
    name: 'a higher threshold',
    versions: [
      ['abc', 1, 'a'],
      ['abc', 2, 'ab'],
    ],
  },
  {
    name: 'a second key and a higher threshold',
    versions: [
      ['a', 1, 'a'],
      ['ab', 2, 'ab'],
    ],
  },
  {
    name: 'a lower threshold, once more by the old one',
    versions: [
      ['abc', 2, 'ab'],
      ['abc', 1, 'ab'],
      ['abc', 1, 'c'],
    ],
  },
  {
    name: 'another key, not by the old one',
    versions: [
      ['a', 1, 'a'],
      ['b', 1, 'bxy'],
    ],
    refused: true,
  },
  {
    name: 'another key, not by the new one',
    versions: [
      ['a', 1, 'a'],
      ['b', 1, 'axy'],
    ],
    refused: true,
  },
  {
    name: 'by three old keys of which two are left',
    versions: [
      ['abcde', 3, 'ace'],
      ['abdef', 3, 'ace'],
    ],
    refused: true,
  },
  {
    name: 'by three new keys of which two are old',
    versions: [
      ['abcde', 3, 'ace'],
      ['abdef', 3, 'aef'],
    ],
    refused: true,
  },
  {
    name: 'a higher threshold that is not reached',
    versions: [
      ['abc', 1, 'a'],
      ['abc', 2, 'b'],
    ],
    refused: true,
  },
  {
    name: 'a lower threshold without the old one',
    versions: [
      ['abc', 2, 'ab'],
      ['abc', 1, 'a'],
    ],
    refused: true,
  },
];

const others: readonly Rotation[] = [
  { name: 'another key', versions: [['b', 1, 'b']] },
  { name: 'beside signatures of strangers', versions: [['a', 1, 'xay']] },
  { name: 'three of five', versions: [['abcde', 3, 'bde']] },
  { name: 'by the old key', versions: [['b', 1, 'axy']], refused: true },
  { name: 'by two of five and one who is none of them', versions: [['abdef', 3, 'acd']], refused: true },
  { name: 'by two of five', versions: [['abdef', 3, 'ad']], refused: true },
];

describe('tufa-client and the keys of a role', function () {
  this.timeout(120_000);
  let client: ClientUnderTest;

  beforeEach(async () => {
    client = await ClientUnderTest.make();
  });

  afterEach(() => client.remove());

  for (const { name, versions, refused } of roots) {
    it(`root: ${refused === true ? 'refused, ' : ''}${name}`, async () => {
      const repository = new Simulator();
      const known = new Map<string, TestKey>();
      repository.root.version = 0;
      for (const version of versions) {
        assign(repository, 'root', version, known);
        repository.publish('root');
      }
      expect(await client.init(repository.files)).to.equal(0);
      expect(await client.refresh()).to.equal(refused === true ? 1 : 0);
      const newest = versions.length - (refused === true ? 1 : 0);
      expect(await client.bytes('root')).to.deep.equal(repository.files.get(`metadata/${newest}.root.json`));
    });
  }

  for (const role of ['timestamp', 'snapshot', 'targets'] as const) {
    for (const { name, versions, refused } of others) {
      it(`${role}: ${refused === true ? 'refused, signed ' : ''}${name}`, async () => {
        const repository = new Simulator();
        expect(await client.init(repository.files)).to.equal(0);
        assign(repository, role, versions[0]!, new Map());
        repository.publish('root', 'targets', 'snapshot', 'timestamp');
        expect(await client.refresh()).to.equal(refused === true ? 1 : 0);
        expect(await client.version('root')).to.equal(2);
        expect(await client.version(role)).to.equal(refused === true ? undefined : 2);
      });
    }
  }

  it('keeps an expired root, and nothing that follows it', async () => {
    const repository = new Simulator();
    expect(await client.init(repository.files)).to.equal(0);
    repository.root.expires = inDays(-1);
    repository.publish('root');
    expect(await client.refresh()).to.equal(1);
    expect(await client.version('root')).to.equal(2);
    expect(client.asked()).to.deep.equal(['metadata/2.root.json', 'metadata/3.root.json']);
    repository.root.expires = inDays(1);
    repository.publish('root');
    expect(await client.refresh()).to.equal(0);
  });
});

/** Gives a role its keys and its signers in the next version. */
function assign(
  repository: Simulator,
  role: 'root' | 'timestamp' | 'snapshot' | 'targets',
  [keys, threshold, signed]: Version,
  known: Map<string, TestKey>,
): void {
  const keyOf = (letter: string): TestKey => {
    const key = known.get(letter) ?? testKey();
    known.set(letter, key);
    return key;
  };
  repository.root.roles[role] = { keyids: [], threshold };
  for (const letter of keys) repository.addKey(role, keyOf(letter));
  repository.signers.set(role, [...signed].map(keyOf));
}
