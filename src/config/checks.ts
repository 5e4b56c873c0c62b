import { resolve, sep } from 'node:path';
import type { Path } from './document.ts';
import { type Config, OFFLINE_ROLES, ONLINE_ROLES } from './schema.ts';

/** What no field shows alone. */
export interface Contradiction {
  readonly path: Path;
  readonly expected: string;
  readonly found: string;
}

/** @param dir folder that relative `file:` URIs start from */
export function contradictions(config: Config, dir: string): Contradiction[] {
  return [...roleProblems(config), ...placeProblems(config, dir), ...timeProblems(config), ...nameProblems(config)];
}

function* roleProblems({ roles, bins, recent, clients }: Config): Iterable<Contradiction> {
  for (const name of OFFLINE_ROLES) {
    const role = roles[name];
    if (role === undefined) continue;
    const path = ['roles', name];
    const { threshold, holders } = role;
    const n = holders.length;
    const repeated = holders.find((holder, i) => holders.indexOf(holder) !== i);
    if (repeated !== undefined)
      yield { path: [...path, 'holders'], expected: 'each holder once', found: `${repeated} twice` };
    // With n = t, one lost token means that root can never be changed again.
    const least = name === 'root' ? threshold + 1 : threshold;
    if (n < least)
      yield {
        path: [...path, 'holders'],
        expected: `at least ${least} for a threshold of ${threshold}`,
        found: `${n}`,
      };
    if (name === 'root' && threshold < 2)
      yield {
        path: [...path, 'threshold'],
        expected: 'at least 2, so that no single key rules',
        found: `${threshold}`,
      };
  }
  for (const [name, { bits }] of [['bins', bins] as const, ['recent', recent] as const]) {
    const role = roles[name];
    if (bits > 0 && role === undefined)
      yield {
        path: ['roles', name],
        expected: `threshold and holders, because ${name}.bits is ${bits}`,
        found: 'nothing',
      };
    if (bits === 0 && role !== undefined)
      yield { path: ['roles', name], expected: `nothing, because ${name}.bits is 0`, found: 'a role' };
    if (bits > 0 && clients.includes('tough'))
      yield { path: [name, 'bits'], expected: '0, because tough is among the clients', found: `${bits}` };
  }
}

/** The trusted state is what a rolled back store is compared with: it must not roll back, or be published, with it. */
function* placeProblems({ store, trusted }: Config, dir: string): Iterable<Contradiction> {
  const [a, b] = [place(store, dir), place(trusted, dir)];
  if (a.startsWith(b) || b.startsWith(a))
    yield { path: ['trusted'], expected: 'another place than the store, neither inside the other', found: trusted };
}

function place(uri: string, dir: string): string {
  const path = /^file:(.*)$/.exec(uri)?.[1];
  const whole = path === undefined ? uri : `file:${resolve(dir, path.replace(/^\/\/(?=\/)/, ''))}`;
  return whole.endsWith('/') ? whole : `${whole}${path === undefined ? '/' : sep}`;
}

function* timeProblems({ expires, renew }: Config): Iterable<Contradiction> {
  if (expires.timestamp > expires.snapshot)
    yield {
      path: ['expires', 'timestamp'],
      expected: 'not longer than expires.snapshot',
      found: days(expires.timestamp),
    };
  for (const name of ['snapshot', 'timestamp', 'leaves'] as const) {
    if (renew[name] >= expires[name])
      yield {
        path: ['renew', name],
        expected: `less than expires.${name}, ${days(expires[name])}`,
        found: days(renew[name]),
      };
  }
}

function days(ms: number): string {
  return ms % 86_400_000 === 0 ? `${ms / 86_400_000}d` : `${ms / 1000}s`;
}

function* nameProblems({ online, uploaders, clients }: Config): Iterable<Contradiction> {
  for (const name of ONLINE_ROLES) {
    const { key, standby } = online[name];
    if (key === standby)
      yield { path: ['online', name, 'standby'], expected: 'another key than the active one', found: key };
  }
  for (const [i, { key }] of uploaders.entries()) {
    const first = uploaders.findIndex((other) => other.key === key);
    if (first !== i) yield { path: ['uploaders', i, 'key'], expected: 'each uploader once', found: `${key} twice` };
  }
  const repeated = clients.findIndex((client, i) => clients.indexOf(client) !== i);
  if (repeated !== -1)
    yield { path: ['clients', repeated], expected: 'each client once', found: `${clients[repeated]} twice` };
}
