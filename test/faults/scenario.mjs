/**
 * Lets the storage of a `tufa` process misbehave by rules, the first that fits an operation:
 *
 *     TUFA_FAULT_RULES='[{ "name": "swap", "key": "timestamp\\.json$", "do": "lose" }, ...]'
 *
 *     name, key   a method of the store, and a regular expression for the key: `public/metadata/timestamp.json`
 *     times       how often the rule fits; default: always
 *     after       index of a rule that must have been used before
 *     do          lose          it is done, and the answer is lost
 *                 drop          it is not done, and the answer is lost
 *                 refuse        it is not done, and says so
 *                 pause         makes the file `at`, and waits for `at` with `.go` at its end
 *                 unconditional a swap that ignores its etag
 */
import { existsSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { StorageError } from '../../dist/errors.js';
import { UnknownAnswer } from '../../dist/stores/port.js';
import { between } from './support/intercept.mjs';

const rules = JSON.parse(process.env['TUFA_FAULT_RULES']).map((rule) => ({ ...rule, used: 0 }));

const ACTIONS = {
  lose: async (operation, go) => {
    await go();
    throw new UnknownAnswer('no answer came back', { object: operation.key });
  },
  drop: async (operation) => {
    throw new UnknownAnswer('no answer came back', { object: operation.key });
  },
  refuse: async (operation) => {
    throw new StorageError('the storage is away', { object: operation.key });
  },
  pause: async (_operation, go, { at }) => {
    writeFileSync(at, '');
    while (!existsSync(`${at}.go`)) await sleep(5);
    return go();
  },
  unconditional: async ({ store, args }, go) => {
    const [key, , etag] = args;
    if (etag === undefined) return go();
    args[2] = (await store.get(key, { maxLength: 1 << 20 }))?.etag;
    return go();
  },
};

between(async (operation, go) => {
  const rule = rules.find(({ name, key, times = Number.POSITIVE_INFINITY, after, used }) => {
    if (operation.kind !== 'store' || operation.name !== name || !new RegExp(key).test(operation.key)) return false;
    return used < times && (after === undefined || rules[after].used > 0);
  });
  if (rule === undefined) return go();
  rule.used++;
  return ACTIONS[rule.do](operation, go, rule);
});
