import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const dist = (path: string): string => fileURLToPath(new URL(`../../dist/${path}`, import.meta.url));

const command = (body: string): string => `
import { TufaCommand } from ${JSON.stringify(dist('cli/command.js'))};
import { CONFIRM_FLAG, YES_FLAG, SIGNING_FLAGS } from ${JSON.stringify(dist('cli/flags.js'))};
import { ConflictError } from ${JSON.stringify(dist('errors.js'))};
export default class Throwaway extends TufaCommand {
  static flags = { ...CONFIRM_FLAG, ...YES_FLAG, ...SIGNING_FLAGS };
  render() { return 'done\\n'; }
  ${body}
}
`;

/** Commands that do what no real one does on purpose. */
const COMMANDS: Readonly<Record<string, string>> = {
  lines: command(`
    async execute() { return {}; }
    *render() { for (let i = 0; i < 20000; i++) yield 'line ' + i + ' ' + 'x'.repeat(50) + '\\n'; }`),
  erase: command(`
    async execute(flags) { await this.prompt.confirmText('Everything goes.', 'corp', flags.confirm); return { erased: true }; }`),
  go: command(`
    async execute(flags) { await this.prompt.confirm('Shall I?', flags.yes); return { gone: true }; }`),
  bug: command(`async execute() { throw new RangeError('a list of \\u202eevil\\u001b[2J names'); }`),
  late: command(`
    async execute() {
      throw new ConflictError('taken', { object: 'queue 4\\u001b[2J', expected: 'none', found: 'one', hint: 'tufa queue status', check: '5.4', committed: 'unknown' });
    }`),
  hang: command(`
    async execute() { process.stdout.write('ready\\n'); await new Promise((resolve) => setTimeout(resolve, 60000)); return {}; }`),
  colour: command(`
    async execute() { return {}; }
    async *render() {
      const { styleText } = await import('node:util');
      yield styleText('green', 'OK') + ' a\\u001b]0;title\\u0007b\\u200b\\n';
    }`),
  result: command(`async execute() { return { name: 'a\\u202eb', when: new Date(0), list: [1, null] }; }`),
  work: command(`
    async execute() {
      return this.reporting('files', async (reporter) => { reporter.warn('mind \\u001b[2J'); reporter.progress('files', 1, 2); return {}; });
    }`),
  due: command(`async execute() { return { due: true }; } exitCode() { return 11; }`),
  secret: command(`
    async execute() {
      const secrets = await this.secrets();
      const got = await secrets.get({ kind: 'passphrase', subject: 'key "alice"', name: 'alice', reason: 'decrypt' });
      return { length: got.length };
    }`),
};

/** A program of these commands around the real frame. @returns its run.js */
export async function throwaway(dir: string): Promise<string> {
  await mkdir(join(dir, 'commands'));
  const commands = { strategy: 'pattern', target: './commands' };
  const manifest = { name: 'tufa', version: '0.0.0', type: 'module', bugs: 'https://example.org/bugs' };
  await writeFile(
    join(dir, 'package.json'),
    JSON.stringify({ ...manifest, oclif: { bin: 'tufa', topicSeparator: ' ', commands } }),
  );
  for (const [name, source] of Object.entries(COMMANDS)) await writeFile(join(dir, 'commands', `${name}.js`), source);
  const run = join(dir, 'run.js');
  await writeFile(
    run,
    `import { main } from ${JSON.stringify(dist('cli/main.js'))};\nvoid main(process.argv.slice(2), ${JSON.stringify(dir)});\n`,
  );
  return run;
}
