import { stripVTControlCharacters } from 'node:util';

/**
 * Plain columns, two spaces apart, with their titles in capitals and no boxes: easy to read, easy to `grep`. Columns of
 * numbers stand to the right. Cells may be coloured; they are not cut.
 */
export function table(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [titles.map((title) => title.toUpperCase()), ...rows];
  const columns = titles.map((_, i) => ({
    width: lines.reduce((most, line) => Math.max(most, width(line[i] ?? '')), 0),
    right: rows.every((row) => /^[\d,]+$/.test(row[i] ?? '')),
  }));
  const text = (line: readonly string[]): string =>
    columns
      .map((column, i) => {
        const cell = line[i] ?? '';
        const space = ' '.repeat(column.width - width(cell));
        return column.right ? space + cell : cell + space;
      })
      .join('  ');
  return lines.map((line) => `${text(line).trimEnd()}\n`).join('');
}

function width(text: string): number {
  return [...stripVTControlCharacters(text)].length;
}
