import { createHash } from 'node:crypto';
import type { FirstPlan } from '../../src/ceremony/first.ts';
import { firstDrafts } from '../../src/ceremony/first.ts';
import { canonical, jsonText } from '../../src/tuf/encode.ts';
import { map } from '../../src/tuf/fields.ts';
import { parseJson } from '../../src/tuf/json.ts';
import { keyidOf } from '../../src/tuf/keys.ts';
import type { Json, JsonMap, Key, MetadataFile, RoleKeys, Root, Targets } from '../../src/tuf/model.ts';
import { readSigned } from '../../src/tuf/read.ts';

/** Signed parts with keys that are the same in every run: nothing here is ever verified. */

export const UUID = '0b9e6a2c-6f0e-4c39-9c1c-6e1a3a5d7f42';
export const NOW = new Date('2026-11-25T12:00:00Z');
export const DAY = 24 * 60 * 60 * 1000;

export function fixedKey(name: string): { key: Key; keyid: string; name: string } {
  const hex = createHash('sha256').update(name).digest('hex');
  const key: Key = { keytype: 'ed25519', scheme: 'ed25519', keyval: { public: hex } };
  return { key, keyid: keyidOf(key), name };
}

export const KEYS = ['alice', 'bob', 'spare', 'carol', 'dave', 'online', 'standby', 'leaf', 'leaf2'].map(fixedKey);

export function keyids(...names: string[]): string[] {
  return names.map((name) => fixedKey(name).keyid);
}

export function roleKeys(threshold: number, ...names: string[]): RoleKeys {
  return { keyids: keyids(...names), threshold };
}

/** Names of holders by keyid; `as` renames. */
export function names(as: Readonly<Record<string, string>> = {}): Map<string, string> {
  return new Map(KEYS.map(({ keyid, name }) => [keyid, as[name] ?? name]));
}

export function planWith(changes: Partial<FirstPlan['roles']> = {}, bits = { bins: 0, recent: 0 }): FirstPlan {
  const people = roleKeys(2, 'alice', 'bob', 'spare');
  const hot = roleKeys(1, 'online');
  const year = new Date(NOW.getTime() + 365 * DAY);
  return {
    repository: UUID,
    keys: new Map(KEYS.map(({ key, keyid }) => [keyid, key])),
    roles: {
      root: people,
      targets: people,
      trust: people,
      claimed: people,
      bins: people,
      recent: people,
      timestamp: hot,
      snapshot: hot,
      deny: hot,
      leafBins: hot,
      leafRecent: hot,
      ...changes,
    },
    bits,
    expires: { root: year, targets: year, trust: year, claimed: year, bins: year, recent: year },
  };
}

/** The first draft of a role, as if it had gone live. */
export function live<T extends 'root' | 'targets'>(
  role: T | 'bins' | 'trust' | 'claimed',
  plan = planWith(),
): MetadataFile<T extends 'root' ? Root : Targets> {
  const bytes = firstDrafts(plan).get(role as 'root')!;
  return part(role as T, bytes);
}

export function part<T extends string>(role: T, bytes: Uint8Array): MetadataFile<T extends 'root' ? Root : Targets> {
  const signed = readSigned(bytes, role === 'root' ? 'root' : 'targets', role);
  return { bytes, signedBytes: bytes, signatures: [], signed } as unknown as MetadataFile<
    T extends 'root' ? Root : Targets
  >;
}

/** The same part, changed as JSON. */
export function edited(file: { signedBytes: Uint8Array }, change: (signed: JsonMap) => void): Buffer {
  const signed = map(parseJson(jsonText(file.signedBytes)), 'signed');
  change(signed);
  return canonical(signed);
}

export function at(value: Json | undefined, ...path: (string | number)[]): JsonMap {
  let here = value;
  for (const name of path) here = Array.isArray(here) ? here[name as number] : map(here, 'value').get(name as string);
  return map(here, path.join('.'));
}
