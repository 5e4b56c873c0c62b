import { readPrivateFile } from '../private-file.ts';
import type { Answer } from './http.ts';

/**
 * An access token that is asked for once and used until it is refused. It is never written anywhere, and no error holds
 * it.
 */
export class AccessToken {
  private readonly fetch: (signal: AbortSignal) => Promise<string>;
  private current: Promise<string> | undefined;

  constructor(fetch: (signal: AbortSignal) => Promise<string>) {
    this.fetch = fetch;
  }

  /** Answers to a request with the token; one that has expired meanwhile is replaced, once. */
  async use(signal: AbortSignal, request: (token: string) => Promise<Answer>): Promise<Answer> {
    const token = this.get(signal);
    const answer = await request(await token);
    if (answer.status !== 401) return answer;
    if (this.current === token) this.current = undefined;
    return request(await this.get(signal));
  }

  private get(signal: AbortSignal): Promise<string> {
    if (this.current !== undefined) return this.current;
    const token = this.fetch(signal);
    this.current = token;
    token.catch(() => {
      if (this.current === token) this.current = undefined;
    });
    return token;
  }
}

/** The text of a file of mode 0600, without blanks around it. @param what names the file in errors */
export async function secretText(path: string, what: string): Promise<string> {
  const bytes = await readPrivateFile({ path, what, kind: 'secret' });
  try {
    return bytes.toString('utf8').trim();
  } finally {
    bytes.fill(0);
  }
}
