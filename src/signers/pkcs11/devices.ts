import { createHmac, randomBytes } from 'node:crypto';
import type { OpenOptions } from '../port.ts';
import type { TokenReport } from './messages.ts';
import { type ChosenModule, chooseModule } from './modules.ts';
import { ModuleProcess } from './process.ts';
import type { Pkcs11Uri } from './uri.ts';

/** What is known of a token's PIN. */
export interface Login {
  /** One that the token has accepted. */
  pin: Buffer | undefined;
  /** Generation of the process in which it is logged in. */
  inside: number | undefined;
}

/** One module, for all signers of this process that use it; it ends with the last of them. */
export class Device {
  readonly process: ModuleProcess;
  private readonly logins = new Map<string, Login>();
  private turn: Promise<unknown> = Promise.resolve();
  private users = 0;

  constructor(process: ModuleProcess) {
    this.process = process;
  }

  /** Runs one piece of work at a time: what one has found out about a token holds until it is done. */
  exclusive<T>(work: () => Promise<T>): Promise<T> {
    const done = this.turn.then(work);
    this.turn = done.catch(() => undefined);
    return done;
  }

  login(token: TokenReport): Login {
    const id = tokenId(token);
    const known = this.logins.get(id) ?? { pin: undefined, inside: undefined };
    this.logins.set(id, known);
    return known;
  }

  /** After an error its sessions are closed, and nobody is logged in. */
  loggedOut(token: TokenReport): void {
    this.login(token).inside = undefined;
  }

  join(): void {
    this.users++;
  }

  /** @returns whether it was the last one */
  leave(): boolean {
    this.users--;
    return this.users === 0;
  }

  wipe(): void {
    for (const { pin } of this.logins.values()) pin?.fill(0);
    this.logins.clear();
  }
}

/** A module that was opened for somebody, who closes it once. */
export interface OpenDevice {
  readonly device: Device;
  readonly named: ChosenModule['named'];
  close(): Promise<void>;
}

/** By what the module is started with: its state belongs to its process, so there is one of each. */
const devices = new Map<string, Device>();

/** @throws ConfigurationError */
export async function openDevice(wanted: Pkcs11Uri['module'], options: OpenOptions): Promise<OpenDevice> {
  return deviceOf(await chooseModule(wanted, options));
}

export function deviceOf({ launch, named }: ChosenModule): OpenDevice {
  const name = JSON.stringify([launch.path, launch.initArgs ?? null, Object.entries(launch.env).sort()]);
  const device = devices.get(name) ?? new Device(new ModuleProcess(launch));
  devices.set(name, device);
  device.join();
  let closed = false;
  const close = async (): Promise<void> => {
    if (closed) return;
    closed = true;
    if (!device.leave()) return;
    devices.delete(name);
    device.wipe();
    await device.process.end();
  };
  return { device, named, close };
}

/** PINs that a token has refused, or may have refused, in this run: none is sent to it again. */
const spent = new Set<string>();
const SALT = randomBytes(32);

export function isSpent(token: TokenReport, pin: Uint8Array): boolean {
  return spent.has(mark(token, pin));
}

export function spend(token: TokenReport, pin: Uint8Array): void {
  spent.add(mark(token, pin));
}

export function unspend(token: TokenReport, pin: Uint8Array): void {
  spent.delete(mark(token, pin));
}

function mark(token: TokenReport, pin: Uint8Array): string {
  return createHmac('sha256', SALT)
    .update(`${tokenId(token)}\0`)
    .update(pin)
    .digest('base64');
}

function tokenId({ label, serial, slotId }: TokenReport): string {
  return JSON.stringify([label, serial, slotId]);
}
