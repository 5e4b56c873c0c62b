import type { KeyDiagnosis, SetDiagnosis, SignersDiagnosis } from '../jobs/doctor/signers.ts';
import type { StoreDiagnosis } from '../jobs/doctor/store.ts';
import { shortDigest } from './digest.ts';
import { table } from './table.ts';
import { dateText } from './time.ts';

export function storeDiagnosisText({ store, made, until, checks }: StoreDiagnosis): string {
  const rows = checks.map(({ request, answer }) => [request, answer]);
  return `${table(['request', 'answer'], rows)}${store} keeps its conditions: proved ${dateText(made)}, good until ${dateText(until)}\n`;
}

const STATES = { ok: 'signs', locked: 'not tried', failed: 'FAILS', elsewhere: '' } as const;
const SOURCES = { newest: '', live: ' (live timestamp)', pending: ' (pending)', draft: ' (draft)' } as const;

export function signersDiagnosisText({ keys, sets, exitCode }: SignersDiagnosis): string {
  const ofKeys = table(['key', 'scheme', 'keyid', 'roles', 'private key', ''], keys.map(keyRow));
  const ofSets = sets.length === 0 ? '' : table(['root', 'role', 'needs', 'keys that sign here', ''], sets.map(setRow));
  const notes = [...keys.flatMap(keyNote), ...sets.flatMap(setNote)];
  const said = exitCode === 0 ? 'all keys that are needed here sign\n' : '';
  return `${ofKeys}${ofSets}${notes.map((note) => `${note}\n`).join('')}${said}`;
}

function keyRow({ name, scheme, keyid, roles, uri, state }: KeyDiagnosis): string[] {
  return [name, scheme, shortDigest(keyid), roles.join(', '), uri ?? 'elsewhere', STATES[state]];
}

function setRow({ root, source, role, threshold, here, others, complete }: SetDiagnosis): string[] {
  const needs = `${threshold} of ${here.length + others.length}`;
  return [`${root}${SOURCES[source]}`, role, needs, here.join(', ') || 'none', complete ? 'OK' : 'LACKING'];
}

function keyNote({ name, problem }: KeyDiagnosis): string[] {
  if (problem === undefined) return [];
  return [`${name}: ${problem.message}${problem.hint === undefined ? '' : `\n  next: ${problem.hint}`}`];
}

/** What to do is the same for each role of a set: the keys have to be here. */
function setNote({ root, source, role, others, complete }: SetDiagnosis): string[] {
  if (complete) return [];
  const after = source === 'pending' || source === 'draft' ? 'before that root is published' : 'or run the job there';
  const next = `next: bring a key of ${others.join(' or ')} here (\`tufa key import URI --holder NAME\`), ${after}`;
  return [`root ${root}${SOURCES[source]}: ${role} cannot be signed on this machine\n  ${next}`];
}
