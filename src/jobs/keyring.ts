import type { Holder, Workspace } from '../config/workspace.ts';
import { SignerError, TufaError } from '../errors.ts';
import type { Signer } from '../signers/port.ts';
import type { Keyring, SigningSet } from '../transaction/context.ts';
import type { Signature } from '../tuf/model.ts';

/**
 * Whose keys a job of this workspace may sign with: those with a URI, the active key of each role first. A standby key is
 * never taken by itself (`rotate --to-standby` does).
 */
export async function usableHolders(workspace: Workspace): Promise<Holder[]> {
  const holders = await workspace.holders();
  const online = Object.values(workspace.config.online);
  const active = new Set(online.map((role) => role.key));
  const standby = new Set(online.flatMap((role) => (role.standby === undefined ? [] : [role.standby])));
  const rank = (name: string): number => (active.has(name) ? 0 : 1);
  return [...holders.values()]
    .filter((holder) => holder.uri !== undefined && (active.has(holder.name) || !standby.has(holder.name)))
    .sort((a, b) => rank(a.name) - rank(b.name));
}

/**
 * The online keys of a workspace: public keys from `holders/`, opened by their URIs when they are needed.
 * @param without keyids that are not used, whatever `holders/` says
 */
export async function openKeyring(workspace: Workspace, without: ReadonlySet<string> = new Set()): Promise<Keyring> {
  const usable = (await usableHolders(workspace)).filter(({ keyid }) => !without.has(keyid));
  const candidates = (set: SigningSet): string[] =>
    usable.filter((holder) => set.role.keyids.includes(holder.keyid)).map((holder) => holder.name);

  return {
    canSign: (set) => candidates(set).length >= set.role.threshold,
    sign: async (sets, payload, subject, verify) => {
      const signatures = new Map<string, Signature>();
      for (const set of sets) {
        const names = candidates(set);
        if (names.length < set.role.threshold) throw missing(subject, set, names);
        for (const name of names.slice(0, set.role.threshold)) {
          const signer = await open(workspace, name);
          if (!signatures.has(signer.keyid))
            signatures.set(signer.keyid, { keyid: signer.keyid, sig: await signer.sign({ payload, subject, verify }) });
        }
      }
      return [...signatures.values()];
    },
  };
}

function missing(subject: string, set: SigningSet, names: readonly string[]): SignerError {
  const wanted = set.role.keyids.map((keyid) => keyid.slice(0, 8)).join(', ');
  return new SignerError('not enough keys to sign', {
    object: subject,
    expected: `${set.role.threshold} of the keys ${wanted} with a URI in holders/`,
    found: names.length === 0 ? 'none' : names.join(', '),
    hint: 'type `tufa key list` to see which keys this workspace can open',
  });
}

/** A key that is not where it should be may be lost; then its standby takes over, and a person has to say so. */
async function open(workspace: Workspace, name: string): Promise<Signer> {
  const { timestamp, snapshot } = workspace.config.online;
  const lost = [timestamp, snapshot].some((role) => role.key === name && role.standby !== undefined);
  try {
    return await workspace.signer(name);
  } catch (error) {
    if (!lost || !(error instanceof TufaError) || error.details.found !== 'nothing there') throw error;
    throw new SignerError('the active key is not there', {
      object: name,
      expected: error.details.object ?? 'its key file',
      found: 'nothing',
      hint: 'if it is lost, type `tufa rotate --to-standby`',
      cause: error,
    });
  }
}
