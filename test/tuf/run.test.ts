import { expect } from 'chai';
import fc from 'fast-check';
import { InputError } from '../../src/errors.ts';
import { binNames } from '../../src/tuf/bins.ts';
import { canonical, type Encodable, members } from '../../src/tuf/encode.ts';
import { Cursor, checkRun, count, entry, join, keysOf, lookup, splice } from '../../src/tuf/run.ts';
import { NotCanonical, scanObject, scanValue } from '../../src/tuf/scan.ts';

/** The same run by the encoder, which knows nothing of runs. */
const rebuilt = (map: ReadonlyMap<string, Encodable>): Buffer => Buffer.from(members(map));

const key = fc.string({ unit: fc.constantFrom('a', 'b', '/', '-', '~', '{', ','), minLength: 1, maxLength: 4 });
const value: fc.Arbitrary<Encodable> = fc.oneof(
  fc.nat(),
  fc.constant(null),
  fc.string({ unit: fc.constantFrom('a', '"', '\\', ',', ':', '}', ']') }),
  fc.array(fc.nat(9), { maxLength: 3 }),
  fc.record({ length: fc.nat(), hashes: fc.record({ sha256: fc.constantFrom('ab', '","', '\\') }) }),
);
const entries = fc.array(fc.tuple(key, value), { maxLength: 12 }).map((pairs) => new Map(pairs));
const edits = fc.array(fc.tuple(key, fc.option(value, { nil: undefined })), { maxLength: 8 }).map((e) => new Map(e));

describe('splice', () => {
  it('gives what a rebuild from nothing gives', () => {
    fc.assert(
      fc.property(entries, edits, (before, changes) => {
        const after = new Map(before);
        for (const [name, change] of changes) {
          if (change === undefined) after.delete(name);
          else after.set(name, change);
        }
        const run = splice(rebuilt(before), changes);
        expect(Buffer.from(run).toString()).to.equal(rebuilt(after).toString());
        checkRun(run);
        expect(count(run)).to.equal(after.size);
        expect([...keysOf(run)]).to.deep.equal([...after.keys()].sort());
      }),
      { numRuns: 3000 },
    );
  });

  it('gives the same whatever the order and grouping of changes', () => {
    fc.assert(
      fc.property(entries, edits, (before, changes) => {
        const run = rebuilt(before);
        const oneByOne = [...changes].reverse().reduce((r, edit) => Buffer.from(splice(r, new Map([edit]))), run);
        expect(oneByOne.toString()).to.equal(Buffer.from(splice(run, changes)).toString());
      }),
    );
  });

  it('leaves the run that it was given as it was', () => {
    const run = rebuilt(
      new Map([
        ['a', 1],
        ['b', 2],
      ]),
    );
    splice(run, new Map([['a', 5]]));
    expect(run.toString()).to.equal('"a":1,"b":2');
  });

  it('fills an empty run and empties a full one', () => {
    const run = splice(
      Buffer.alloc(0),
      new Map([
        ['b', 2],
        ['a', 1],
      ]),
    );
    expect(Buffer.from(run).toString()).to.equal('"a":1,"b":2');
    expect(
      splice(
        run,
        new Map([
          ['a', undefined],
          ['b', undefined],
        ]),
      ),
    ).to.have.lengthOf(0);
  });

  for (const name of ['', 'a"b', 'a\\b', '\u00e9', 'a\nb'])
    it(`refuses ${JSON.stringify(name)} as a key`, () => {
      expect(() => splice(Buffer.alloc(0), new Map([[name, 1]]))).to.throw(InputError, 'needs no escape');
    });
});

describe('lookup', () => {
  it('finds each value as it was written, and nothing else', () => {
    fc.assert(
      fc.property(entries, key, (map, other) => {
        const run = rebuilt(map);
        for (const name of [...map.keys(), other]) {
          const found = lookup(run, name);
          const wanted = map.get(name);
          expect(found && Buffer.from(found).toString()).to.equal(
            wanted === undefined ? undefined : canonical(wanted).toString(),
          );
        }
      }),
      { numRuns: 500 },
    );
  });

  it('finds a name behind a foreign one that needs an escape', () => {
    const run = rebuilt(
      new Map([
        ['a"b', 1],
        ['aAb', 2],
        ['a\\', 3],
        ['b', 4],
      ]),
    );
    expect(Buffer.from(lookup(run, 'aAb')!).toString()).to.equal('2');
    expect(Buffer.from(lookup(run, 'b')!).toString()).to.equal('4');
    expect([...keysOf(run)]).to.deep.equal(['a"b', 'aAb', 'a\\', 'b']);
  });
});

