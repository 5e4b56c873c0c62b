import { type ErrorDetails, SignerError } from '../../errors.ts';
import type { ObjectQuery, ObjectReport, TokenReport } from './messages.ts';
import { formatPkcs11Uri, type ObjectMatch, type Pkcs11Uri, type TokenMatch } from './uri.ts';

/** `token "corp root", serial 0123456789`, for people. */
export function tokenText({ label, serial }: Pick<TokenReport, 'label' | 'serial'>): string {
  return `token ${JSON.stringify(label)}${hasSerial(serial) ? `, serial ${serial}` : ''}`;
}

/** What names a token for good: not its slot, which changes with the plug. */
export function tokenMatch({ label, serial }: TokenReport): TokenMatch {
  return { ...(label === '' ? {} : { token: label }), ...(hasSerial(serial) ? { serial } : {}) };
}

/** NSS and TPMs have zeros. */
function hasSerial(serial: string): boolean {
  return !/^0*$/.test(serial);
}

/**
 * The one token that a uri means.
 *
 * @param uri for errors
 * @throws SignerError listing the tokens that are there
 */
export function chooseToken(tokens: readonly TokenReport[], match: TokenMatch, uri: string): TokenReport {
  const fits = tokens.filter((token) => matches(token, match));
  const [only] = fits;
  if (only !== undefined && fits.length === 1) return only;
  const listed = (list: readonly TokenReport[]): string =>
    list.map((token) => formatPkcs11Uri({ token: tokenMatch(token), object: {} })).join(', ') || 'none';
  if (only === undefined)
    throw refusal(uri, 'the token is not there', {
      code: 'signer.token-missing',
      expected: formatPkcs11Uri({ token: match, object: {} }),
      found: listed(tokens),
      hint: 'plug it in, then run the command again; nothing was written',
    });
  throw refusal(uri, 'the uri fits more than one token', {
    code: 'signer.token-ambiguous',
    expected: 'one',
    found: listed(fits.map((token) => token)),
    hint: 'write token= and serial= (or slot-id=) of the right one',
  });
}

function matches(token: TokenReport, match: TokenMatch): boolean {
  const values: Required<TokenMatch> = {
    token: token.label,
    serial: token.serial,
    manufacturer: token.manufacturer,
    model: token.model,
    'library-manufacturer': token.libraryManufacturer,
    'slot-id': token.slotId,
  };
  return Object.entries(match).every(([name, value]) => values[name as keyof TokenMatch] === value.replace(/ +$/, ''));
}

/**
 * The one key that a uri means.
 *
 * @param objects those that the token has found for `match`
 * @throws SignerError listing them
 */
export function chooseKey(
  objects: readonly ObjectReport[],
  { token, object, module }: Pick<Pkcs11Uri, 'token' | 'object' | 'module'>,
  uri: string,
): ObjectReport {
  const [only] = objects;
  if (only !== undefined && objects.length === 1) return only;
  if (only === undefined)
    throw refusal(uri, 'the token has no such private key', {
      code: 'signer.key-missing',
      hint: hexHint(object) ?? 'see what is there: `tufa key list --module PATH`',
    });
  throw refusal(uri, 'the uri fits more than one private key', {
    code: 'signer.key-ambiguous',
    expected: 'one',
    found: objects.map((one) => formatPkcs11Uri({ token, object: objectMatch(one, objects), module })).join(', '),
    hint: 'take one of these',
  });
}

/** The shortest that names an object among its like. */
export function objectMatch(object: ObjectReport, among: readonly ObjectReport[]): ObjectMatch {
  const { label, id } = object;
  const alone = among.filter((other) => other.label === label).length === 1;
  if (label !== '' && alone) return { label };
  return id.length > 0 ? { id } : { label };
}

/** All that is known of an object, to find it and nothing else. */
export function exactQuery({ label, id }: ObjectReport): ObjectQuery {
  return { ...(label === '' ? {} : { label }), ...(id.length === 0 ? {} : { id }) };
}

/** Whether two objects belong together: the halves of a pair have the same CKA_ID, or no id and the same label. */
export function areHalves(a: ObjectReport, b: ObjectReport): boolean {
  return a.id.length > 0 || b.id.length > 0 ? Buffer.from(a.id).equals(b.id) : a.label === b.label;
}

/** Other programs write ids in hex: `id=7330` means the two bytes 73 30 there, and four letters here (RFC 7512). */
function hexHint({ id }: ObjectMatch): string | undefined {
  const text = Buffer.from(id ?? []).toString('latin1');
  if (text === '' || text.length % 2 === 1 || !/^[0-9a-fA-F]+$/.test(text)) return undefined;
  return `an id is written byte by byte: id=${text.replace(/../g, '%$&')}`;
}

function refusal(uri: string, said: string, details: ErrorDetails): SignerError {
  return new SignerError(said, { object: uri, ...details });
}
