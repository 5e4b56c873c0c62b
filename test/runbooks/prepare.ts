import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { done, emptyFolder, NAME, workspaceAt } from '../support/published.ts';
import { strike } from '../support/thief.ts';
import { KEPT_WHEELS } from '../support/wheels.ts';
import type { World } from './page.ts';

/** Who leads the ceremonies of the pages, in the workspace that publishes. */
const LEADER = 'alice';
/** Folders that share nothing else with it: each has its own key, and what it has signed before. */
const APART = ['bob', 'spare'];

/** A published repository: alice leads where the store and the online keys are; bob and the sealed spare are elsewhere. */
export async function publishedApart(profile: 'hobby' | 'company' = 'hobby'): Promise<World> {
  const here = await workspaceAt('published', { profile });
  const base = dirname(here);
  for (const name of APART) {
    const dir = join(base, name);
    await cp(here, dir, { recursive: true });
    await keepKeys(dir, [name]);
    for (const own of ['public', join('private', 'trusted'), join('private', 'journal'), join('private', 'cache')])
      await rm(join(dir, own), { recursive: true, force: true });
  }
  const others = new Set(APART);
  const names = (await readdir(join(here, 'holders'))).map((file) => file.replace(/\.json$/, ''));
  await keepKeys(
    here,
    names.filter((name) => name === LEADER || !others.has(name)),
  );
  await mkdir(join(base, 'stick'));
  return { base, here: NAME, ahead: 0 };
}

/** Profile company, with something to be published; the key files of timestamp, snapshot and bins are gone. */
export async function onlineKeyLost(): Promise<World> {
  const world = await publishedApart('company');
  const dir = join(world.base, world.here);
  await done(dir, ['target', 'remove', 'decorator']);
  for (const key of ['online', 'bins']) await rm(join(dir, 'private', `${key}.pem`));
  return world;
}

/** Profile company; a thief of the online keys has published an evil wheel under a version near 2^31. Version 1 was good. */
export async function onlineKeysStolen(): Promise<World> {
  const world = await publishedApart('company');
  await strike(join(world.base, world.here));
  return world;
}

/** Empty folders, and some wheels in `dist`. */
export async function nothing(here: string): Promise<World> {
  const dir = await emptyFolder(here);
  const base = dirname(dir);
  await mkdir(join(base, 'stick'));
  await cp(KEPT_WHEELS, join(base, 'dist'), { recursive: true });
  return { base, here, ahead: 0 };
}

/** Every other private key is somewhere else. */
async function keepKeys(dir: string, mine: readonly string[]): Promise<void> {
  for (const file of await readdir(join(dir, 'holders'))) {
    const path = join(dir, 'holders', file);
    const { uri: _, ...holder } = JSON.parse(await readFile(path, 'utf8'));
    if (mine.includes(holder.name)) continue;
    await writeFile(path, `${JSON.stringify(holder, null, 2)}\n`);
    await rm(join(dir, 'private', `${holder.name}.pem`), { force: true });
  }
}
