import { read as readCallback } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { isatty, type ReadStream, type WriteStream } from 'node:tty';
import { inspect, promisify } from 'node:util';
import { ConfigurationError, PersonError } from '../errors.ts';
import type { SecretQuestion, SecretSource } from '../signers/port.ts';
import { readPrivateFile } from '../signers/private-file.ts';

/**
 * Where passphrases and PINs come from: `--passphrase-fd`, `--passphrase-file`, `$TUFA_PASSPHRASE_FILE` (the name of a file,
 * never the secret), which serve every key, or the same with PIN, which serve the first token that asks: a wrong PIN uses
 * up one of a token's few tries. Then `$CREDENTIALS_DIRECTORY/NAME.passphrase` (or `.pin`) of systemd, and a terminal. Never
 * a command line: other users can read that.
 */

export interface SecretOptions {
  readonly passphraseFile?: string | undefined;
  readonly passphraseFd?: number | undefined;
  readonly pinFile?: string | undefined;
  readonly pinFd?: number | undefined;
  /** A person has said on the command line that the last try before a token locks itself may be used. */
  readonly finalPinTry?: boolean | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** `process`, or what stands for it in a test. */
  readonly tty: { readonly stdin: Terminal<ReadStream>; readonly stderr: Terminal<WriteStream> };
}

type Terminal<Stream> = (Stream | NodeJS.ReadWriteStream) & { readonly isTTY?: boolean };

/** OpenSSL takes no longer passphrase. */
const MAX_BYTES = 1024;

/** Bytes that do not print themselves into a log, an error or a `--json` answer. */
export class Secret extends Uint8Array {
  override toString(): string {
    return '***';
  }

  toJSON(): string {
    return '***';
  }

  [inspect.custom](): string {
    return '***';
  }
}

/**
 * Asks once for each subject, and hands out copies, which the asker wipes. Disposing wipes the answers themselves.
 *
 * `get` throws PersonError when nobody can be asked, ConfigurationError when a file or descriptor is not fit to be read.
 */
export function secretSource(options: SecretOptions): SecretSource & Disposable {
  const answers = new Map<string, Promise<Secret>>();
  let terminal: Promise<unknown> = Promise.resolve();
  let firstToken: string | undefined;

  function once(id: string, ask: () => Promise<Secret>): Promise<Secret> {
    const answer = answers.get(id) ?? ask();
    answers.set(id, answer);
    return answer;
  }

  /** Two prompts at a time would read each other's letters. */
  function inTurn<T>(ask: () => Promise<T>): Promise<T> {
    const answer = terminal.then(ask, ask);
    terminal = answer.catch(() => undefined);
    return answer;
  }

  async function find(question: SecretQuestion): Promise<Secret> {
    const { kind, subject } = question;
    const shared = sharedSecret(kind, options);
    if (shared !== undefined && kind === 'pin') firstToken ??= subject;
    if (shared !== undefined && (kind === 'passphrase' || firstToken === subject))
      return once(`shared ${kind}`, shared);
    const id = `${kind} ${subject}`;
    return once(
      id,
      async () => (await credential(question, options.env)) ?? inTurn(() => prompt(question, options.tty)),
    );
  }

  return {
    get: async (question) => new Secret(await find(question)),
    confirmFinalTry: async (subject) =>
      options.finalPinTry === true || inTurn(() => confirmFinalTry(subject, options.tty)),
    [Symbol.dispose]: () => {
      for (const answer of answers.values()) {
        answer.then(
          (secret) => secret.fill(0),
          () => undefined,
        );
      }
      answers.clear();
    },
  };
}

function sharedSecret(kind: SecretQuestion['kind'], options: SecretOptions): (() => Promise<Secret>) | undefined {
  const [fd, file, variable] =
    kind === 'passphrase'
      ? [options.passphraseFd, options.passphraseFile, 'TUFA_PASSPHRASE_FILE']
      : [options.pinFd, options.pinFile, 'TUFA_PIN_FILE'];
  if (fd !== undefined) return () => fromDescriptor(fd, kind);
  const path = file ?? options.env[variable];
  if (path === undefined || path === '') return undefined;
  return () => fromFile(path, `${kind === 'pin' ? 'PIN' : kind} file ${path}`);
}

/** systemd's LoadCredential= and SetCredentialEncrypted=. A key without a credential is asked for. */
async function credential({ kind, name }: SecretQuestion, env: SecretOptions['env']): Promise<Secret | undefined> {
  const folder = env['CREDENTIALS_DIRECTORY'];
  if (folder === undefined || folder === '' || name === undefined) return undefined;
  const path = join(folder, `${name}.${kind}`);
  return fromFile(path, `credential ${path}`).catch((error) => {
    if (error instanceof ConfigurationError && hasCode(error.cause, 'ENOENT')) return undefined;
    throw error;
  });
}

async function fromFile(path: string, what: string): Promise<Secret> {
  return oneLine(await readPrivateFile({ path, what, kind: 'secret' }), what);
}

