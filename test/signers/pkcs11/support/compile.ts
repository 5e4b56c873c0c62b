import { join } from 'node:path';
import { runTool } from '../../../interop/support/tools.ts';

const INCLUDES = join(import.meta.dirname, '../../../../node_modules/pkcs11js/includes/pkcs11');

/** Builds a C file of this suite into a shared library. @returns its path */
export async function compile(source: string, dir: string): Promise<string> {
  const library = join(dir, `${source}.so`);
  const file = join(import.meta.dirname, '..', `${source}.c`);
  const args = ['-shared', '-fPIC', '-O1', '-Wall', '-Werror', `-I${INCLUDES}`, '-o', library, file, '-ldl'];
  await runTool('gcc', args, { timeout: 60_000 });
  return library;
}
