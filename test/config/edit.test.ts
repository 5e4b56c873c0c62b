import { readFile } from 'node:fs/promises';
import { expect } from 'chai';
import { editText } from '../../src/config/edit.ts';

describe('an edit of tufa.yaml', () => {
  it('changes the value, and not a byte besides', async () => {
    const template = await readFile(new URL('../../repo-template/tufa.yaml', import.meta.url), 'utf8');
    const text = template.replace(/\{\{\w+\}\}/g, 'x');
    const edits = new Map<string[], string | number | string[]>([
      [['publish', 'tries'], 9],
      [['repository', 'name'], 'other'],
    ]);
    const before = text.split('\n');
    const after = editText(text, edits).split('\n');
    expect(after.filter((line, i) => line !== before[i])).to.have.length(2);
    expect(after.length).to.equal(before.length);
    expect(after.join('\n')).to.match(/^ {2}tries: 9 {10,}# after somebody/m);
  });

  it('writes lists in their place, and quotes what is no plain word', () => {
    const text = 'a: { b: [x,   y], c: one } # why\nd: 1   # two\n';
    const edit = (field: string[], value: string | string[]): string => editText(text, new Map([[field, value]]));
    expect(edit(['a', 'b'], ['p', 'q-2'])).to.equal('a: { b: [p, q-2], c: one } # why\nd: 1   # two\n');
    expect(edit(['a', 'c'], 'x, y: [')).to.equal('a: { b: [x,   y], c: "x, y: [" } # why\nd: 1   # two\n');
    expect(edit(['a', 'c'], 'true')).to.equal('a: { b: [x,   y], c: "true" } # why\nd: 1   # two\n');
  });

  it('takes fields away and adds them; the comments stay', () => {
    const text = 'a: { b: one, c: two } # why\nd: 1   # two\n';
    expect(editText(text, new Map([[['a', 'c'], undefined]]))).to.equal('a: { b: one } # why\nd: 1 # two\n');
    expect(editText(text, new Map([[['a', 'e'], undefined]]))).to.equal(text);
    expect(editText(text, new Map([[['a', 'e'], 'x']]))).to.include('a: { b: one, c: two, e: x } # why');
  });
});
