import { createHash } from 'node:crypto';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { InputError, StorageError } from '../errors.ts';
import type { Body, StreamBody } from './port.ts';

/** Bytes in one piece of a file. */
const PIECE = 256 * 1024;

export function isStream(body: Body): body is StreamBody {
  return !(body instanceof Uint8Array);
}

/**
 * The bytes of a body, piece by piece. A stream that does not keep the length it has declared ends in an error, so that
 * nobody stores a file that was cut off, or that grew, while it was read.
 *
 * @throws StorageError with code `storage.body-length`
 */
export async function* piecesOf(body: Body, key: string): AsyncGenerator<Uint8Array, void, undefined> {
  if (!isStream(body)) {
    yield body;
    return;
  }
  let length = 0;
  for await (const piece of body.open()) {
    length += piece.length;
    if (length > body.length) throw anotherLength(key, body.length, `${length} and more`);
    yield piece;
  }
  if (length !== body.length) throw anotherLength(key, body.length, `${length}`);
}

/**
 * The whole of a stream in memory.
 *
 * @param maxLength bytes; a longer stream is left as soon as it is seen to be longer
 * @throws StorageError with code `storage.too-long`
 */
export async function collect(stream: AsyncIterable<Uint8Array>, maxLength: number, key?: string): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of stream) {
    length += piece.length;
    if (length > maxLength) throw tooLong(key, maxLength, `${length} and more`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces, length);
}

/** sha256 (hex) and length (bytes) of a stream, in bounded memory. */
export async function hashStream(stream: AsyncIterable<Uint8Array>): Promise<{ sha256: string; length: number }> {
  const hash = createHash('sha256');
  let length = 0;
  for await (const piece of stream) {
    hash.update(piece);
    length += piece.length;
  }
  return { sha256: hash.digest('hex'), length };
}

/**
 * A file as a body. Its length is taken now and its bytes are read when they are sent: `piecesOf` refuses one that has
 * another length by then.
 *
 * @throws InputError when it is no file that can be read
 */
export async function bodyOfFile(path: string): Promise<StreamBody> {
  const stats = await stat(path).catch((cause: unknown) => Promise.reject(unreadable(path, cause)));
  if (!stats.isFile()) throw unreadable(path, undefined);
  return { length: stats.size, open: () => readFile(path) };
}

async function* readFile(path: string): AsyncGenerator<Uint8Array, void, undefined> {
  const file = await open(path).catch((cause: unknown) => Promise.reject(unreadable(path, cause)));
  try {
    yield* piecesOfFile(file);
  } catch (cause) {
    throw unreadable(path, cause);
  } finally {
    await file.close();
  }
}

/** From where the file stands to its end. Each piece is a buffer of its own. */
export async function* piecesOfFile(file: FileHandle): AsyncGenerator<Uint8Array, void, undefined> {
  for (;;) {
    const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(PIECE), 0, PIECE, null);
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
  }
}

/** What every store says about an object that is longer than its reader allows. */
export function tooLong(key: string | undefined, maxLength: number, found: string): StorageError {
  return new StorageError('too long', {
    code: 'storage.too-long',
    ...(key === undefined ? {} : { object: key }),
    expected: `at most ${maxLength} bytes`,
    found,
  });
}

/** Whether an object was longer than its reader allows: where anybody may plant one, it is no failure of the store. */
export function isTooLong(error: unknown): error is StorageError {
  return error instanceof StorageError && error.code === 'storage.too-long';
}

function anotherLength(key: string, expected: number, found: string): StorageError {
  return new StorageError('the length changed while it was sent; nothing was stored', {
    object: key,
    code: 'storage.body-length',
    expected: `${expected} bytes`,
    found,
    hint: 'run the command again once nobody writes to the file',
  });
}

function unreadable(path: string, cause: unknown): InputError {
  return new InputError('cannot be read', {
    object: path,
    code: 'input.file',
    expected: 'a file',
    found: cause === undefined ? 'another kind' : ((cause as NodeJS.ErrnoException).code ?? String(cause)),
    hint: `ls -l ${path}`,
    cause,
  });
}
