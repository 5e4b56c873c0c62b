import { expect } from 'chai';
import { progress, progressLine } from '../../src/cli/progress.ts';
import { digestGroups, shortDigest } from '../../src/views/digest.ts';
import { printable, printableJson, printableText } from '../../src/views/printable.ts';
import { table } from '../../src/views/table.ts';
import { deadline, distanceText, durationText } from '../../src/views/time.ts';
import { treeText } from '../../src/views/tree.ts';

describe('text of others', () => {
  for (const [name, text, shown] of [
    ['plain', 'größe 東京 ✓ 😀', 'größe 東京 ✓ 😀'],
    ['a new line', 'a\nb\r', 'a\\u000ab\\u000d'],
    ['an escape', '\u001b[2J', '\\u001b[2J'],
    ['C1', '\u009b31m\u007f', '\\u009b31m\\u007f'],
    ['running backwards', 'a\u202eb\u2066c', 'a\\u202eb\\u2066c'],
    ['zero width', 'a\u200bb\ufeffc\u00ad', 'a\\u200bb\\ufeffc\\u00ad'],
    ['line and paragraph separators', '\u2028\u2029', '\\u2028\\u2029'],
    ['fillers', '\u3164\u115f', '\\u3164\\u115f'],
    ['tags', '\u{e0041}', '\\u{e0041}'],
    ['half a character', '\ud800', '\\ud800'],
  ] as const) {
    it(name, () => {
      expect(printable(text)).to.equal(shown);
      expect(JSON.parse(printableJson({ text }))).to.deep.equal({ text });
      expect(printableJson(text)).not.to.match(/[\u0000-\u001f\u007f-\u009f\u200b\u202e]/);
    });
  }

  it('keeps colours and lines of a whole text', () => {
    expect(printableText('\u001b[1;32mOK\u001b[39m\n\u001b[2J\u001b]0;x\u0007\n')).to.equal(
      '\u001b[1;32mOK\u001b[39m\n\\u001b[2J\\u001b]0;x\\u0007\n',
    );
  });
});

describe('tables', () => {
  it('have aligned columns, numbers to the right, and no blanks at the end', () => {
    const rows = [
      ['root', '2', 'OK'],
      ['timestamp', '1,413', '\u001b[33mDUE\u001b[39m'],
      ['x', '10', ''],
    ];
    expect(table(['role', 'version', 'state'], rows)).to.equal(
      'ROLE       VERSION  STATE\nroot             2  OK\ntimestamp    1,413  \u001b[33mDUE\u001b[39m\nx               10\n',
    );
  });

  it('without rows are their titles', () => {
    expect(table(['a', 'b'], [])).to.equal('A  B\n');
  });
});

describe('times', () => {
  const now = new Date('2027-01-25T02:00:00Z');
  for (const [at, shown] of [
    ['2027-01-31T04:10:00Z', '2027-01-31 04:10Z (in 6 d 02 h)'],
    ['2027-01-25T05:09:59Z', '2027-01-25 05:09Z (in 3 h 09 min)'],
    ['2027-01-25T02:12:00Z', '2027-01-25 02:12Z (in 12 min)'],
    ['2027-01-25T02:00:30Z', '2027-01-25 02:00Z (in 30 s)'],
    ['2027-01-23T01:00:00Z', '2027-01-23 01:00Z (2 d 01 h ago)'],
  ] as const) {
    it(shown, () => expect(deadline(new Date(at), now)).to.equal(shown));
  }

  it('alone, apart and long', () => {
    expect(deadline(now)).to.equal('2027-01-25 02:00Z');
    expect(distanceText(now, now)).to.equal('in 0 s');
    expect(durationText(400 * 86_400_000)).to.equal('400 d 00 h');
  });
});

describe('digests', () => {
  it('are eight groups of eight', () => {
    const hex = '0123456789abcdef'.repeat(4);
    expect(digestGroups(hex)).to.equal('01234567 89abcdef '.repeat(4).trim());
    expect(shortDigest(hex)).to.equal('01234567');
  });
});

describe('trees', () => {
  it('are drawn with branches', () => {
    const targets = { text: 'targets', children: [{ text: 'trust', children: [{ text: 'x' }] }, { text: 'bins' }] };
    expect(treeText({ text: 'root', children: [targets, { text: 'end' }] })).to.equal(
      'root\n├─ targets\n│  ├─ trust\n│  │  └─ x\n│  └─ bins\n└─ end\n',
    );
  });
});

describe('progress', () => {
  function watched(isTTY: boolean, silent = false) {
    const written: string[] = [];
    let time = 0;
    const stream = { isTTY, columns: 40, write: (text: string) => written.push(text) };
    const shown = progress({ unit: 'files', stream, silent, now: () => time });
    const at = (ms: number, done: number, total?: number): void => {
      time = ms;
      shown.update(done, total);
    };
    return { written, at, end: () => shown.end() };
  }

  it('says how many, how fast and how long yet', () => {
    expect(progressLine(1204, 60_000, 4000)).to.equal('1,204/60,000, 301/s, 3 min left');
    expect(progressLine(5, undefined, 2000)).to.equal('5, 2.5/s');
    expect(progressLine(0, 10, 0)).to.equal('0/10, 0.0/s');
    expect(progressLine(10, 100_000, 10_000)).to.equal('10/100,000, 1.0/s, 27.8 h left');
  });

  it('draws over one line of a terminal, ten times a second, and takes it away', () => {
    const { written, at, end } = watched(true);
    for (let ms = 0; ms <= 250; ms += 10) at(ms, ms, 1000);
    end();
    expect(written).to.deep.equal([
      '\r\u001b[Kfiles: 100/1,000, 1,000/s, 1 s left',
      '\r\u001b[Kfiles: 200/1,000, 1,000/s, 1 s left',
      '\r\u001b[K',
    ]);
  });

  it('writes a line each ten seconds elsewhere, and nothing for short work', () => {
    const { written, at, end } = watched(false);
    for (let ms = 0; ms <= 25_000; ms += 1000) at(ms, ms / 1000);
    end();
    expect(written).to.deep.equal(['files: 10, 1.0/s\n', 'files: 20, 1.0/s\n']);
  });

  it('is silent when told to be', () => {
    const { written, at, end } = watched(true, true);
    at(60_000, 1);
    end();
    expect(written).to.deep.equal([]);
  });
});
