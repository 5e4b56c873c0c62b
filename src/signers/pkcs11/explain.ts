import { ConfigurationError, type ErrorDetails, SignerError, type TufaError } from '../../errors.ts';
import { addonMissing } from './addon.ts';
import { CKR } from './constants.ts';
import { type Cause, causeText, ModuleFailure } from './failure.ts';

export interface Circumstances {
  /** What the error is about: `timestamp 7, token "corp"`. */
  readonly object: string;
  /** Path of the module. */
  readonly module: string;
  /** What was wanted: `a signature`. */
  readonly expected: string;
  /** What the token's flags say about further tries, after a PIN was refused. */
  readonly tries?: string | undefined;
}

/** An error that a person can do something about, for what a module has answered. Others are passed on as they are. */
export function explained(error: unknown, around: Circumstances): unknown {
  return error instanceof ModuleFailure ? explain(error, around) : error;
}

function explain({ reason, said, code, call }: ModuleFailure, around: Circumstances): TufaError {
  const details: ErrorDetails = { object: around.object, expected: around.expected, found: causeText(reason) };
  if (reason.kind === 'addon') return addonMissing(reason.message);
  if (reason.kind === 'bug') return new SignerError('the module answered in a way that was not expected', details);
  if (reason.kind === 'module')
    return new ConfigurationError('cannot be loaded as a PKCS#11 module', {
      object: around.module,
      code: 'configuration.pkcs11-module',
      expected: 'a shared library with C_GetFunctionList',
      found: reason.message,
      hint: `see what it needs: ldd ${around.module}`,
    });
  if (code === CKR.ARGUMENTS_BAD && call === 'C_Initialize')
    return new ConfigurationError('the module cannot be started as it is', {
      ...details,
      object: around.module,
      code: 'configuration.pkcs11-module',
      expected: 'CKR_OK from C_Initialize',
      hint: 'one that needs arguments (NSS) gets them by pkcs11.modules.NAME.initArgs in tufa.yaml',
    });
  const known = ofCode(code, call) ?? ofKind(reason);
  const hint = known.tail === true && said !== '' ? `${known.hint}; the module said: ${said}` : known.hint;
  const tries = known.code === 'signer.pin-wrong' ? around.tries : undefined;
  return new SignerError(known.said, {
    ...details,
    code: known.code,
    hint: tries === undefined ? hint : `${tries}; ${hint}`,
  });
}

interface Meaning {
  readonly code: string;
  readonly said: string;
  readonly hint: string;
  /** Whether what the module has printed may help. */
  readonly tail?: true;
}

const AGAIN = 'nothing was written: run the command again';

const PIN_WRONG: Meaning = {
  code: 'signer.pin-wrong',
  said: 'the PIN is wrong',
  hint: 'it was tried once and is not tried again: make sure of it, then run the command again',
};

const PIN_SETUP: Meaning = {
  code: 'signer.pin-setup',
  said: 'the PIN has to be set first',
  hint: 'set one: pkcs11-tool --module PATH --init-pin, or --change-pin where it has expired',
};

const TOKEN_MISSING: Meaning = {
  code: 'signer.token-missing',
  said: 'the token is not there',
  hint: `plug it in. ${AGAIN}`,
};

const TOKEN_REMOVED: Meaning = {
  code: 'signer.token-removed',
  said: 'the token was removed, or does not answer any more',
  hint: `plug it in. ${AGAIN}`,
};

const KEY_UNUSABLE: Meaning = {
  code: 'signer.key-unusable',
  said: 'the token does not sign with this key in any way that metadata needs',
  hint: 'see the kind of the key and what it may be used for: pkcs11-tool --module PATH --login --list-objects',
};

const CANCELED: Meaning = {
  code: 'signer.canceled',
  said: 'the token gave up waiting for a person',
  hint: `touch the key when it blinks. ${AGAIN}`,
};

const FAILURE: Meaning = { code: 'signer.token-failure', said: 'the token failed', hint: AGAIN, tail: true };

