import { TrustError } from '../errors.ts';
import type { Content } from '../queue/envelope.ts';
import type { Trusted } from '../tuf/checks.ts';
import type { Evidence } from '../tuf/evidence.ts';
import { metadataName } from '../tuf/layout.ts';
import type { Root, Verified } from '../tuf/model.ts';
import { count } from '../tuf/run.ts';
import type { Steps } from '../tuf/walk.ts';
import { Client } from '../tuf/walk.ts';
import type { Leaf } from './roles.ts';
import { askTufJs, SECOND_OPINION_ROLES, SECOND_OPINION_TARGETS } from './second-opinion.ts';

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
  /** Online roles that were signed, and who delegates to them: each is verified whole. */
  readonly leaves: readonly Pick<Leaf, 'name' | 'delegator'>[];
  readonly now: Date;
  /** What is known of these bytes already. */
  readonly evidence: Evidence;
  readonly warn: (message: string) => void;
}

/** Paths that are looked up; every signed role is verified whole, whatever their number. */
const MAX_PATHS = 64;

/**
 * A role that has expired and is not signed here must not stop the commit that keeps the others alive: it is no worse
 * afterwards than before (incidents 4: a gate that compares with "valid" instead of with "now" blocked the repair).
 * @returns the new state as the clients of the last root see it
 */
export async function rehearse(rehearsal: Rehearsal): Promise<Trusted> {
  try {
    return await rehearseAt(rehearsal, rehearsal.now);
  } catch (error) {
    if (!(error instanceof TrustError) || error.code !== 'trust.expired' || isOurs(error, rehearsal)) throw error;
    rehearsal.warn(`${error.message}: clients refuse it until it is signed again`);
    return rehearseAt(rehearsal, undefined);
  }
}

function isOurs({ details }: TrustError, { files }: Rehearsal): boolean {
  const [role = '', version = ''] = (details.object ?? '').split(' ');
  return role === 'timestamp' || files.has(`${version}.${role}.json`);
}

async function rehearseAt(rehearsal: Rehearsal, now: Date | undefined): Promise<Trusted> {
  const { roots, before } = rehearsal;
  const expected = new Map([...rehearsal.changes].slice(0, MAX_PATHS));
  let result: Trusted | undefined;
  let largest = 0;
  for (const root of roots) {
    const fresh: Trusted = { root, timestamp: undefined, snapshot: undefined };
    const starts = before?.root === root ? [fresh, before] : [fresh];
    for (const start of starts) {
      const walked = await walkFrom(start, rehearsal, expected, now);
      result = walked.trusted;
      largest = Math.max(largest, walked.largest);
    }
    if (result?.snapshot !== undefined && count(result.snapshot.signed.meta) <= SECOND_OPINION_ROLES) {
      await askTufJs({
        root,
        now: now ?? new Date(0),
        expected: new Map(
          [...(largest > SECOND_OPINION_TARGETS ? [] : expected)].map(([path, content]) => [
            path,
            content?.sha256 ?? null,
          ]),
        ),
        read: (name) => readEither(rehearsal, name),
      });
    }
  }
  return result!;
}

/** @returns `largest` is the number of targets in the largest role that was signed */
async function walkFrom(
  start: Trusted,
  rehearsal: Rehearsal,
  expected: ReadonlyMap<string, Content | null>,
  now: Date | undefined,
): Promise<{ trusted: Trusted; largest: number }> {
  const client = new Client(start, rehearsal.evidence);
  await drive(client.refresh(now), rehearsal);
  let largest = 0;
  for (const { name, delegator } of rehearsal.leaves) {
    const { signed } = await drive(client.loadRole(name, delegator, now), rehearsal);
    largest = Math.max(largest, count(signed.targets));
  }
  for (const [path, content] of expected) {
    const found = await drive(client.findTarget(path, now), rehearsal);
    if (found?.sha256 !== content?.sha256 || found?.length !== content?.length) {
      throw new TrustError('the new state does not show the change', {
        object: path,
        expected: content?.sha256 ?? 'absent',
        found: found?.sha256 ?? 'absent',
        code: 'trust.rehearsal',
      });
    }
  }
  return { trusted: client.trusted, largest };
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
