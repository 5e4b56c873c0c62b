import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ModuleSettings } from '../../../../src/signers/port.ts';
import { compile } from './compile.ts';
import type { SoftHsm } from './softhsm.ts';

/** Functions that can be given a fault, and what they are to do: see shim.c. */
export interface Fault {
  readonly call:
    | 'C_Initialize'
    | 'C_GetSlotList'
    | 'C_GetTokenInfo'
    | 'C_OpenSession'
    | 'C_Login'
    | 'C_FindObjectsInit'
    | 'C_SignInit'
    | 'C_Sign'
    | 'C_GenerateKeyPair';
  /** Calls in one process, counted from 1; default all. */
  readonly from?: number;
  readonly to?: number;
  readonly action: 'ckr' | 'sleep' | 'abort' | 'flags' | 'corrupt' | 'remove';
  readonly number?: number;
}

/** A module that does what SoftHSM does, but for what it is told. */
export interface Shim {
  readonly settings: ModuleSettings;
  /** Replaces all faults; it counts from now on. */
  plan(...faults: readonly Fault[]): Promise<void>;
  /** What was called since the last plan, with notes that begin with blanks. */
  log(): Promise<string[]>;
  count(call: Fault['call']): Promise<number>;
}

/** @param dir a folder of its own */
export async function buildShim(dir: string, hsm: SoftHsm): Promise<Shim> {
  await mkdir(dir, { recursive: true });
  const path = await compile('shim', dir);
  const [faults, calls] = [join(dir, 'faults'), join(dir, 'calls')];
  const log = async (): Promise<string[]> => (await readFile(calls, 'utf8').catch(() => '')).split('\n').slice(0, -1);
  return {
    settings: { path, env: { ...hsm.env, SHIM_MODULE: hsm.module, SHIM_FAULTS: faults, SHIM_LOG: calls } },
    plan: async (...list) => {
      const lines = list.map(
        ({ call, from = 1, to = 0, action, number = 0 }) => `${call} ${from} ${to} ${action} ${number}\n`,
      );
      await writeFile(faults, lines.join(''));
      await rm(calls, { force: true });
    },
    log,
    count: async (call) => (await log()).filter((line) => line === call).length,
  };
}
