import { chmod, cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ModuleSettings } from '../../../../src/signers/port.ts';
import { done, emptyFolder, HOLDERS, NAME } from '../../../support/published.ts';
import { KEPT_WHEELS } from '../../../support/wheels.ts';

/** An index all of whose keys are on a token. */
export interface TokenIndex {
  /** Options that give the PIN. */
  readonly pin: readonly string[];
  /** A workspace whose first files are published. */
  copy(): Promise<string>;
}

/** A workspace with one module, called `hsm`, in its tufa.yaml. */
export async function workspaceWith(settings: ModuleSettings): Promise<string> {
  const dir = await emptyFolder();
  await done(dir, ['init', '--profile', 'hobby', '--name', NAME]);
  const path = join(dir, 'tufa.yaml');
  const text = await readFile(path, 'utf8');
  const modules = `pkcs11: ${JSON.stringify({ modules: { hsm: settings } })}`;
  await writeFile(path, text.replace('pkcs11: { modules: {} }', modules));
  return dir;
}

/** @param on uri of the token. @param pin of the token, which is written into `pinFile` */
export async function tokenIndex(
  settings: ModuleSettings,
  { on, pin, pinFile }: { on: string; pin: string; pinFile: string },
): Promise<TokenIndex> {
  await writeFile(pinFile, `${pin}\n`);
  await chmod(pinFile, 0o600);
  const given = ['--pin-file', pinFile];
  const dir = await workspaceWith(settings);
  const holders = HOLDERS.flatMap((name) => ['--holder', name]);
  await done(dir, ['key', 'generate', ...holders, '--online', '--on', on, ...given]);
  await done(dir, ['sign', '--confirm', NAME, ...given]);
  await done(dir, ['target', 'add', KEPT_WHEELS, ...given]);
  await done(dir, ['publish', ...given]);
  return {
    pin: given,
    copy: async () => {
      const other = await emptyFolder();
      await cp(dir, other, { recursive: true });
      return other;
    },
  };
}
