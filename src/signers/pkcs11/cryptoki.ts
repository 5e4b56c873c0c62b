import { createRequire } from 'node:module';

/** What is used of pkcs11js, whose own types are not there where npm could not build it. All calls block. */
export interface Cryptoki {
  load(path: string): void;
  close(): void;
  C_Initialize(options: { flags: number; libraryParameters?: string }): void;
  C_Finalize(): void;
  C_GetInfo(): { readonly manufacturerID: string };
  C_GetSlotList(tokenPresent: boolean): Handle[];
  C_GetTokenInfo(slot: Handle): TokenInfo;
  C_OpenSession(slot: Handle, flags: number): Handle;
  C_CloseSession(session: Handle): void;
  C_Login(session: Handle, user: number, pin: string): void;
  C_FindObjectsInit(session: Handle, template: Template): void;
  C_FindObjects(session: Handle, most: number): Handle[];
  C_FindObjectsFinal(session: Handle): void;
  C_GetAttributeValue(session: Handle, object: Handle, template: { type: number }[]): { value: Buffer }[];
  C_SignInit(session: Handle, mechanism: Mechanism, key: Handle): void;
  /** @returns the part of `output` that was written */
  C_Sign(session: Handle, input: Buffer, output: Buffer): Buffer;
  C_GenerateKeyPair(
    session: Handle,
    mechanism: Mechanism,
    publicKey: Template,
    privateKey: Template,
  ): { publicKey: Handle; privateKey: Handle };
  C_DestroyObject(session: Handle, object: Handle): void;
}

/** A CK_ULONG as it lies in memory. */
export type Handle = Buffer;

export type Template = { type: number; value: boolean | number | string | Buffer }[];

export interface Mechanism {
  readonly mechanism: number;
  readonly parameter?: {
    readonly type: number;
    readonly hashAlg: number;
    readonly mgf: number;
    readonly saltLen: number;
  };
}

export interface TokenInfo {
  readonly label: string;
  readonly manufacturerID: string;
  readonly model: string;
  readonly serialNumber: string;
  readonly flags: number;
}

/** A call that did not return CKR_OK. */
export class CkrError extends Error {
  readonly code: number;
  /** `C_Sign`. */
  readonly call: string;

  /** @param name `CKR_PIN_INCORRECT`; for a code without a name `CKR_VENDOR_DEFINED` */
  constructor(name: string, code: number, call: string) {
    super(name);
    this.code = code;
    this.call = call;
  }
}

/** @throws the error of `require` where the addon is missing or was not built */
export function loadAddon(): Cryptoki {
  const { PKCS11 } = createRequire(import.meta.url)('pkcs11js') as { PKCS11: new () => Cryptoki };
  return new Proxy(new PKCS11(), {
    get: (addon, name) => {
      const member: unknown = Reflect.get(addon, name);
      if (typeof member !== 'function') return member;
      return (...args: unknown[]): unknown => {
        try {
          return Reflect.apply(member, addon, args);
        } catch (error) {
          throw ofCall(error, String(name));
        }
      };
    },
  });
}

/** pkcs11js does not always know which call it was. */
function ofCall(error: unknown, call: string): unknown {
  if (!(error instanceof Error) || error.name !== 'Pkcs11Error' || !('code' in error)) return error;
  return typeof error.code === 'number' ? new CkrError(error.message, error.code, call) : error;
}
