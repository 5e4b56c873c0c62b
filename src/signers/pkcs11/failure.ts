import type { ReportedFailure } from './messages.ts';

/** Why a question to a module has no answer. */
export type Cause =
  | ReportedFailure
  /** No answer in time; the process was killed. */
  | { readonly kind: 'deadline'; readonly ms: number; readonly asked: string }
  /** The process ended while it worked: the module aborted, or it was killed. */
  | { readonly kind: 'died'; readonly how: string; readonly asked: string };

/** Inside of this room only: `explained` makes an error of the tree of it. */
export class ModuleFailure extends Error {
  readonly reason: Cause;
  /** The last lines that the module has printed. */
  readonly said: string;

  constructor(reason: Cause, said: string) {
    super(causeText(reason));
    this.reason = reason;
    this.said = said;
  }

  /** The CKR code; undefined where it is something else. */
  get code(): number | undefined {
    return this.reason.kind === 'ckr' ? this.reason.code : undefined;
  }

  get call(): string | undefined {
    return this.reason.kind === 'ckr' ? this.reason.call : undefined;
  }
}

/** `CKR_DEVICE_REMOVED (50) from C_Sign` */
export function causeText(cause: Cause): string {
  switch (cause.kind) {
    case 'ckr':
      return `${cause.name} (${cause.code}) from ${cause.call}`;
    case 'deadline':
      return `no answer to ${cause.asked} in ${cause.ms / 1000} s`;
    case 'died':
      return `its process ended with ${cause.how} in ${cause.asked}`;
    case 'keys':
      return `${cause.found} keys`;
    default:
      return cause.message;
  }
}
