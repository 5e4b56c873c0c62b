import { nearest } from '../config/nearest.ts';
import { UsageError } from '../errors.ts';

/** What the command line asks for. Commands are words (`key generate`), which oclif calls `key:generate`. */
export type Route =
  | { readonly kind: 'version' }
  | { readonly kind: 'help'; readonly subject: string | undefined }
  | { readonly kind: 'command'; readonly id: string; readonly argv: string[] };

/** The part of oclif's `Config` that routing needs. */
export interface Commands {
  readonly commandIDs: readonly string[];
  findCommand(id: string): { flags: object } | undefined;
  findTopic(id: string): object | undefined;
}

/** Global flags that take a value: they may stand before the command (`tufa -C DIR status`), with their value. */
const WITH_VALUE = new Set(['-C', '--workspace', '--log-format']);
const SECRETS = /^--(?:pin|so-pin|pass|passphrase|password|secret)(?:=|$)/;

/**
 * Finds the command. A word that is none is an error with a suggestion, never a question: the next command line may sign.
 *
 * @throws UsageError
 */
export function findRoute(argv: readonly string[], commands: Commands): Route {
  const [leading, rest] = splitLeading(argv);
  const plain = rest.slice(0, wordCount(rest));
  const asksHelp = beforeDashes(argv).some((arg) => arg === '--help' || arg === '-h');
  if (argv[0] === '--version' || argv[0] === '-V') return { kind: 'version' };
  if (plain.length === 0) {
    if (asksHelp || argv.length === 0) return { kind: 'help', subject: undefined };
    throw new UsageError('no command was given', { hint: 'list them: tufa --help' });
  }
  const id = longest(plain, (name) => commands.findCommand(name) !== undefined);
  const topic = plain.join(':');
  if (id === undefined) {
    if (commands.findTopic(topic) !== undefined) return { kind: 'help', subject: topic };
    throw unknownCommand(plain, commands);
  }
  if (asksHelp) return { kind: 'help', subject: id };
  const args = [...leading, ...rest.slice(id.split(':').length)];
  refuseSecrets(args, Object.keys(commands.findCommand(id)?.flags ?? {}));
  return { kind: 'command', id, argv: args };
}

/** Arguments that are not after `--`. */
export function beforeDashes(argv: readonly string[]): readonly string[] {
  const end = argv.indexOf('--');
  return end === -1 ? argv : argv.slice(0, end);
}

function splitLeading(argv: readonly string[]): [readonly string[], readonly string[]] {
  let n = 0;
  while (argv[n]?.startsWith('-') === true && argv[n] !== '--') n += WITH_VALUE.has(argv[n] ?? '') ? 2 : 1;
  return [argv.slice(0, n), argv.slice(n)];
}

function wordCount(argv: readonly string[]): number {
  const n = argv.findIndex((arg) => arg.startsWith('-'));
  return n === -1 ? argv.length : n;
}

function longest(words: readonly string[], exists: (id: string) => boolean): string | undefined {
  for (let n = words.length; n > 0; n--) {
    const id = words.slice(0, n).join(':');
    if (exists(id)) return id;
  }
  return undefined;
}

function unknownCommand(words: readonly string[], { commandIDs }: Commands): UsageError {
  const names = commandIDs.map((id) => id.replaceAll(':', ' '));
  const typed = words.slice(0, 2).join(' ');
  const meant = nearest(typed, names) ?? nearest(words[0] ?? '', names);
  return new UsageError(`no command ${JSON.stringify(typed)}`, {
    code: 'usage.command',
    hint: meant === undefined ? 'list them: tufa --help' : `did you mean: tufa ${meant}?`,
  });
}

/** Before anything is parsed, so that no error repeats what was typed. */
function refuseSecrets(argv: readonly string[], flags: readonly string[]): void {
  const typed = beforeDashes(argv).find(
    (arg) => SECRETS.test(arg) && !flags.includes(arg.slice(2).split('=', 1)[0] ?? ''),
  );
  if (typed === undefined) return;
  const kind = typed.startsWith('--pin') || typed.startsWith('--so-pin') ? 'pin' : 'passphrase';
  throw new UsageError(`${typed.split('=', 1)[0]} does not exist: other users can read a command line`, {
    code: 'usage.secret',
    hint: `type the secret when asked, or use --${kind}-fd N or --${kind}-file FILE; change the one that was typed here`,
  });
}
