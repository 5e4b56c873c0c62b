import { ServiceFailure, wordOr } from './failure.ts';

/** Bytes: answers of key services are a few KiB. */
const MAX_ANSWER = 1 << 20;

export interface Question {
  readonly method: 'GET' | 'POST';
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON; `form` instead as a web form. */
  readonly json?: object;
  readonly form?: Readonly<Record<string, string>>;
}

export interface Answer {
  readonly status: number;
  /** undefined: not JSON. */
  readonly body: unknown;
  readonly retryAfterMs: number | undefined;
}

/**
 * One request, and whatever it is answered. Redirects are not followed: they would carry the token elsewhere.
 *
 * @throws ServiceFailure (`unreachable`, `untrusted`, `answer`) when there is no answer
 */
export async function ask(question: Question, signal: AbortSignal): Promise<Answer> {
  const { method, url, headers, json, form } = question;
  const body = json === undefined ? form && new URLSearchParams(form).toString() : JSON.stringify(json);
  const type = json === undefined ? 'application/x-www-form-urlencoded' : 'application/json';
  try {
    const response = await fetch(url, {
      method,
      redirect: 'manual',
      signal,
      headers: { accept: 'application/json', ...(body === undefined ? {} : { 'content-type': type }), ...headers },
      ...(body === undefined ? {} : { body }),
    });
    const text = await limited(response);
    return { status: response.status, body: parsed(text), retryAfterMs: retryAfter(response.headers) };
  } catch (error) {
    throw error instanceof ServiceFailure ? error : noAnswer(error);
  }
}

/** What to make of an answer other than 200. @param word the vendor's word for it, from the answer's body */
export function refused({ status, retryAfterMs }: Answer, word: unknown): ServiceFailure {
  const found = wordOr(`HTTP ${status}`, word);
  if (status < 400) return new ServiceFailure('answer', found);
  if (status === 429 || status === 408) return new ServiceFailure('throttled', found, { retryAfterMs });
  if (status >= 500) return new ServiceFailure('busy', found, { retryAfterMs });
  if (status === 401) return new ServiceFailure('credentials', found);
  if (status === 403) return new ServiceFailure('access', found);
  if (status === 404) return new ServiceFailure('not-found', found);
  return new ServiceFailure('request', found);
}

/** What is at a path of an answer; undefined where there is no such field. */
export function at(value: unknown, ...path: readonly (string | number)[]): unknown {
  let current = value;
  for (const name of path) {
    if (typeof current !== 'object' || current === null || !Object.hasOwn(current, name)) return undefined;
    current = (current as Record<string | number, unknown>)[name];
  }
  return current;
}

/** The text at a path. @throws ServiceFailure when there is none */
export function textAt(value: unknown, ...path: readonly (string | number)[]): string {
  const found = at(value, ...path);
  if (typeof found === 'string' && found !== '') return found;
  throw new ServiceFailure('answer', `no ${path.join('.')}`);
}

/** The base64 at a path, or base64url. @throws ServiceFailure when there is none */
export function bytesAt(value: unknown, ...path: readonly (string | number)[]): Buffer {
  const text = textAt(value, ...path);
  if (!/^[A-Za-z0-9+/_-]+={0,2}$/.test(text)) throw new ServiceFailure('answer', `no base64 in ${path.join('.')}`);
  return Buffer.from(text, 'base64');
}

/** What a failed connection says about itself. Final where another attempt would meet the same. */
export function noAnswer(error: unknown): ServiceFailure {
  for (let inner: unknown = error, depth = 0; inner instanceof Error && depth < 4; inner = inner.cause, depth++) {
    const { code } = inner as NodeJS.ErrnoException;
    if (typeof code !== 'string') continue;
    if (/CERT|SELF_SIGNED|UNABLE_TO_|ERR_TLS|^ERR_SSL/.test(code)) return new ServiceFailure('untrusted', code);
    if (/^(?:E[A-Z_]+|UND_ERR_[A-Z_]+)$/.test(code)) return new ServiceFailure('unreachable', code);
  }
  return new ServiceFailure('unreachable', 'none');
}

async function limited(response: Response): Promise<string> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of response.body ?? []) {
    length += piece.length;
    if (length > MAX_ANSWER) throw new ServiceFailure('answer', `more than ${MAX_ANSWER} bytes`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString('utf8');
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function retryAfter(headers: Headers): number | undefined {
  const seconds = Number(headers.get('retry-after') ?? Number.NaN);
  return Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : undefined;
}
