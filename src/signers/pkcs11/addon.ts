import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ConfigurationError } from '../../errors.ts';

/** Folder of package.json, from source or built. */
const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

/** npm leaves pkcs11js out, without an error, where it cannot build it or was not allowed to. */
export function addonMissing(message: string): ConfigurationError {
  return new ConfigurationError('tokens need the npm package pkcs11js, which npm has left out or not built', {
    object: 'PKCS#11',
    code: 'configuration.pkcs11-addon',
    expected: 'pkcs11js with build/Release/pkcs11.node',
    found: message.split('\n', 1)[0] ?? message,
    hint: `with a C++ compiler, make and python3 on this machine, type: ${installCommand(ROOT)}`,
  });
}

/** @param root folder of our package */
export function installCommand(root: string): string {
  if (/[\\/]node_modules[\\/][^\\/]+[\\/]?$/.test(root)) {
    const global = !existsSync(`${root.replace(/[\\/]node_modules[\\/][^\\/]+[\\/]?$/, '')}/package.json`);
    return global
      ? 'npm install --global --allow-scripts=pkcs11js tufa'
      : 'npm install --allow-scripts=pkcs11js pkcs11js';
  }
  return existsSync(`${root}node_modules/pkcs11js`) ? 'npm rebuild pkcs11js' : 'npm install --include=optional';
}
