#!/usr/bin/env node
// Plain JavaScript, and nothing of ours is imported before Node's version has been checked: an older Node would fail on
// the first import with a message that helps nobody.
import { chmodSync, existsSync, lstatSync, mkdirSync, readFileSync } from 'node:fs';
// The named import does not exist in Node 20.
import module from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const CONFIGURATION = 3;
const root = fileURLToPath(new URL('..', import.meta.url));
const floor = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).engines.node;
const built = new URL('../dist/cli/main.js', import.meta.url);

if (!satisfies(process.versions.node, floor)) {
  stop(`node ${floor} is needed, this is ${process.versions.node}`, 'in a checkout, type: npx tufa');
} else if (!existsSync(built)) {
  stop('the program is not built yet: expected dist/, found nothing', 'npm run build');
} else {
  cacheCompiledCode();
  // No top-level await: a reader that goes away (`| head`) would make Node complain about it and exit 13.
  void import(built.href).then(({ main }) => main(process.argv.slice(2), root));
}

function stop(message, hint) {
  process.stderr.write(`tufa: ${message}\nhint: ${hint}\n`);
  process.exitCode = CONFIGURATION;
}

/** Ranges as package.json's `engines` has them: `^22.1.0 || >=26.0.0`. */
function satisfies(version, ranges) {
  const have = numbers(version);
  return ranges.split('||').some((range) => {
    const least = numbers(range);
    const first = have.findIndex((n, i) => n !== least[i]);
    const enough = first === -1 || have[first] > least[first];
    return enough && (!range.includes('^') || have[0] === least[0]);
  });
}

function numbers(text) {
  return text.match(/\d+/g).slice(0, 3).map(Number);
}

/** Node's own place for compiled code is shared by all users, who could plant code there for a program that signs. */
function cacheCompiledCode() {
  try {
    const folder = join(homedir(), '.cache', 'tufa');
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const found = lstatSync(folder);
    if (!found.isDirectory() || (process.getuid && found.uid !== process.getuid())) return;
    if ((found.mode & 0o077) !== 0) chmodSync(folder, 0o700);
    module.enableCompileCache?.(folder);
  } catch {
    // A home that cannot be written costs a little time.
  }
}
