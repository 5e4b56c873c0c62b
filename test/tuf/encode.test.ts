import { canonicalize } from '@tufjs/canonical-json';
import { expect } from 'chai';
import fc from 'fast-check';
import { InputError } from '../../src/errors.ts';
import {
  canonical,
  canonicalText,
  type Encodable,
  formatDate,
  members,
  metadataFile,
  parseDate,
} from '../../src/tuf/encode.ts';
import { parseJson } from '../../src/tuf/json.ts';
import { readSigned } from '../../src/tuf/read.ts';
import vectors from './canonical.json' with { type: 'json' };
import { EXPIRES, keyring, roleKeys, signedFile, TestRepository, testKey, UUID } from './repository.ts';

/** What has a canonical form: integers, and text that no client normalises. */
const key = fc.string({ unit: fc.constantFrom('a', 'b', 'Z', '0', '"', '\\', '\u00e9', '\u2028'), maxLength: 4 });
const text = fc.string({ unit: fc.constantFrom('a', '"', '\\', '\n', '\u0007', '\u00e9', '\u2028', '\u{1f600}') });
const encodable = fc.letrec<{ value: Encodable }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.maxSafeInteger().map((n) => n + 0),
    fc.boolean(),
    fc.constant(null),
    text,
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(key, tie('value'), { maxKeys: 4 }),
  ),
})).value;

describe('canonical', () => {
  for (const { name, value, hex } of vectors.vectors)
    it(`is what securesystemslib writes: ${name}`, () => {
      expect(canonical(value as Encodable).toString('hex')).to.equal(hex);
      expect(Buffer.from(canonicalize(value)).toString('hex'), '@tufjs/canonical-json').to.equal(hex);
    });

  it('is what @tufjs/canonical-json writes', () => {
    fc.assert(
      fc.property(encodable, (value) => {
        expect(canonicalText(value)).to.equal(canonicalize(value));
      }),
      { numRuns: 1000 },
    );
  });

  it('does not change when it is parsed and written again', () => {
    fc.assert(
      fc.property(encodable, (value) => {
        const once = canonicalText(value);
        const file = once.replaceAll('\n', '\\n').replaceAll('\u0007', '\\u0007');
        expect(canonicalText(parseJson(file))).to.equal(once);
      }),
      { numRuns: 1000 },
    );
  });

  it('is the same for Maps and plain objects, and leaves undefined out', () => {
    const object = { b: 1, a: { c: undefined, d: [true] }, e: undefined };
    expect(canonicalText(object)).to.equal('{"a":{"d":[true]},"b":1}');
    expect(
      canonicalText(
        new Map<string, Encodable>([
          ['b', 1],
          ['a', new Map([['d', [true]]])],
        ]),
      ),
    ).to.equal(canonicalText(object));
    expect(members({ b: 1, a: 2 })).to.equal('"a":2,"b":1');
  });

  const refused: [string, Encodable][] = [
    ['a fraction', 1.5],
    ['2^53', 2 ** 53],
    ['-2^53', -(2 ** 53)],
    ['NaN', Number.NaN],
    ['infinity', Number.POSITIVE_INFINITY],
    ['-0', -0],
    ['a lone surrogate', 'a\ud800'],
    ['a lone surrogate in depth', { a: ['\udc00'] }],
    ['a lone surrogate in a key', { '\ud800': 1 }],
    ['text that is not NFC', 'e\u0301'],
    ['a key that is not NFC', { 'e\u0301': 1 }],
    ['a key of the astral planes', { '\u{1f600}': 1 }],
  ];
  for (const [why, value] of refused)
    it(`refuses ${why}`, () => {
      expect(() => canonical(value))
        .to.throw(InputError, 'no canonical form')
        .with.property('exitCode', 5);
    });
});

