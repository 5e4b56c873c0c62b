import { expect } from 'chai';
import { COMMIT } from './real-commit.ts';
import { QUEUE } from './real-queue.ts';
import { ROOT } from './real-root.ts';
import type { Real, TraceId } from './traces.ts';
import { modelOf, TRACES } from './traces.ts';

const REAL: Readonly<Record<TraceId, Real>> = { ...COMMIT, ...QUEUE, ...ROOT };

/** What broke the drafts must never break again: in the model, and in the program over a store in memory. */
describe('traces of the transaction model', function () {
  this.timeout(60_000);

  for (const [id, { what }] of Object.entries(TRACES)) {
    describe(`${id}: ${what}`, () => {
      it('comes back in the model without its rule, and only then', () => {
        expect(modelOf(id as TraceId)).to.equal(undefined);
      });
      for (const [title, run] of Object.entries(REAL[id as TraceId])) it(`the program: ${title}`, run);
    });
  }
});
