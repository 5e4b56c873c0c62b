/**
 * Lets the disk of a `tufa` process fail once: the change number $TUFA_FAULT_AT of a file that no store makes ends with
 * $TUFA_FAULT_ERROR (`ENOSPC`). The file $TUFA_FAULT_LOG gets a line for each of these changes.
 */
import { appendFileSync } from 'node:fs';
import { between } from './support/intercept.mjs';

const { TUFA_FAULT_LOG: log, TUFA_FAULT_AT: at, TUFA_FAULT_ERROR: code } = process.env;
let count = 0;

between(async ({ kind, name, key }, go) => {
  if (kind !== 'file') return go();
  const number = ++count;
  appendFileSync(log, `${number} ${name} ${key}\n`);
  if (String(number) !== at) return go();
  throw Object.assign(new Error(`${code}: injected, ${name}`), { code, syscall: name });
});
