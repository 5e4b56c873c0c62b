import type { DrainView, Waiting } from '../../src/queue/drain.ts';
import { drain } from '../../src/queue/drain.ts';
import type { Entry } from '../../src/queue/envelope.ts';
import type { RootDecision, RootView } from '../../src/transaction/bridge.ts';
import { bridge } from '../../src/transaction/bridge.ts';
import { outcome } from '../../src/transaction/outcome.ts';
import { planLeaf, planSnapshot, planTimestamp } from '../../src/transaction/plan.ts';
import type { Steps } from './steps.ts';

/** Mutated copies of the step functions: each is wrong in one way, and the exploration must notice it. */
export const MUTANTS = {
  'nextNumber does not rise': { nextNumber: (highest) => highest },
  'nextNumber ignores that a number was taken': { nextNumber: (highest) => highest + 1 },
  'highestVersion looks at the timestamp alone': { highestVersion: (timestamp) => timestamp?.version ?? 0 },

  'outcome says lost when the live timestamp is ours': {
    outcome: (view) => (view.liveIsOurs === true ? 'lost' : outcome(view)),
  },
  'outcome ignores the record': { outcome: (view) => outcome({ ...view, record: 'absent' }) },
  'outcome says lost while the swap may still land': {
    outcome: (view) => (outcome(view) === 'send-again' ? 'lost' : outcome(view)),
  },
  'outcome takes moved for an answer': {
    outcome: (view) => (view.answer === 'moved' ? 'lost' : outcome(view)),
  },
  'outcome believes a record that is not ours': {
    outcome: (view) => (view.record === 'other' && view.liveIsOurs === false ? 'lost' : outcome(view)),
  },

  'drain skips holes': { drain: (waiting, view) => drainOver(waiting, view) },
  'drain ignores was': {
    drain: (waiting, view) =>
      drain(
        waiting.map((w) => onCurrent(w, view)),
        view,
      ),
  },
  'drain ignores after': { drain: (waiting, view) => drain(waiting, { ...view, changedAbove: () => 'no' }) },

  'bridge puts the root without a bridge': { bridge: (view, again) => unbridged(view) ?? bridge(view, again) },
  'bridge sets since at the bridge': { bridge: (view, again) => sinceNow(bridge(view, again), view) },
  'bridge does not wait for the grace': { bridge: (view, again) => bridge({ ...view, urgent: true }, again) },
  'bridge drops the old keys at once': { bridge: (view, again) => newestAlone(bridge(view, again)) },
  'bridge takes a grace that is just over for over': {
    bridge: (view, again) => bridge({ ...view, grace: view.grace - 1 }, again),
  },
  'bridge cries that a root is lost before reading again': { bridge: (view) => bridge(view, true) },
  'bridge puts another root than the one that is named': {
    bridge: (view, again) => anyPending(view) ?? bridge(view, again),
  },
  'bridge lets a job repair that cannot sign the snapshot': {
    bridge: (view, again) => unsigned(bridge({ ...view, canSign: view.canStamp }, again)),
  },
  'bridge says that nothing is due after a root was copied': {
    bridge: (view, again) => idle(bridge(view, again), view),
  },
  'bridge trusts the timestamp over the chain': { bridge: (view, again) => namedOnly(view) ?? bridge(view, again) },

  'plan drops the expiry of the timestamp': {
    planTimestamp: (input, settings) =>
      planTimestamp(input, { ...settings, expires: { ...settings.expires, timestamp: 0 } }),
  },
  'plan drops the expiry of the snapshot': {
    planSnapshot: (input, settings) =>
      planSnapshot(input, { ...settings, expires: { ...settings.expires, snapshot: 0 } }),
  },
  'plan drops the expiry of leaves': {
    planLeaf: (leaf, changes, version, now, settings) =>
      planLeaf(leaf, changes, version, now, { ...settings, expires: { ...settings.expires, leaves: 0 } }),
  },
  'plan lowers the version of the snapshot': {
    planSnapshot: (input, settings) => planSnapshot({ ...input, version: Math.max(1, input.version - 2) }, settings),
  },
  'plan lowers the version of the timestamp': {
    planTimestamp: (input, settings) => planTimestamp({ ...input, version: input.version - 1 }, settings),
  },
  'plan lowers the version of leaves': {
    planLeaf: (leaf, changes, version, now, settings) =>
      planLeaf(leaf, changes, Math.max(1, version - 2), now, settings),
  },
  'plan forgets the mark': { planSnapshot: (input, settings) => planSnapshot({ ...input, queue: 0 }, settings) },
  'plan keeps no root in the timestamp that follows': {
    planTimestamp: (input, settings) => planTimestamp({ ...input, root: input.old?.root ?? input.root }, settings),
  },
} satisfies Record<string, Partial<Steps>>;

/** Goes on behind a hole. */
function drainOver(waiting: readonly Waiting[], view: DrainView): ReturnType<typeof drain> {
  const results: ReturnType<typeof drain>['results'][number][] = [];
  const changes = new Map<string, Parameters<DrainView['hasBytes']>[1] | null>();
  let mark = view.mark;
  for (const one of [...waiting].sort((a, b) => a.number - b.number)) {
    const current = (path: string): string | undefined =>
      changes.has(path) ? changes.get(path)?.sha256 : view.current(path);
    const part = drain([one], { ...view, mark: one.number - 1, current });
    results.push(...part.results);
    for (const [path, content] of part.changes) changes.set(path, content);
    mark = one.number;
  }
  return { mark, results, changes, roles: new Map() };
}

/** The entry as if it had been planned on what is live. */
function onCurrent(waiting: Waiting, view: DrainView): Waiting {
  if (!('entry' in waiting)) return waiting;
  const changes = waiting.entry.changes.map((row) => ({ ...row, was: view.current(row.path) ?? null }));
  const entry: Entry = { ...waiting.entry, changes };
  return { number: waiting.number, entry };
}

function unbridged(view: RootView): RootDecision | undefined {
  const root = view.pending[0];
  return root && { kind: 'put', root };
}

function sinceNow(decision: RootDecision, view: RootView): RootDecision {
  if (decision.kind !== 'sign' || decision.names.since !== undefined) return decision;
  return { ...decision, names: { ...decision.names, since: view.now } };
}

/** Once the root is in its place, its keys alone sign. */
function newestAlone(decision: RootDecision): RootDecision {
  if (decision.kind !== 'sign' || decision.names.since === undefined) return decision;
  return { ...decision, sets: decision.sets.slice(-1) };
}

function anyPending(view: RootView): RootDecision | undefined {
  const [root] = view.pending;
  const named = view.timestamp?.root?.version ?? 0;
  return root !== undefined && named === root.version ? { kind: 'put', root } : undefined;
}

/** The snapshot stays as it is. */
function unsigned(decision: RootDecision): RootDecision {
  return decision.kind === 'sign' ? { ...decision, resign: false } : decision;
}

function idle(decision: RootDecision, view: RootView): RootDecision {
  if (decision.kind !== 'sign' || decision.names.since === undefined) return decision;
  return { ...decision, due: view.timestamp?.root?.since === undefined };
}

/** Says that a named root is lost where another one took its place. */
function namedOnly(view: RootView): RootDecision | undefined {
  const named = view.timestamp?.root;
  const newest = view.chain.at(-1)!;
  if (named === undefined || named.version !== newest.signed.version || named.sha256 === view.digest(newest))
    return undefined;
  return { kind: 'lost', named };
}
