import { randomBytes } from 'node:crypto';
import { ConfigurationError, ConflictError, SignerError } from '../../errors.ts';
import { type SupportedScheme, verifySignature } from '../../tuf/keys.ts';
import type { Key } from '../../tuf/model.ts';
import type { NewKey, OpenOptions } from '../port.ts';
import { openDevice } from './devices.ts';
import { findKey, findToken, onToken, signWith, type Wanted } from './key.ts';
import { DEADLINE, logIn } from './login.ts';
import { tokenText } from './tokens.ts';
import { formatPkcs11Uri, parsePkcs11Uri } from './uri.ts';

/** Making an RSA key takes a TPM a while. Milliseconds. */
const MAKING = 120_000;
/** Not JSON, so that the signature over it is of no use to anybody. */
const TRIAL = Buffer.from('tufa: does the private key fit the public one?');

/**
 * Makes a key on a token, and has it sign once: its private half never leaves it.
 *
 * @param on uri of the token: `pkcs11:token=corp%20root`
 * @param name of the key, its label there
 * @returns the public key and the uri of the private one
 * @throws ConflictError when the token has a key of this label, SignerError, ConfigurationError, PersonError
 */
export async function generateTokenKey(
  on: string,
  { name, scheme }: NewKey,
  options: OpenOptions,
): Promise<{ key: Key; uri: string }> {
  const { object, type: _type, ignored: _ignored, ...place } = parsePkcs11Uri(on);
  if (object.id !== undefined || object.label !== undefined) {
    throw new ConfigurationError('names a key, where a token is to be named', {
      object: on,
      code: 'configuration.pkcs11-uri',
      expected: 'pkcs11:token=LABEL',
      found: object.id === undefined ? 'object=' : 'id=',
      hint: `the new key is called ${name}: take it out`,
    });
  }
  const uri = formatPkcs11Uri({ ...place, object: { label: name } });
  const { device, close } = await openDevice(place.module, options);
  const wanted: Wanted = { uri, parsed: parsePkcs11Uri(uri), device, options };
  try {
    return await device.exclusive(async () => {
      await make(wanted, name, scheme);
      const found = await findKey(wanted);
      const { publicKey: key } = found;
      if (key === undefined || key.scheme !== scheme) throw unusable(uri, scheme, key?.scheme ?? 'none');
      const { signature } = await signWith(wanted, key, found, { payload: TRIAL, subject: `new key ${name}` });
      if (!verifySignature(key, TRIAL, signature)) throw unusable(uri, scheme, 'a signature that does not verify');
      return { key, uri };
    });
  } finally {
    await close();
  }
}

async function make(wanted: Wanted, name: string, scheme: SupportedScheme): Promise<void> {
  const { parsed, device, options, uri } = wanted;
  const token = await findToken(wanted);
  await logIn(device, token, { ...parsed, object: tokenText(token) }, options);
  const { slot } = token;
  await onToken(wanted, token, async () => {
    const ms = options.deadlineMs ?? DEADLINE;
    // Another repository's key may have the same name: it is never taken without being asked for.
    for (const kind of ['private', 'public'] as const) {
      const same = await device.process.ask({ ask: 'objects', slot, kind, match: { label: name } }, ms);
      if (same.length > 0) throw taken(uri, name);
    }
    const id = randomBytes(8);
    await device.process.ask({ ask: 'generate', slot, scheme, label: name, id }, options.deadlineMs ?? MAKING);
  });
}

function taken(uri: string, name: string): ConflictError {
  return new ConflictError('the token has a key of this label', {
    object: uri,
    code: 'conflict.token-key',
    expected: 'a new label',
    found: name,
    hint: `if it was made for this: tufa key import '${uri}' --holder ${name}`,
  });
}

function unusable(uri: string, expected: string, found: string): SignerError {
  return new SignerError('the token has made a key that cannot be used', {
    object: uri,
    code: 'signer.key-kind',
    expected,
    found,
    hint: 'try another kind: --type p-256',
  });
}
