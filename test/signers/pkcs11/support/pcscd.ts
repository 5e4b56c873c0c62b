import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { PivCard } from '../../../support/piv-card.ts';
import { VirtualReader } from '../../../support/virtual-reader.ts';
import { compile } from './compile.ts';
import { freePorts, startServer } from './servers.ts';

/** Fixed when pcscd is built. */
const SOCKET = '/run/pcscd/pcscd.comm';
const PID_FILE = '/run/pcscd/pcscd.pid';
const DRIVER = '/usr/lib/pcsc/drivers/serial/libifdvpcd.so';

export interface CardReader {
  readonly reader: VirtualReader;
  stop(): Promise<void>;
}

/** A pcscd of its own with one reader, and the card in it. @param dir an empty folder */
export async function startReader(dir: string, card: PivCard): Promise<CardReader> {
  await waitForOther();
  const config = join(dir, 'reader.conf.d');
  await mkdir(config, { recursive: true });
  // The reader has two slots, each with a port of its own.
  const port = await freePorts();
  const number = `0x${port.toString(16).toUpperCase()}`;
  const lines = [
    'FRIENDLYNAME "Yubico YubiKey CCID"',
    `DEVICENAME /dev/null:${number}`,
    `LIBPATH ${DRIVER}`,
    `CHANNELID ${number}`,
  ];
  await writeFile(join(config, 'vpcd'), `${lines.join('\n')}\n`);
  await mkdir(dirname(SOCKET), { recursive: true });
  // One that was killed has left it.
  await rm(SOCKET, { force: true });
  const server = await startServer('/usr/sbin/pcscd', ['-f', '-c', config], {
    env: { LD_PRELOAD: await compile('loopback', dir) },
    ready: () => existsSync(SOCKET),
  });
  const reader = new VirtualReader(card, port);
  const stop = async (): Promise<void> => {
    reader.pull();
    await server.stop();
  };
  await reader.insert().catch(async (error: unknown) => {
    await stop();
    throw error;
  });
  return { reader, stop };
}

/** Two pcscd cannot run on one machine: another test's is waited for. */
async function waitForOther(): Promise<void> {
  for (let tries = 0; tries < 120; tries++) {
    const pid = await readFile(PID_FILE, 'utf8').catch(() => '');
    if (pid === '' || !existsSync(`/proc/${pid.trim()}`)) return;
    await sleep(1000);
  }
  throw new Error(`another pcscd is running (${PID_FILE}): stop it, these tests start their own`);
}
