/**
 * Shifts the clock of a `tufa` process: `NODE_OPTIONS="--import <this file>"`, and
 *
 *     TUFA_TEST_CLOCK=86400000               milliseconds to be added
 *     TUFA_TEST_CLOCK=2026-11-25T12:00:00Z   the time at which the process starts
 */
const { TUFA_TEST_CLOCK: given = '0' } = process.env;
const Machine = Date;
const shift = /^-?\d+$/.test(given) ? Number(given) : Machine.parse(given) - Machine.now();
if (!Number.isSafeInteger(shift)) throw new Error(`TUFA_TEST_CLOCK=${given} is no time`);

const now = () => Machine.now() + shift;

globalThis.Date = new Proxy(Machine, {
  construct: (target, args, self) => Reflect.construct(target, args.length === 0 ? [now()] : args, self),
  apply: () => new Machine(now()).toString(),
  get: (target, name) => (name === 'now' ? now : Reflect.get(target, name)),
});
