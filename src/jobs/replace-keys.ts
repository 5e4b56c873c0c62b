import { Workspace } from '../config/workspace.ts';
import { UsageError } from '../errors.ts';
import type { GenerateOptions, KeyInfo } from './keys.ts';
import { generateKeys } from './keys.ts';

export interface Replaced {
  /** What tufa.yaml names now. */
  readonly replaced: readonly { readonly role: string; readonly from: string; readonly to: string }[];
  /** Those that were made. */
  readonly keys: readonly KeyInfo[];
}

/**
 * key replace: other keys for online roles, in tufa.yaml and in `holders/`; roles that share a key share the new one. The old
 * ones stay where they are until a ceremony has replaced them. Where not one key could be made, tufa.yaml is as it was; run
 * again after a crash, it makes what is named and missing.
 */
export async function replaceKeys(
  workspace: Workspace,
  roles: readonly string[],
  options: Omit<GenerateOptions, 'holders' | 'online'>,
): Promise<Replaced> {
  const { online } = workspace.config;
  const named = (role: string): role is keyof typeof online => Object.hasOwn(online, role);
  const unknown = roles.find((role) => !named(role));
  if (unknown !== undefined || roles.length === 0) {
    throw new UsageError('not an online role', {
      object: 'tufa key replace',
      code: 'usage.role',
      expected: `some of ${Object.keys(online).join(', ')}`,
      found: unknown ?? 'none',
      hint: 'tufa key replace timestamp snapshot',
    });
  }
  const known = await workspace.holders();
  const taken = new Set([
    ...known.keys(),
    ...Object.values(online).flatMap(({ key, standby }) => [key, standby ?? key]),
  ]);
  const names = new Map<string, string>();
  const other = (name: string): string => {
    // Named and not made yet: a run that was killed has named it.
    if (!known.has(name)) return name;
    const next = names.get(name) ?? freeName(name, taken);
    names.set(name, next);
    taken.add(next);
    return next;
  };
  const edits = [...new Set(roles)].filter(named).map((role) => {
    const { key, standby } = online[role];
    return { role, key: other(key), ...(standby === undefined ? {} : { standby: other(standby) }) };
  });
  await workspace.editOnline(edits);
  const edited = await Workspace.open(workspace.dir, workspace);
  const made = new Set(edits.flatMap(({ key, standby }) => [key, standby ?? key]));
  const { keys } = await generateKeys(edited, { ...options, holders: [], online: true }).catch(
    async (error: unknown) => {
      await edited.reload();
      const now = await edited.holders();
      if (![...made].some((name) => now.has(name)))
        await workspace.editOnline(edits.map(({ role }) => ({ role, ...online[role] })));
      throw error;
    },
  );
  return {
    replaced: edits.map(({ role, key }) => ({ role, from: online[role].key, to: key })),
    keys: keys.filter(({ name }) => made.has(name)),
  };
}

/** `online` -> `online-2` -> `online-3`. */
function freeName(name: string, taken: ReadonlySet<string>): string {
  const [, stem = name, number] = /^(.*?)(?:-(\d+))?$/.exec(name) ?? [];
  for (let next = Number(number ?? 1) + 1; ; next++) if (!taken.has(`${stem}-${next}`)) return `${stem}-${next}`;
}
