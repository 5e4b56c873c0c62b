import { ConfigurationError, type ErrorDetails } from '../../errors.ts';

/**
 * The uri of a key on a token (RFC 7512), read strictly: what we do not know in its path would widen the match, so it is
 * refused. A PIN in a uri is refused too, and never repeated.
 *
 *     pkcs11:token=corp%20root;object=alice?module-path=/usr/lib/softhsm/libsofthsm2.so
 *     pkcs11:serial=0123456789;id=%02?module-name=yubikey&pin-source=file:/run/secrets/pin
 */
export interface Pkcs11Uri {
  readonly token: TokenMatch;
  readonly object: ObjectMatch;
  readonly type: ObjectType;
  /** Undefined: tufa.yaml, the environment or the platform say which one. */
  readonly module: { readonly path: string } | { readonly name: string } | undefined;
  /** Path of the file that holds the PIN; relative to the workspace. */
  readonly pinFile: string | undefined;
  /** Query attributes that mean nothing here. RFC 7512 lets a reader ignore them. */
  readonly ignored: readonly string[];
}

/** What a token has to say of itself; blanks at the ends do not count. */
export interface TokenMatch {
  readonly token?: string;
  readonly serial?: string;
  readonly manufacturer?: string;
  readonly model?: string;
  readonly 'library-manufacturer'?: string;
  /** Decimal. It changes when tokens are plugged or initialised. */
  readonly 'slot-id'?: string;
}

export interface ObjectMatch {
  /** CKA_LABEL. */
  readonly label?: string;
  /** CKA_ID. */
  readonly id?: Uint8Array;
}

type ObjectType = (typeof TYPES)[number];

const TYPES = ['private', 'public', 'cert', 'secret-key', 'data'] as const;
const TOKEN_ATTRIBUTES = ['token', 'serial', 'manufacturer', 'model', 'library-manufacturer', 'slot-id'] as const;
const PATH_ATTRIBUTES: readonly string[] = [...TOKEN_ATTRIBUTES, 'object', 'id', 'type'];
const QUERY_ATTRIBUTES: readonly string[] = ['module-path', 'module-name', 'pin-source', 'pin-value'];

/** RFC 7512, section 2.3: pk11-pchar and pk11-qchar. */
const UNRESERVED = "A-Za-z0-9._~\\-:\\[\\]@!$'()*+,=";
const PATH_VALUE = new RegExp(`^(?:[${UNRESERVED}&]|%[0-9A-Fa-f]{2})*$`);
const QUERY_VALUE = new RegExp(`^(?:[${UNRESERVED}/?|]|%[0-9A-Fa-f]{2})*$`);

/** @throws ConfigurationError (`configuration.pkcs11-uri`, `configuration.pin-value`) */
export function parsePkcs11Uri(uri: string): Pkcs11Uri {
  const refuse = (what: string, details: ErrorDetails = {}): never => {
    throw new ConfigurationError(what, { object: withoutPin(uri), code: 'configuration.pkcs11-uri', ...details });
  };
  const [, path, query] = /^pkcs11:([^?]*)(?:\?(.*))?$/is.exec(uri) ?? [];
  if (path === undefined) {
    return refuse('cannot be read as the uri of a key on a token', {
      expected: 'pkcs11:token=LABEL;object=LABEL',
      found: 'another scheme',
    });
  }
  const at = attributes(path, ';', PATH_VALUE, refuse);
  const asked = attributes(query ?? '', '&', QUERY_VALUE, refuse);
  if (asked.has('pin-value')) throw pinInUri();
  const unknown = [...at.keys()].find((name) => !PATH_ATTRIBUTES.includes(name));
  if (unknown !== undefined)
    return refuse(`${unknown}: no such attribute of a key on a token`, {
      expected: PATH_ATTRIBUTES.join(', '),
      found: unknown,
      hint: QUERY_ATTRIBUTES.includes(unknown) ? `write it behind the question mark: ?${unknown}=` : 'take it out',
    });
  const text = (from: ReadonlyMap<string, Uint8Array>, name: string): string | undefined => {
    const bytes = from.get(name);
    return bytes === undefined ? undefined : (utf8(bytes) ?? refuse(`${name} is not UTF-8`));
  };
  const token: Record<string, string> = {};
  for (const name of TOKEN_ATTRIBUTES) {
    const value = text(at, name);
    if (value !== undefined) token[name] = value;
  }
  if (!/^(?:0|[1-9]\d{0,19})$/.test(text(at, 'slot-id') ?? '0'))
    refuse('slot-id is no number', { expected: 'a decimal number', found: text(at, 'slot-id') ?? '' });
  const label = text(at, 'object');
  const id = at.get('id');
  const type = text(at, 'type') ?? 'private';
  if (!isType(type)) return refuse('unknown type of an object', { expected: TYPES.join(', '), found: type });
  return {
    token,
    object: { ...(label === undefined ? {} : { label }), ...(id === undefined ? {} : { id }) },
    type,
    module: moduleOf(text(asked, 'module-path'), text(asked, 'module-name'), refuse),
    pinFile: pinFileOf(text(asked, 'pin-source'), refuse),
    ignored: [...asked.keys()].filter((name) => !QUERY_ATTRIBUTES.includes(name)),
  };
}

