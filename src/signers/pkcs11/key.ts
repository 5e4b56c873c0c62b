import { keyidOf } from '../../tuf/keys.ts';
import type { Key } from '../../tuf/model.ts';
import { derOfRaw } from '../ecdsa.ts';
import type { OpenOptions, SignatureRequest } from '../port.ts';
import { assertSameKey } from '../wrong-key.ts';
import { CKR } from './constants.ts';
import type { Device } from './devices.ts';
import { explained, isBroken, isPassing, refusesPin } from './explain.ts';
import { ModuleFailure } from './failure.ts';
import { DEADLINE, explainedLogin, forgetPin, logIn } from './login.ts';
import type { ObjectQuery, ObjectReport, TokenReport } from './messages.ts';
import { publicKeyIn } from './public-key.ts';
import { areHalves, chooseKey, chooseToken, exactQuery, tokenText } from './tokens.ts';
import type { Pkcs11Uri } from './uri.ts';

/** Milliseconds for what may wait for a touch. */
const TOUCH_DEADLINE = 60_000;
/** Milliseconds after which somebody is told that the token may be waiting. */
const PATIENCE = 3000;

/** What a uri means on this machine. */
export interface Wanted {
  /** As it is shown. */
  readonly uri: string;
  readonly parsed: Pkcs11Uri;
  readonly device: Device;
  readonly options: OpenOptions;
  /** What is being signed, for errors: `root 2`. */
  readonly subject?: string;
}

/** What an error is about. */
function about({ subject }: Pick<Wanted, 'subject'>, what: string): string {
  return subject === undefined ? what : `${subject}, ${what}`;
}

/** A private key that was found and can sign. */
export interface FoundKey {
  readonly token: TokenReport;
  readonly query: ObjectQuery;
  /** Undefined: the token does not show it. */
  readonly publicKey: Key | undefined;
  /** It wants the PIN before each signature (PIV, slot 9c). */
  readonly alwaysAuthenticate: boolean;
  /** Of the module's process. */
  readonly generation: number;
}

/** The token of a uri. @throws SignerError */
export async function findToken(wanted: Wanted): Promise<TokenReport> {
  const { parsed, device, options } = wanted;
  const uri = about(wanted, wanted.uri);
  const around = { object: uri, module: device.process.launch.path, expected: 'a list of tokens' };
  try {
    const tokens = await device.process.ask({ ask: 'tokens' }, options.deadlineMs ?? DEADLINE);
    return chooseToken(tokens, parsed.token, uri);
  } catch (error) {
    throw explained(error, around);
  }
}

/** Finds the one private key of a uri, and logs in for it. @throws SignerError, PersonError */
export async function findKey(wanted: Wanted): Promise<FoundKey> {
  const { parsed, device, options } = wanted;
  const token = await findToken(wanted);
  await logIn(device, token, { ...parsed, object: about(wanted, tokenText(token)) }, options);
  return onToken(wanted, token, async () => {
    const ms = options.deadlineMs ?? DEADLINE;
    const { slot } = token;
    const found = await device.process.ask({ ask: 'objects', slot, kind: 'private', match: parsed.object }, ms);
    const object = chooseKey(found, parsed, about(wanted, wanted.uri));
    return {
      token,
      query: exactQuery(object),
      publicKey: publicKeyIn(object) ?? (await otherHalf(device, slot, object, ms)),
      alwaysAuthenticate: object.alwaysAuthenticate,
      generation: device.process.generation,
    };
  });
}

/** The public key of a uri, which most tokens show without a PIN; with one where they do not. */
export async function findPublicKey(wanted: Wanted): Promise<Key | undefined> {
  const { parsed, device, options } = wanted;
  const token = await findToken(wanted);
  const shown = await onToken(wanted, token, () =>
    shownKeys(device, token.slot, parsed.object, options.deadlineMs ?? DEADLINE),
  );
  // More than one: the private key alone says which.
  return new Set(shown.map(keyidOf)).size === 1 ? shown[0] : (await findKey(wanted)).publicKey;
}

async function shownKeys(device: Device, slot: string, match: ObjectQuery, ms: number): Promise<Key[]> {
  const keys: Key[] = [];
  for (const kind of ['public', 'certificate'] as const) {
    if (keys.length > 0) break;
    const objects = await device.process.ask({ ask: 'objects', slot, kind, match }, ms);
    keys.push(...objects.flatMap((object) => publicKeyIn(object) ?? []));
  }
  return keys;
}

