import { expect } from 'chai';
import fc from 'fast-check';
import { targetValue } from '../../src/tuf/compose.ts';
import { formatDate } from '../../src/tuf/encode.ts';
import { type Fragments, keyOf, runLength, sortFragments, targetFragment, writeRun } from '../../src/tuf/fragments.ts';
import { entry, splice } from '../../src/tuf/run.ts';

/** Short paths over few letters, so that some are the beginning of others. */
const path = fc.string({ unit: fc.constantFrom('a', 'b', '-', '/', '~'), minLength: 1, maxLength: 6 });
const target = fc.record({
  length: fc.nat(),
  sha256: fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: 64, maxLength: 64 }),
  listed: fc.date({ min: new Date(0), max: new Date('2100-01-01'), noInvalidDate: true }),
});

describe('fragments', () => {
  it('are what the encoder writes', () => {
    fc.assert(
      fc.property(path, target, (key, value) => {
        const fragment = targetFragment(key, `${value.length}`, value.sha256, formatDate(value.listed));
        expect(fragment).to.equal(entry(key, targetValue(value)).toString());
      }),
    );
  });

  it('make the run that splicing makes, whatever their order was', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.tuple(path, target), { selector: ([key]) => key }), (entries) => {
        const fragments = layOut(entries.map(([key, value]) => [key, entry(key, targetValue(value)).toString()]));
        const numbers = Int32Array.from(entries.keys());
        expect(sortFragments(fragments, numbers)).to.equal(undefined);
        const run = Buffer.alloc(runLength(fragments, numbers) + 2);
        expect(writeRun(fragments, numbers, run, 1)).to.equal(run.length - 1);
        const spliced = splice(Buffer.alloc(0), new Map(entries.map(([key, value]) => [key, targetValue(value)])));
        expect(run.subarray(1, -1).toString()).to.equal(Buffer.from(spliced).toString());
      }),
    );
  });

  it('tell a key that is there twice', () => {
    const fragments = layOut([
      ['b/c', '"b/c":1'],
      ['b', '"b":1'],
      ['b/c', '"b/c":2'],
    ]);
    const twice = sortFragments(fragments, Int32Array.of(0, 1, 2));
    expect(keyOf(fragments, twice!)).to.equal('b/c');
  });
});

function layOut(entries: readonly (readonly [string, string])[]): Fragments {
  const starts: number[] = [];
  let at = 0;
  for (const [, text] of entries) {
    starts.push(at);
    at += text.length;
  }
  return {
    bytes: Buffer.from(entries.map(([, text]) => text).join(''), 'latin1'),
    starts: Int32Array.from(starts),
    ends: Int32Array.from(entries, ([, text], i) => starts[i]! + text.length),
    keyLengths: Int32Array.from(entries, ([key]) => key.length),
  };
}
