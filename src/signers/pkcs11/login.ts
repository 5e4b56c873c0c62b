import { isUtf8 } from 'node:buffer';
import { resolve } from 'node:path';
import { PersonError, SignerError } from '../../errors.ts';
import type { OpenOptions, SecretQuestion } from '../port.ts';
import { readPrivateFile } from '../private-file.ts';
import { CKF_TOKEN } from './constants.ts';
import { type Device, isSpent, spend, unspend } from './devices.ts';
import { explained, isBroken, refusesPin } from './explain.ts';
import { ModuleFailure } from './failure.ts';
import type { TokenReport } from './messages.ts';
import { tokenText } from './tokens.ts';
import type { Pkcs11Uri } from './uri.ts';

/** Milliseconds for whatever needs no person. */
export const DEADLINE = 30_000;

/**
 * Logs in where the token wants it. A PIN is sent once; one that was refused, or of which nobody knows, is never sent
 * again in this run. One that was accepted is kept, for what needs it again: a process that was started anew, a key that
 * wants it before each signature.
 *
 * @param object what errors are about
 * @throws SignerError, PersonError
 */
export async function logIn(
  device: Device,
  token: TokenReport,
  { pinFile, object }: Pick<Pkcs11Uri, 'pinFile'> & { readonly object: string },
  options: OpenOptions,
): Promise<void> {
  if ((token.flags & CKF_TOKEN.LOGIN_REQUIRED) === 0) return;
  const login = device.login(token);
  if (login.inside === device.process.generation) return;
  const pin = login.pin ?? (await obtainPin(token, pinFile, options));
  try {
    await sendPin(device, token, pin, object, options);
    if (login.pin !== undefined) return;
    login.pin = Buffer.from(pin);
  } finally {
    if (pin !== login.pin) pin.fill(0);
  }
}

async function sendPin(
  device: Device,
  token: TokenReport,
  pin: Uint8Array,
  object: string,
  options: OpenOptions,
): Promise<void> {
  const login = device.login(token);
  if (isSpent(token, pin)) {
    throw new SignerError('this PIN was sent before and not accepted: it is not sent again', {
      object,
      code: 'signer.pin-wrong',
      hint: 'make sure of it, then run the command again',
    });
  }
  // If we crash before the answer, nobody knows whether it was counted as a wrong one.
  spend(token, pin);
  try {
    await device.process.ask({ ask: 'login', slot: token.slot, pin: Buffer.from(pin) }, options.deadlineMs ?? DEADLINE);
  } catch (error) {
    device.loggedOut(token);
    // One that was not sent is as good as before; so is one that was accepted, until the token says otherwise.
    const failure = error instanceof ModuleFailure ? error : undefined;
    const sent = failure?.call === undefined || failure.call === 'C_Login';
    if (!sent || (login.pin !== undefined && failure !== undefined && !refusesPin(failure))) unspend(token, pin);
    else forgetPin(device, token);
    if (failure !== undefined && isBroken(failure)) await device.process.discard();
    throw await explainedLogin(error, device, token, object, options);
  }
  unspend(token, pin);
  login.inside = device.process.generation;
}

/** For a PIN that was refused after it had been accepted. */
export function forgetPin(device: Device, token: TokenReport): void {
  const login = device.login(token);
  login.pin?.fill(0);
  login.pin = undefined;
}

/** What the token says of further tries is read anew: that is what its holder has to know now. */
export async function explainedLogin(
  error: unknown,
  device: Device,
  token: TokenReport,
  object: string,
  options: OpenOptions,
): Promise<unknown> {
  const around = { object, module: device.process.launch.path, expected: 'a login' };
  if (!(error instanceof ModuleFailure) || !refusesPin(error)) return explained(error, around);
  const tokens = await device.process.ask({ ask: 'tokens' }, options.deadlineMs ?? DEADLINE).catch(() => []);
  const now = tokens.find(({ slot }) => slot === token.slot);
  return explained(error, { ...around, tries: now === undefined ? undefined : triesText(now) });
}

function triesText({ flags }: TokenReport): string | undefined {
  if ((flags & CKF_TOKEN.USER_PIN_LOCKED) !== 0) return 'the token has locked it now';
  if ((flags & CKF_TOKEN.USER_PIN_FINAL_TRY) !== 0) return 'the token allows one more try';
  return (flags & CKF_TOKEN.USER_PIN_COUNT_LOW) !== 0 ? 'few tries are left' : undefined;
}

/** The token's flags are read before anybody is asked: a try that locks it is nobody's by accident. */
async function obtainPin(token: TokenReport, pinFile: string | undefined, options: OpenOptions): Promise<Uint8Array> {
  const { flags } = token;
  const subject = tokenText(token);
  if ((flags & CKF_TOKEN.USER_PIN_LOCKED) !== 0)
    throw new SignerError('the PIN is locked', {
      object: subject,
      code: 'signer.pin-locked',
      hint: 'unlock it with its PUK: ykman piv access unblock-pin, or pkcs11-tool --module PATH --unlock-pin',
    });
  const finalTry = (flags & CKF_TOKEN.USER_PIN_FINAL_TRY) !== 0;
  if (finalTry && (await options.secrets.confirmFinalTry?.(subject)) !== true)
    throw new PersonError('a wrong PIN would lock the token: this is the last try', {
      object: subject,
      code: 'person.final-try',
      expected: 'a person who says that this PIN is right',
      found: 'nobody',
      hint: 'add --final-pin-try, or run it on a terminal',
    });
  if (!finalTry && (flags & CKF_TOKEN.USER_PIN_COUNT_LOW) !== 0)
    options.warn?.(`${subject}: a wrong PIN was given before, few tries are left`);
  // Its own keys are used: the token gets no PIN from us.
  if ((flags & CKF_TOKEN.PROTECTED_AUTHENTICATION_PATH) !== 0) {
    options.warn?.(`type the PIN on the keys of the reader: ${subject}`);
    return new Uint8Array();
  }
  return assertUtf8(await find(token, pinFile, finalTry, options), subject);
}

async function find(
  token: TokenReport,
  pinFile: string | undefined,
  finalTry: boolean,
  { base, secrets }: OpenOptions,
): Promise<Uint8Array> {
  if (pinFile !== undefined) return fromFile(resolve(base, pinFile), pinFile);
  const subject = tokenText(token);
  const name = token.label.replace(/[^A-Za-z0-9._-]/g, '-');
  const question: SecretQuestion = { kind: 'pin', subject, name, reason: 'login', finalTry };
  const pin = await secrets.get(question);
  if (pin !== undefined) return pin;
  throw new PersonError('the token wants a PIN, and there is none', {
    object: subject,
    code: 'person.secret',
    hint: 'give it with --pin-file FILE or --pin-fd N, or write ?pin-source=file:PATH into the uri',
  });
}

async function fromFile(path: string, shown: string): Promise<Uint8Array> {
  const bytes = await readPrivateFile({ path, what: `PIN file ${shown}`, kind: 'secret' });
  const end = bytes.at(-1) !== 0x0a ? bytes.length : bytes.at(-2) === 0x0d ? -2 : -1;
  const pin = Uint8Array.from(bytes.subarray(0, end));
  bytes.fill(0);
  return pin;
}

function assertUtf8(pin: Uint8Array, subject: string): Uint8Array {
  if (isUtf8(pin)) return pin;
  pin.fill(0);
  throw new SignerError('the PIN is not UTF-8', { object: subject, code: 'signer.pin-wrong', hint: 'it was not sent' });
}
