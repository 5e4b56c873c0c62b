/**
 * Counts the storage operations of a `tufa` process, and kills it at one of them.
 *
 *     TUFA_FAULT_LOG=FILE      gets a line for each operation that changes something: `3 store create public/.tufa/claims/2`
 *     TUFA_FAULT_AT=3:before   SIGKILL before operation 3; `3:after`: when it is done; `3:inside`: when the store has
 *                              written the bytes and not yet given them their name. FILE says `reached 3:before` then.
 *                              Without it, FILE gets `inside 3` where there is such a point.
 *     TUFA_FAULT_WATCH=1       looks, at each operation that only reads, whether it really changes nothing; the line of
 *                              one that does begins with `changed`
 *     TUFA_FAULT_READS=1       counts reads, too
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { appendFileSync, lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { between } from './support/intercept.mjs';

const { TUFA_FAULT_LOG: log, TUFA_FAULT_AT: at, TUFA_FAULT_WATCH: watch, TUFA_FAULT_READS: reads } = process.env;
const current = new AsyncLocalStorage();
let count = 0;
let writing = 0;

function die(point) {
  if (point !== at) return;
  appendFileSync(log, `reached ${at}\n`);
  process.kill(process.pid, 'SIGKILL');
}

between(async (operation, go) => {
  const { kind, name, key, writes } = operation;
  if (kind === 'step') {
    if (name === 'link' || name === 'rename') {
      if (at === undefined) appendFileSync(log, `inside ${current.getStore()}\n`);
      die(`${current.getStore()}:inside`);
    }
    return go();
  }
  if (!writes && reads === undefined) return watch === undefined ? go() : watched(`${name} ${key}`, go);
  const number = ++count;
  appendFileSync(log, `${number} ${kind} ${name} ${key}\n`);
  die(`${number}:before`);
  writing++;
  const answer = await current.run(number, go).finally(() => writing--);
  die(`${number}:after`);
  return answer;
});

async function watched(what, go) {
  const before = picture('.');
  const began = count;
  const answer = await go();
  // Somebody else's write may lie in between; then this read says nothing.
  if (writing === 0 && began === count && picture('.') !== before) appendFileSync(log, `changed ${what}\n`);
  return answer;
}

/** Names, sizes and times of everything in a folder. */
function picture(folder) {
  return readdirSync(folder, { withFileTypes: true })
    .map((entry) => {
      const path = join(folder, entry.name);
      const { size, mtimeMs, ino } = lstatSync(path);
      return entry.isDirectory() ? `${path}/ ${picture(path)}` : `${path} ${size} ${mtimeMs} ${ino}`;
    })
    .join('\n');
}
