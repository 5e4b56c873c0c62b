import { existsSync, readFileSync, writeFileSync } from 'node:fs';

/**
 * Puts what a test has counted under its section into the JSON file that $TUFA_PROOF names, beside what others have put
 * there: README's "What is proved, and how" quotes it. Without the variable nothing is written.
 */
export function note(section: string, counts: unknown): void {
  const file = process.env['TUFA_PROOF'];
  if (!file) return;
  const known: Record<string, unknown> = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {};
  writeFileSync(file, `${JSON.stringify({ ...known, [section]: counts }, undefined, 2)}\n`);
}
