import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

const ROOT = join(import.meta.dirname, '../..');

/**
 * tufa's sources as JavaScript, as they are installed: a short process that runs from source mostly strips types.
 * @returns the folder, below `node_modules`, where what they import is found
 */
export async function compiled(): Promise<string> {
  const folder = join(ROOT, 'node_modules', '.cache', 'tufa-bench');
  const tsc = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
  await promisify(execFile)(process.execPath, [tsc, '-p', join(ROOT, 'tsconfig.build.json'), '--outDir', folder]);
  return folder;
}
