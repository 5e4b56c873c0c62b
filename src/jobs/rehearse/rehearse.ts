import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stagingName } from '../../config/staging.ts';
import type { Workspace } from '../../config/workspace.ts';
import { EXIT } from '../../errors.ts';
import { TrustedState } from '../../trusted/state.ts';
import { nextRoot } from '../../tuf/checks.ts';
import type { Reporter } from '../context.ts';
import { SILENT } from '../context.ts';
import { makeStaging } from '../staging.ts';
import { firstCeremony, renewal, rotation } from './ceremonies.ts';
import { Rehearsing } from './rehearsing.ts';

export interface RehearsalStep {
  readonly title: string;
  readonly did: readonly string[];
  /** What was true afterwards; the first that is not ends the rehearsal with its error. */
  readonly checked: readonly string[];
}

export interface Rehearsal {
  readonly repository: { readonly name: string; readonly uuid: string };
  readonly steps: readonly RehearsalStep[];
  /** How many signatures the holders made. */
  readonly signatures: number;
}

/** More leaves only cost time: a ceremony signs none of them. */
const MAX_BITS = 4;
const NAME_LENGTH = 64;

/**
 * ceremony rehearse: a whole ceremony in a temporary staging copy with throw-away key files: first root, renewal, and a
 * root that replaces a lost key. Of the workspace itself tufa.yaml, `holders/` and the trusted root are read; nothing of it
 * is written, none of its keys is opened, and its store is not asked.
 */
export async function rehearse(workspace: Workspace, reporter: Reporter = SILENT): Promise<Rehearsal> {
  const folder = await mkdtemp(join(tmpdir(), 'tufa-rehearsal-'));
  // Ctrl-C ends the process without coming to `finally`.
  const sweep = (): void => rmSync(folder, { recursive: true, force: true });
  process.once('exit', sweep);
  try {
    return await play(workspace, folder, reporter);
  } finally {
    await rm(folder, { recursive: true, force: true });
    process.off('exit', sweep);
  }
}

async function play(workspace: Workspace, folder: string, reporter: Reporter): Promise<Rehearsal> {
  const { repository, bins, recent } = workspace.config;
  const steps: RehearsalStep[] = [];
  const add = (step: RehearsalStep): void => {
    steps.push(step);
    reporter.progress('steps', steps.length, 0);
  };
  const rehearsing = new Rehearsing(workspace.clock);
  const name = stagingName(repository.name)
    .slice(-NAME_LENGTH)
    .replace(/^[^a-zA-Z0-9]+/, '');
  const names = { name, uuid: randomUUID(), maxBits: MAX_BITS };
  const { workspace: staging, keys } = await makeStaging(workspace, join(folder, 'staging'), names, rehearsing.clock);
  rehearsing.use(staging);
  try {
    await rehearsing.assertStrangers(workspace);
    const fewer = [bins.bits, recent.bits].some((bits) => bits > MAX_BITS);
    add({
      title: 'a staging copy',
      did: [
        `laid down ${name} in a temporary folder, ${names.uuid}`,
        `made throw-away key files of ${keys.join(', ')}`,
        ...(fewer ? [`took ${2 ** MAX_BITS} bins at most: no ceremony signs a bin`] : []),
      ],
      checked: [`none of these keys is one of ${repository.name}'s`],
    });
    add(await firstCeremony(rehearsing));
    for (let more = rehearsing.unsigned(); more.length > 0; more = rehearsing.unsigned())
      add(await renewal(rehearsing, more));
    add(await rotation(rehearsing));
    const refused = await refusedBy(workspace, rehearsing);
    add({
      title: 'the end',
      did: ['removed the temporary folder with everything in it'],
      checked: [
        `nothing of this is valid for ${repository.name}: its drafts name another uuid, its keys are strangers`,
        ...(refused === undefined ? [] : [refused]),
      ],
    });
    return { repository: { name: repository.name, uuid: repository.uuid }, steps, signatures: rehearsing.signatures };
  } finally {
    await rehearsing.staging.close();
  }
}

/** A root of the rehearsal, put to the root that the workspace trusts. @returns undefined: it trusts none yet */
async function refusedBy(workspace: Workspace, rehearsing: Rehearsing): Promise<string | undefined> {
  const trusted = (await new TrustedState(await workspace.trustedStore()).load())?.root;
  if (trusted === undefined) return undefined;
  const { version, bytes } = await rehearsing.liveRoot();
  await rehearsing.refuses('a root of the rehearsal was accepted', EXIT.trust, async () => nextRoot(trusted, bytes));
  return `root ${trusted.signed.version} of ${workspace.config.repository.name} refuses root ${version} of the rehearsal`;
}
