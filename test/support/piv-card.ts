import { constants, generateKeyPairSync, type KeyObject, privateDecrypt } from 'node:crypto';
import { selfSigned } from './certificate.ts';
import { der } from './der.ts';
import { signDigest } from './ready-digest.ts';

/** A slot of a PIV card by its key reference (NIST SP 800-73-4, table 4b). */
export type Slot = 0x9a | 0x9c | 0x9d | 0x9e;
export type Kind = 'rsa2048' | 'p256' | 'p384';

export interface PivKey {
  readonly kind: Kind;
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
  readonly certificate: Buffer;
}

export interface CardOptions {
  readonly pin: string;
  readonly serial: number;
  readonly slots: Readonly<Partial<Record<Slot, Kind>>>;
}

interface Command {
  readonly cla: number;
  readonly ins: number;
  readonly p1: number;
  readonly p2: number;
  readonly data: Buffer;
}

/** YubiKey 5, by the historical bytes at its end. */
export const ATR = Buffer.from('3bfd1300008131fe158073c021c057597562694b657940', 'hex');

const AID = 'a000000308';
const OK = 0x9000;
const RETRIES = 3;
/** SP 800-78-4, table 6-2. */
const ALGORITHMS: Readonly<Record<Kind, number>> = { rsa2048: 0x07, p256: 0x11, p384: 0x14 };
/** SP 800-73-4, table 3: tags of the data objects. */
const CERTIFICATES: Readonly<Record<string, Slot>> = { '5fc105': 0x9a, '5fc10a': 0x9c, '5fc10b': 0x9d, '5fc101': 0x9e };

class Status extends Error {
  readonly sw: number;

  constructor(sw: number) {
    super(`SW ${sw.toString(16)}`);
    this.sw = sw;
  }
}

/**
 * A PIV card (SP 800-73-4, part 2) that also answers the three instructions by which Yubico's tools know a YubiKey. What
 * it is strict about is what software gets wrong: the number of tries, and the PIN before each signature of slot 9c.
 */
export class PivCard {
  readonly keys = new Map<Slot, PivKey>();
  /** How many PINs were compared, right ones and wrong ones. */
  verifications = 0;
  /** Called before each command with its instruction and the length of its data; may pull the card. */
  before: (ins: number, length: number) => void = () => undefined;
  private readonly options: CardOptions;
  private tries: number;
  private verified: boolean;
  /** The PIN was the last thing that was asked for. */
  private fresh: boolean;
  private selected: boolean;
  private chained: Buffer = Buffer.alloc(0);
  private rest: Buffer = Buffer.alloc(0);

  constructor(options: CardOptions) {
    this.options = options;
    this.tries = RETRIES;
    this.verified = false;
    this.fresh = false;
    this.selected = false;
    for (const [slot, kind] of Object.entries(options.slots)) {
      const pair =
        kind === 'rsa2048'
          ? generateKeyPairSync('rsa', { modulusLength: 2048 })
          : generateKeyPairSync('ec', { namedCurve: kind === 'p256' ? 'prime256v1' : 'secp384r1' });
      const certificate = selfSigned(`slot ${Number(slot).toString(16)}`, pair);
      this.keys.set(Number(slot) as Slot, { kind, ...pair, certificate });
    }
  }

  get triesLeft(): number {
    return this.tries;
  }

  /** As with the PUK. */
  unlock(): void {
    this.tries = RETRIES;
  }

  /** Power off, or pulled: what was verified is not any more. Tries are kept. */
  reset(): void {
    this.verified = false;
    this.fresh = false;
    this.selected = false;
    this.chained = Buffer.alloc(0);
    this.rest = Buffer.alloc(0);
  }

  /** Answers one command. @returns data and status word */
  answer(apdu: Buffer): Buffer {
    const command = parse(apdu);
    this.before(command.ins, command.data.length);
    try {
      if (command.ins === 0xc0) return this.part();
      this.chained = Buffer.concat([this.chained, command.data]);
      // Command chaining (ISO 7816-4): more is to come.
      if ((command.cla & 0x10) !== 0) return statusWord(OK);
      const whole = { ...command, data: this.chained };
      this.chained = Buffer.alloc(0);
      const fresh = this.fresh;
      this.fresh = false;
      this.rest = this.execute(whole, fresh);
      return this.part();
    } catch (error) {
      if (!(error instanceof Status)) throw error;
      return statusWord(error.sw);
    }
  }

  /** As much of the answer as one short response holds (GET RESPONSE brings the rest). */
  private part(): Buffer {
    const part = this.rest.subarray(0, 256);
    this.rest = this.rest.subarray(part.length);
    const left = this.rest.length;
    return Buffer.concat([part, statusWord(left === 0 ? OK : 0x6100 | (Math.min(left, 256) % 256))]);
  }

  private execute(command: Command, fresh: boolean): Buffer {
    if (command.ins === 0xa4) return this.select(command);
    if (!this.selected) throw new Status(0x6d00);
    switch (command.ins) {
      case 0xcb:
        return this.getData(command);
      case 0x20:
        return this.verify(command);
      case 0x87:
        return this.authenticate(command, fresh);
      case 0xfd:
        return Buffer.of(5, 4, 3);
      case 0xf8: {
        const serial = Buffer.alloc(4);
        serial.writeUInt32BE(this.options.serial);
        return serial;
      }
      case 0xf7:
        return this.metadata(command.p2);
      default:
        throw new Status(0x6d00);
    }
  }

  private select({ p1, data }: Command): Buffer {
    this.selected = p1 === 0x04 && data.toString('hex').startsWith(AID);
    if (!this.selected) throw new Status(0x6a82);
    const pix = der(0x4f, Buffer.from('000010000100', 'hex'));
    const authority = der(0x79, der(0x4f, Buffer.from(AID, 'hex')));
    return der(0x61, pix, authority);
  }

