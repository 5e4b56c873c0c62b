/** What a table of the matrix came to, for an assertion and for a person. */
import type { Cell } from './matrix.ts';
import type { ClientName } from './protocol.ts';

export interface MatrixReport {
  table: string;
  steps: string[];
  clients: { name: ClientName; version: string }[];
  leftOut: ClientName[];
  /** One for each run. `refused`: a refusal was expected; `problems`: how the run differed from what was expected. */
  cells: (Cell & { refused: boolean; problems: string[] })[];
}

/** Each cell that differs, in one line: what an assertion compares with `[]`. */
export function failures(report: MatrixReport): string[] {
  return report.cells
    .filter(({ problems }) => problems.length > 0)
    .map(({ client, step, from, problems }) => {
      const more = problems.length > 3 ? `; and ${problems.length - 3} more` : '';
      return `${report.table}: ${client} at "${step}" from ${from}: ${problems.slice(0, 3).join('; ')}${more}`;
    });
}

/** What several tables came to, for a line at the end and for the README. */
export function totals(reports: readonly MatrixReport[]): { readonly runs: number; readonly asExpected: number } {
  const cells = reports.flatMap((report) => report.cells);
  return { runs: cells.length, asExpected: cells.filter(({ problems }) => problems.length === 0).length };
}

/** The table: a row for each step, a column for each client, "runs as expected / runs (refusals expected)". */
export function summary(report: MatrixReport): string[] {
  const rows = [
    ['', ...report.clients.map(({ name, version }) => `${name} ${version}`)],
    ...report.steps.map((step) => [step, ...report.clients.map(({ name }) => counts(report, name, step))]),
  ];
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const right = report.cells.length - failures(report).length;
  const leftOut = report.leftOut.length > 0 ? `, left out: ${report.leftOut.join(', ')}` : '';
  return [
    `${report.table}: ${report.cells.length} runs, ${right} as expected${leftOut}`,
    ...rows.map((row) => `  ${row.map((text, column) => text.padEnd(widths[column]!)).join('  ')}`.trimEnd()),
    ...failures(report).map((line) => `  ${line}`),
  ];
}

function counts(report: MatrixReport, client: ClientName, step: string): string {
  const cells = report.cells.filter((cell) => cell.client === client && cell.step === step);
  const right = cells.filter(({ problems }) => problems.length === 0).length;
  const refused = cells.filter((cell) => cell.refused).length;
  return `${right}/${cells.length}${refused > 0 ? ` (${refused} refused)` : ''}`;
}
