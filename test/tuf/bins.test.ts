import { expect } from 'chai';
import fc from 'fast-check';
import {
  binIndex,
  binName,
  binNames,
  binPrefix,
  flatName,
  hashPrefixes,
  isSuccinctName,
  matchesHashPrefix,
  pathHash,
  succinctName,
} from '../../src/tuf/bins.ts';
import { theirDelegations } from './repository.ts';

const succinct = (bits: number, namePrefix = binPrefix('bin', bits)) => ({
  namePrefix,
  bitLength: bits,
  keyids: [],
  threshold: 1,
});
const path = fc.webPath().filter((p) => p !== '');

describe('bins', () => {
  it('are named as TAP 15 says, with the width before the dash', () => {
    expect(binPrefix('bin', 14)).to.equal('bin14');
    expect(flatName('recent')).to.equal('recent0');
    expect(binName('bin', 14, 0)).to.equal('bin14-0000');
    expect(binName('bin', 10, 0x3ff)).to.equal('bin10-3ff');
    expect([...binNames('bin2', 2)]).to.deep.equal(['bin2-0', 'bin2-1', 'bin2-2', 'bin2-3']);
  });

  it('follow the first bits of SHA-256, not of SHA-512', () => {
    // The test vector of FIPS 180-2.
    expect(pathHash('abc')).to.equal('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
    expect(binIndex('abc', 0)).to.equal(0);
    expect(binIndex('abc', 1)).to.equal(1);
    expect(binIndex('abc', 4)).to.equal(0xb);
    expect(binIndex('abc', 14)).to.equal(0xba78 >>> 2);
    expect(binIndex('abc', 32)).to.equal(0xba7816bf);
  });

  it('are those of tuf-js at every width', () => {
    fc.assert(
      fc.property(path, fc.integer({ min: 1, max: 32 }), (p, bits) => {
        const succinct_roles = { keyids: [], threshold: 1, bit_length: bits, name_prefix: 'x' };
        expect(theirDelegations({ succinct_roles }, p)).to.deep.equal([
          { role: succinctName(succinct(bits, 'x'), p), terminating: true },
        ]);
      }),
    );
  });

  it('hold each path once, and the same in succinct and classic form', () => {
    fc.assert(
      fc.property(path, fc.integer({ min: 0, max: 9 }), (p, bits) => {
        const holding = Array.from({ length: 2 ** bits }, (_, i) => i).filter((i) =>
          matchesHashPrefix(hashPrefixes(bits, i), p),
        );
        expect(holding).to.deep.equal([binIndex(p, bits)]);
        if (bits > 0) expect(succinctName(succinct(bits), p)).to.equal(binName('bin', bits, holding[0]!));
      }),
      { numRuns: 60 },
    );
  });

  for (const bits of [0, 1, 2, 3, 4, 7, 8, 10, 14, 16])
    it(`of ${bits} bits share out every prefix exactly once`, () => {
      const all = Array.from({ length: 2 ** bits }, (_, i) => hashPrefixes(bits, i)).flat();
      const digits = all[0]!.length;
      expect(all).to.have.lengthOf(16 ** digits);
      all.forEach((prefix, i) => {
        if (Number.parseInt(prefix, 16) !== i || prefix.length !== digits) expect.fail(`${prefix} at ${i}`);
      });
    });

  it('spread 16,384 names without a gap', () => {
    const names = [...binNames('bin14', 14)];
    expect(names).to.have.lengthOf(16_384);
    expect(new Set(names).size).to.equal(16_384);
    expect([...names].sort()).to.deep.equal(names);
    expect(names.at(-1)).to.equal('bin14-3fff');
  });

  it('know their names', () => {
    for (const name of ['bin10-000', 'bin10-3ff']) expect(isSuccinctName(succinct(10), name), name).to.equal(true);
    for (const name of [
      'bin10-400',
      'bin10-3FF',
      'bin10-03ff',
      'bin10',
      'bin10-',
      'bin14-0000',
      'bin10-xyz',
      'bin10000',
    ])
      expect(isSuccinctName(succinct(10), name), name).to.equal(false);
  });
});
