import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createWorkspace, type NewWorkspace } from '../../src/config/workspace.ts';

export const UUID = '4b1d8f4e-7c1e-4a53-9a53-2c7a9a1f0e6d';

/** A folder of its own for each call, gone when the suite has ended. To be called inside of `describe`. */
export function temporaryFolders(): () => Promise<string> {
  const made: string[] = [];
  after(async () => {
    await Promise.all(made.map((dir) => rm(dir, { recursive: true, force: true })));
  });
  return async () => {
    const dir = await mkdtemp(join(tmpdir(), 'tufa-test-'));
    made.push(dir);
    return dir;
  };
}

/** A workspace as `init` lays it down, without drafts and keys. */
export async function layDown(dir: string, more: Partial<NewWorkspace> = {}): Promise<void> {
  await createWorkspace(dir, { name: 'corp', uuid: UUID, profile: 'hobby', ...more });
}

/** Changes tufa.yaml as a person would. @throws Error when the text is not there */
export async function edit(dir: string, from: string | RegExp, to: string): Promise<void> {
  const path = join(dir, 'tufa.yaml');
  const old = await readFile(path, 'utf8');
  const text = old.replace(from, to);
  if (text === old) throw new Error(`tufa.yaml does not hold ${from}`);
  await writeFile(path, text);
}
