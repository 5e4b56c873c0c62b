import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ConflictError, EXIT, PersonError, TrustError } from '../../errors.ts';
import { openCeremony } from '../ceremony/open.ts';
import { publishCeremony } from '../ceremony/publish.ts';
import { SILENT } from '../context.ts';
import { generateKeys } from '../keys.ts';
import { publish } from '../publish.ts';
import type { RehearsalStep } from './rehearse.ts';
import type { Rehearsing } from './rehearsing.ts';

/** The ceremonies of a rehearsal, each with what was checked. */

/** A client that is there from the first publication on. */
const EARLY = 'early';
/** A role may wait for the grace after root, and one below for that one. */
const TRIES = 4;

/** Root 1 and the offline roles below it, and the first publication. */
export async function firstCeremony(rehearsing: Rehearsing): Promise<RehearsalStep> {
  const drawn = await rehearsing.lacking();
  const { did, checked } = await everybodySigns(rehearsing, rehearsing.holders, {
    // Nobody trusts a root yet.
    exitCode: EXIT.trust,
    attempt: () => publish(rehearsing.staging),
  });
  const { version } = await publish(rehearsing.staging);
  const walked = await rehearsing.client(EARLY);
  return {
    title: 'first ceremony',
    did: [`drew ${drawn.join(', ')}`, ...did, `published version ${version}`],
    checked: [...checked, `a new client reads all ${walked.roles} roles; ${walked.secondOpinion.join(' and ')} agree`],
  };
}

/** The same keys sign everything again. @param first holders who come first: they have not signed yet */
export async function renewal(rehearsing: Rehearsing, first: readonly string[]): Promise<RehearsalStep> {
  const { roles } = rehearsing.staging.config;
  const wanted = Object.keys(roles).filter((role) => roles[role as keyof typeof roles] !== undefined);
  const { drafts } = await openCeremony(rehearsing.staging, { roles: wanted });
  const order = [...first, ...rehearsing.holders.filter((name) => !first.includes(name))];
  const { did, checked } = await everybodySigns(rehearsing, order, publishedEarly(rehearsing));
  return {
    title: `renewal, for ${first.join(', ')} to sign as well`,
    did: [
      `drew ${drafts.map(({ role, version }) => `${role} ${version}`).join(', ')}`,
      ...did,
      await putLive(rehearsing),
    ],
    checked: [...checked, ...(await clientsFollow(rehearsing))],
  };
}

/** A token is lost: those who are left bring in another key. */
export async function rotation(rehearsing: Rehearsing): Promise<RehearsalStep> {
  const holder = replaceable(rehearsing);
  const before = await rehearsing.staging.holder(holder);
  const fresh = await replaceKey(rehearsing, holder);
  const { drafts } = await openCeremony(rehearsing.staging, { roles: ['root'] });
  const order = [fresh, ...rehearsing.holders.filter((name) => name !== fresh)];
  const { did, checked } = await everybodySigns(rehearsing, order, publishedEarly(rehearsing));
  const live = await putLive(rehearsing);
  const { version, keyids } = await rehearsing.liveRoot();
  if (keyids.includes(before.keyid))
    throw new TrustError('the lost key still signs', { object: `root ${version}`, expected: fresh, found: holder });
  return {
    title: `the key of ${holder} is lost`,
    did: [
      `destroyed it, made the key ${fresh} and put that name into tufa.yaml`,
      `drew ${drafts.map((one) => `${one.role} ${one.version}`).join(', ')}`,
      ...did,
      live,
    ],
    checked: [
      ...checked,
      `root ${version} went live without a signature of ${holder}, and does not name that key any more`,
      ...(await clientsFollow(rehearsing)),
    ],
  };
}

interface Early {
  readonly exitCode: number;
  readonly attempt: () => Promise<unknown>;
}

/** A ceremony that lacks signatures cannot be published. */
function publishedEarly({ staging }: Rehearsing): Early {
  return { exitCode: EXIT.person, attempt: () => publishCeremony(staging, {}) };
}

