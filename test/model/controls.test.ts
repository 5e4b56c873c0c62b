import { expect } from 'chai';
import { note } from '../support/proof.ts';
import { CONTROLS } from './controls.ts';
import { explore } from './explore.ts';
import { system } from './system.ts';

/** A model that finds nothing proves nothing: without each rule, and with each step function mutated, something breaks. */
describe('model: negative controls', function () {
  this.timeout(120_000);
  const found: { readonly name: string; readonly steps: number; readonly breaks: string }[] = [];

  for (const { name, cast, breaks } of CONTROLS) {
    it(`${name}: found`, () => {
      const { violation, states } = explore(system(cast), { states: 400_000, settleEvery: 1 });
      expect(violation, `nothing breaks in ${states} states`).not.to.equal(undefined);
      expect(violation!.broken).to.match(breaks);
      found.push({ name, steps: violation!.trace.length, breaks: violation!.broken });
    });
  }

  after(() => note('controls', { count: found.length, controls: found }));
});
