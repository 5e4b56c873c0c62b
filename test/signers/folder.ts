import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SecretSource } from '../../src/signers/port.ts';

/** A folder of mode 0700 that is gone after the suite. Call it inside `describe`. */
export function privateFolder(): () => string {
  let path = '';
  before(() => {
    path = mkdtempSync(join(tmpdir(), 'tufa-signers-'));
  });
  after(() => rmSync(path, { recursive: true, force: true }));
  return () => path;
}

/** Answers every question with the same passphrase, and counts them. */
export function answering(passphrase: string | undefined): SecretSource & { readonly asked: string[] } {
  const asked: string[] = [];
  return {
    asked,
    get: async ({ subject }) => {
      asked.push(subject);
      return passphrase === undefined ? undefined : Buffer.from(passphrase);
    },
  };
}
