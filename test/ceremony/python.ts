import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { install } from '../interop/install.ts';

/** For each pair of roots, `follows` or the name of python-tuf's refusal. It is built where it is missing: a minute, once. */
export async function askPython(pairs: readonly { old: Uint8Array; new: Uint8Array }[]): Promise<string[]> {
  const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8');
  const input = JSON.stringify(pairs.map((pair) => ({ old: text(pair.old), new: text(pair.new) })));
  const script = join(import.meta.dirname, 'python-roots.py');
  const { command } = await install('python-tuf');
  const { status, stdout, stderr } = spawnSync(command, ['-I', script], { input, encoding: 'utf8', timeout: 60_000 });
  if (status !== 0) throw new Error(`python-tuf: ${stderr}`);
  return JSON.parse(stdout);
}
