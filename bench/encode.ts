import { generateKeyPairSync, hash, sign as signBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { canonicalize } from '@tufjs/canonical-json';
import type { Content } from '../src/queue/envelope.ts';
import {
  listsHash,
  type NewRole,
  planLeaf,
  planSnapshot,
  planTimestamp,
  type RoleDraft,
} from '../src/transaction/plan.ts';
import type { Leaf } from '../src/transaction/roles.ts';
import { sha256Hex } from '../src/tuf/digest.ts';
import { metadataFile } from '../src/tuf/encode.ts';
import type { NamedRoot } from '../src/tuf/model.ts';
import { fail, same } from './support/assert.ts';
import { targetPath } from './support/data.ts';
import { compare, type Variant } from './support/harness.ts';
import { atMost, ratio, report } from './support/report.ts';
import { type LargeRepository, liveRoles, NOW } from './support/repository.ts';

/**
 * encode: two files are added to two bins: plan, splice, hash, sign, write. Its floor is to hash, sign and write the same
 * bytes. The old bins, the snapshot and the timestamp are in memory, verified.
 */
export async function encode(repository: LargeRepository, folder: string, rounds: number): Promise<void> {
  const { settings, online, projects, targets } = repository;
  const { roles, live } = await liveRoles(await repository.context());
  const paths = [0, 1].map((i) => targetPath(projects, targets + i));
  const contents = new Map(paths.map((path): [string, Content] => [path, { sha256: sha256Hex(path), length: 1024 }]));
  const leaves = new Map<string, { leaf: Leaf; changes: Map<string, Content> }>();
  for (const path of paths) {
    const leaf = (await roles.leafOf(path))!;
    const known = leaves.get(leaf.name) ?? { leaf, changes: new Map() };
    leaves.set(leaf.name, known);
    known.changes.set(path, contents.get(path)!);
  }
  const names: NamedRoot = live.timestamp!.signed.root!;

  const sign = (draft: RoleDraft): NewRole => ({
    ...draft,
    bytes: metadataFile(draft.signedBytes, [online.sign(draft.signedBytes)]),
  });
  const publish = (number: number): NewRole[] => {
    const signed = [...leaves.values()].map(({ leaf, changes }) =>
      sign(planLeaf(leaf, changes, number, NOW, settings)),
    );
    const snapshot = sign(
      planSnapshot(
        { old: live.snapshot!.signed, roles: signed, version: number, now: NOW, queue: 1, receipt: undefined },
        settings,
      ),
    );
    const listed = { version: number, length: snapshot.bytes.length, sha256: sha256Hex(snapshot.bytes) };
    const draft = { old: live.timestamp!.signed, version: number, now: NOW, root: names, snapshot: listed };
    return [...signed, snapshot, sign(planTimestamp(draft, settings))];
  };
  check(publish(2), [...leaves.values()], contents);

  const files = publish(2);
  const { privateKey } = generateKeyPairSync('ed25519');
  const parts = files.map(({ name, bytes }) => ({ name, bytes, signed: signedPart(bytes) }));
  const [ours, floors] = [join(folder, 'tufa'), join(folder, 'floor')];
  await Promise.all([mkdir(ours), mkdir(floors)]);
  let operation = 2;
  const variants: Variant[] = [
    {
      name: 'tufa',
      run: () => {
        for (const { name, version, bytes } of publish(++operation)) write(ours, `${version}.${name}.json`, bytes);
      },
    },
    {
      name: 'floor',
      run: () => {
        operation++;
        for (const { name, bytes, signed } of parts) {
          signBytes(null, signed, privateKey);
          // What the next file lists: bins beyond 1,024 are listed by their versions alone, the timestamp by nobody.
          if (name === 'snapshot' || (name !== 'timestamp' && listsHash(name))) hash('sha256', bytes);
          write(floors, `${operation}.${name}.json`, bytes);
        }
      },
    },
  ];
  const comparison = await compare(variants, rounds, Math.ceil(rounds / 10));
  const bench = `encode: 2 files into ${targets} targets`;
  report(bench, comparison, [
    atMost(
      'wall, by minima',
      ratio(comparison, 'tufa', 'floor', (m) => m.wall.min),
      1.75,
      1.3,
    ),
    atMost(
      'wall, by medians',
      ratio(comparison, 'tufa', 'floor', (m) => m.wall.median),
      1.75,
      1.3,
    ),
    atMost(
      'cpu, by medians',
      ratio(comparison, 'tufa', 'floor', (m) => m.cpu.median),
      1.75,
      1.3,
    ),
  ]);
}

function write(folder: string, name: string, bytes: Uint8Array): void {
  writeFileSync(join(folder, name), bytes, { flag: 'wx' });
}

/** The signed part of a file without PEM keys: a slice of it. */
export function signedPart(file: Uint8Array): Uint8Array {
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.length);
  return bytes.subarray(bytes.indexOf('"signed":') + '"signed":'.length, -1);
}

/** Every new bin is the old one with its new targets, by a parser and an encoder that are not ours. */
function check(
  files: readonly NewRole[],
  changed: readonly { leaf: Leaf; changes: ReadonlyMap<string, Content> }[],
  contents: ReadonlyMap<string, Content>,
): void {
  for (const { leaf, changes } of changed) {
    const file = files.find(({ name }) => name === leaf.name) ?? fail(`${leaf.name} was not signed`);
    const found = JSON.parse(Buffer.from(file.bytes).toString());
    const { targets } = JSON.parse(Buffer.from(leaf.file!.bytes).toString()).signed;
    for (const path of changes.keys()) {
      const { sha256, length } = contents.get(path)!;
      targets[path] = { custom: { listed: NOW.toISOString().replace('.000', '') }, hashes: { sha256 }, length };
    }
    same(`targets of ${leaf.name}`, canonicalize(found.signed.targets), canonicalize(targets));
    same(`signed part of ${leaf.name}`, signedPart(file.bytes).toString(), canonicalize(found.signed));
  }
  const snapshot = files.find(({ name }) => name === 'snapshot')!;
  const { signed } = JSON.parse(Buffer.from(snapshot.bytes).toString());
  for (const { leaf } of changed) same(`version of ${leaf.name}`, signed.meta[`${leaf.name}.json`].version, 2);
  same('signed part of the snapshot', signedPart(snapshot.bytes).toString(), canonicalize(signed));
}
