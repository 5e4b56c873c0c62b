import { expect } from 'chai';
import { isOnline, leadsOnline, OFFLINE } from '../../src/tuf/tree.ts';
import { TestRepository } from './repository.ts';

describe('isOnline', () => {
  for (const name of ['deny', 'bin0', 'recent0', 'bin10-3ff', 'recent14-3fff', 'bin4-0'])
    it(`${name} is signed by an online key`, () => {
      expect(isOnline(name)).to.equal(true);
    });
  for (const name of [...OFFLINE, 'targets', 'bin', 'recents', 'bin0x', 'bin10-3FF', 'bin-0', 'xbin0'])
    it(`${name} is not`, () => {
      expect(isOnline(name)).to.equal(false);
    });
});

describe('targetsDelegations', () => {
  for (const [bits, order] of [
    [{ bins: 0, recent: 0 }, ['trust', 'deny', 'claimed', 'recent0', 'bin0']],
    [{ bins: 4, recent: 0 }, ['trust', 'deny', 'claimed', 'recent0', 'bins']],
    [{ bins: 12, recent: 12 }, ['trust', 'deny', 'claimed', 'recent', 'bins']],
  ] as const)
    it(`has the order that is the defence, with bins ${bits.bins} and recent ${bits.recent}`, () => {
      const { roles } = new TestRepository({ bins: bits.bins && 1, recent: bits.recent && 1 }).targetsDelegations();
      expect(roles.map(({ name }) => name)).to.deep.equal(order);
      expect(roles.filter(({ terminating }) => !terminating).map(({ name }) => name)).to.deep.equal(['claimed']);
      expect(roles.map(({ name }) => leadsOnline(name) || isOnline(name))).to.deep.equal([
        false,
        true,
        false,
        true,
        true,
      ]);
    });
});
