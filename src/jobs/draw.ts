import type { FirstPlan, OfflineRole } from '../ceremony/first.ts';
import { firstDrafts } from '../ceremony/first.ts';
import type { Workspace } from '../config/workspace.ts';
import type { Key, RoleKeys } from '../tuf/model.ts';

/** The first drafts of a workspace, and what they wait for. */
export interface Drawn {
  readonly drafts: readonly string[];
  readonly missing: { readonly holders: readonly string[]; readonly online: readonly string[] };
}

/**
 * Draws the first drafts from tufa.yaml and `holders/`. While keys are missing the drafts lack them and cannot be signed;
 * each new key draws them anew. Once somebody has signed one, none of them changes any more.
 */
export async function redraw(workspace: Workspace): Promise<Drawn> {
  const ceremonies = await workspace.ceremonies();
  const existing = await ceremonies.list();
  const names = (list: readonly { role: string; version: number }[]): string[] =>
    list.map(({ role, version }) => `${role} ${version}`);
  const missing = await missingKeys(workspace);
  if (existing.some((draft) => draft.signatures.size > 0 || draft.complete !== undefined))
    return { drafts: names(existing), missing };
  const drawn = [...firstDrafts(await planOf(workspace))];
  // Root last: if we crash here, it lacks the new key, and `sign` refuses it until the drafts are drawn again.
  for (const [role, bytes] of drawn.toReversed()) await ceremonies.draw(role, 1, bytes);
  // Of roles that tufa.yaml had before somebody changed it (`bins`, `recent`).
  const wanted = new Set(drawn.map(([role]) => role as string));
  for (const draft of existing) if (!wanted.has(draft.role)) await ceremonies.remove(draft);
  return { drafts: names(drawn.map(([role]) => ({ role, version: 1 }))), missing };
}

/** Names in tufa.yaml without a key in `holders/`. */
export async function missingKeys(workspace: Workspace): Promise<Drawn['missing']> {
  const known = await workspace.holders();
  const lacking = (names: Iterable<string>): string[] => [...new Set(names)].filter((name) => !known.has(name));
  return {
    holders: lacking(Object.values(workspace.config.roles).flatMap((role) => role?.holders ?? [])),
    online: lacking(onlineKeys(workspace)),
  };
}

/** Names of the keys that tufa.yaml wants for online roles and uploaders. */
export function onlineKeys({ config: { online, uploaders } }: Workspace): string[] {
  return [
    ...Object.values(online).flatMap((role) => [role.key, ...(role.standby === undefined ? [] : [role.standby])]),
    ...uploaders.map((u) => u.key),
  ];
}

/** What tufa.yaml and `holders/` want now. */
export async function planOf(workspace: Workspace): Promise<FirstPlan> {
  const { config } = workspace;
  const holders = await workspace.holders();
  const keyidsOf = (names: readonly string[]): string[] => names.flatMap((name) => holders.get(name)?.keyid ?? []);
  const offline = (role: OfflineRole): RoleKeys => {
    // `bins` and `recent` have holders only where there are bins; without them nobody signs these roles.
    const { threshold, holders: names } = config.roles[role] ?? config.roles.targets;
    return { keyids: keyidsOf(names), threshold };
  };
  const online = (role: keyof typeof config.online): RoleKeys => {
    const { key, standby } = config.online[role];
    return { keyids: keyidsOf(standby === undefined ? [key] : [key, standby]), threshold: 1 };
  };
  const now = workspace.clock().getTime();
  const expires = (role: OfflineRole): Date => new Date(now + config.expires[role]);
  return {
    repository: config.repository.uuid,
    keys: new Map([...holders.values()].map(({ keyid, key }): [string, Key] => [keyid, key])),
    roles: {
      root: offline('root'),
      targets: offline('targets'),
      trust: offline('trust'),
      claimed: offline('claimed'),
      bins: offline('bins'),
      recent: offline('recent'),
      timestamp: online('timestamp'),
      snapshot: online('snapshot'),
      deny: online('deny'),
      leafBins: online('bins'),
      leafRecent: online('recent'),
    },
    bits: { bins: config.bins.bits, recent: config.recent.bits },
    expires: {
      root: expires('root'),
      targets: expires('targets'),
      trust: expires('trust'),
      claimed: expires('claimed'),
      bins: expires('bins'),
      recent: expires('recent'),
    },
  };
}