describe('metadataFile', () => {
  it('is JSON, also where what was signed is not', () => {
    fc.assert(
      fc.property(encodable, (value) => {
        const signed = { value, pem: 'a\nb\n' };
        const signatures = [
          { keyid: 'ab', sig: '01' },
          { keyid: 'cd', sig: '' },
        ];
        const file = metadataFile(canonical(signed), signatures);
        expect(JSON.parse(file.toString()).signatures).to.deep.equal(signatures);
        // Not by JSON.parse: V8 mistakes a key `"` for `\` once it has seen one (nodejs/node#63785).
        expect(canonicalText((parseJson(file) as Map<string, Encodable>).get('signed')!)).to.equal(
          canonicalText(signed),
        );
      }),
    );
  });

  it('has the signed part as a slice where no key has a newline', () => {
    const signed = canonical({ _type: 'timestamp', version: 1 });
    expect(metadataFile(signed, [{ keyid: 'ab', sig: '01' }]).toString()).to.equal(
      `{"signatures":[{"keyid":"ab","sig":"01"}],"signed":${signed}}`,
    );
  });

  it('keeps the carriage returns of a foreign key', () => {
    const signed = canonical({ public: 'a\r\nb\r\n' });
    const file = metadataFile(signed, []);
    expect(canonical(JSON.parse(file.toString()).signed).equals(signed)).to.equal(true);
  });
});

describe('readSigned', () => {
  const key = testKey('ecdsa-sha2-nistp256');
  const repository = new TestRepository({ scheme: 'ecdsa-sha2-nistp256' });
  const signed = (): Buffer => {
    const file = JSON.parse(repository.files.get('1.root.json')!.toString());
    return canonical(file.signed);
  };

  it('reads a draft with PEM keys', () => {
    const root = readSigned(signed(), 'root', 'draft');
    expect(root.repository).to.equal(UUID);
    expect(root.expires).to.deep.equal(EXPIRES);
    expect(root.roles.root).to.deep.equal(roleKeys(1, repository.keys.root));
    expect([...keyring(repository.keys.root)][0]).to.deep.equal(
      [...root.keys].find(([id]) => id === repository.keys.root.keyid),
    );
  });

  for (const [why, change] of [
    ['a space', (text: string) => text.replace(',', ', ')],
    [
      'another order',
      (text: string) =>
        text.replace('"_type":"root","consistent_snapshot":true', '"consistent_snapshot":true,"_type":"root"'),
    ],
    ['an escape', (text: string) => text.replace('"root"', '"roo\\u0074"')],
    ['an escaped newline', (text: string) => text.replace('\n', '\\n')],
    ['a newline at its end', (text: string) => `${text}\n`],
  ] as const)
    it(`refuses a draft with ${why}`, () => {
      const changed = change(signed().toString());
      expect(changed).not.to.equal(signed().toString());
      expect(() => readSigned(Buffer.from(changed), 'root', 'draft')).to.throw();
    });

  it('is what signatures are over', () => {
    const file = signedFile(signed(), key);
    expect(JSON.parse(file.toString()).signatures).to.have.lengthOf(1);
  });
});

describe('formatDate', () => {
  it('has neither fraction nor offset', () => {
    expect(formatDate(new Date('2026-01-02T03:04:05.678Z'))).to.equal('2026-01-02T03:04:05Z');
    expect(formatDate(new Date('2026-01-02T03:04:05+02:00'))).to.equal('2026-01-02T01:04:05Z');
  });

  it('is read back by parseDate', () => {
    fc.assert(
      fc.property(fc.date({ min: new Date(0), max: new Date('9999-12-31T23:59:59Z'), noInvalidDate: true }), (date) => {
        const seconds = new Date(Math.floor(date.getTime() / 1000) * 1000);
        expect(parseDate(formatDate(date))).to.deep.equal(seconds);
      }),
    );
  });

  for (const text of [
    '2026-01-02T03:04:05.500Z',
    '2026-01-02T03:04:05+00:00',
    '2026-01-02T03:04:05',
    '2026-01-02 03:04:05Z',
    '2026-02-30T00:00:00Z',
    '2026-01-02T24:00:00Z',
    '2026-01-02T23:59:60Z',
    '2026-13-01T00:00:00Z',
    '20260102T030405Z',
    '2026-01-02T03:04:05z',
    '2026-01-02T03:04:05Z\n',
    '',
  ])
    it(`parseDate does not take ${JSON.stringify(text)}`, () => {
      expect(parseDate(text)).to.equal(undefined);
    });
});
