import Mocha from 'mocha';

/** A reporter that prints each test as JSON: its file, the titles of its suites and its own, whether it would be skipped. */
export default class Titles extends Mocha.reporters.Base {
  constructor(runner: Mocha.Runner, options: Mocha.MochaOptions) {
    super(runner, options);
    const tests: { file: string | undefined; titles: readonly string[]; pending: boolean }[] = [];
    runner.suite.eachTest((test: Mocha.Test) => {
      tests.push({ file: test.file, titles: test.titlePath(), pending: test.isPending() });
    });
    runner.once('end', () => process.stdout.write(`${JSON.stringify(tests)}\n`));
  }
}
