/** Folders for stores under test. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A new empty folder for each test, gone after it. Call it inside `describe`. */
export function scratch(): () => string {
  let path = '';
  beforeEach(() => {
    path = mkdtempSync(join(tmpdir(), 'tufa-store-'));
  });
  afterEach(() => rmSync(path, { recursive: true, force: true }));
  return () => path;
}

/** Names of the temporary files of a local store. */
export function leftovers(root: string): string[] {
  return readdirSync(join(root, '.tufa-store', 'tmp'));
}
