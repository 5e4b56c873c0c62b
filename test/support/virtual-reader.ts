import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { ATR, type PivCard } from './piv-card.ts';

/** Milliseconds; pcscd looks every 400. */
const LONG_ENOUGH = 1500;

/**
 * A card in the slot of a virtual reader (vpcd of vsmartcard, which listens on a port). Its protocol: two bytes of length,
 * then a command; one byte alone is power off (0), on (1), reset (2) or the question for the ATR (4), and only the last has
 * an answer. A card that is connected is in the reader.
 */
export class VirtualReader {
  readonly port: number;
  private readonly card: PivCard;
  private socket: Socket | undefined;
  private powered = false;
  private pulled = -Infinity;
  private seen: boolean;

  constructor(card: PivCard, port: number) {
    this.card = card;
    this.port = port;
    this.seen = false;
  }

  /** @returns when the reader has powered the card and asked who it is. @throws after 20 s */
  async insert(): Promise<void> {
    if (this.socket !== undefined) return;
    // A card that comes back before pcscd has looked would be the same one to it, and its sessions still good.
    await sleep(Math.max(0, this.pulled + LONG_ENOUGH - performance.now()));
    for (let tries = 0; tries < 400 && !this.seen; tries++) {
      this.socket ??= this.plug();
      await sleep(50);
    }
    if (!this.seen) throw new Error('no reader took the card in 20 s');
  }

  /** Also in the middle of a command, which then has no answer. */
  pull(): void {
    this.socket?.destroy();
    this.socket = undefined;
    this.powered = false;
    this.seen = false;
    this.pulled = performance.now();
    this.card.reset();
  }

  private plug(): Socket {
    const socket = connect(this.port, '127.0.0.1');
    const gone = (): void => {
      if (this.socket === socket) this.socket = undefined;
    };
    socket.on('error', gone).on('close', gone);
    let pending: Buffer = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => {
      pending = Buffer.concat([pending, chunk]);
      while (pending.length >= 2 && pending.length >= 2 + pending.readUInt16BE(0)) {
        const message = pending.subarray(2, 2 + pending.readUInt16BE(0));
        pending = pending.subarray(2 + message.length);
        const answer = this.answer(message);
        if (answer !== undefined && !socket.destroyed) socket.write(Buffer.concat([lengthOf(answer), answer]));
      }
    });
    return socket;
  }

  private answer(message: Buffer): Buffer | undefined {
    if (message.length > 1) return this.card.answer(message);
    if (message[0] === 4) {
      this.seen ||= this.powered;
      return ATR;
    }
    this.powered ||= message[0] !== 0;
    this.card.reset();
    return undefined;
  }
}

function lengthOf({ length }: Buffer): Buffer {
  return Buffer.of(length >> 8, length & 0xff);
}
