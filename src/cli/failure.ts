import { inspect, stripVTControlCharacters } from 'node:util';
import { Errors } from '@oclif/core';
import { nearest } from '../config/nearest.ts';
import { type Committed, EXIT, TufaError } from '../errors.ts';

/** What a failed command says, on stderr or as `{"error": ...}`. */
export interface Failure {
  readonly code: string;
  readonly exitCode: number;
  readonly message: string;
  readonly hint: string | undefined;
  readonly committed: Committed;
  readonly object?: string | undefined;
  readonly expected?: string | undefined;
  readonly found?: string | undefined;
  /** Section of the TUF specification whose check refused. */
  readonly check?: string | undefined;
}

export interface Asked {
  /** As it was typed: `key generate`; undefined before a command was found. */
  readonly command: string | undefined;
  /** Where a bug is to be reported. */
  readonly bugs: string | undefined;
}

export const INTERRUPTED: Failure = {
  code: 'interrupted',
  exitCode: EXIT.interrupted,
  message: 'interrupted',
  hint: 'run the command again: it finishes what was begun',
  committed: 'unknown',
};

/** Every error has an answer here: ours, oclif's about the command line, a prompt that was left, and bugs. */
export function describeFailure(error: unknown, asked: Asked): Failure {
  if (error instanceof TufaError) return ours(error);
  if (error instanceof Error && (error.name === 'ExitPromptError' || error.name === 'AbortPromptError'))
    return { ...INTERRUPTED, hint: undefined, committed: 'no' };
  if (error instanceof Errors.CLIError) return usage(error, asked);
  const where = asked.bugs === undefined ? 'report it to those who maintain tufa' : `report it at ${asked.bugs}`;
  return {
    code: 'bug',
    exitCode: EXIT.bug,
    message: `this is a bug: ${error instanceof Error ? error.message : inspect(error)}`,
    hint: `${where}, with what the same command prints under DEBUG=tufa`,
    committed: 'unknown',
  };
}

function ours({ code, exitCode, message, hint, committed, details }: TufaError): Failure {
  const { object, expected, found, check } = details;
  return { code, exitCode, message, hint, committed, object, expected, found, check };
}

/** oclif's parse errors, in our words. They are told apart by their fields: the classes are not exported. */
interface ParseError extends Errors.CLIError {
  flags?: readonly string[];
  args?: readonly (string | { name: string; description?: string })[];
  parse?: { input?: { flags?: object } };
}

function usage(error: ParseError, { command }: Asked): Failure {
  const help = `see: ${['tufa', command, '--help'].filter(Boolean).join(' ')}`;
  const [message, suggestion] = inOurWords(error, command);
  return {
    code: 'usage',
    exitCode: EXIT.usage,
    message,
    hint: suggestion === undefined ? help : `did you mean ${suggestion}? ${help}`,
    committed: 'no',
  };
}

function inOurWords(error: ParseError, command = ''): [string, string | undefined] {
  if (error.flags !== undefined) {
    // Without the value: it may have been meant for nobody's eyes.
    const [flag = ''] = error.flags.map((typed) => typed.split('=', 1)[0] ?? typed);
    const known = Object.keys(error.parse?.input?.flags ?? {}).map((name) => `--${name}`);
    return [`${flag} is not an option of tufa ${command}`, flag.startsWith('--') ? nearest(flag, known) : undefined];
  }
  if (error.args !== undefined) {
    const names = error.args.map((arg) => (typeof arg === 'string' ? JSON.stringify(arg) : arg.name.toUpperCase()));
    const extra = error.args.some((arg) => typeof arg === 'string');
    return [`${extra ? 'unexpected' : 'missing'} argument ${names.join(' ')}`, undefined];
  }
  const lines = stripVTControlCharacters(error.message)
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !/^(See more help|The following error)/.test(line));
  const text = lines.join('; ').replace(/\.$/, '');
  return [`${text.slice(0, 1).toLowerCase()}${text.slice(1)}`, undefined];
}
