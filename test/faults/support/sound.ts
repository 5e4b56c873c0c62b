import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { Ceremonies } from '../../../src/ceremony/drafts.ts';
import { listKeys } from '../../../src/jobs/keys.ts';
import { prepareSitting } from '../../../src/jobs/sign.ts';
import { LocalStore } from '../../../src/stores/local.ts';
import { TrustedState } from '../../../src/trusted/state.ts';
import type { State } from './inspect.ts';
import { withWorkspace } from './stages.ts';

/** Drafts of a new workspace (hobby). */
export const ROLES = ['root', 'targets', 'trust', 'claimed'];

/** By workspace: key files that were there after a kill. */
const firstKeys = new Map<string, ReadonlyMap<string, string>>();

/** Remembers the key files that a kill has left. */
export async function keepKeys(dir: string): Promise<void> {
  const files = await readdir(join(dir, 'private'));
  const keys = files.filter((file) => /^[a-z]+\.pem$/.test(file));
  firstKeys.set(
    dir,
    new Map(
      await Promise.all(keys.map(async (file) => [file, await readFile(join(dir, 'private', file), 'utf8')] as const)),
    ),
  );
}

/** None of them was made anew. */
export async function keptKeys(dir: string): Promise<void> {
  for (const [file, text] of firstKeys.get(dir) ?? [])
    expect(await readFile(join(dir, 'private', file), 'utf8'), file).to.equal(text);
}

/** Holders are these, their private keys fit, and the drafts name them. */
export async function keysAreSound(dir: string, names: readonly string[]): Promise<void> {
  await withWorkspace(dir, async (workspace) => {
    const keys = await listKeys(workspace);
    expect(keys.map((key) => key.name)).to.deep.equal(names);
    for (const { name, uri } of keys) {
      // Opening compares the private key with the public one.
      if (uri !== undefined) await workspace.signer(name);
    }
    await draftsAreWhole(dir, workspace.config.repository.uuid);
    const sitting = await prepareSitting(workspace, undefined);
    const root = sitting.find(({ draft }) => draft.role === 'root')!;
    expect(root.role.keyids).to.have.members(keys.filter((key) => key.roles.includes('root')).map((key) => key.keyid));
    const online = keys.find((key) => key.name === 'online')!.keyid;
    for (const { draft, keys: named } of sitting.filter(({ draft }) => draft.role === 'root'))
      expect([...named.keys()], draft.role).to.include(online);
  });
}

/** Every first draft is there, whole, and of this repository. */
export async function draftsAreWhole(dir: string, uuid: string): Promise<void> {
  const drafts = await new Ceremonies(new LocalStore(join(dir, 'ceremony'))).list();
  expect(drafts.map((draft) => `${draft.role} ${draft.version}`)).to.have.members(ROLES.map((role) => `${role} 1`));
  // Without keys they cannot be read as metadata yet: a threshold of 2 with no key is none.
  for (const { role, bytes } of drafts) {
    const signed = JSON.parse(Buffer.from(bytes).toString('utf8')) as Record<string, unknown>;
    expect(signed['x-tufa-repository'], role).to.equal(uuid);
    expect(signed['version'], role).to.equal(1);
  }
}

/** The commit was made once, and the publisher knows it. */
export function assertSettled(state: State, versions: readonly number[]): void {
  expect(state.timestamp).to.be.oneOf([...versions]);
  expect(state.snapshot).to.equal(state.timestamp);
  expect(state.trusted).to.equal(state.timestamp);
}

/** A trusted state lies in this folder, and has come to this timestamp. */
export async function trusts(folder: string, timestamp: number | undefined): Promise<void> {
  const state = await new TrustedState(new LocalStore(folder)).require();
  expect(state.timestamp?.signed.version).to.equal(timestamp);
}
