import { execFileSync } from 'node:child_process';
import { chmod, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import type { SignersDiagnosis } from '../../src/jobs/doctor/signers.ts';
import { moduleFor } from '../signers/pkcs11/install.ts';
import { PIN, softHsm } from '../signers/pkcs11/support/softhsm.ts';
import { attempt, done, workspaceAt, written } from '../support/published.ts';
import type { Run } from '../support/run.ts';
import { edit } from '../support/workspace.ts';
import { nextRoot, putDraft, putPending } from './next-root.ts';

const DAY = 24 * 60 * 60 * 1000;

interface Failure {
  readonly error: { readonly code: string; readonly exitCode: number; readonly message: string; readonly hint: string };
}

const errorOf = (run: Run) => run.json<Failure>().error;

describe('tufa doctor store', () => {
  async function many(): Promise<string> {
    const dir = await workspaceAt('published');
    await edit(dir, 'publishers: one', 'publishers: many');
    return dir;
  }

  it('lets several publishers write for 30 days; what only reads needs no proof', async () => {
    const dir = await many();
    const refused = await attempt(dir, ['publish', '--json']);
    expect(refused.exitCode).to.equal(3);
    expect(errorOf(refused)).to.include({ code: 'configuration.store-proof' });
    expect(errorOf(refused).hint).to.contain('tufa doctor store');
    await done(dir, ['status']);
    const before = await written(dir);
    const { stdout } = await done(dir, ['doctor', 'store']);
    expect(stdout).to.match(/32 x PUT with If-Match, the right etag +one swapped, the others moved/);
    expect(stdout).to.match(/keeps its conditions: proved \d{4}-.*, good until \d{4}-/);
    expect(await written(dir)).to.equal(before);
    await done(dir, ['publish']);
    await done(dir, ['refresh'], { ahead: 29 * DAY });
    expect((await attempt(dir, ['refresh'], { ahead: 31 * DAY })).exitCode).to.equal(3);
  });

  const mutants: [name: string, from: string, to: string, file: string, request: RegExp][] = [
    [
      'create-only',
      'await link(temporary, path);',
      'await rename(temporary, path);',
      'stores/local/staging.js',
      /PUT with If-None-Match: \* \.tufa\/probe\/[0-9a-f]{32}-/,
    ],
    [
      'compare-and-swap',
      'if ((await currentEtag(path, key)) !== expected)',
      'if (false)',
      'stores/local.js',
      /PUT with If-(?:None-)?Match/,
    ],
  ];
  for (const [name, from, to, file, request] of mutants) {
    it(`reliability 26: a store that ignores ${name} exits 3, by request and answer, and publish is refused`, async () => {
      const dir = await many();
      await done(dir, ['doctor', 'store']);
      const before = await written(dir);
      const run = await attempt(dir, ['doctor', 'store', '--json'], { mutant: { file, from, to } });
      expect(run.exitCode).to.equal(3);
      const { code, message, hint } = errorOf(run);
      expect(code).to.equal('configuration.store-conditions');
      expect(message)
        .to.match(request)
        .and.to.match(/: expected .*, found /);
      expect(hint).to.contain('publishers: one');
      expect(await written(dir)).to.equal(before);
      // The proof from before is gone with it.
      const publish = await attempt(dir, ['publish', '--json']);
      expect(publish.exitCode).to.equal(3);
      expect(errorOf(publish).code).to.equal('configuration.store-proof');
      expect(await written(dir)).to.equal(before);
      await edit(dir, 'publishers: many', 'publishers: one');
      await done(dir, ['publish']);
    });
  }
});

describe('tufa doctor signers', () => {
  async function diagnose(dir: string, ...flags: string[]): Promise<SignersDiagnosis & { text: string }> {
    const [json, text] = await Promise.all([
      attempt(dir, ['doctor', 'signers', '--json', ...flags]),
      attempt(dir, ['doctor', 'signers', ...flags]),
    ]);
    expect(json.exitCode, text.stdout).to.equal(text.exitCode);
    return { ...json.json<SignersDiagnosis>(), exitCode: json.exitCode ?? -1, text: text.stdout };
  }

  it('has each key sign, and shows what each may sign', async () => {
    const dir = await workspaceAt('published');
    const before = await written(dir);
    const { keys, sets, exitCode, text } = await diagnose(dir);
    expect(exitCode).to.equal(0);
    expect(keys.map(({ name, state, roles }) => [name, state, roles.join(' ')])).to.deep.equal([
      ['alice', 'ok', 'root targets trust claimed'],
      ['bob', 'ok', 'root targets trust claimed'],
      ['online', 'ok', 'snapshot timestamp deny recent0 bin0'],
      ['operator', 'ok', ''],
      ['spare', 'ok', 'root targets trust claimed'],
    ]);
    expect(sets.map(({ root, role, here }) => `${root} ${role} ${here}`)).to.deep.equal([
      '1 timestamp online',
      '1 snapshot online',
      '1 deny online',
      '1 recent0 online',
      '1 bin0 online',
    ]);
    expect(text).to.contain('all keys that are needed here sign');
    expect(await written(dir)).to.equal(before);
  });

  it('shows the bins of a succinct delegation as one, and leaves them alone', async () => {
    const dir = await workspaceAt('published', { profile: 'company' });
    const { sets, exitCode } = await diagnose(dir);
    expect(exitCode).to.equal(0);
    expect(sets.map(({ role, here }) => `${role}: ${here}`))
      .to.include('bin4-*: bins')
      .and.to.include('deny: deny');
  });

  it('tells what is wrong with a key, and what to do: exit 3', async () => {
    const dir = await workspaceAt('published');
    await chmod(join(dir, 'private/alice.pem'), 0o644);
    const { keys, exitCode, text } = await diagnose(dir);
    expect(exitCode).to.equal(3);
    expect(keys[0]).to.include({ name: 'alice', state: 'failed' });
    expect(text).to.contain('alice: key file private/alice.pem: others may read it').and.to.contain('next: chmod 600');
  });

  it('finds a key file that holds another key: exit 6', async () => {
    const dir = await workspaceAt('published');
    await rename(join(dir, 'private/bob.pem'), join(dir, 'private/online.pem'));
    const { keys, sets, exitCode, text } = await diagnose(dir);
    // bob's file is not there, which is a matter of the environment.
    expect(exitCode).to.equal(3);
    expect(keys.find(({ name }) => name === 'online')?.problem).to.include({ code: 'signer.wrong-key', exitCode: 6 });
    expect(sets.every(({ complete }) => !complete)).to.equal(true);
    expect(text).to.contain('timestamp cannot be signed on this machine');
    const alone = await workspaceAt('published');
    await writeFile(join(alone, 'private/online.pem'), await readFile(join(alone, 'private/alice.pem')));
    expect((await diagnose(alone)).exitCode).to.equal(6);
  });

  it('says which roles lack a key, for what this machine signs: exit 6', async () => {
    const dir = await workspaceAt('published', { profile: 'company' });
    const path = join(dir, 'holders/bins.json');
    const { uri: _, ...holder } = JSON.parse(await readFile(path, 'utf8'));
    await writeFile(path, JSON.stringify(holder));
    const all = await diagnose(dir);
    expect(all.exitCode).to.equal(6);
    expect(all.sets.filter(({ complete }) => !complete).map(({ role }) => role)).to.deep.equal(['bin4-*']);
    expect(all.text).to.contain('bin4-* cannot be signed').and.to.contain('bring a key of bins here');
    expect((await diagnose(dir, '--roles', 'timestamp', '--roles', 'snapshot')).exitCode).to.equal(0);
  });

  it('does not count a standby key, which no job takes by itself', async () => {
    const dir = await workspaceAt('published', { profile: 'company' });
    await rm(join(dir, 'private/online.pem'));
    const { sets } = await diagnose(dir);
    expect(sets.find(({ role }) => role === 'timestamp')).to.deep.include({ here: [], complete: false });
  });

  for (const [source, put] of [
    ['pending', putPending],
    ['draft', putDraft],
  ] as const) {
    it(`proves both sets of keys before a bridge: root 2 is ${source}`, async () => {
      const dir = await workspaceAt('published');
      await done(dir, ['key', 'generate', '--holder', 'next', '--insecure-plain-key']);
      await put(dir, await nextRoot(dir, 'next'));
      const able = await diagnose(dir);
      expect(able.exitCode).to.equal(0);
      expect(able.sets.filter(({ root }) => root === 2)).to.deep.equal([
        { root: 2, source, role: 'timestamp', threshold: 1, here: ['next'], others: [], complete: true },
        { root: 2, source, role: 'snapshot', threshold: 1, here: ['next'], others: [], complete: true },
      ]);

      const path = join(dir, 'holders/next.json');
      const { uri: _, ...holder } = JSON.parse(await readFile(path, 'utf8'));
      await writeFile(path, JSON.stringify(holder));
      const lacking = await diagnose(dir);
      expect(lacking.exitCode).to.equal(6);
      expect(lacking.text).to.contain(`root 2 (${source}): timestamp cannot be signed on this machine`);
      expect(lacking.text).to.contain('bring a key of next here').and.to.contain('before that root is published');
    });
  }

  it('does not take a key that nobody unlocked to be broken, unless a job needs it', async () => {
    const dir = await workspaceAt('published');
    for (const name of ['spare', 'online']) {
      const path = join(dir, `private/${name}.pem`);
      const args = ['pkcs8', '-topk8', '-v2', 'aes-256-cbc', '-passout', 'pass:secret', '-in', path];
      const encrypted = execFileSync('openssl', args);
      await writeFile(path, encrypted);
      const holder = join(dir, `holders/${name}.json`);
      await writeFile(holder, (await readFile(holder, 'utf8')).replace('?encryption=none', ''));
      const { keys, exitCode } = await diagnose(dir, '--no-input');
      expect(keys.find((key) => key.name === name)?.state).to.equal('locked');
      expect(exitCode).to.equal(name === 'spare' ? 0 : 6);
    }
  });

  it('has a token sign by the same port, and does not try it without a PIN', async function () {
    const dir = await workspaceAt('published');
    const hsm = await softHsm(join(dir, 'private'), await moduleFor(this, 'softhsm'));
    await hsm.token('tufa');
    await hsm.key('tufa', { type: 'EC:prime256v1', label: 'root', id: '01' });
    const module = `softhsm: { path: ${hsm.module}, env: { SOFTHSM2_CONF: ${hsm.env['SOFTHSM2_CONF']} } }`;
    await edit(dir, 'pkcs11: { modules: {} }', `pkcs11: { modules: { ${module} } }`);
    await done(dir, ['key', 'import', 'pkcs11:token=tufa;object=root?module-name=softhsm', '--holder', 'token']);
    await writeFile(join(dir, 'private/pin'), PIN, { mode: 0o600 });
    const state = async (...flags: string[]) => {
      const { keys, exitCode } = await diagnose(dir, '--no-input', ...flags);
      return [keys.find(({ name }) => name === 'token')?.state, exitCode];
    };
    expect(await state('--pin-file', 'private/pin')).to.deep.equal(['ok', 0]);
    expect(await state()).to.deep.equal(['locked', 0]);
  });

  it('goes by tufa.yaml and the drafts before the first publication', async () => {
    const { keys, sets, exitCode } = await diagnose(await workspaceAt('keys'));
    expect(exitCode).to.equal(0);
    expect(keys.find(({ name }) => name === 'online')?.roles).to.include('timestamp');
    expect(sets.map(({ root, source, role }) => `${root} ${source} ${role}`)).to.deep.equal([
      '1 draft timestamp',
      '1 draft snapshot',
    ]);
    expect((await diagnose(await workspaceAt('signed'))).exitCode).to.equal(0);
  });
});
