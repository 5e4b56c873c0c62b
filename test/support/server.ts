/** A static HTTP server on 127.0.0.1 for tests. It serves bytes by key and remembers what was asked for. */
import { readFile, realpath } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join, sep } from 'node:path';

/** A folder, or bytes by key (`metadata/timestamp.json`), or a function from key to bytes; undefined is 404. */
export type Source =
  | string
  | ReadonlyMap<string, Uint8Array>
  | ((key: string) => Uint8Array | undefined | Promise<Uint8Array | undefined>);

export interface Request {
  method: string;
  /** Decoded path without the leading slash; the raw one when it cannot be a key. */
  key: string;
  status: number;
}

export interface TestServer {
  /** `http://127.0.0.1:PORT/`, with the slash. */
  readonly url: string;
  /** In the order of the answers. */
  readonly requests: Request[];
  /** From the next request on, serves this instead. */
  serve(source: Source): void;
  stop(): Promise<void>;
}

/** Starts on a free port. Only GET and HEAD; a path that leaves the folder, also by a link, is 404. */
export async function startServer(source: Source): Promise<TestServer> {
  let current = source;
  const requests: Request[] = [];
  const server = createServer((request, response) => {
    void answer(current, request, response).then((entry) => requests.push(entry));
  });
  await listen(server);
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    requests,
    serve(next) {
      current = next;
    },
    stop() {
      return new Promise((resolve, reject) => {
        server.close((error) => (error === undefined ? resolve() : reject(error)));
        server.closeAllConnections();
      });
    },
  };
}

function listen(server: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
}

async function answer(source: Source, request: IncomingMessage, response: ServerResponse): Promise<Request> {
  const method = request.method ?? '';
  const path = (request.url ?? '').replace(/\?.*$/s, '').slice(1);
  const key = keyOf(path);
  const end = (status: number, bytes: Uint8Array) => {
    response.writeHead(status, { 'content-length': bytes.length, 'content-type': 'application/octet-stream' });
    response.end(method === 'HEAD' ? undefined : bytes);
    return { method, key: key ?? path, status };
  };
  if (method !== 'GET' && method !== 'HEAD') {
    return end(405, Buffer.from('method not allowed\n'));
  }
  try {
    const bytes = key === undefined ? undefined : await lookUp(source, key);
    return bytes === undefined ? end(404, Buffer.from('not found\n')) : end(200, bytes);
  } catch (error) {
    return end(500, Buffer.from(`${error}\n`));
  }
}

/** The decoded path when each of its segments is a plain name. */
function keyOf(path: string): string | undefined {
  try {
    const key = decodeURIComponent(path);
    const plain = key.split('/').every((segment) => segment !== '' && segment !== '.' && segment !== '..');
    return plain && !/[\\\0]/.test(key) ? key : undefined;
  } catch {
    return undefined;
  }
}

async function lookUp(source: Source, key: string): Promise<Uint8Array | undefined> {
  if (typeof source === 'function') {
    return source(key);
  }
  if (typeof source !== 'string') {
    return source.get(key);
  }
  try {
    const folder = await realpath(source);
    const file = await realpath(join(folder, key));
    return file.startsWith(folder + sep) ? await readFile(file) : undefined;
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'EISDIR', 'ENAMETOOLONG'].includes(String((error as NodeJS.ErrnoException).code))) {
      return undefined;
    }
    throw error;
  }
}
