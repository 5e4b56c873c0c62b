/**
 * Writes down which packages a `tufa` process has loaded, when it ends: `NODE_OPTIONS="--import <this file>"`, and
 * `TUFA_TEST_LOADED=FILE` gets their names, one a line.
 */
import { writeFileSync } from 'node:fs';
import { registerHooks } from 'node:module';

const names = new Set();

registerHooks({
  resolve(specifier, context, next) {
    const resolved = next(specifier, context);
    const name = /\/node_modules\/((?:@[^/]+\/)?[^/]+)\/(?!.*\/node_modules\/)/.exec(resolved.url)?.[1];
    if (name !== undefined) names.add(name);
    return resolved;
  },
});

process.on('exit', () => writeFileSync(process.env.TUFA_TEST_LOADED, [...names].sort().join('\n')));
