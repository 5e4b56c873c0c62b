import { TrustError } from '../errors.ts';
import type { MetadataFile, Root, Targets, Verified } from '../tuf/model.ts';
import { isOnline, leadsOnline } from '../tuf/tree.ts';
import { signedBy } from '../tuf/verify.ts';

/** What the ceremony of root 1 has made: the first publication puts it beside the first snapshot. */
export interface Genesis {
  readonly root: Verified<Root>;
  /** `targets` and the offline roles below it, each verified by its delegator. */
  readonly offline: ReadonlyMap<string, Verified<Targets>>;
}

/** @throws TrustError when a role is missing or not signed by its delegator's threshold */
export function verifyGenesis(root: Verified<Root>, files: ReadonlyMap<string, MetadataFile<Targets>>): Genesis {
  const offline = new Map<string, Verified<Targets>>();
  const targets = signedBy(
    find(files, 'targets'),
    root.signed.keys,
    root.signed.roles.targets,
    '1.targets.json',
    '5.6.3',
  );
  offline.set('targets', targets);
  for (const role of targets.signed.delegations?.roles ?? []) {
    if (isOnline(role.name)) continue;
    const file = signedBy(
      find(files, role.name),
      targets.signed.delegations!.keys,
      role,
      `1.${role.name}.json`,
      '5.6.3',
    );
    if (leadsOnline(role.name) && file.signed.delegations === undefined)
      throw missing(`1.${role.name}.json`, 'delegations to its bins');
    offline.set(role.name, file);
  }
  return { root, offline };
}

function find(files: ReadonlyMap<string, MetadataFile<Targets>>, name: string): MetadataFile<Targets> {
  const file = files.get(name);
  if (file === undefined) throw missing(`1.${name}.json`, 'a signed file');
  return file;
}

function missing(object: string, expected: string): TrustError {
  return new TrustError('the ceremony of root 1 is not complete', {
    object,
    expected,
    found: 'none',
    hint: 'type `tufa sign`',
  });
}
