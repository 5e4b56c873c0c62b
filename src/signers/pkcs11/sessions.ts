import { CKA, CKF_SESSION, CKF_TOKEN, CKM, CKO, CKR, CKU } from './constants.ts';
import { CkrError, type Cryptoki, type Handle, type Template } from './cryptoki.ts';
import { mayTryNext, type Way, waysOf } from './mechanisms.ts';
import type { GenerateQuestion, ObjectKind, ObjectQuery, ObjectReport, SignQuestion, TokenReport } from './messages.ts';

/** Not exactly one key where one is needed. */
export class KeyCount extends Error {
  readonly found: number;

  constructor(found: number) {
    super(`${found} keys`);
    this.found = found;
  }
}

interface Session {
  handle: Handle;
  /** By query, for as long as the session is open. */
  readonly keys: Map<string, SigningKey>;
}

interface SigningKey {
  readonly handle: Handle;
  /** Bits of the modulus; 0 where there is none. */
  readonly size: number;
}

const MOST_OBJECTS = 1024;
/** As long as the modulus of the longest RSA key. */
const LONGEST_SIGNATURE = 1024;

/**
 * The sessions of one module, one for each slot. After any error a session may have an operation that nobody can end
 * (CKR_OPERATION_ACTIVE for everything that follows): it is closed, and the next question opens another one.
 */
export class Sessions {
  private readonly module: Cryptoki;
  private readonly open = new Map<string, Session>();
  /** The way that worked, by slot and key. */
  private readonly known = new Map<string, Way>();

  constructor(module: Cryptoki) {
    this.module = module;
  }

  tokens(): TokenReport[] {
    const libraryManufacturer = trimmed(this.module.C_GetInfo().manufacturerID);
    return this.module.C_GetSlotList(true).flatMap((slot) => {
      const info = this.tokenInfo(slot);
      if (info === undefined || (info.flags & CKF_TOKEN.INITIALIZED) === 0) return [];
      const { label, serialNumber, manufacturerID, model, flags } = info;
      return {
        slot: slot.toString('hex'),
        slotId: numberOf(slot).toString(),
        label: trimmed(label),
        serial: trimmed(serialNumber),
        manufacturer: trimmed(manufacturerID),
        model: trimmed(model),
        libraryManufacturer,
        flags,
      };
    });
  }

  login(slot: string, pin: Uint8Array): undefined {
    this.within(slot, ({ handle }) => this.loginAs(handle, CKU.USER, pin));
  }

  objects(slot: string, kind: ObjectKind, match: ObjectQuery): ObjectReport[] {
    return this.within(slot, ({ handle }) =>
      this.find(handle, kind, match).map((object) => this.report(handle, object)),
    );
  }

  /** Tries the ways of the scheme in their order, each in a session of its own, and remembers the one that worked. */
  sign({ slot, key, scheme, payload, pin }: SignQuestion): Uint8Array {
    const name = `${slot} ${scheme} ${queryName(key)}`;
    const known = this.known.get(name);
    const ways = known === undefined ? waysOf(scheme) : [known];
    return this.within(slot, (session) => {
      for (const [i, way] of ways.entries()) {
        try {
          const signature = this.signIn(session, way, key, payload, pin);
          this.known.set(name, way);
          return signature;
        } catch (error) {
          if (!(error instanceof CkrError) || !mayTryNext(error.code) || i === ways.length - 1) throw error;
          this.renew(slot, session);
        }
      }
      throw new Error(`no way to sign with ${scheme}`);
    });
  }

