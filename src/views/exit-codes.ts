import type { EXIT } from '../errors.ts';
import { table } from './table.ts';

type Name = keyof typeof EXIT;

export interface ExitCode {
  readonly code: number;
  readonly name: Name;
  readonly meaning: string;
}

const MEANINGS: Readonly<Record<Name, string>> = {
  done: 'done, or nothing to do',
  bug: 'a bug: please report it',
  usage: 'the command line cannot be understood',
  configuration: 'mend tufa.yaml, a key file, a setting of this machine, or its clock',
  trust: 'signature, threshold, rollback or equivocation: do not go on',
  input: 'bytes, names or a policy were refused; nothing was written',
  signer: 'a key could not be opened, or what it signed does not verify',
  conflict: 'somebody else was first; safe to run again',
  storage: 'storage failed; nothing was committed',
  unknown: 'the commit was sent and nobody can say whether it landed; the next command finds out',
  afterCommit: 'committed, but a check after the commit failed',
  expired: 'something has expired, or is about to',
  person: 'a person is needed: a confirmation, a terminal, a signature that is missing',
  interrupted: 'interrupted; the next command finishes what was begun',
};

export function exitCodes(exit: typeof EXIT): ExitCode[] {
  return (Object.keys(exit) as Name[]).map((name) => ({ code: exit[name], name, meaning: MEANINGS[name] }));
}

export function exitCodesText(codes: readonly ExitCode[]): string {
  return table(
    ['code', 'name', 'meaning'],
    codes.map(({ code, name, meaning }) => [String(code), name, meaning]),
  );
}
