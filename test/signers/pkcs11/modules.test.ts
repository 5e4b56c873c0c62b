import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import type { ConfigurationError } from '../../../src/errors.ts';
import { installCommand } from '../../../src/signers/pkcs11/addon.ts';
import { moduleEnvironment } from '../../../src/signers/pkcs11/environment.ts';
import { chooseModule } from '../../../src/signers/pkcs11/modules.ts';
import type { OpenOptions } from '../../../src/signers/port.ts';
import { listTokens } from '../../../src/signers/registry.ts';
import { answering, privateFolder } from '../folder.ts';
import { allowedMissing } from './install.ts';

describe('PKCS#11 modules', () => {
  const folder = privateFolder();
  let options: OpenOptions;
  let module: string;

  before(() => {
    module = join(folder(), 'module.so');
    writeFileSync(module, 'no library');
    chmodSync(module, 0o755);
    options = { secrets: answering(undefined), base: folder() };
  });

  async function refusal(wanted: Parameters<typeof chooseModule>[0], given = options): Promise<ConfigurationError> {
    return chooseModule(wanted, given).then(
      () => expect.fail('it was chosen'),
      (error: ConfigurationError) => {
        expect([error.code, error.exitCode]).to.deep.equal(['configuration.pkcs11-module', 3]);
        return error;
      },
    );
  }

  it('are chosen by the uri, by tufa.yaml, by the environment', async () => {
    const one = { hsm: { path: module, initArgs: 'a', env: { B: 'c' } } };
    const env = { TUFA_PKCS11_MODULE: module };
    const path = async (wanted: Parameters<typeof chooseModule>[0], given: Partial<OpenOptions>) =>
      (await chooseModule(wanted, { ...options, ...given })).launch;
    expect(await path({ path: module }, {})).to.deep.include({ path: module, initArgs: undefined });
    // Named by its path, it still has what tufa.yaml says of it.
    for (const wanted of [{ path: module }, { name: 'hsm' }, undefined]) {
      const launch = await path(wanted, { modules: one });
      expect([launch.initArgs, launch.env['B']]).to.deep.equal(['a', 'c']);
    }
    expect(await path(undefined, { env })).to.deep.include({ path: module });
    expect((await refusal({ name: 'other' }, { ...options, modules: one })).message).to.contain('found hsm');
    const two = { ...one, more: { path: module } };
    expect((await refusal(undefined, { ...options, modules: two })).message).to.contain('modules hsm, more');
  });

  it('are refused where somebody else could have written them', async () => {
    const loose = join(folder(), 'loose.so');
    writeFileSync(loose, '');
    chmodSync(loose, 0o775);
    expect((await refusal({ path: loose })).hint).to.equal(`chmod go-w ${loose}`);
    // Also behind a link, which is how distributions name them.
    symlinkSync(loose, join(folder(), 'link.so'));
    expect((await refusal({ path: join(folder(), 'link.so') })).message).to.contain('others may change it');
    mkdirSync(join(folder(), 'folder.so'));
    expect((await refusal({ path: join(folder(), 'folder.so') })).message).to.contain('is no file');
    expect((await refusal({ path: '/nonexistent.so' })).message).to.contain('found nothing there');
    expect((await refusal({ path: 'module.so' })).message).to.contain('is no absolute path');
  });

  it('are told from other files, in the loader’s words', async () => {
    const error = await listTokens(module, options).catch((reason: unknown) => reason);
    expect(error).to.have.property('code', 'configuration.pkcs11-module');
    expect(error)
      .to.have.property('message')
      .that.matches(/module\.so: cannot be loaded as a PKCS#11 module/);
    expect(error).to.have.property('hint', `see what it needs: ldd ${module}`);
  });

  it('see little of the environment', () => {
    const env = {
      PATH: '/bin',
      SOFTHSM2_CONF: '/x',
      AWS_SECRET_ACCESS_KEY: 's',
      NODE_OPTIONS: '--inspect',
      LD_PRELOAD: '/evil.so',
      OPENSC_DEBUG: '9',
      TUFA_PIN_FILE: '/pin',
      HOME: undefined,
    };
    expect(moduleEnvironment(env, { MINE: '1' })).to.deep.equal({
      TSS2_LOG: 'all+NONE',
      PATH: '/bin',
      SOFTHSM2_CONF: '/x',
      MINE: '1',
    });
  });

  it('need an addon, whose command depends on how tufa was installed', () => {
    const made = (path: string): string => {
      mkdirSync(join(folder(), path), { recursive: true });
      return `${join(folder(), path)}/`;
    };
    expect(installCommand(made('checkout'))).to.equal('npm install --include=optional');
    made('checkout/node_modules/pkcs11js');
    expect(installCommand(made('checkout'))).to.equal('npm rebuild pkcs11js');
    const global = 'npm install --global --allow-scripts=pkcs11js tufa';
    expect(installCommand(made('lib/node_modules/tufa'))).to.equal(global);
    writeFileSync(join(made('app'), 'package.json'), '{}');
    const local = 'npm install --allow-scripts=pkcs11js pkcs11js';
    expect(installCommand(made('app/node_modules/tufa'))).to.equal(local);
  });

  it('may be missing in the tests only with a reason', async () => {
    const list = join(folder(), 'allowed-missing');
    writeFileSync(list, '# why\n\nykcs11: not in this distribution\n');
    expect([...(await allowedMissing(list))]).to.deep.equal([['ykcs11', 'not in this distribution']]);
    for (const line of ['ykcs11', 'ykcs11:', 'yubikey: none here']) {
      writeFileSync(list, `${line}\n`);
      expect(await allowedMissing(list).catch((error: Error) => error.message)).to.contain('no name with a reason');
    }
    await allowedMissing();
  });
});
