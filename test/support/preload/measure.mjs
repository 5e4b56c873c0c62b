/**
 * Writes down what a `tufa` process has cost, when it ends: `NODE_OPTIONS="--import <this file>"`, and
 * `TUFA_TEST_COST=FILE` gets `{"memory": bytes at the most, "cpu": seconds, "prototype": names}`. The names are those
 * that Object.prototype did not have before.
 */
import { readFileSync, writeFileSync } from 'node:fs';

const before = new Set(Reflect.ownKeys(Object.prototype));

process.on('exit', () => {
  const { userCPUTime, systemCPUTime } = process.resourceUsage();
  // Not maxRSS, which is at least what the process had that started this one.
  const [, peak] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'));
  const prototype = Reflect.ownKeys(Object.prototype).filter((name) => !before.has(name));
  const cost = {
    memory: Number(peak) * 1024,
    cpu: (userCPUTime + systemCPUTime) / 1e6,
    prototype: prototype.map(String),
  };
  writeFileSync(process.env.TUFA_TEST_COST, JSON.stringify(cost));
});
