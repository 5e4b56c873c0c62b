import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { RELIABILITY, STANDARDS, type Statement } from './statements.ts';

const lists: [name: string, length: number, statements: Readonly<Record<number, Statement>>][] = [
  ['standards', 52, STANDARDS],
  ['reliability', 40, RELIABILITY],
];

describe('acceptance statements', () => {
  for (const [name, length, statements] of lists) {
    it(`has every number of ${name}`, () => {
      const numbers = Object.keys(statements).map(Number);
      expect(numbers).to.deep.equal(Array.from({ length }, (_, i) => i + 1));
    });

    for (const [number, statement] of Object.entries(statements)) {
      if ('later' in statement) continue;
      it(`${name} ${number} has a test in ${statement.file} that is not skipped`, async () => {
        const text = await readFile(join(import.meta.dirname, statement.file), 'utf8');
        expect(text).to.match(new RegExp(`['"\`]${name} ${number}(:|['"\`])`));
        expect(text).not.to.match(/\b(?:it|describe)\.(?:skip|only)\b|this\.skip\(\)|\bx(?:it|describe)\(/);
      });
    }
  }
});
