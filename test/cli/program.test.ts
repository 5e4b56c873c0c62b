import { chmod, copyFile, mkdir, readdir, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { EXIT } from '../../src/errors.ts';
import { RUN_JS, tufa } from '../support/run.ts';
import { edit, layDown, temporaryFolders } from '../support/workspace.ts';

describe('bin/run.js', () => {
  const folder = temporaryFolders();

  /** A program of its own: bin/run.js beside a package.json that wants this Node. */
  async function copy(node: string): Promise<{ cwd: string; program: string }> {
    const cwd = await folder();
    await mkdir(join(cwd, 'bin'));
    await writeFile(join(cwd, 'package.json'), JSON.stringify({ type: 'module', engines: { node } }));
    const program = join(cwd, 'bin', 'run.js');
    await copyFile(RUN_JS, program);
    return { cwd, program };
  }

  for (const [range, fits] of [
    ['>=99.0.0', false],
    ['^1.2.3 || >=99.0.0', false],
    [`^${process.versions.node}`, true],
    [`>=99.0.0 || ^${process.versions.node.split('.')[0]}.0.0`, true],
    [`^${process.versions.node.replace(/\d+$/, (patch) => String(Number(patch) + 1))}`, false],
  ] as const) {
    it(`${fits ? 'runs' : 'refuses to run'} where ${range} is needed`, async () => {
      const { exitCode, stderr } = await tufa(['--version'], await copy(range));
      expect(exitCode).to.equal(3);
      if (fits)
        expect(stderr).to.equal(
          'tufa: the program is not built yet: expected dist/, found nothing\nhint: npm run build\n',
        );
      else expect(stderr).to.contain(`tufa: node ${range} is needed, this is ${process.versions.node}\nhint: `);
    });
  }

  it('keeps compiled code where nobody else can write', async () => {
    const HOME = await folder();
    const cache = join(HOME, '.cache', 'tufa');
    await mkdir(cache, { recursive: true });
    await chmod(cache, 0o777);
    expect((await tufa(['--version'], { cwd: HOME, env: { HOME } })).exitCode).to.equal(0);
    expect((await stat(cache)).mode & 0o777).to.equal(0o700);
  });

  it('runs without a home, or with a link in the place of its cache', async () => {
    const HOME = await folder();
    await mkdir(join(HOME, '.cache'));
    await mkdir(join(HOME, 'other'));
    await symlink(join(HOME, 'other'), join(HOME, '.cache', 'tufa'));
    expect((await tufa(['--version'], { cwd: HOME, env: { HOME } })).exitCode).to.equal(0);
    expect(await readdir(join(HOME, 'other'))).to.deep.equal([]);
    expect((await tufa(['--version'], { cwd: HOME, env: { HOME: '/nonexistent' } })).exitCode).to.equal(0);
  });

  it('says its version', async () => {
    for (const flag of ['--version', '-V']) {
      const { exitCode, stdout } = await tufa([flag], { cwd: await folder() });
      expect([exitCode, stdout]).to.deep.equal([
        0,
        `tufa/0.1.0 ${process.platform}-${process.arch} node-${process.version}\n`,
      ]);
    }
  });

  it('helps with the program, a topic and a command', async () => {
    const cwd = await folder();
    const help = async (...args: string[]): Promise<string> => {
      const { exitCode, stdout, stderr } = await tufa(args, { cwd });
      expect([exitCode, stderr]).to.deep.equal([0, '']);
      return stdout;
    };
    expect(await help()).to.match(/^COMMANDS$[\s\S]*^ {2}publish /m);
    expect(await help('key')).to.match(/^ {2}key generate /m);
    const command = await help('help', 'key', 'generate');
    expect(command).to.contain('$ tufa key generate').and.to.contain('GLOBAL FLAGS');
    expect(await help('key', 'generate', '--help')).to.equal(command);
    expect(await help('--help')).to.equal(await help('help'));
    expect(JSON.parse(await help('help', 'key', 'generate', '--json'))).to.deep.equal({ help: command });
    expect((await tufa(['help', 'kye'], { cwd })).exitCode).to.equal(2);
  });

  it('suggests a command and never asks', async () => {
    const cwd = await folder();
    const mistyped = await tufa(['pubish', '--json'], { cwd });
    expect(mistyped.exitCode).to.equal(2);
    expect(mistyped.json()).to.have.nested.property('error.hint', 'did you mean: tufa publish?');
    expect((await tufa(['key', 'gnerate'], { cwd })).stderr).to.contain('did you mean: tufa key generate?');
  });

  it('explains every exit code', async () => {
    const cwd = await folder();
    const { stdout } = await tufa(['help', 'exit-codes'], { cwd });
    const codes = [...stdout.matchAll(/^ *(\d+) {2}\w/gm)].map(([, code]) => Number(code));
    expect(codes).to.deep.equal(Object.values(EXIT));
    const { exitCodes } = (await tufa(['help', 'exit-codes', '--json'], { cwd })).json<{
      exitCodes: { code: number }[];
    }>();
    expect(exitCodes.map(({ code }) => code)).to.deep.equal(Object.values(EXIT));
  });

  it('names file, line and column of a mistake in tufa.yaml', async () => {
    const cwd = await folder();
    await layDown(cwd);
    await edit(cwd, 'bits: 0 }', 'bits: ten }');
    const { exitCode, stderr } = await tufa(['status'], { cwd });
    expect(exitCode).to.equal(3);
    expect(stderr).to.match(
      /^tufa: tufa\.yaml:\d+:15: bins\.bits: expected a whole number from 0 to 16, found "ten"\n/,
    );
  });

  it('says where it looked for a workspace', async () => {
    const cwd = await folder();
    const { exitCode, stderr } = await tufa(['status', '-C', cwd], { cwd: '/' });
    expect(exitCode).to.equal(3);
    expect(stderr)
      .to.contain(`tufa: ${cwd}: there is no workspace here`)
      .and.to.contain('hint: make one with `tufa init`');
  });
});
