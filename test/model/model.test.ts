import { expect } from 'chai';
import { note } from '../support/proof.ts';
import { CONFIGURATIONS, exploration } from './configurations.ts';
import type { Exploration } from './explore.ts';

/** Every interleaving of each cast, within its bounds. `npm run model` goes further. */
describe('model', function () {
  this.timeout(300_000);
  const explored: ({ readonly name: string } & Omit<Exploration, 'violation'>)[] = [];

  for (const configuration of CONFIGURATIONS) {
    if (configuration.long === true) continue;
    it(`${configuration.name}: nothing breaks`, () => {
      const { violation, ...counts } = exploration(configuration, 'short');
      expect(violation, violation && [violation.broken, ...violation.trace].join('\n')).to.equal(undefined);
      explored.push({ name: configuration.name, ...counts });
    });
  }

  after(() => {
    const sum = (of: 'states' | 'transitions' | 'settled'): number => explored.reduce((all, one) => all + one[of], 0);
    const total = { states: sum('states'), transitions: sum('transitions'), settled: sum('settled') };
    const exhaustive = explored.filter((one) => one.exhaustive).length;
    console.log(
      `      ${explored.length} configurations (${exhaustive} exhaustive): ${total.states} states, ${total.transitions} transitions, a job let run alone from ${total.settled} worlds`,
    );
    note('model', { ...total, exhaustive, configurations: explored });
  });
});
