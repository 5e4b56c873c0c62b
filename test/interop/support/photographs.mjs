/**
 * Keeps what clients can see after each single write of a `tufa` process to its store: `NODE_OPTIONS="--import <this file>"`,
 * and `TUFA_PHOTOGRAPHS=DIR`, an empty folder, gets
 *
 *     writes    a line for each write: `create metadata/2.root.json`
 *     1/, 2/    metadata/ and targets/ after that write, as hard links: the store never changes a file in place
 *
 * Writes wait for each other, so that none of them is seen together with the next.
 */
import { appendFileSync, existsSync, linkSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { between } from '../../faults/support/intercept.mjs';

const { TUFA_PHOTOGRAPHS: album } = process.env;
const STORE = 'public/';
let count = 0;
let last = Promise.resolve();

await between(({ kind, name, key, writes }, go) => {
  if (kind !== 'store' || !writes || !key.startsWith(STORE)) return go();
  const mine = last.then(async () => {
    const answer = await go();
    count += 1;
    for (const part of ['metadata', 'targets']) copy(join(STORE, part), join(album, `${count}`, part));
    appendFileSync(join(album, 'writes'), `${name} ${key.slice(STORE.length)}\n`);
    return answer;
  });
  last = mine.catch(() => undefined);
  return mine;
});

function copy(from, to) {
  mkdirSync(to, { recursive: true });
  if (!existsSync(from)) return;
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) copy(source, target);
    else linkSync(source, target);
  }
}
