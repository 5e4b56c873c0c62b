/** A server on 127.0.0.1 that answers as a key service would, and writes down what it was asked. */
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { keyFromPublic } from '../../../src/tuf/keys.ts';
import type { Key } from '../../../src/tuf/model.ts';

export interface Asked {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** As it was sent. */
  readonly text: string;
  /** `text` as JSON; undefined where it is none. */
  readonly json: unknown;
}

/** `hang`: no answer, ever. `reset`: the connection is cut. */
export type Reply =
  | { readonly status: number; readonly body: unknown; readonly headers?: Readonly<Record<string, string>> }
  | 'hang'
  | 'reset';

export interface StandIn {
  readonly url: string;
  /** In the order in which they came. */
  readonly asked: Asked[];
  /** Before the real answer: what comes instead of it, as often as it returns something. */
  trouble: (asked: Asked) => Reply | undefined;
  stop(): Promise<void>;
}

export async function standIn(answer: (asked: Asked) => Reply): Promise<StandIn> {
  const server = createServer((request, response) => void serve(request, response));
  const started: StandIn = {
    url: '',
    asked: [],
    trouble: () => undefined,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const asked = await read(request);
    started.asked.push(asked);
    const reply = started.trouble(asked) ?? answer(asked);
    if (reply === 'hang') return;
    if (reply === 'reset') {
      request.socket.destroy();
      return;
    }
    const text = typeof reply.body === 'string' ? reply.body : JSON.stringify(reply.body);
    response.writeHead(reply.status, { 'content-type': 'application/json', ...reply.headers });
    response.end(text);
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return Object.assign(started, { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
}

async function read(request: IncomingMessage): Promise<Asked> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString();
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    // A web form, or nothing.
  }
  const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, `${value}`]));
  return { method: request.method ?? '', url: request.url ?? '', headers, text, json };
}

export type Kind = 'p-256' | 'rsa-2048' | 'ed25519' | 'p-384';

export interface ServiceKey {
  readonly kind: Kind;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  /** For kinds that metadata can hold. */
  readonly key: Key;
}

export function serviceKey(kind: Kind): ServiceKey {
  const { privateKey, publicKey } = generate(kind);
  return { kind, privateKey, publicKey, key: keyFromPublic(publicKey) };
}

function generate(kind: Kind): { privateKey: KeyObject; publicKey: KeyObject } {
  if (kind === 'ed25519') return generateKeyPairSync('ed25519');
  if (kind === 'rsa-2048') return generateKeyPairSync('rsa', { modulusLength: 2048 });
  return generateKeyPairSync('ec', { namedCurve: kind === 'p-256' ? 'P-256' : 'P-384' });
}
