/** tufa's own repositories, made by its commands, read by the four real clients: every cell is one run, and is asserted. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { note } from '../support/proof.ts';
import { fetchWheels, KEPT_WHEELS } from '../support/wheels.ts';
import { CLIENTS } from './support/clients.ts';
import { knownRefusals } from './support/expectation.ts';
import { type Life, life } from './support/life.ts';
import { type Matrix, openMatrix } from './support/matrix.ts';
import { Publisher, type PublisherKind } from './support/publisher.ts';
import { failures, type MatrixReport, totals } from './support/report.ts';

const TWO_FILES = ['six-1.17.0-py2.py3-none-any.whl', 'zipp-4.1.2-py3-none-any.whl'].map((name) =>
  join(KEPT_WHEELS, name),
);
const TYPES = ['ed25519', 'p-256', 'rsa-pss'] as const;
/** After "first publish": the change, the removal and the re-sign; for each root "pending", nine writes and a change. */
const STEPS = { basic: 4, root: 11 };

describe('standards 50: what real clients read', () => {
  let matrix: Matrix;
  const reports: MatrixReport[] = [];

  before(async () => {
    matrix = await openMatrix();
  });

  after(async () => {
    await matrix?.stop();
    const sum = totals(reports);
    process.stdout.write(`${reports.length} tables: ${sum.runs} runs of real clients, ${sum.asExpected} as expected\n`);
    note('interop', sum);
  });

  async function table(name: string, kind: PublisherKind, plan: Life): Promise<MatrixReport> {
    const publisher = await Publisher.make(kind);
    const toughNames = kind.clients?.includes('tough') ?? false;
    const expected = knownRefusals({ bits: kind.bits.bins, toughNames });
    const report = await matrix.run(name, life(publisher, plan), { expected });
    reports.push(report);
    expect(failures(report)).to.deep.equal([]);
    return report;
  }

  for (const bits of [0, 2]) {
    for (const type of TYPES) {
      const name = `bits ${bits}, ${type}`;
      it(`${name}: each step, and each write of two changes of root`, async () => {
        const { steps } = await table(
          name,
          { type, bits: { bins: bits, recent: bits } },
          { files: TWO_FILES, writes: true, roots: 2 },
        );
        expect(steps.length).to.equal(STEPS.basic + 2 * STEPS.root);
      });
    }
  }

  for (const type of TYPES) {
    const name = `bits 10, ${type}`;
    it(`${name}: each step, and each write of a change of root`, async () => {
      const { steps } = await table(
        name,
        { type, bits: { bins: 10, recent: 0 } },
        { files: TWO_FILES, writes: true, roots: 1 },
      );
      expect(steps.length).to.equal(STEPS.basic + STEPS.root);
    });
  }

  it('fifty real files, published for tough as well: root and online keys change twice, and all four read every write', async () => {
    const folder = await fetchWheels();
    const files = (await readdir(folder)).sort().map((name) => join(folder, name));
    const kind: PublisherKind = { type: 'ed25519', bits: { bins: 0, recent: 0 }, clients: CLIENTS };
    const report = await table('fifty files', kind, { files, writes: true, unseen: true, every: 40, roots: 2 });
    expect(files.length).to.equal(50);
    expect(report.cells.length).to.be.greaterThan(200);
    expect(report.cells.filter(({ refused }) => refused)).to.deep.equal([]);
  });
});
