import { appendFileSync } from 'node:fs';
import Mocha from 'mocha';

/**
 * Prints as mocha's `spec` does, and appends one JSON line with the counts to the file that $TUFA_COUNTS names, for the
 * sum that `.ci/run` prints: `{"passed": 2, "failed": 0, "skipped": ["full title"]}`.
 */
export default class Counts extends Mocha.reporters.Spec {
  constructor(runner: Mocha.Runner, options: Mocha.MochaOptions) {
    super(runner, options);
    const skipped: string[] = [];
    runner.on('pending', (test) => skipped.push(test.fullTitle()));
    runner.once('end', () => {
      const file = process.env['TUFA_COUNTS'];
      const { passes: passed, failures: failed } = this.stats;
      if (file) appendFileSync(file, `${JSON.stringify({ passed, failed, skipped })}\n`);
    });
  }
}
