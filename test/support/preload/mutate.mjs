/**
 * Breaks the program on purpose: `NODE_OPTIONS="--import <this file>"`, and
 *
 *     TUFA_TEST_MUTANT={"file": "transaction/plan.js", "from": "...", "to": "..."}
 *
 * replaces a text of a compiled file below dist/ as it is loaded. A text that is not there stops the process.
 */
import { registerHooks } from 'node:module';

const { file, from, to } = JSON.parse(process.env.TUFA_TEST_MUTANT);

registerHooks({
  load(url, context, next) {
    const loaded = next(url, context);
    if (!url.endsWith(`/dist/${file}`)) return loaded;
    const text = loaded.source.toString();
    if (!text.includes(from)) throw new Error(`${file} does not hold ${from}`);
    return { ...loaded, source: text.replace(from, to) };
  },
});
