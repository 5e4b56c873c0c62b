// Sums what test/support/reporter.ts has appended to a file: prints `passed failed skipped`, and names each skipped test
// on stderr. Prints nothing when no suite has come to its end.
import { readFileSync } from 'node:fs';

const suites = readFileSync(process.argv[2], 'utf8')
  .split('\n')
  .filter(Boolean)
  .map((line) => JSON.parse(line));
const sum = (value) => suites.reduce((total, suite) => total + value(suite), 0);
for (const title of suites.flatMap(({ skipped }) => skipped)) process.stderr.write(`skipped: ${title}\n`);
if (suites.length > 0) {
  console.log(`${sum((s) => s.passed)} ${sum((s) => s.failed)} ${sum((s) => s.skipped.length)}`);
}
