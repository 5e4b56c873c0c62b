import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import type { OpenOptions, SecretSource, Signer } from '../../../../src/signers/port.ts';
import { importKey, openSigner } from '../../../../src/signers/registry.ts';
import type { Key } from '../../../../src/tuf/model.ts';
import { answering, privateFolder } from '../../folder.ts';
import { moduleFor } from '../install.ts';
import { buildShim, type Fault, type Shim } from './shim.ts';
import { PIN, softHsm } from './softhsm.ts';

export type Refusal = Error & { code?: string; exitCode?: number; hint?: string };

/** A token called `faulty`, with the keys `ec` and `rsa`, behind a module that fails as it is told. */
export interface Faulty {
  readonly shim: () => Shim;
  /** Of this module; asks for nothing where nothing is given. */
  options(secrets?: SecretSource, more?: Partial<OpenOptions>): OpenOptions;
  open(label?: 'ec' | 'rsa', options?: OpenOptions): Promise<Signer>;
  /** Works with a signer that was opened before it met its faults. */
  signing<T>(faults: readonly Fault[], work: (signer: Signer) => Promise<T>, label?: 'ec' | 'rsa'): Promise<T>;
}

/** To be called inside of `describe`. */
export function faultyToken(): Faulty {
  const folder = privateFolder();
  const keys = new Map<string, Key>();
  let shim: Shim;
  const uri = (label: string): string => `pkcs11:token=faulty;object=${label}`;
  const options: Faulty['options'] = (secrets = answering(PIN), more = {}) => ({
    secrets,
    base: folder(),
    modules: { shim: shim.settings },
    ...more,
  });
  const open: Faulty['open'] = (label = 'ec', given = options()) => openSigner(uri(label), keys.get(label)!, given);

  before(async function () {
    await moduleFor(this, 'shim');
    const hsm = await softHsm(folder(), await moduleFor(this, 'softhsm'));
    await hsm.token('faulty');
    await hsm.key('faulty', { type: 'EC:prime256v1', label: 'ec', id: '01' });
    await hsm.key('faulty', { type: 'rsa:2048', label: 'rsa', id: '02' });
    shim = await buildShim(join(folder(), 'shim'), hsm);
    await shim.plan();
    for (const label of ['ec', 'rsa']) keys.set(label, await importKey(uri(label), options()));
  });

  return {
    shim: () => shim,
    options,
    open,
    signing: async (faults, work, label = 'ec') => {
      await shim.plan();
      const signer = await open(label);
      try {
        await shim.plan(...faults);
        return await work(signer);
      } finally {
        await signer.close();
      }
    },
  };
}

export async function refusal(work: Promise<unknown>): Promise<Refusal> {
  return work.then(
    () => expect.fail('it was accepted'),
    (error: Refusal) => error,
  );
}

/** Processes of modules that this one has started and that have not ended. */
export async function childrenOfThis(): Promise<string[]> {
  const text = await readFile(`/proc/self/task/${process.pid}/children`, 'utf8').catch(() => '');
  const pids = text.split(' ').filter((pid) => pid !== '');
  const lines = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')));
  return pids.filter((_, i) => lines[i]?.includes('pkcs11/child'));
}