  /** Makes a key pair that stays on the token. */
  generate({ slot, scheme, label, id }: GenerateQuestion): undefined {
    const pair = PAIRS[scheme];
    if (pair === undefined) throw new Error(`no way to make a key for ${scheme}`);
    const common: Template = [
      { type: CKA.TOKEN, value: true },
      { type: CKA.LABEL, value: label },
      { type: CKA.ID, value: Buffer.from(id) },
    ];
    const publicKey: Template = [...common, { type: CKA.VERIFY, value: true }, ...pair.template];
    const privateKey: Template = [
      ...common,
      { type: CKA.PRIVATE, value: true },
      { type: CKA.SENSITIVE, value: true },
      { type: CKA.EXTRACTABLE, value: false },
      { type: CKA.SIGN, value: true },
    ];
    this.within(slot, () => {
      // Login holds for all sessions of a token, so this one need not stay.
      const session = this.module.C_OpenSession(handleOf(slot), CKF_SESSION.SERIAL | CKF_SESSION.RW);
      try {
        this.module.C_GenerateKeyPair(session, { mechanism: pair.mechanism }, publicKey, privateKey);
      } finally {
        this.module.C_CloseSession(session);
      }
    });
  }

  private signIn(
    session: Session,
    way: Way,
    query: ObjectQuery,
    payload: Uint8Array,
    pin: Uint8Array | undefined,
  ): Uint8Array {
    const key = this.signingKey(session, query);
    this.module.C_SignInit(session.handle, way.mechanism, key.handle);
    if (pin !== undefined) this.loginAs(session.handle, CKU.CONTEXT_SPECIFIC, pin);
    return this.module.C_Sign(session.handle, way.input(payload, key.size), Buffer.alloc(LONGEST_SIGNATURE));
  }

  private signingKey(session: Session, query: ObjectQuery): SigningKey {
    const name = queryName(query);
    const known = session.keys.get(name);
    if (known !== undefined) return known;
    const found = this.find(session.handle, 'private', query);
    const [handle] = found;
    if (handle === undefined || found.length > 1) throw new KeyCount(found.length);
    const modulus = this.attribute(session.handle, handle, CKA.MODULUS);
    const key = { handle, size: bitLength(modulus) };
    session.keys.set(name, key);
    return key;
  }

  private loginAs(session: Handle, user: number, pin: Uint8Array): void {
    // pkcs11js takes a string alone. For a reader with its own keys it would have to pass NULL; an empty one comes near.
    const text = Buffer.from(pin.buffer, pin.byteOffset, pin.length).toString('utf8');
    try {
      this.module.C_Login(session, user, text);
    } catch (error) {
      if (!(error instanceof CkrError) || error.code !== CKR.USER_ALREADY_LOGGED_IN) throw error;
    }
  }

  private find(session: Handle, kind: ObjectKind, { label, id }: ObjectQuery): Handle[] {
    const template: Template = [{ type: CKA.CLASS, value: CLASSES[kind] }];
    if (label !== undefined) template.push({ type: CKA.LABEL, value: label });
    if (id !== undefined) template.push({ type: CKA.ID, value: Buffer.from(id) });
    this.module.C_FindObjectsInit(session, template);
    const found: Handle[] = [];
    for (;;) {
      const some = this.module.C_FindObjects(session, 64);
      found.push(...some);
      if (some.length === 0 || found.length >= MOST_OBJECTS) break;
    }
    this.module.C_FindObjectsFinal(session);
    return found;
  }

  private report(session: Handle, object: Handle): ObjectReport {
    const read = (type: number): Buffer | undefined => this.attribute(session, object, type);
    const keyType = read(CKA.KEY_TYPE);
    return {
      label: read(CKA.LABEL)?.toString('utf8') ?? '',
      id: read(CKA.ID) ?? new Uint8Array(),
      keyType: keyType === undefined ? undefined : Number(numberOf(keyType)),
      ecParams: read(CKA.EC_PARAMS),
      ecPoint: read(CKA.EC_POINT),
      modulus: read(CKA.MODULUS),
      publicExponent: read(CKA.PUBLIC_EXPONENT),
      value: keyType === undefined ? read(CKA.VALUE) : undefined,
      alwaysAuthenticate: read(CKA.ALWAYS_AUTHENTICATE)?.some((byte) => byte !== 0) ?? false,
    };
  }

