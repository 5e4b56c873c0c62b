import { ConfigurationError } from '../../errors.ts';

/** How a vendor's keys are named in URIs. */
export interface UriForm {
  readonly scheme: string;
  /** For the part between scheme and query; its groups are returned. */
  readonly path: RegExp;
  /** Names that the query may have. */
  readonly query: readonly string[];
  readonly example: string;
}

export interface KeyUri {
  /** Groups of the form's path. */
  readonly parts: readonly (string | undefined)[];
  readonly query: ReadonlyMap<string, string>;
  /** Scheme and path: fit for a message. A query may hold what somebody took for the place of a secret. */
  readonly shown: string;
}

/** Strict: nothing unknown, nothing twice. @throws ConfigurationError */
export function parseKeyUri(uri: string, form: UriForm): KeyUri {
  const [, path = '', question] = /^[a-z][a-z0-9+.-]*:([^?#]*)(?:\?([^#]*))?$/is.exec(uri) ?? [];
  const shown = `${form.scheme}:${path}`;
  const parts = form.path.exec(path);
  if (parts === null) throw unreadable(shown, form, 'another form');
  const query = new Map<string, string>();
  for (const pair of question === undefined ? [] : question.split('&')) {
    const [, name = '', value = ''] = /^([^=]*)=(.+)$/.exec(pair) ?? [];
    const decoded = percentDecoded(value);
    if (!form.query.includes(name) || decoded === undefined) throw unreadable(shown, form, 'another query');
    if (query.has(name)) throw unreadable(shown, form, `${name}= twice`);
    query.set(name, decoded);
  }
  return { parts: parts.slice(1), query, shown };
}

/** The query of a URI, in the order of its form; empty values are left out. */
export function queryText(pairs: readonly (readonly [name: string, value: string | undefined])[]): string {
  const given = pairs.filter(([, value]) => value !== undefined && value !== '');
  return given.length === 0 ? '' : `?${given.map(([name, value]) => `${name}=${value}`).join('&')}`;
}

/**
 * Where a service answers, without a slash at its end. Tokens are sent there, so only this machine is talked to without
 * TLS.
 *
 * @param what names it in the error: `VAULT_ADDR`
 */
export function endpointUrl(text: string, what: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const local = url !== undefined && /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(url.hostname);
  const safe = url?.protocol === 'https:' || (url?.protocol === 'http:' && local);
  if (url !== undefined && safe && url.username === '' && url.password === '' && url.search === '' && url.hash === '')
    return url.href.replace(/\/+$/, '');
  throw new ConfigurationError('not an address to send credentials to', {
    object: what,
    code: 'configuration.endpoint',
    expected: 'https://HOST, or http:// on this machine',
    found: url === undefined ? 'no address' : `${url.protocol}//${url.host}`,
    hint: `write ${what} as https://HOST:PORT`,
  });
}

function unreadable(shown: string, form: UriForm, found: string): ConfigurationError {
  return new ConfigurationError('cannot be read as the uri of a key', {
    object: shown,
    code: 'configuration.key-uri',
    expected: `${form.example}${form.query.length === 0 ? '' : `, with ?${form.query.join('=, ')}=`}`,
    found,
    hint: `write ${form.example}`,
  });
}

function percentDecoded(text: string): string | undefined {
  try {
    const decoded = decodeURIComponent(text);
    return /^[\x21-\x7e]+$/.test(decoded) ? decoded : undefined;
  } catch {
    return undefined;
  }
}