async function fromDescriptor(fd: number, kind: SecretQuestion['kind']): Promise<Secret> {
  const what = `file descriptor ${fd}`;
  if (isatty(fd)) {
    throw new ConfigurationError('is a terminal, which would show what is typed', {
      object: what,
      code: 'configuration.secret',
      hint: `leave --${kind}-fd out to be asked`,
    });
  }
  // One byte more than may be there, for the newline, and one that says that it is too long.
  const buffer = Buffer.alloc(MAX_BYTES + 3);
  let length = 0;
  try {
    for (let count = -1; count !== 0 && length < buffer.length; length += count) {
      count = await readSome(fd, buffer, length);
    }
  } catch (cause) {
    throw new ConfigurationError('cannot be read', {
      object: what,
      code: 'configuration.secret',
      hint: `open it in the shell: tufa ... --${kind}-fd ${fd} ${fd}< FILE`,
      cause,
    });
  }
  const secret = oneLine(buffer.subarray(0, length), what);
  buffer.fill(0);
  return secret;
}

const read = promisify(readCallback);

async function readSome(fd: number, buffer: Buffer, offset: number): Promise<number> {
  for (;;) {
    try {
      return (await read(fd, buffer, offset, buffer.length - offset, null)).bytesRead;
    } catch (error) {
      // Another process may have made the pipe that we share non-blocking.
      if (!hasCode(error, 'EAGAIN')) throw error;
      await setTimeout(20);
    }
  }
}

/** Without the newline that editors and `echo` put at the end. Wipes what it was given. */
function oneLine(bytes: Buffer, what: string): Secret {
  const text = bytes.at(-1) === 0x0a ? bytes.subarray(0, bytes.at(-2) === 0x0d ? -2 : -1) : bytes;
  const secret = new Secret(text);
  bytes.fill(0);
  if (secret.length > 0 && secret.length <= MAX_BYTES) return secret;
  throw new ConfigurationError('holds no secret that can be used', {
    object: what,
    code: 'configuration.secret',
    expected: `1 to ${MAX_BYTES} bytes`,
    found: secret.length > MAX_BYTES ? 'more' : 'none',
    hint: 'write the secret, and nothing else, into it',
  });
}

async function prompt(question: SecretQuestion, { stdin, stderr }: SecretOptions['tty']): Promise<Secret> {
  const { kind, subject, reason, finalTry } = question;
  if (stdin.isTTY !== true || stderr.isTTY !== true) throw nobodyToAsk(question);
  const ask = (message: string): Promise<string> => askHidden(message, question, { stdin, stderr });
  const last = finalTry === true ? ' (last try before it is locked)' : '';
  const message = `${kind} for ${subject}${last}`;
  return new Secret(Buffer.from(await (reason === 'encrypt' ? askTwice(ask, question, message) : ask(message))));
}

async function confirmFinalTry(subject: string, { stdin, stderr }: SecretOptions['tty']): Promise<boolean> {
  if (stdin.isTTY !== true || stderr.isTTY !== true) return false;
  const { confirm } = await import('@inquirer/prompts');
  const message = `${subject}: one more wrong PIN locks it. Do you have the right one?`;
  return confirm({ message, default: false }, { input: stdin, output: stderr });
}

async function askHidden(
  message: string,
  question: SecretQuestion,
  { stdin, stderr }: SecretOptions['tty'],
): Promise<string> {
  const { password } = await import('@inquirer/prompts');
  // At the end of input (Ctrl-D) the prompt would wait for ever, and the process end with exit code 0: its stream pauses.
  const ended = new AbortController();
  const abort = (): void => ended.abort();
  stdin.once('pause', abort);
  try {
    const hidden = { message, mask: false, toggleMask: false, validate: fits };
    return await password(hidden, { input: stdin, output: stderr, signal: ended.signal });
  } catch (error) {
    if (error instanceof Error && error.name === 'AbortPromptError') throw notTyped(question);
    throw error;
  } finally {
    stdin.off('pause', abort);
  }
}

/** Nobody can see what was typed, and nothing could undo a slip in the passphrase of a new key. */
async function askTwice(
  ask: (message: string) => Promise<string>,
  { kind, subject }: SecretQuestion,
  message: string,
): Promise<string> {
  for (const again of ['', 'they differ: ', 'they differ: ']) {
    const typed = await ask(`${again}${message}`);
    if ((await ask(`the same ${kind} again`)) === typed) return typed;
  }
  throw new PersonError(`the two differed three times`, {
    object: subject,
    code: 'person.secret',
    hint: 'run the command again, or give the passphrase with --passphrase-file FILE',
  });
}

function fits(typed: string): true | string {
  const bytes = Buffer.byteLength(typed);
  return bytes > 0 && bytes <= MAX_BYTES ? true : `expected 1 to ${MAX_BYTES} bytes`;
}

function notTyped({ kind, subject }: SecretQuestion): PersonError {
  return new PersonError(`no ${kind} was typed`, {
    object: subject,
    code: 'person.secret',
    hint: 'run the command again',
  });
}

function nobodyToAsk({ kind, subject, name }: SecretQuestion): PersonError {
  const other = kind === 'pin' ? ', or write ?pin-source=file:PATH into its uri' : '';
  const flags = `give it with --${kind}-file FILE or --${kind}-fd N${other}`;
  return new PersonError(`a ${kind} is needed, and there is no terminal to ask on`, {
    object: subject,
    code: 'person.secret',
    hint: name === undefined ? flags : `${flags}, or as $CREDENTIALS_DIRECTORY/${name}.${kind}`,
  });
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
