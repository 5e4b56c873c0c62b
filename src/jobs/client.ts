import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { InputError, StorageError, TrustError } from '../errors.ts';
import type { OpenObject, Store } from '../stores/port.ts';
import type { Kept, TrustedState } from '../trusted/state.ts';
import { assertTarget, trustRoot } from '../tuf/checks.ts';
import { sha256Hex, sha512Hex } from '../tuf/digest.ts';
import { METADATA_PREFIX, rootKey, targetKey } from '../tuf/layout.ts';
import type { Root, TargetFile, Verified } from '../tuf/model.ts';
import type { Steps } from '../tuf/walk.ts';
import { Client, MAX_LENGTH } from '../tuf/walk.ts';

/** An installer's view of a repository: our own client walk over a store, with a trusted state that moves forward. */
export class RepositoryClient {
  readonly store: Store;
  private readonly state: TrustedState;
  private readonly kept: Kept;
  private readonly client: Client;
  private readonly now: Date;

  constructor(store: Store, state: TrustedState, kept: Kept, now: Date) {
    this.store = store;
    this.state = state;
    this.kept = kept;
    this.client = new Client(kept);
    this.now = now;
  }

  get trusted(): Client['trusted'] {
    return this.client.trusted;
  }

  /** Root, timestamp and snapshot. What was verified is kept, also when a later step fails. */
  async refresh(): Promise<void> {
    try {
      await this.drive(this.client.refresh(this.now));
    } finally {
      await this.state.advance(this.kept, this.client.trusted);
    }
  }

  find(path: string): Promise<TargetFile | undefined> {
    return this.drive(this.client.findTarget(path, this.now));
  }

  /** @throws InputError when no role lists the path */
  async require(path: string): Promise<TargetFile> {
    const target = await this.find(path);
    if (target !== undefined) return target;
    throw new InputError('not in the index', {
      object: path,
      expected: 'a target that some role lists',
      found: 'none',
    });
  }

  /** A small target (a page), verified in memory. */
  async read(path: string, target: TargetFile, maxLength: number): Promise<Uint8Array> {
    if (target.length > maxLength)
      throw new InputError('too long', {
        object: path,
        expected: `at most ${maxLength} bytes`,
        found: `${target.length}`,
      });
    const object = await this.store.get(keyOf(path, target), { maxLength: target.length });
    if (object === undefined) throw missing(path);
    const sha512 = target.sha512 && sha512Hex(object.bytes);
    assertTarget(path, { length: object.bytes.length, sha256: sha256Hex(object.bytes), sha512 }, target);
    return object.bytes;
  }

  /** Downloads a target to a file. It appears whole and verified, or not at all. */
  async download(path: string, target: TargetFile, file: string): Promise<void> {
    const object = await this.store.open(keyOf(path, target));
    if (object === undefined) throw missing(path);
    await save(object, path, target, file).catch((error: unknown) => {
      throw error instanceof Error && 'syscall' in error ? notWritten(file, error as NodeJS.ErrnoException) : error;
    });
  }

  /** Answers the walk's requests from the store. */
  private async drive<T>(steps: Steps<T>): Promise<T> {
    let step = steps.next();
    while (!step.done) {
      const { name, maxLength, from } = step.value;
      step = steps.next(from === 'kept' ? undefined : await readMetadataFile(this.store, name, maxLength));
    }
    return step.value;
  }
}

async function save(object: OpenObject, path: string, target: TargetFile, file: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  const part = `${file}.part`;
  const hash = createHash('sha256');
  const long = createHash('sha512');
  let length = 0;
  try {
    await pipeline(
      object.stream,
      async function* (source) {
        for await (const chunk of source) {
          length += chunk.length;
          // 5.7.3: not one byte more than is listed.
          if (length > target.length) break;
          hash.update(chunk);
          if (target.sha512 !== undefined) long.update(chunk);
          yield chunk;
        }
      },
      createWriteStream(part, { mode: 0o644 }),
    );
    const sha512 = target.sha512 && long.digest('hex');
    assertTarget(path, { length, sha256: hash.digest('hex'), sha512 }, target);
    await rename(part, file);
  } finally {
    await rm(part, { force: true }).catch(() => undefined);
  }
}

function notWritten(file: string, cause: NodeJS.ErrnoException): StorageError {
  return new StorageError(`cannot be written (${cause.code})`, {
    object: file,
    code: `storage.${cause.code?.toLowerCase()}`,
    hint: `df -h ${dirname(file)}; ls -ld ${dirname(file)}; then run the command again`,
    cause,
  });
}

/** A root that a person has vouched for by its digest, out of a repository. @throws TrustError */
export async function findRoot(store: Store, digest: string): Promise<Verified<Root>> {
  const seen: string[] = [];
  for (let version = 1; version <= 1024; version++) {
    const object = await store.get(rootKey(version), { maxLength: MAX_LENGTH.root });
    if (object === undefined) break;
    const found = sha256Hex(object.bytes);
    if (found === digest) return trustRoot(object.bytes, rootKey(version));
    seen.push(found);
  }
  throw new TrustError('no root with this digest', {
    object: store.uri,
    expected: `sha256 ${digest}`,
    found: seen.join(', ') || 'no root at all',
    check: '5.2',
    code: 'trust.root-digest',
  });
}

async function readMetadataFile(store: Store, name: string, maxLength: number): Promise<Uint8Array | undefined> {
  try {
    return (await store.get(`${METADATA_PREFIX}${name}`, { maxLength }))?.bytes;
  } catch (cause) {
    if (!(cause instanceof StorageError) || cause.code !== 'storage.too-long') throw cause;
    throw new TrustError('too long', {
      object: name,
      expected: `at most ${maxLength} bytes`,
      found: 'more',
      code: 'trust.too-long',
      cause,
    });
  }
}

function keyOf(path: string, target: TargetFile): string {
  if (target.sha256 !== undefined) return targetKey(path, target.sha256);
  throw new InputError('listed without a sha256', { object: path, expected: 'a sha256', found: 'another hash' });
}

function missing(path: string): TrustError {
  return new TrustError('listed and not there', {
    object: path,
    expected: 'a file',
    found: 'nothing',
    check: '5.7.3',
    code: 'trust.missing',
  });
}
