import { keyidOf } from '../../tuf/keys.ts';
import type { OpenOptions } from '../port.ts';
import { CKF_TOKEN } from './constants.ts';
import { deviceOf, type OpenDevice, openDevice } from './devices.ts';
import { explained } from './explain.ts';
import { onToken } from './key.ts';
import { DEADLINE } from './login.ts';
import type { ObjectReport, TokenReport } from './messages.ts';
import { configuredModules } from './modules.ts';
import { publicKeyIn } from './public-key.ts';
import { tokenMatch } from './tokens.ts';
import { formatPkcs11Uri, type ObjectMatch } from './uri.ts';

/** A token as it can be seen without its PIN. */
export interface TokenInfo {
  /** For `key generate --on`. */
  readonly uri: string;
  readonly label: string;
  readonly serial: string;
  readonly manufacturer: string;
  readonly model: string;
  /** Path. */
  readonly module: string;
  /** `few-tries`, `final-try`, `locked`, `not-set`; undefined: nothing to be said. */
  readonly pin: string | undefined;
  readonly keys: readonly TokenKey[];
}

export interface TokenKey {
  /** For `key import`, and for `holders/`. */
  readonly uri: string;
  readonly label: string;
  /** Undefined: no kind that metadata can hold. */
  readonly keyid: string | undefined;
  readonly scheme: string | undefined;
}

/**
 * The tokens of one module, or of all that are configured, with the keys that they show to everybody. Asks for no PIN.
 *
 * @param module path of the one to look through
 * @throws the error of `module`; those of configured ones are warnings
 */
export async function listTokens(module: string | undefined, options: OpenOptions): Promise<TokenInfo[]> {
  if (module !== undefined) return tokensOf(await openDevice({ path: module }, options), options);
  const found: TokenInfo[] = [];
  for (const chosen of await configuredModules(options)) {
    try {
      found.push(...(await tokensOf(deviceOf(await chosen), options)));
    } catch (error) {
      options.warn?.(error instanceof Error ? error.message : String(error));
    }
  }
  return found;
}

async function tokensOf({ device, named, close }: OpenDevice, options: OpenOptions): Promise<TokenInfo[]> {
  const module = device.process.launch.path;
  const ms = options.deadlineMs ?? DEADLINE;
  const objects = (slot: string, kind: 'public' | 'certificate'): Promise<readonly ObjectReport[]> =>
    device.process.ask({ ask: 'objects', slot, kind, match: {} }, ms);
  try {
    return await device.exclusive(async () => {
      const found: TokenInfo[] = [];
      for (const token of await device.process.ask({ ask: 'tokens' }, ms)) {
        const match = tokenMatch(token);
        const uri = formatPkcs11Uri({ token: match, object: {}, module: named });
        const seen = await onToken({ uri, device }, token, async () => {
          const keys = await objects(token.slot, 'public');
          return keys.length > 0 ? keys : objects(token.slot, 'certificate');
        });
        const keys = seen.map((object) => {
          const key = publicKeyIn(object);
          return {
            uri: formatPkcs11Uri({ token: match, object: privateMatch(object, seen), module: named }),
            label: object.label,
            keyid: key === undefined ? undefined : keyidOf(key),
            scheme: key?.scheme,
          };
        });
        const { label, serial, manufacturer, model } = token;
        found.push({ uri, label, serial, manufacturer, model, module, pin: pinState(token), keys });
      }
      return found;
    });
  } catch (error) {
    throw explained(error, { object: module, module, expected: 'a list of tokens' });
  } finally {
    await close();
  }
}

/** A private key often has another label than its public half, and the same id. */
function privateMatch(object: ObjectReport, among: readonly ObjectReport[]): ObjectMatch {
  const { label, id } = object;
  const alone = among.filter((other) => Buffer.from(other.id).equals(id)).length === 1;
  return id.length === 0 ? { label } : alone ? { id } : { label, id };
}

function pinState({ flags }: TokenReport): string | undefined {
  if ((flags & CKF_TOKEN.LOGIN_REQUIRED) === 0) return undefined;
  if ((flags & CKF_TOKEN.USER_PIN_LOCKED) !== 0) return 'locked';
  if ((flags & CKF_TOKEN.USER_PIN_FINAL_TRY) !== 0) return 'final-try';
  if ((flags & CKF_TOKEN.USER_PIN_COUNT_LOW) !== 0) return 'few-tries';
  return (flags & CKF_TOKEN.USER_PIN_INITIALIZED) === 0 ? 'not-set' : undefined;
}
