import { spawnSync } from 'node:child_process';
import { existsSync, globSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** python-tuf where the suite of the real clients has built it; undefined: it has not. */
export function pythonTuf(): string | undefined {
  const cache = process.env['TUFA_TEST_CACHE'] ?? join(homedir(), '.cache', 'tufa-test');
  return globSync(join(cache, 'python-tuf-*', 'bin', 'python')).find((path) => existsSync(path));
}

/** For each pair of roots, `follows` or the name of python-tuf's refusal. */
export function askPython(python: string, pairs: readonly { old: Uint8Array; new: Uint8Array }[]): string[] {
  const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8');
  const input = JSON.stringify(pairs.map((pair) => ({ old: text(pair.old), new: text(pair.new) })));
  const script = join(import.meta.dirname, 'python-roots.py');
  const { status, stdout, stderr } = spawnSync(python, ['-I', script], { input, encoding: 'utf8', timeout: 60_000 });
  if (status !== 0) throw new Error(`python-tuf: ${stderr}`);
  return JSON.parse(stdout);
}
