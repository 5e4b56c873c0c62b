import type { Workspace } from '../../config/workspace.ts';
import { ConfigurationError, ConflictError, InputError, PersonError } from '../../errors.ts';
import { canonical } from '../../tuf/encode.ts';
import { list, map, positive, sha256, text } from '../../tuf/fields.ts';
import { parseJson } from '../../tuf/json.ts';

/**
 * A recovery that was begun, in the journal: while it is open, no other command of this workspace takes over what is live,
 * which would put the thief's work under the new keys.
 */
export interface RecoveryNote {
  readonly roles: readonly string[];
  readonly good: { readonly version: number; readonly sha256: string };
  /** Root first. */
  readonly drafts: readonly { readonly role: string; readonly version: number }[];
  /** UTC. */
  readonly opened: string;
  /** What ended it. */
  readonly done?: { readonly version: number; readonly when: string } | undefined;
}

const NOTE = 'recovery.json';
const MAX_NOTE = 1024 * 1024;

/** @throws ConfigurationError when it is damaged */
export async function loadNote(workspace: Workspace): Promise<RecoveryNote | undefined> {
  const journal = await workspace.journal();
  const object = await journal.get(NOTE, { maxLength: MAX_NOTE });
  if (object === undefined) return undefined;
  try {
    return decodeNote(object.bytes);
  } catch (cause) {
    if (!(cause instanceof InputError)) throw cause;
    // Without it nobody here knows whether what is live is a thief's, so that nothing goes on.
    throw new ConfigurationError('the note of a recovery is damaged', {
      object: `${journal.uri}/${NOTE}`,
      found: cause.message,
      hint: 'put it back from a backup; move it away only where no recovery from a compromise was begun',
      cause,
    });
  }
}

function decodeNote(bytes: Uint8Array): RecoveryNote {
  const note = map(parseJson(bytes, { what: NOTE }), NOTE);
  const good = map(note.get('good'), 'good');
  const done = note.has('done') ? map(note.get('done'), 'done') : undefined;
  return {
    roles: list(note.get('roles'), 'roles').map((role) => text(role, 'roles')),
    good: { version: positive(good.get('version'), 'version'), sha256: sha256(good.get('sha256'), 'sha256') },
    drafts: list(note.get('drafts'), 'drafts').map((value) => {
      const draft = map(value, 'draft');
      return { role: text(draft.get('role'), 'role'), version: positive(draft.get('version'), 'version') };
    }),
    opened: text(note.get('opened'), 'opened'),
    done: done && { version: positive(done.get('version'), 'version'), when: text(done.get('when'), 'when') },
  };
}

export async function saveNote(workspace: Workspace, note: RecoveryNote): Promise<void> {
  const journal = await workspace.journal();
  const old = await journal.get(NOTE, { maxLength: MAX_NOTE });
  const { roles, opened, good, done, drafts } = note;
  const bytes = canonical({
    roles,
    opened,
    good: { ...good },
    done: done && { ...done },
    drafts: drafts.map((draft) => ({ ...draft })),
  });
  if ((await journal.swap(NOTE, bytes, old?.etag)) !== 'moved') return;
  throw new ConflictError('another recovery is being begun', { object: NOTE, hint: 'run the command again' });
}

/** A recovery whose drafts were given up is none. */
export async function openNote(workspace: Workspace): Promise<RecoveryNote | undefined> {
  const note = await loadNote(workspace);
  if (note === undefined || note.done !== undefined) return undefined;
  const drafts = await (await workspace.ceremonies()).list();
  const there = note.drafts.some(({ role, version }) => drafts.some((d) => d.role === role && d.version === version));
  return there ? note : undefined;
}

/** @throws PersonError while a recovery is open */
export async function assertNoRecovery(workspace: Workspace): Promise<void> {
  const note = await openNote(workspace);
  if (note === undefined) return;
  const drafts = note.drafts.map(({ role, version }) => `${role} ${version}`).join(', ');
  throw new PersonError('a recovery from a compromise is open, and what is live may be the work of a thief', {
    object: 'recover compromise',
    code: 'person.recovery',
    expected: `${drafts} to be signed and carried out`,
    found: `a recovery to version ${note.good.version}, opened ${note.opened}`,
    hint: `tufa sign, then ${recoverCommand(note)}; to give it up: tufa ceremony abandon ${note.drafts.map(({ role }) => role).join(' ')}`,
  });
}

/** What to type to go on. */
export function recoverCommand({ roles, good }: Pick<RecoveryNote, 'roles' | 'good'>): string {
  return `tufa recover compromise ${roles.map((role) => `--role ${role}`).join(' ')} --good ${good.version}`;
}
