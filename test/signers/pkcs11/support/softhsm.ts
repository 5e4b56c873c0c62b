import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ModuleSettings } from '../../../../src/signers/port.ts';
import { runTool } from '../../../interop/support/tools.ts';

export const PIN = '648219';

/** A SoftHSM of its own, in a folder. */
export interface SoftHsm {
  readonly module: string;
  readonly env: Readonly<Record<string, string>>;
  readonly settings: ModuleSettings;
  token(label: string, pin?: string): Promise<void>;
  /** A key made by pkcs11-tool. @param type `EC:prime256v1`, `EC:edwards25519`, `rsa:2048` */
  key(token: string, key: { type: string; label: string; id: string; pin?: string }): Promise<void>;
}

const MINUTE = 60_000;

/** @param dir an empty folder. @param module path of libsofthsm2.so */
export async function softHsm(dir: string, module: string): Promise<SoftHsm> {
  const conf = join(dir, 'softhsm2.conf');
  await mkdir(join(dir, 'tokens'), { recursive: true, mode: 0o700 });
  const lines = [`directories.tokendir = ${join(dir, 'tokens')}`, 'objectstore.backend = file', 'log.level = ERROR'];
  await writeFile(conf, `${lines.join('\n')}\n`);
  const env = { SOFTHSM2_CONF: conf };
  return {
    module,
    env,
    settings: { path: module, env },
    token: async (label, pin = PIN) => {
      const init = ['--init-token', '--free', '--label', label, '--pin', pin, '--so-pin', '12345678'];
      await runTool('softhsm2-util', init, { timeout: MINUTE, env });
    },
    key: (token, key) => pkcs11ToolKey(module, token, { pin: PIN, ...key }, env),
  };
}

/** A key pair made by OpenSC's tool, on any token. */
export async function pkcs11ToolKey(
  module: string,
  token: string,
  { type, label, id, pin }: { type: string; label: string; id: string; pin: string },
  env: Readonly<Record<string, string>>,
): Promise<void> {
  const where = ['--module', module, '--token-label', token, '--login', '--pin', pin];
  const what = ['--keypairgen', '--key-type', type, '--label', label, '--id', id];
  await runTool('pkcs11-tool', [...where, ...what], { timeout: 2 * MINUTE, env });
}