/** From the public key, or the certificate, that lies beside a private key. */
async function otherHalf(device: Device, slot: string, object: ObjectReport, ms: number): Promise<Key | undefined> {
  const match = object.id.length > 0 ? { id: object.id } : { label: object.label };
  for (const kind of ['public', 'certificate'] as const) {
    const found = await device.process.ask({ ask: 'objects', slot, kind, match }, ms);
    const key = found.filter((other) => areHalves(object, other)).flatMap((other) => publicKeyIn(other) ?? [])[0];
    if (key !== undefined) return key;
  }
  return undefined;
}

/** @throws SignerError when the token shows that its key is another one */
export function assertTrusted(uri: string, key: Key, { publicKey }: FoundKey): void {
  if (publicKey !== undefined) assertSameKey(uri, key, publicKey);
}

/**
 * Signs with a key that was found. A failure that may pass (a TPM has room for few keys at a time) is met with a new
 * session, then with a new process of the module; a token that wants its PIN at the signature gets it once.
 *
 * @returns lower-case hex, in TUF's form
 */
export async function signWith(
  signer: Omit<Wanted, 'subject'>,
  key: Key,
  found: FoundKey,
  request: SignatureRequest,
): Promise<{ signature: string; found: FoundKey }> {
  const wanted: Wanted = { ...signer, subject: request.subject };
  const { device } = wanted;
  let current = found.generation === device.process.generation ? found : await refound(wanted, key);
  for (let tries = 1; ; tries++) {
    try {
      return { signature: await ask(wanted, key, current, request), found: current };
    } catch (error) {
      const again = error instanceof ModuleFailure ? remedy(error, current, tries) : undefined;
      device.loggedOut(current.token);
      const over = again === undefined || tries > 1;
      if (over && error instanceof ModuleFailure && isBroken(error)) await device.process.discard();
      if (again === undefined) throw await explainedSignature(error, wanted, current);
      current = { ...(await refound(wanted, key)), ...again };
    }
  }
}

/** What to do differently in the next try; undefined: nothing would help. */
function remedy(error: ModuleFailure, { alwaysAuthenticate }: FoundKey, tries: number): Partial<FoundKey> | undefined {
  if (isPassing(error)) return tries <= 2 ? {} : undefined;
  return error.code === CKR.USER_NOT_LOGGED_IN && !alwaysAuthenticate ? { alwaysAuthenticate: true } : undefined;
}

async function refound(wanted: Wanted, key: Key): Promise<FoundKey> {
  const found = await findKey(wanted);
  assertTrusted(wanted.uri, key, found);
  return found;
}

async function ask(
  wanted: Wanted,
  key: Key,
  { token, query, alwaysAuthenticate }: FoundKey,
  { payload }: SignatureRequest,
): Promise<string> {
  const { device, parsed, options } = wanted;
  const object = about(wanted, tokenText(token));
  // A token that was logged out by an error logs in again, with the PIN that it has accepted.
  await logIn(device, token, { ...parsed, object }, options);
  const pin = alwaysAuthenticate ? device.login(token).pin : undefined;
  const { slot } = token;
  const waiting = setTimeout(() => options.warn?.(`${object} takes its time; touch it if it blinks`), PATIENCE);
  try {
    const raw = await device.process.ask(
      { ask: 'sign', slot, key: query, scheme: key.scheme, payload, pin },
      options.deadlineMs ?? TOUCH_DEADLINE,
    );
    const signature = key.scheme === 'ecdsa-sha2-nistp256' && raw.length === 64 ? derOfRaw(raw) : Buffer.from(raw);
    return signature.toString('hex');
  } finally {
    clearTimeout(waiting);
  }
}

async function explainedSignature(error: unknown, wanted: Wanted, { token }: FoundKey): Promise<unknown> {
  const { device, options } = wanted;
  const object = about(wanted, tokenText(token));
  if (error instanceof ModuleFailure && refusesPin(error)) {
    forgetPin(device, token);
    return explainedLogin(error, device, token, object, options);
  }
  return explained(error, { object, module: device.process.launch.path, expected: 'a signature' });
}

/** Work with a token's objects: an error has closed its session, and so logged it out. */
export async function onToken<T>(
  wanted: Pick<Wanted, 'uri' | 'device' | 'subject'>,
  token: TokenReport,
  work: () => Promise<T>,
): Promise<T> {
  const { uri, device } = wanted;
  try {
    return await work();
  } catch (error) {
    device.loggedOut(token);
    if (error instanceof ModuleFailure && isBroken(error)) await device.process.discard();
    const object = about(wanted, uri);
    throw explained(error, { object, module: device.process.launch.path, expected: 'what is on the token' });
  }
}