describe('Cursor', () => {
  it('shows entries as ranges, and stays at the end', () => {
    const at = new Cursor(Buffer.from('"a":{"x":[1,"},"]},"b":2'));
    expect(at.next()).to.equal(true);
    expect(Buffer.from(at.key()).toString()).to.equal('a');
    expect(Buffer.from(at.value()).toString()).to.equal('{"x":[1,"},"]}');
    expect(at.compare(Buffer.from('a'))).to.equal(0);
    expect(at.compare(Buffer.from('aa'))).to.be.below(0);
    expect(at.compare(Buffer.from(''))).to.be.above(0);
    expect(at.next()).to.equal(true);
    expect(Buffer.from(at.value()).toString()).to.equal('2');
    expect([at.next(), at.next()]).to.deep.equal([false, false]);
    expect(new Cursor(Buffer.alloc(0)).next()).to.equal(false);
  });
});

describe('scanValue', () => {
  it('takes every canonical value of printable ASCII, to its last byte', () => {
    fc.assert(
      fc.property(value, entries, (one, map) => {
        for (const bytes of [canonical(one), canonical(map)]) expect(scanValue(bytes, 0)).to.equal(bytes.length);
      }),
    );
  });

  it('takes nothing that is not canonical', () => {
    const token = fc.constantFrom(...'{}[]:, \n', '"a"', '"b"', '"\\\\"', '"\\n"', '0', '1', '-', 'true', 'null');
    fc.assert(
      fc.property(fc.array(token, { maxLength: 10 }), (tokens) => {
        const bytes = Buffer.from(tokens.join(''));
        let end: number;
        try {
          end = scanValue(bytes, 0);
        } catch (error) {
          expect(error).to.be.instanceOf(NotCanonical);
          return;
        }
        const text = bytes.subarray(0, end).toString();
        expect(canonical(JSON.parse(text)).toString()).to.equal(text);
      }),
      { numRuns: 5000 },
    );
  });

  for (const text of [
    '',
    '{',
    '{"b":1,"a":2}',
    '{"a":1,"a":2}',
    '{ "a":1}',
    '{"a": 1}',
    '{"a":1,}',
    '{"a"}',
    '[1,]',
    '[1',
    '01',
    '-0',
    '-',
    '9007199254740992',
    '99999999999999999',
    'tru',
    '"a',
    '"\\n"',
    '"\\u0041"',
    '"\t"',
    '"\u00e9"',
    '"\u007f"',
    '{"a\\"":1}',
    '{"__proto__":1}',
  ])
    it(`refuses ${JSON.stringify(text)}`, () => {
      expect(() => scanValue(Buffer.from(text), 0)).to.throw(NotCanonical);
    });

  it('refuses deep nesting instead of overflowing', () => {
    expect(() => scanValue(Buffer.from('['.repeat(20_000)), 0)).to.throw(NotCanonical);
    expect(() => scanObject(Buffer.from('{"a":'.repeat(20_000)), 0)).to.throw(NotCanonical);
    const deep = (levels: number): Buffer => Buffer.from('['.repeat(levels) + ']'.repeat(levels));
    expect(scanValue(deep(32), 0)).to.equal(64);
    expect(() => scanValue(deep(33), 0)).to.throw(NotCanonical);
  });

  it('takes 2^53-1 and stops there', () => {
    expect(scanValue(Buffer.from('-9007199254740991'), 0)).to.equal(17);
    expect(() => scanValue(Buffer.from('-9007199254740992'), 0)).to.throw(NotCanonical);
  });
});

describe('checkRun', () => {
  for (const text of ['"a":1,', ',"a":1', '"b":1,"a":1', '"a":1}', '"a":1 ', '"a"', 'a', '"a":1,"a":1'])
    it(`refuses ${text}`, () => {
      expect(() => checkRun(Buffer.from(text))).to.throw(NotCanonical);
    });

  it('takes an empty run and a full one', () => {
    checkRun(Buffer.alloc(0));
    checkRun(join([entry('a', 1), entry('b', { c: 'text' })]));
  });
});

describe('a run of 16,384 roles', () => {
  it('is built, changed, searched and checked in one pass each', () => {
    const names = [...binNames('bin14', 14)].map((name) => `${name}.json`);
    const run = join(names.map((name) => entry(name, { version: 1 })));
    checkRun(run);
    const changed = splice(run, new Map(names.filter((_, i) => i % 8 === 0).map((name) => [name, { version: 2 }])));
    expect(count(changed)).to.equal(16_384);
    expect(changed).to.have.lengthOf(run.length);
    expect(Buffer.from(lookup(changed, 'bin14-3ff8.json')!).toString()).to.equal('{"version":2}');
    expect(Buffer.from(lookup(changed, 'bin14-3fff.json')!).toString()).to.equal('{"version":1}');
  });
});
