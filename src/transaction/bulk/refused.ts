import { openSync } from 'node:fs';
import type { Refusal } from './messages.ts';

/** Ends a build; caught where the worker reports. */
export class Refused extends Error {
  readonly refusal: Refusal;
  constructor(refusal: Refusal) {
    super(refusal.why);
    this.refusal = refusal;
  }
}

/** Opens a file that must not be there, for writing. @param name of the file in the refusal */
export function openNew(path: string, name: string, mode: number): number {
  try {
    return openSync(path, 'wx', mode);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw new Refused({ why: 'exists', name });
    throw error;
  }
}
