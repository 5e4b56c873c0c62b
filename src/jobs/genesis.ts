import type { Workspace } from '../config/workspace.ts';
import type { Genesis } from '../transaction/genesis.ts';
import { verifyGenesis } from '../transaction/genesis.ts';
import { trustRoot } from '../tuf/checks.ts';
import type { MetadataFile, Targets } from '../tuf/model.ts';
import { readMetadata } from '../tuf/read.ts';

/** What the ceremony of root 1 has completed in this workspace; undefined while root 1 lacks signatures. */
export async function loadGenesis(workspace: Workspace): Promise<Genesis | undefined> {
  const drafts = (await (await workspace.ceremonies()).list()).filter((draft) => draft.version === 1);
  const root = drafts.find((draft) => draft.role === 'root')?.complete;
  if (root === undefined) return undefined;
  const files = new Map<string, MetadataFile<Targets>>();
  for (const { role, complete } of drafts) {
    if (role !== 'root' && complete !== undefined) files.set(role, readMetadata(complete, 'targets', `1.${role}.json`));
  }
  return verifyGenesis(trustRoot(root, '1.root.json'), files);
}
