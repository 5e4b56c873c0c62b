import { expect } from 'chai';
import fc from 'fast-check';
import { targetValue } from '../../src/tuf/compose.ts';
import { formatDate, members } from '../../src/tuf/encode.ts';
import { type Fragments, keyOf, runLength, sortFragments, targetFragment, writeRun } from '../../src/tuf/fragments.ts';
import { checkRun } from '../../src/tuf/run.ts';

const LISTED = new Date('2026-01-01T00:00:00Z');
const SHA = 'ab'.repeat(32);
const path = fc.string({ unit: fc.constantFrom('a', 'b', '/', '-', '.', '~'), minLength: 1, maxLength: 6 });

/** Fragments with some bytes between them, as a spool file has. */
function fragmentsOf(paths: string[]): Fragments {
  const texts = paths.map((p, i) => targetFragment(p, String(i), SHA, formatDate(LISTED)));
  const starts = texts.map((_, i) => texts.slice(0, i).reduce((sum, text) => sum + text.length + 3, 0));
  return {
    bytes: Buffer.from(texts.map((text) => `${text}   `).join('')),
    starts: Int32Array.from(starts),
    ends: Int32Array.from(texts, (text, i) => starts[i]! + text.length),
    keyLengths: Int32Array.from(paths, (p) => p.length),
  };
}

describe('fragments', () => {
  it('become the run that the encoder makes of the same targets', () => {
    fc.assert(
      fc.property(fc.uniqueArray(path, { maxLength: 20 }), (paths) => {
        const fragments = fragmentsOf(paths);
        const numbers = Int32Array.from(paths, (_, i) => i);
        expect(sortFragments(fragments, numbers)).to.equal(undefined);
        const run = Buffer.alloc(runLength(fragments, numbers));
        expect(writeRun(fragments, numbers, run, 0)).to.equal(run.length);
        const targets = paths.map((p, i) => [p, targetValue({ length: i, sha256: SHA, listed: LISTED })] as const);
        expect(run.toString()).to.equal(members(new Map(targets)));
        checkRun(run);
        paths.forEach((p, i) => {
          expect(keyOf(fragments, i)).to.equal(p);
        });
      }),
    );
  });

  it('say when a path is there twice', () => {
    const fragments = fragmentsOf(['a', 'b', 'a/b', 'b', 'a']);
    const twice = sortFragments(fragments, Int32Array.from([0, 1, 2, 3, 4]));
    expect(keyOf(fragments, twice!)).to.equal('a');
    expect(sortFragments(fragments, new Int32Array(0))).to.equal(undefined);
  });
});
