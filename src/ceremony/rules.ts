import { InputError } from '../errors.ts';
import type { Client } from '../tuf/clients.ts';
import { assertClients } from '../tuf/clients.ts';
import type { Finding } from '../tuf/limits.ts';
import { checkRoot, checkRootCount, checkSizes, refusal, refuseFindings } from '../tuf/limits.ts';
import { checkReach, checkTree } from '../tuf/lint.ts';
import type { Delegations, Root, SignedPart } from '../tuf/model.ts';
import { FORMS } from '../tuf/tree.ts';

/** What a draft must keep to before anybody signs it, and a root before it is published. */

/** Bytes that a signature adds to a file, with its keyid: RSA of 4,096 bits is the longest. */
const SIGNATURE = 1200;

export interface Checked {
  readonly role: string;
  readonly signed: SignedPart;
  /** Bytes of the signed part. */
  readonly length: number;
}

/**
 * Everything that is wrong with a draft, for everybody or for a client that is served.
 * @param oldest the first root that clients may still start from
 */
export function checkDraft({ role, signed, length }: Checked, clients: readonly Client[], oldest = 1): Finding[] {
  const { version } = signed;
  if (signed.type === 'root') {
    const signers = signed.roles.root.keyids.length;
    return [
      ...rootRules(signed),
      ...checkRoot(signed, clients),
      ...checkSizes([{ role, version, length: length + signers * SIGNATURE }], clients),
      ...checkRootCount(version, oldest, clients),
    ];
  }
  const delegations = signed.type === 'targets' ? signed.delegations : undefined;
  return [
    ...(delegations === undefined ? [] : checkTree(new Map([[role, delegations]]), clients)),
    ...(role === 'targets' && signed.repository !== undefined ? checkForms(delegations, clients) : []),
    ...checkSizes([{ role, version, length: length + 2 * SIGNATURE }], clients),
  ];
}

/** Every form of path that is published has its role, which clients reach before they give up (section 4.5). */
function checkForms(delegations: Delegations | undefined, clients: readonly Client[]): Finding[] {
  const delegated = delegations ?? { keys: new Map(), roles: [], succinct: undefined };
  const names = new Set(delegated.roles.map(({ name }) => name));
  const listings = FORMS.map(({ path, roles }) => ({ path, role: roles.find((name) => names.has(name)) ?? roles[0] }));
  return checkReach(new Map([['targets', delegated]]), listings, clients);
}

/** PEP 458: no single key rules, and one that is lost can be replaced. */
function* rootRules({ roles }: Root): Generator<Finding> {
  const { keyids, threshold } = roles.root;
  const found = `${threshold} of ${keyids.length}`;
  if (threshold < 2) yield refusal('root.threshold', 'keys of root', 'one key alone would rule', 'at least 2', found);
  if (keyids.length <= threshold) {
    const expected = `more than ${threshold} keys for a threshold of ${threshold}`;
    yield refusal('root.spare', 'keys of root', 'one lost key would be for ever', expected, found);
  }
}

/**
 * Refuses what nobody has said to accept.
 *
 * @param breaks names of clients that may be left behind, as somebody typed them
 * @returns what is left to be said: warnings, and refusals that were overridden
 * @throws InputError naming each client that could not read it
 */
export function refuseUnless(findings: readonly Finding[], breaks: readonly string[]): Finding[] {
  assertClients(breaks);
  const accepted = (finding: Finding): boolean =>
    finding.client?.split(', ').every((client) => breaks.includes(client)) === true;
  const refusals = findings.filter((finding) => finding.severity === 'refuse' && !accepted(finding));
  // What is wrong for everybody is nobody's to override.
  refuseFindings(refusals.filter(({ client }) => client === undefined));
  const [first] = refusals;
  if (first !== undefined) throw breaksClients(first, refusals, breaks);
  return findings.map((finding) => (accepted(finding) ? { ...finding, severity: 'warn' as const } : finding));
}

/** Names each client that it would break, and for what. */
function breaksClients(first: Finding, refusals: readonly Finding[], breaks: readonly string[]): InputError {
  const { check, object, expected, found } = first;
  const why = new Set(refusals.map(({ message, client }) => `${message} for ${client}`));
  const clients = new Set(refusals.flatMap(({ client = '' }) => client.split(', ')));
  const lacking = [...clients].filter((client) => !breaks.includes(client));
  const flags = lacking.map((name) => `--break-clients ${name}`);
  return new InputError([...why].join('; '), {
    object,
    code: `input.${check}`,
    expected,
    found,
    hint: `to leave ${lacking.join(', ')} behind for ever, add: ${flags.join(' ')}`,
  });
}

/** A finding as a sentence. */
export function findingText({ object, message, expected, found, client }: Finding): string {
  return `${object}: ${message}${client === undefined ? '' : ` for ${client}`}: expected ${expected}, found ${found}`;
}
