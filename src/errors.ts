/**
 * The one error tree. Every error that a user can meet is a `TufaError`: what was expected, what was found, and what to
 * type next. Its class decides the exit code (`tufa help exit-codes`); its `code` is stable and meant for programs.
 * Anything else that is thrown is a bug and exits 1.
 */

export const EXIT = {
  done: 0,
  bug: 1,
  usage: 2,
  configuration: 3,
  trust: 4,
  input: 5,
  signer: 6,
  conflict: 7,
  storage: 8,
  unknown: 9,
  afterCommit: 10,
  expired: 11,
  person: 12,
  interrupted: 130,
} as const;

/** Whether the live timestamp moved: `unknown` is an honest answer and has an exit code of its own. */
export type Committed = 'yes' | 'no' | 'unknown';

export interface ErrorDetails {
  /** Stable, dotted, for programs: `trust.threshold`. Without it the class's own name is used. */
  code?: string;
  /** What the sentence is about: a file, a key, a line of tufa.yaml. */
  object?: string;
  expected?: string;
  found?: string;
  /** What to type next. */
  hint?: string;
  /** Section of the TUF specification whose check refused: `5.4.3.1`. */
  check?: string;
  committed?: Committed;
  cause?: unknown;
}

export class TufaError extends Error {
  readonly exitCode: number;
  readonly code: string;
  readonly details: ErrorDetails;

  constructor(kind: string, exitCode: number, what: string, details: ErrorDetails = {}) {
    super(sentence(what, details), details.cause === undefined ? undefined : { cause: details.cause });
    this.name = new.target.name;
    this.exitCode = exitCode;
    this.code = details.code ?? kind;
    this.details = details;
  }

  get hint(): string | undefined {
    return this.details.hint;
  }

  get committed(): Committed {
    return this.details.committed ?? 'no';
  }
}

/** 2: the command line cannot be understood. */
export class UsageError extends TufaError {
  constructor(what: string, details?: ErrorDetails) {
    super('usage', EXIT.usage, what, details);
  }
}

/** 3: tufa.yaml, a key file's mode, a missing module, the clock: mend the environment. */
export class ConfigurationError extends TufaError {
  constructor(what: string, details?: ErrorDetails) {
    super('configuration', EXIT.configuration, what, details);
  }
}

/** 4: a signature, a threshold, a rollback, an equivocation. Never go on after it. */
export class TrustError extends TufaError {
  constructor(what: string, details?: ErrorDetails) {
    super('trust', EXIT.trust, what, details);
  }
}

/** 5: bytes or names given by a person or an uploader were refused; nothing was written. */
export class InputError extends TufaError {
  constructor(what: string, details?: ErrorDetails) {
    super('input', EXIT.input, what, details);
  }
}

/** 6: a key could not be opened, or what it made does not verify. */
export class SignerError extends TufaError {
  constructor(what: string, details?: ErrorDetails) {
    super('signer', EXIT.signer, what, details);
  }
}

/** 7: somebody else was first; safe to run again. */
export class ConflictError extends TufaError {
  constructor(what: string, details?: ErrorDetails) {
    super('conflict', EXIT.conflict, what, details);
  }
}

/** 8: storage failed and nothing was committed. */
export class StorageError extends TufaError {
  constructor(what: string, details?: ErrorDetails) {
    super('storage', EXIT.storage, what, details);
  }
}

/** 9: the commit was sent and nobody can say whether it landed. */
export class UnknownOutcomeError extends TufaError {
  constructor(what: string, details?: ErrorDetails) {
    super('unknown', EXIT.unknown, what, { committed: 'unknown', ...details });
  }
}

/** 10: committed, but a check after the commit failed. */
export class AfterCommitError extends TufaError {
  constructor(what: string, details?: ErrorDetails) {
    super('after-commit', EXIT.afterCommit, what, { committed: 'yes', ...details });
  }
}

/** 11: something has expired, or is about to. */
export class ExpiredError extends TufaError {
  constructor(what: string, details?: ErrorDetails) {
    super('expired', EXIT.expired, what, details);
  }
}

/** 12: a person is needed: a confirmation, a terminal, a signature that is still missing. */
export class PersonError extends TufaError {
  constructor(what: string, details?: ErrorDetails) {
    super('person', EXIT.person, what, details);
  }
}

function sentence(what: string, { object, expected, found }: ErrorDetails): string {
  const sides = expected === undefined ? '' : `: expected ${expected}, found ${found ?? 'nothing'}`;
  return `${object === undefined ? '' : `${object}: `}${what}${sides}`;
}