  private getData({ data }: Command): Buffer {
    const tag = data.subarray(2).toString('hex');
    if (tag === '7e') {
      const aid = der(0x4f, Buffer.from(`${AID}000010000100`, 'hex'));
      return der(0x7e, aid, Buffer.from('5f2f024000', 'hex'));
    }
    if (tag === '5fc102') return der(0x53, chuid(this.options.serial));
    if (tag === '5fc107') return der(0x53, CCC);
    const slot = CERTIFICATES[tag];
    const key = slot === undefined ? undefined : this.keys.get(slot);
    if (key === undefined) throw new Status(0x6a82);
    return der(0x53, der(0x70, key.certificate), Buffer.from('710100fe00', 'hex'));
  }

  private verify({ p1, p2, data }: Command): Buffer {
    if (p2 !== 0x80) throw new Status(0x6a88);
    if (p1 === 0xff) {
      this.verified = false;
      return Buffer.alloc(0);
    }
    if (this.tries === 0) throw new Status(0x6983);
    // Without a PIN it asks whether one is needed.
    if (data.length === 0) {
      if (this.verified) return Buffer.alloc(0);
      throw new Status(0x63c0 | this.tries);
    }
    this.verifications++;
    const right = Buffer.from(this.options.pin.padEnd(8, '\xff'), 'latin1').equals(data);
    this.verified = right;
    this.fresh = right;
    this.tries = right ? RETRIES : this.tries - 1;
    if (!right) throw new Status(this.tries === 0 ? 0x6983 : 0x63c0 | this.tries);
    return Buffer.alloc(0);
  }

  private authenticate({ p1, p2, data }: Command, fresh: boolean): Buffer {
    const slot = p2 as Slot;
    const key = this.keys.get(slot);
    if (key === undefined || p1 !== ALGORITHMS[key.kind]) throw new Status(0x6a86);
    // 9c: "PIN always", 9e: never.
    if (slot === 0x9c ? !fresh : slot !== 0x9e && !this.verified) throw new Status(0x6982);
    const challenge = find(find(data, 0x7c) ?? Buffer.alloc(0), 0x81);
    if (challenge === undefined) throw new Status(0x6a80);
    const { privateKey } = key;
    const signature =
      key.kind === 'rsa2048'
        ? privateDecrypt({ key: privateKey, padding: constants.RSA_NO_PADDING }, challenge)
        : signDigest(privateKey, challenge);
    return der(0x7c, der(0x82, signature));
  }

  /** Yubico's GET METADATA. */
  private metadata(reference: number): Buffer {
    const value = (tag: number, ...bytes: number[]): Buffer => der(tag, Buffer.from(bytes));
    if (reference === 0x80) return Buffer.concat([value(5, 0), value(6, RETRIES, this.tries)]);
    const key = this.keys.get(reference as Slot);
    if (key === undefined) throw new Status(0x6a88);
    const policy = reference === 0x9c ? 3 : reference === 0x9e ? 1 : 2;
    const head = [value(1, ALGORITHMS[key.kind]), value(2, policy, 1), value(3, 1)];
    return Buffer.concat([...head, der(4, publicTemplate(key.publicKey))]);
  }
}

function parse(apdu: Buffer): Command {
  const [cla = 0, ins = 0, p1 = 0, p2 = 0] = apdu;
  const body = apdu.subarray(4);
  const extended = body.length > 2 && body[0] === 0;
  const at = extended ? 3 : 1;
  const length = body.length <= 1 || (extended && body.length === 3) ? 0 : extended ? body.readUInt16BE(1) : body[0]!;
  return { cla, ins, p1, p2, data: body.subarray(at, at + length) };
}

function publicTemplate(key: KeyObject): Buffer {
  const { kty, n = '', e = '', x = '', y = '' } = key.export({ format: 'jwk' });
  const bytes = (text: string): Buffer => Buffer.from(text, 'base64url');
  if (kty === 'RSA') return Buffer.concat([der(0x81, bytes(n)), der(0x82, bytes(e))]);
  return der(0x86, Buffer.of(4), bytes(x), bytes(y));
}

/** The value behind a tag of one byte, on the outermost level. */
function find(tlv: Buffer, wanted: number): Buffer | undefined {
  for (let at = 0; at + 1 < tlv.length; ) {
    const [tag, first = 0] = tlv.subarray(at);
    const long = first === 0x81 ? 1 : first === 0x82 ? 2 : 0;
    const length = long === 0 ? first : tlv.readUIntBE(at + 2, long);
    const start = at + 2 + long;
    if (tag === wanted) return tlv.subarray(start, start + length);
    at = start + length;
  }
  return undefined;
}

function statusWord(sw: number): Buffer {
  return Buffer.of(sw >> 8, sw & 0xff);
}

/** Card holder unique identifier: FASC-N of no agency, a GUID with the serial, expiry. */
function chuid(serial: number): Buffer {
  const guid = Buffer.alloc(16, 0x54);
  guid.writeUInt32BE(serial, 12);
  const fascn = Buffer.from('d4e739da739ced39ce739da1685a1082108ce73984119257fc', 'hex');
  return Buffer.concat([
    der(0x30, fascn),
    der(0x34, guid),
    der(0x35, Buffer.from('20491231')),
    der(0x3e),
    Buffer.of(0xfe, 0),
  ]);
}

/** Card capability container. */
const CCC = Buffer.concat([
  der(0xf0, Buffer.from('a000000116ff02', 'hex'), Buffer.alloc(14, 0x54)),
  Buffer.from('f10121f20121f300f40100f50110f600f700fa00fb00fc00fd00fe00', 'hex'),
]);