const MEANINGS: ReadonlyMap<number, Meaning> = new Map([
  [CKR.PIN_INCORRECT, PIN_WRONG],
  [CKR.PIN_INVALID, PIN_WRONG],
  [CKR.PIN_LEN_RANGE, { ...PIN_WRONG, said: 'the PIN is wrong: the token has none of this length' }],
  [
    CKR.PIN_LOCKED,
    {
      code: 'signer.pin-locked',
      said: 'the PIN is locked',
      hint: 'unlock it with its PUK: ykman piv access unblock-pin, or pkcs11-tool --module PATH --unlock-pin',
    },
  ],
  [CKR.PIN_EXPIRED, PIN_SETUP],
  [CKR.USER_PIN_NOT_INITIALIZED, PIN_SETUP],
  [CKR.TOKEN_NOT_PRESENT, TOKEN_MISSING],
  [CKR.TOKEN_NOT_RECOGNIZED, TOKEN_MISSING],
  [CKR.SLOT_ID_INVALID, TOKEN_REMOVED],
  [CKR.DEVICE_REMOVED, TOKEN_REMOVED],
  [CKR.DEVICE_ERROR, TOKEN_REMOVED],
  [CKR.SESSION_HANDLE_INVALID, TOKEN_REMOVED],
  [CKR.SESSION_CLOSED, TOKEN_REMOVED],
  [
    CKR.USER_NOT_LOGGED_IN,
    { code: 'signer.auth-required', said: 'the token wants a PIN that it was given', hint: AGAIN, tail: true },
  ],
  [CKR.KEY_FUNCTION_NOT_PERMITTED, KEY_UNUSABLE],
  [CKR.KEY_TYPE_INCONSISTENT, KEY_UNUSABLE],
  [CKR.MECHANISM_INVALID, KEY_UNUSABLE],
  [CKR.MECHANISM_PARAM_INVALID, KEY_UNUSABLE],
  [CKR.FUNCTION_NOT_SUPPORTED, KEY_UNUSABLE],
  [CKR.FUNCTION_CANCELED, CANCELED],
  [CKR.FUNCTION_REJECTED, CANCELED],
  [CKR.GENERAL_ERROR, FAILURE],
  [CKR.FUNCTION_FAILED, FAILURE],
  [CKR.HOST_MEMORY, FAILURE],
  [CKR.DEVICE_MEMORY, FAILURE],
]);

function ofCode(code: number | undefined, call: string | undefined): Meaning | undefined {
  if (code === undefined) return undefined;
  // What Yubico's module says of a PIN that is too short or too long.
  if (code === CKR.ARGUMENTS_BAD && call === 'C_Login') return PIN_WRONG;
  return MEANINGS.get(code) ?? { code: 'signer.pkcs11', said: 'the module refused', hint: AGAIN, tail: true };
}

function ofKind({ kind }: Cause): Meaning {
  if (kind === 'deadline')
    return {
      code: 'signer.timeout',
      said: 'the token did not answer in time',
      hint: `touch the key if it blinks; if it does not, plug it in anew. ${AGAIN}`,
      tail: true,
    };
  if (kind === 'keys')
    return { code: 'signer.key-missing', said: 'the private key has vanished from the token', hint: AGAIN };
  return { code: 'signer.module-died', said: 'the module crashed', hint: AGAIN, tail: true };
}

/** Codes by which a token refuses a PIN. */
export function refusesPin(failure: ModuleFailure): boolean {
  const meaning = ofCode(failure.code, failure.call);
  return meaning?.code === 'signer.pin-wrong' || meaning?.code === 'signer.pin-locked';
}

/** The module's process, or the token behind it, is not to be worked with any further. */
export function isBroken(failure: ModuleFailure): boolean {
  const meaning = ofCode(failure.code, failure.call);
  return meaning?.code === 'signer.token-removed' || isPassing(failure);
}

/** A failure that a new session, or another process, may not meet. */
export function isPassing({ code }: ModuleFailure): boolean {
  return code === CKR.GENERAL_ERROR || code === CKR.HOST_MEMORY || code === CKR.DEVICE_MEMORY;
}
