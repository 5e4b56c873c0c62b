import { TrustError } from '../errors.ts';
import type { Content } from '../queue/envelope.ts';
import type { Trusted } from '../tuf/checks.ts';
import { metadataName } from '../tuf/layout.ts';
import type { Root, Verified } from '../tuf/model.ts';
import { count } from '../tuf/run.ts';
import type { Steps } from '../tuf/walk.ts';
import { Client } from '../tuf/walk.ts';
import { askTufJs, SECOND_OPINION_ROLES } from './second-opinion.ts';

/**
 * rehearse: before anything becomes visible, the result is walked as clients walk it, fresh and from the state before,
 * once from each root whose keys have signed. What any of them refuses is not published.
 */

export interface Rehearsal {
  /** New files by name below `metadata/`. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** A file of the live state; undefined: there is none. */
  read(name: string): Promise<Uint8Array | undefined>;
  /** Each root whose clients must be able to refresh. */
  readonly roots: readonly Verified<Root>[];
  /** What a client that was here before has kept. */
  readonly before: Trusted | undefined;
  readonly changes: ReadonlyMap<string, Content | null>;
  readonly now: Date;
}

/** Paths that are looked up; every changed role is verified whole, whatever their number. */
const MAX_PATHS = 64;

/** @returns the new state as the clients of the last root see it */
export async function rehearse(rehearsal: Rehearsal): Promise<Trusted> {
  const { roots, before, now } = rehearsal;
  const expected = new Map([...rehearsal.changes].slice(0, MAX_PATHS));
  let result: Trusted | undefined;
  for (const root of roots) {
    const fresh: Trusted = { root, timestamp: undefined, snapshot: undefined };
    const starts = before?.root === root ? [fresh, before] : [fresh];
    for (const start of starts) result = await walkFrom(start, rehearsal, expected);
    if (result?.snapshot !== undefined && count(result.snapshot.signed.meta) <= SECOND_OPINION_ROLES) {
      await askTufJs({
        root,
        now,
        expected: new Map([...expected].map(([path, content]) => [path, content?.sha256 ?? null])),
        read: (name) => readEither(rehearsal, name),
      });
    }
  }
  return result!;
}

async function walkFrom(
  start: Trusted,
  rehearsal: Rehearsal,
  expected: ReadonlyMap<string, Content | null>,
): Promise<Trusted> {
  const client = new Client(start);
  await drive(client.refresh(rehearsal.now), rehearsal);
  for (const [path, content] of expected) {
    const found = await drive(client.findTarget(path, rehearsal.now), rehearsal);
    if (found?.sha256 !== content?.sha256 || found?.length !== content?.length) {
      throw new TrustError('the new state does not show the change', {
        object: path,
        expected: content?.sha256 ?? 'absent',
        found: found?.sha256 ?? 'absent',
        code: 'trust.rehearsal',
      });
    }
  }
  return client.trusted;
}

async function drive<T>(steps: Steps<T>, rehearsal: Rehearsal): Promise<T> {
  let step = steps.next();
  while (!step.done) {
    const { name, from } = step.value;
    step = steps.next(from === 'kept' ? undefined : await readEither(rehearsal, name));
  }
  return step.value;
}

function readEither(rehearsal: Rehearsal, name: string): Promise<Uint8Array | undefined> {
  // Roots were verified one by the other when the chain was read; each rehearsal stays with the one that it starts from.
  if (/^\d+\.root\.json$/.test(name)) return Promise.resolve(undefined);
  const file = rehearsal.files.get(name);
  return file === undefined ? rehearsal.read(name) : Promise.resolve(file);
}

/** Name of a role's file below `metadata/`. */
export function fileName(role: string, version: number): string {
  return role === 'timestamp' ? metadataName('timestamp') : metadataName(role, version);
}
