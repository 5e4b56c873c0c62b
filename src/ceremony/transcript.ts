import { sha256Hex } from '../tuf/digest.ts';
import { canonical } from '../tuf/encode.ts';
import { list, map } from '../tuf/fields.ts';
import { parseJson } from '../tuf/json.ts';
import { metadataName } from '../tuf/layout.ts';
import type { Json } from '../tuf/model.ts';
import type { Change } from './diff.ts';
import type { Ceremonies, Draft } from './drafts.ts';

/**
 * What happened in a ceremony, for the public: what was signed, by whom, when, with which digests and keys. It is made of
 * the ceremony's own folder, and written anew whenever something is added; times are those of the machines that did it.
 */
export interface Transcript {
  readonly role: string;
  readonly version: number;
  /** sha256 and length of the exact bytes that were signed. */
  readonly sha256: string;
  readonly length: number;
  readonly base: number;
  readonly drawn: string | undefined;
  /** What it changes against the version that it replaces. */
  readonly changes: readonly Change[];
  readonly signatures: readonly {
    readonly holder: string;
    readonly keyid: string;
    readonly when: string | undefined;
  }[];
  readonly complete: { readonly file: string; readonly sha256: string } | undefined;
  readonly published: { readonly when: string; readonly state: string } | undefined;
}

export const TRANSCRIPT_JSON = 'transcript.json';
export const TRANSCRIPT_MARKDOWN = 'transcript.md';

/** What the folder does not say by itself. */
export type Noted = Partial<Pick<Transcript, 'base' | 'drawn' | 'changes' | 'published'>>;

/** Writes both forms of the transcript; what was noted before stays unless it is noted again. */
export async function writeTranscript(ceremonies: Ceremonies, { role, version }: Draft, noted: Noted): Promise<void> {
  const draft = await ceremonies.load(role, version);
  const transcript = makeTranscript(draft, { ...(await readNoted(ceremonies, draft)), ...noted });
  await ceremonies.putFile(draft, TRANSCRIPT_MARKDOWN, Buffer.from(markdown(transcript)));
  // Last: it is what the next one is made of.
  await ceremonies.putFile(draft, TRANSCRIPT_JSON, encode(transcript));
}

export function makeTranscript(draft: Draft, { base = 0, drawn, changes = [], published }: Noted): Transcript {
  const { role, version, bytes, signatures, complete } = draft;
  return {
    role,
    version,
    sha256: sha256Hex(bytes),
    length: bytes.length,
    base,
    drawn,
    changes,
    signatures: [...signatures].map(([holder, { keyid, when }]) => ({ holder, keyid, when })),
    complete: complete && { file: metadataName(role, version), sha256: sha256Hex(complete) },
    published,
  };
}

export async function readNoted(ceremonies: Ceremonies, draft: Draft): Promise<Noted> {
  const bytes = await ceremonies.getFile(draft, TRANSCRIPT_JSON);
  return bytes === undefined ? {} : decodeNoted(bytes);
}

/** @throws InputError */
export function decodeNoted(bytes: Uint8Array): Noted {
  const noted = map(parseJson(bytes, { what: TRANSCRIPT_JSON }), TRANSCRIPT_JSON);
  const published = noted.get('published');
  const [base, drawn] = [noted.get('base'), noted.get('drawn')];
  return {
    ...(typeof base === 'number' ? { base } : {}),
    ...(typeof drawn === 'string' ? { drawn } : {}),
    changes: list(noted.get('changes'), 'changes').map(decodeChange),
    ...(published instanceof Map
      ? { published: { when: String(published.get('when')), state: String(published.get('state')) } }
      : {}),
  };
}

function decodeChange(value: Json): Change {
  const change = map(value, 'change');
  const text = (name: string): string | undefined => {
    const member = change.get(name);
    return typeof member === 'string' ? member : undefined;
  };
  return {
    kind: (text('kind') ?? 'field') as Change['kind'],
    flagged: change.get('flagged') === true,
    subject: text('subject') ?? '',
    before: text('before'),
    after: text('after'),
    holder: text('holder'),
    why: text('why'),
  };
}

function encode(transcript: Transcript): Buffer {
  const { changes, signatures, complete, published, ...rest } = transcript;
  return canonical({
    ...rest,
    changes: changes.map((change) => ({ ...change })),
    signatures: signatures.map((signature) => ({ ...signature })),
    complete: complete && { ...complete },
    published: published && { ...published },
  });
}

/** The same for people: Markdown that stays readable as plain text. */
export function markdown(transcript: Transcript): string {
  const { role, version, base, sha256, length, drawn, changes, signatures, complete, published } = transcript;
  const at = (when: string | undefined): string => when ?? 'at a time that was not noted';
  return `${[
    `# Ceremony of ${role} ${version}`,
    '',
    `- Replaces: ${base === 0 ? 'nothing, it is the first' : `${role} ${base}`}`,
    `- Drawn: ${at(drawn)}`,
    `- Signed bytes: ${length}, sha256 \`${sha256}\``,
    complete === undefined ? '- Not complete' : `- Complete: \`${complete.file}\`, sha256 \`${complete.sha256}\``,
    published === undefined ? '- Not published' : `- Published: ${published.when} (${published.state})`,
    '',
    '## Signatures',
    '',
    ...signatures.map(({ holder, keyid, when }) => `- ${holder}, ${at(when)}, key \`${keyid}\``),
    ...(signatures.length === 0 ? ['None.'] : []),
    '',
    '## Changes',
    '',
    ...changes.map(changeLine),
    ...(changes.length === 0 ? ['Not noted: this is the first version, or it was drawn elsewhere.'] : []),
    '',
  ].join('\n')}`;
}

function changeLine({ kind, flagged, subject, before, after, holder }: Change): string {
  const values = [before, after].map((value) => (value === undefined ? 'none' : `\`${oneLine(value)}\``));
  const who = holder === undefined ? '' : ` (${oneLine(holder)})`;
  return `- ${flagged ? '**!** ' : ''}${kind} ${oneLine(subject)}${who}: ${values.join(' -> ')}`;
}

function oneLine(text: string): string {
  return text.replace(/[\r\n`|]/g, ' ');
}
