import { expect } from 'chai';
import { nearest } from '../../src/config/nearest.ts';

describe('what was probably meant', () => {
  const words = ['publish', 'refresh', 'key generate', 'key list', 'get', 'init'];
  for (const [typed, meant] of [
    ['pubish', 'publish'],
    ['pulbish', 'publish'],
    ['key lst', 'key list'],
    ['inti', 'init'],
    ['gt', 'get'],
    ['publish', 'publish'],
    ['zzz', undefined],
    ['', undefined],
    ['completely', undefined],
  ] as const) {
    it(`${typed} -> ${meant}`, () => {
      expect(nearest(typed, words)).to.equal(meant);
    });
  }
});
