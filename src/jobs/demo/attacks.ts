import { copyFile, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Workspace } from '../../config/workspace.ts';
import { composeRoot } from '../../tuf/compose.ts';
import { metadataFile } from '../../tuf/encode.ts';
import { readMetadata } from '../../tuf/read.ts';

/** An attack on a published index: what somebody with the storage, or with one stolen key, can do to its files. */
export interface Attack {
  readonly name: string;
  readonly story: string;
  carryOut(victim: {
    readonly metadata: string;
    readonly targets: string;
    readonly workspace: Workspace;
  }): Promise<void>;
}

export const attacks: readonly Attack[] = [
  {
    name: 'changed-wheel',
    story: 'one byte of a wheel is another one',
    carryOut: async ({ targets }) =>
      changeFile(join(targets, 'packages', 'aardvark'), 'aardvark-1.1-py3-none-any.whl', (bytes) =>
        flip(bytes, bytes.length - 30),
      ),
  },
  {
    name: 'replayed-timestamp',
    story: 'the timestamp of three days ago is served again',
    carryOut: async ({ metadata }) => copyFile(join(metadata, '1.timestamp.json'), join(metadata, 'timestamp.json')),
  },
  {
    name: 'root-with-one-signature',
    story: "one holder's stolen key signs a new root alone",
    carryOut: signRootAlone,
  },
  {
    name: 'forged-page',
    story: 'the page of a project names another file',
    carryOut: async ({ targets }) =>
      changeFile(join(targets, 'simple', 'aardvark'), 'vnd.pypi.simple.v1.json', (bytes) =>
        Buffer.from(Buffer.from(bytes).toString('utf8').replaceAll('aardvark-1.1', 'aardvark-6.6')),
      ),
  },
  {
    name: 'bin-of-another-snapshot',
    story: 'an older bin, well signed, stands in the place of the newest',
    carryOut: replayBins,
  },
];

/** Changes each copy of a target: what is stored under a digest of its old content. */
async function changeFile(folder: string, filename: string, change: (bytes: Uint8Array) => Uint8Array): Promise<void> {
  for (const name of await readdir(folder)) {
    if (name.endsWith(`.${filename}`)) await writeFile(join(folder, name), change(await readFile(join(folder, name))));
  }
}

function flip(bytes: Uint8Array, at: number): Uint8Array {
  const changed = Uint8Array.from(bytes);
  changed[at] = (changed[at] ?? 0) ^ 1;
  return changed;
}

async function signRootAlone({ metadata, workspace }: Parameters<Attack['carryOut']>[0]): Promise<void> {
  const { signed } = readMetadata(await readFile(join(metadata, '1.root.json')), 'root', '1.root.json');
  const alice = await workspace.signer('alice');
  const role = { keyids: [alice.keyid], threshold: 1 };
  const forged = composeRoot({
    version: 2,
    expires: signed.expires,
    repository: signed.repository ?? '',
    keys: signed.keys,
    roles: { ...signed.roles, root: role, targets: role },
    floor: signed.floor,
  });
  const sig = await alice.sign({ payload: forged, subject: 'root 2' });
  await writeFile(join(metadata, '2.root.json'), metadataFile(forged, [{ keyid: alice.keyid, sig }]));
}

/** Every bin that changed since the first snapshot gets its first content again. */
async function replayBins({ metadata }: { readonly metadata: string }): Promise<void> {
  for (const name of await readdir(metadata)) {
    const [, version, bin] = /^(\d+)\.(bin\d+-[0-9a-f]+\.json)$/.exec(name) ?? [];
    if (bin !== undefined && version !== '1') await copyFile(join(metadata, `1.${bin}`), join(metadata, name));
  }
}
