import { spawn } from 'node:child_process';
import { expect } from 'chai';
import { done, workspaceAt } from '../support/published.ts';
import { plainEnvironment, RUN_JS } from '../support/run.ts';

/** A sitting on a terminal: who signs types the beginning of each digest. `script` makes the terminal. */
describe('a sitting on a terminal', function () {
  this.timeout(120_000);

  /** Answers each question of `tufa sign`, in order. */
  function sitting(dir: string, answers: readonly string[]): Promise<{ exitCode: number | null; screen: string }> {
    return new Promise((resolve, reject) => {
      const command = `${process.execPath} ${RUN_JS} sign --holder alice`;
      const child = spawn('script', ['-qec', command, '/dev/null'], {
        cwd: dir,
        env: plainEnvironment({ TERM: 'dumb' }),
      });
      let screen = '';
      let asked = 0;
      child.stdout.on('data', (chunk: Buffer) => {
        screen += chunk.toString();
        const questions = new Set(screen.match(/Sign [a-z]+ \d+\?/g)).size;
        for (; asked < questions && asked < answers.length; asked++) child.stdin.write(`${answers[asked]}\r`);
      });
      child.on('error', reject);
      child.on('close', (exitCode) => resolve({ exitCode, screen }));
    });
  }

  async function digests(dir: string): Promise<string[]> {
    const shown = await done(dir, ['ceremony', 'show', '--json']);
    return shown.json<{ drafts: { sha256: string }[] }>().drafts.map(({ sha256 }) => sha256.slice(0, 8));
  }

  it('signs every draft once its digest was typed', async () => {
    const dir = await workspaceAt('keys');
    const { exitCode, screen } = await sitting(dir, await digests(dir));
    expect(exitCode, screen).to.equal(0);
    for (const role of ['root', 'targets', 'trust', 'claimed']) expect(screen).to.contain(`signed ${role} 1 as alice`);
  });

  it('signs nothing where one of them is wrong', async () => {
    const dir = await workspaceAt('keys');
    const [first = '', ...rest] = await digests(dir);
    const { exitCode, screen } = await sitting(dir, [first, ...rest.map(() => 'y')]);
    expect(exitCode, screen).to.equal(12);
    expect(screen).to.contain('not confirmed, nothing was done').and.not.to.contain('signed root');
  });
});