  /** One at a time: a module that does not know one of several says nothing about the others. */
  private attribute(session: Handle, object: Handle, type: number): Buffer | undefined {
    try {
      const value = this.module.C_GetAttributeValue(session, object, [{ type }])[0]?.value;
      return value === undefined || value.length === 0 ? undefined : Buffer.from(value);
    } catch (error) {
      if (!(error instanceof CkrError)) throw error;
      return undefined;
    }
  }

  private tokenInfo(slot: Handle): ReturnType<Cryptoki['C_GetTokenInfo']> | undefined {
    try {
      return this.module.C_GetTokenInfo(slot);
    } catch (error) {
      // A card of a kind that the module does not know, or one that is being pulled: others may be there.
      if (!(error instanceof CkrError)) throw error;
      return undefined;
    }
  }

  private within<T>(slot: string, work: (session: Session) => T): T {
    const session = this.open.get(slot) ?? { handle: this.openSession(slot), keys: new Map() };
    this.open.set(slot, session);
    try {
      return work(session);
    } catch (error) {
      this.open.delete(slot);
      this.closeSession(session.handle);
      throw error;
    }
  }

  /** The new session is opened first: closing the last one of a token logs out. */
  private renew(slot: string, session: Session): void {
    const old = session.handle;
    session.keys.clear();
    session.handle = this.openSession(slot);
    this.closeSession(old);
  }

  private openSession(slot: string): Handle {
    return this.module.C_OpenSession(handleOf(slot), CKF_SESSION.SERIAL);
  }

  private closeSession(session: Handle): void {
    try {
      this.module.C_CloseSession(session);
    } catch {
      // It is gone, with its token.
    }
  }
}

const CLASSES: Readonly<Record<ObjectKind, number>> = {
  private: CKO.PRIVATE_KEY,
  public: CKO.PUBLIC_KEY,
  certificate: CKO.CERTIFICATE,
};

/** DER of the curve's object identifier. */
const P256 = Buffer.from('06082a8648ce3d030107', 'hex');
const ED25519 = Buffer.from('06032b6570', 'hex');

const PAIRS: Readonly<Record<string, { readonly mechanism: number; readonly template: Template }>> = {
  'ecdsa-sha2-nistp256': { mechanism: CKM.EC_KEY_PAIR_GEN, template: [{ type: CKA.EC_PARAMS, value: P256 }] },
  ed25519: { mechanism: CKM.EC_EDWARDS_KEY_PAIR_GEN, template: [{ type: CKA.EC_PARAMS, value: ED25519 }] },
  'rsassa-pss-sha256': {
    mechanism: CKM.RSA_PKCS_KEY_PAIR_GEN,
    template: [
      { type: CKA.MODULUS_BITS, value: 3072 },
      { type: CKA.PUBLIC_EXPONENT, value: Buffer.of(1, 0, 1) },
    ],
  },
};

function handleOf(slot: string): Handle {
  return Buffer.from(slot, 'hex');
}

/** A CK_ULONG, little-endian as on every machine that Node runs on with a PKCS#11 module. */
function numberOf(value: Buffer): bigint {
  return BigInt(`0x${Buffer.from(value).reverse().toString('hex')}`);
}

function bitLength(modulus: Buffer | undefined): number {
  const hex = modulus?.toString('hex').replace(/^0+/, '') ?? '';
  return hex === '' ? 0 : 4 * (hex.length - 1) + (32 - Math.clz32(Number.parseInt(hex[0]!, 16)));
}

function queryName({ label, id }: ObjectQuery): string {
  return JSON.stringify([label ?? null, id === undefined ? null : Buffer.from(id).toString('hex')]);
}

/** Fixed fields of PKCS#11 are padded with blanks; some modules pad with NUL. */
function trimmed(text: string): string {
  return text.replace(/[ \0]+$/, '');
}