/** Holders sign one after the other until nothing is missing. @param early what must be refused until then */
async function everybodySigns(
  rehearsing: Rehearsing,
  order: readonly string[],
  early: Early,
): Promise<Pick<RehearsalStep, 'did' | 'checked'>> {
  const did: string[] = [];
  const checked: string[] = [];
  for (const holder of order) {
    const lacking = await rehearsing.lacking();
    if (lacking.length === 0) break;
    if (did.length > 0 && checked.length === 0) {
      await rehearsing.refuses('published without its threshold', early.exitCode, early.attempt);
      checked.push('with the first signature alone nothing can be published');
    }
    const signed = await rehearsing.sit(holder);
    if (signed.length > 0) did.push(`${holder} signed ${signed.join(', ')}`);
  }
  const missing = await rehearsing.lacking();
  if (missing.length === 0) return { did, checked: [...checked, 'every threshold is there'] };
  throw new PersonError('these holders are not enough', {
    object: missing.join(', '),
    code: 'person.signatures',
    expected: 'every threshold',
    found: `signatures of ${order.join(', ')}`,
    hint: 'more holders, or a lower threshold, in tufa.yaml: roles',
  });
}

/** Carries everything live; where people would wait for the grace after a root, the clock is put forward. */
async function putLive(rehearsing: Rehearsing): Promise<string> {
  const live: string[] = [];
  let waited = 0;
  for (let i = 0; i < TRIES; i++) {
    const { published } = await publishCeremony(rehearsing.staging, {}, SILENT);
    live.push(...published.filter(({ state }) => state === 'live').map(({ draft }) => draft));
    if (published.every(({ state }) => state === 'live' || state === 'already')) {
      const grace = waited === 0 ? '' : '; the grace after a root was skipped by putting the clock forward';
      rehearsing.passGrace();
      return `published ${live.join(', ')}${grace}`;
    }
    rehearsing.passGrace();
    waited++;
  }
  throw new ConflictError('not everything went live', { expected: 'every draft', found: live.join(', ') || 'none' });
}

async function clientsFollow(rehearsing: Rehearsing): Promise<string[]> {
  // As the job does after the grace: the timestamp is signed by the new root's keys.
  await publish(rehearsing.staging);
  const { root } = await rehearsing.client(EARLY);
  const fresh = await rehearsing.client(`from-${root}`);
  return [
    `the client of the first day follows to root ${root}`,
    `a new client follows from root 1; ${fresh.secondOpinion.join(' and ')} agree`,
  ];
}

/** A holder of root whose key every role can do without. @throws PersonError: a lost key would be for ever */
function replaceable({ staging }: Rehearsing): string {
  const { roles } = staging.config;
  const spare = roles.root.holders.find((name) =>
    Object.values(roles).every((role) => !role?.holders.includes(name) || role.holders.length > role.threshold),
  );
  if (spare !== undefined) return spare;
  throw new PersonError('no holder may lose a key', {
    object: 'tufa.yaml: roles',
    code: 'person.no-spare',
    expected: 'for each role more holders than its threshold',
    found: 'every holder of root is indispensable to some role',
    hint: 'add a holder to the roles whose threshold is as high as the number of holders',
  });
}

/** @returns name of the new key */
async function replaceKey(rehearsing: Rehearsing, holder: string): Promise<string> {
  const { staging } = rehearsing;
  const known = await staging.holders();
  let fresh = `${holder.slice(0, 60)}-2`;
  for (let i = 3; known.has(fresh); i++) fresh = `${holder.slice(0, 60)}-${i}`;
  const { roles } = staging.config;
  const edits = Object.entries(roles).flatMap(([role, who]): [string[], string[]][] =>
    who?.holders.includes(holder)
      ? [[['roles', role, 'holders'], who.holders.map((name) => (name === holder ? fresh : name))]]
      : [],
  );
  await rm(join(staging.dir, 'private', `${holder}.pem`));
  rehearsing.lose(holder);
  await rehearsing.reconfigure(new Map(edits));
  await generateKeys(rehearsing.staging, { holders: [fresh], online: false, scheme: 'ed25519', plain: true });
  return fresh;
}