/** The same key, written in the one way that we write. */
export function formatPkcs11Uri(
  parts: Pick<Pkcs11Uri, 'token' | 'object'> & Partial<Pick<Pkcs11Uri, 'module' | 'pinFile'>>,
): string {
  const path = TOKEN_ATTRIBUTES.flatMap((name) => {
    const value = parts.token[name];
    return value === undefined ? [] : [`${name}=${encode(value)}`];
  });
  const { label, id } = parts.object;
  if (label !== undefined) path.push(`object=${encode(label)}`);
  if (id !== undefined) path.push(`id=${percent(id)}`);
  const query: string[] = [];
  const { module, pinFile } = parts;
  if (module !== undefined && 'path' in module) query.push(`module-path=${encodePath(module.path)}`);
  if (module !== undefined && 'name' in module) query.push(`module-name=${encode(module.name)}`);
  if (pinFile !== undefined) query.push(`pin-source=file:${encodePath(pinFile)}`);
  return `pkcs11:${path.join(';')}${query.length === 0 ? '' : `?${query.join('&')}`}`;
}

/** `pin-value`, should there be one, is not to be seen by anybody. */
export function withoutPin(uri: string): string {
  return uri.replace(/(pin-value\s*=)[^&]*/gi, '$1***');
}

function attributes(
  text: string,
  separator: ';' | '&',
  form: RegExp,
  refuse: (what: string, details?: ErrorDetails) => never,
): ReadonlyMap<string, Uint8Array> {
  const found = new Map<string, Uint8Array>();
  for (const part of text === '' ? [] : text.split(separator)) {
    const [, name = '', value] = /^([A-Za-z0-9_-]+)=(.*)$/s.exec(part) ?? [];
    if (value === undefined)
      return refuse('not an attribute', { expected: 'NAME=VALUE', found: withoutPin(part) || 'nothing' });
    // Before anything that would repeat the value.
    if (/^pin-value$/i.test(name)) throw pinInUri();
    if (found.has(name)) refuse(`${name} is given twice`, { expected: 'each attribute once', found: 'two' });
    if (!form.test(value))
      refuse(`${name} holds what has to be percent-encoded`, {
        expected: 'letters, digits, or %XX',
        found: /[^%\w.~-]|%(?![0-9A-Fa-f]{2})/.exec(value)?.[0] ?? value,
        hint: 'list tokens with uris to paste: `tufa key list --module PATH`',
      });
    found.set(name, unpercent(value));
  }
  return found;
}

function moduleOf(
  path: string | undefined,
  name: string | undefined,
  refuse: (what: string, details?: ErrorDetails) => never,
): Pkcs11Uri['module'] {
  if (path !== undefined && name !== undefined)
    refuse('module-path and module-name name two modules', { expected: 'one of them', found: 'both' });
  if (path !== undefined && !/^(?:\/|[A-Za-z]:[\\/])/.test(path))
    refuse('module-path is not absolute', { expected: '/PATH/OF/MODULE.so', found: path });
  return path !== undefined ? { path } : name !== undefined ? { name } : undefined;
}

function pinFileOf(
  source: string | undefined,
  refuse: (what: string, details?: ErrorDetails) => never,
): string | undefined {
  if (source === undefined) return undefined;
  const path = source.startsWith('/') ? source : /^file:(?:\/\/(?=\/))?([^/].*|\/[^/].*)$/i.exec(source)?.[1];
  // A command would be run by whoever wrote the uri; an environment is seen by others.
  if (path === undefined || path.includes('\0'))
    refuse('pin-source cannot be read', {
      expected: 'pin-source=file:PATH',
      found: /^[a-z|]+:?/i.exec(source)?.[0] ?? 'nothing',
      hint: 'leave it out to be asked for the PIN',
    });
  return path;
}

function pinInUri(): ConfigurationError {
  return new ConfigurationError('a PIN does not belong into a uri: it is written into files and logs', {
    object: 'uri of a key',
    code: 'configuration.pin-value',
    expected: 'no pin-value',
    found: 'one',
    hint: 'take pin-value out, change that PIN, and give the new one on the terminal or by pin-source=file:PATH (mode 0600)',
  });
}

function isType(type: string): type is ObjectType {
  return (TYPES as readonly string[]).includes(type);
}

function unpercent(value: string): Uint8Array {
  return Buffer.from(
    value.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16))),
    'latin1',
  );
}

/** Every byte of it, since an id is no text. */
function percent(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => `%${byte.toString(16).padStart(2, '0').toUpperCase()}`).join('');
}

function encode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (char) => percent(Buffer.from(char)));
}

function encodePath(path: string): string {
  return path.split('/').map(encode).join('/');
}

function utf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
