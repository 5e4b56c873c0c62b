import { CONFIGURATIONS, exploration } from './configurations.ts';

/**
 * `npm run model`: every configuration with the bounds of the long run, one line each; exit code 1 where an invariant
 * breaks. Without `--full`, what the tests explore; a word explores those with that word in their names.
 */

const full = process.argv.includes('--full');
const only = process.argv.slice(2).find((word) => !word.startsWith('--')) ?? '';
let broken = 0;
for (const configuration of CONFIGURATIONS) {
  if ((configuration.long === true && !full) || !configuration.name.includes(only)) continue;
  const started = Date.now();
  const found = exploration(configuration, full ? 'long' : 'short');
  const seconds = ((Date.now() - started) / 1000).toFixed(1);
  const reach = found.exhaustive ? 'exhaustive' : 'bounded';
  const { states, transitions, depth, settled, violation } = found;
  console.log(
    `${configuration.name}: ${states} states, ${transitions} transitions, depth ${depth}, ${reach}, ${settled} settled, ${seconds} s`,
  );
  if (violation === undefined) continue;
  broken++;
  console.log([`  ${violation.broken}`, ...violation.trace.map((step, at) => `  ${at + 1}. ${step}`)].join('\n'));
}
process.exitCode = broken === 0 ? 0 : 1;
