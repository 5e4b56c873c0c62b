/** Changes of online keys by the real commands, looked at by the real clients after every object that is written. */
import { join } from 'node:path';
import { expect } from 'chai';
import { note } from '../support/proof.ts';
import { KEPT_WHEELS } from '../support/wheels.ts';
import { CLIENTS } from './support/clients.ts';
import { knownRefusals } from './support/expectation.ts';
import { type Matrix, openMatrix } from './support/matrix.ts';
import { Publisher } from './support/publisher.ts';
import { failures, type MatrixReport, totals } from './support/report.ts';
import { Rotations } from './support/rotations.ts';

const FILE = join(KEPT_WHEELS, 'six-1.17.0-py2.py3-none-any.whl');
/** A client that was never here, one that looked after the write before, one that has not looked since the beginning. */
const AGES = ['fresh', 'every step', 'first publish'];

describe('online keys change by ceremonies and by rotate --to-standby', () => {
  let matrix: Matrix;
  let writes = 0;
  const reports: MatrixReport[] = [];

  before(async () => {
    matrix = await openMatrix();
  });

  after(async () => {
    await matrix?.stop();
    const sum = totals(reports);
    process.stdout.write(
      `rotation: ${writes} object writes, a fresh, a current and an old one of each client after each: ` +
        `${sum.runs} runs, ${sum.asExpected} as expected\n`,
    );
    note('rotation', { writes, ...sum });
  });

  async function rotate(
    name: string,
    publisher: Publisher,
    { delegators, bits, toughNames }: { delegators: readonly string[]; bits: number; toughNames: boolean },
  ): Promise<void> {
    const rotations = new Rotations(publisher, delegators, FILE);
    const expected = knownRefusals({ bits, toughNames });
    const report = await matrix.run(name, rotations.states(), { expected, earlier: 'first' });
    reports.push(report);
    writes += rotations.writes;
    expect(failures(report)).to.deep.equal([]);
    expect(rotations.writes).to.be.greaterThan(20);
    // Nobody was left out after any write, once the first visible one made "current" and "old" two.
    for (const { name: client } of report.clients) {
      for (const step of report.steps.slice(-rotations.writes + 5)) {
        const cells = report.cells.filter((cell) => cell.client === client && cell.step === step);
        expect(
          cells.map(({ from }) => from),
          `${client} at ${step}`,
        ).to.have.members(AGES);
      }
    }
  }

  it('leaves without bins, for all four', async () => {
    const bits = { bins: 0, recent: 0 };
    const publisher = await Publisher.make({ profile: 'company', type: 'ed25519', bits, clients: CLIENTS });
    await rotate('rotation, bits 0', publisher, { delegators: ['targets'], bits: 0, toughNames: true });
  });

  it('bins and recent, for the three that read them', async () => {
    const bits = { bins: 1, recent: 1 };
    const publisher = await Publisher.make({ profile: 'company', type: 'p-256', bits });
    const delegators = ['targets', 'bins', 'recent'];
    await rotate('rotation, bits 1', publisher, { delegators, bits: 1, toughNames: false });
  });
});
