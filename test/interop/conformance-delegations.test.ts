import { expect } from 'chai';
import { Simulator } from './support/simulator.ts';
import { ClientUnderTest } from './support/tufa-client.ts';

/** A delegation: `a > b`, `a > b !` (terminating), `a > b x/*` (for these paths alone). */
interface Case {
  readonly name: string;
  readonly delegations: readonly string[];
  /** Targets by the role that lists them. */
  readonly targets?: Readonly<Record<string, string>>;
  readonly path?: string;
  /** Roles below `targets`, in the order in which they are asked for. */
  readonly visited: readonly string[];
  readonly found?: boolean;
}

const TREE = {
  delegations: ['targets > a *.txt', 'targets > b x/*/*', 'b > c x/one/*', 'b > d x/two/*.zip'],
  targets: { a: 'read.txt', b: 'x/three/b', c: 'x/one/c', d: 'x/two/d.tar' },
};

const cases: readonly Case[] = [
  { name: 'siblings in their order', delegations: ['targets > a', 'targets > b'], visited: ['a', 'b'] },
  {
    name: 'in depth first',
    delegations: ['targets > a', 'targets > b', 'a > c', 'a > d', 'c > e'],
    visited: ['a', 'c', 'e', 'd', 'b'],
  },
  { name: 'a terminating one ends its siblings', delegations: ['targets > a !', 'targets > b'], visited: ['a'] },
  {
    name: 'a terminating one ends the search everywhere but below it',
    delegations: ['targets > a', 'targets > b', 'a > c !', 'a > d', 'c > e'],
    visited: ['a', 'c', 'e'],
  },
  {
    name: 'a branch for other paths is not looked at',
    delegations: ['targets > a *.py', 'targets > b', 'a > c', 'b > d *.py'],
    visited: ['b'],
  },
  {
    name: 'a cycle is walked once',
    delegations: ['targets > a', 'a > b', 'b > c', 'c > a'],
    visited: ['a', 'b', 'c'],
  },
  {
    name: 'a role of two delegators is visited where it comes first',
    delegations: ['targets > a', 'targets > b', 'b > c', 'a > c'],
    visited: ['a', 'c', 'b'],
  },
  {
    name: 'and where the first one does not delegate this path, by the second',
    delegations: ['targets > a', 'targets > b', 'b > c', 'a > c *.py'],
    visited: ['a', 'b', 'c'],
  },
  { name: 'a target in its place', ...TREE, path: 'read.txt', visited: ['a'], found: true },
  { name: 'two levels down', ...TREE, path: 'x/one/c', visited: ['b', 'c'], found: true },
  { name: 'half way', ...TREE, path: 'x/three/b', visited: ['b'], found: true },
  { name: 'in a role that may not list it', ...TREE, path: 'x/two/d.tar', visited: ['b'] },
];

describe('tufa-client in a graph of delegations', function () {
  this.timeout(120_000);
  let client: ClientUnderTest;

  beforeEach(async () => {
    client = await ClientUnderTest.make();
  });

  afterEach(() => client.remove());

  for (const { name, delegations, targets = {}, path = 'nowhere', visited, found = false } of cases) {
    it(name, async () => {
      const repository = new Simulator();
      for (const line of delegations) {
        const [delegator = '', , role = '', rest] = line.split(' ');
        const terminating = rest === '!';
        repository.delegate(delegator, role, {
          terminating,
          paths: rest === undefined || terminating ? ['*'] : [rest],
        });
      }
      for (const [role, target] of Object.entries(targets)) repository.add(role, target, `by ${role}`);
      const below = Object.keys(repository.targets).filter((role) => role !== 'targets');
      repository.publish(...below, 'targets', 'snapshot', 'timestamp');
      expect(await client.init(repository.files)).to.equal(0);
      expect(await client.download(path)).to.equal(found ? 0 : 1);
      const asked = client.asked().filter((key) => key.startsWith('metadata/'));
      expect(asked.slice(4)).to.deep.equal(visited.map((role) => `metadata/1.${role}.json`));
      expect(await client.texts()).to.deep.equal(found ? [`by ${visited.at(-1)}`] : []);
    });
  }
});
