import type { Updater, UpdaterOptions } from 'tuf-js';
import { TrustError } from '../errors.ts';
import type { Root, Verified } from '../tuf/model.ts';

/**
 * tuf-js treats maps in quadratic time: 16,384 roles take minutes, and so do 15,000 targets of one role. What is larger is
 * walked by our own client alone.
 */
export const SECOND_OPINION_ROLES = 2048;
export const SECOND_OPINION_TARGETS = 1024;

/** What tuf-js is asked: from which root, at what time, and what it should find at each path (null: nothing). */
export interface Opinion {
  readonly root: Verified<Root>;
  readonly now: Date;
  readonly expected: ReadonlyMap<string, string | null>;
  /** A metadata file by its name; undefined: 404. */
  read(name: string): Promise<Uint8Array | undefined>;
}

/**
 * tuf-js walks the same state as our own client: an independent implementation that must agree before anything becomes
 * visible. It knows folders only; what it would keep there stays in memory, so that a full disk is no disagreement.
 * @throws TrustError with code `trust.second-opinion`; what `read` throws
 */
export async function askTufJs(opinion: Opinion): Promise<void> {
  const [{ Updater }, { DownloadHTTPError }] = await Promise.all([import('tuf-js'), import('tuf-js/dist/error.js')]);
  const kept = new Map<string, Buffer>([['root', Buffer.from(opinion.root.bytes)]]);
  // These two private methods are all that touches a disk. If they had other names, there would be no root: an error.
  class InMemory extends (Updater as unknown as OpenUpdater) {
    loadLocalMetadata(name: string): Buffer {
      const bytes = kept.get(name);
      if (bytes === undefined) throw new Error(`no ${name}`);
      return bytes;
    }

    persistMetadata(name: string, bytes: Buffer): void {
      kept.set(name, bytes);
    }
  }
  let unread: unknown;
  try {
    const fetch = async (url: string, maxLength: number): Promise<Buffer> => {
      const name = decodeURIComponent(url.slice(url.lastIndexOf('/') + 1));
      const bytes = await opinion.read(name).catch((error: unknown) => {
        unread ??= error;
        throw error;
      });
      if (bytes === undefined || bytes.length > maxLength) throw new DownloadHTTPError(`no ${name}`, 404);
      return Buffer.from(bytes);
    };
    const updater = new InMemory({
      metadataDir: '',
      metadataBaseUrl: 'http://rehearsal.invalid/metadata',
      fetcher: { downloadBytes: fetch, downloadFile: () => Promise.reject(new Error('no target is downloaded here')) },
    });
    // It reads the wall clock when it is made; the rehearsal is for the moment that the transaction has planned for.
    (updater as unknown as { trustedSet: { referenceTime: Date } }).trustedSet.referenceTime = opinion.now;
    await updater.refresh();
    for (const [path, sha256] of opinion.expected) {
      const found = (await updater.getTargetInfo(path))?.hashes['sha256'] ?? null;
      if (found !== sha256) throw disagreement(path, sha256 ?? 'nothing', found ?? 'nothing');
    }
  } catch (cause) {
    // It wraps whatever it meets, and a file that could not be read is not its opinion.
    if (unread !== undefined) throw unread;
    if (cause instanceof TrustError) throw cause;
    throw disagreement(
      'the new state',
      'tuf-js to accept it',
      cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause),
      cause,
    );
  }
}

type OpenUpdater = new (options: UpdaterOptions) => Pick<Updater, 'refresh' | 'getTargetInfo'>;

/** An offline role's file and the name of the role that delegates to it; undefined for the root. */
export interface OfflineFile {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly delegator: string | undefined;
}

/** `@tufjs/models` verifies every offline role by its delegator, beside our own verifier. @throws TrustError */
export async function askTufModels(files: readonly OfflineFile[]): Promise<void> {
  const { Metadata, MetadataKind } = await import('@tufjs/models');
  const parsed = new Map(
    files.map(({ name, bytes }) => {
      const json = JSON.parse(Buffer.from(bytes).toString('utf8'));
      return [
        name,
        name === 'root' ? Metadata.fromJSON(MetadataKind.Root, json) : Metadata.fromJSON(MetadataKind.Targets, json),
      ] as const;
    }),
  );
  for (const { name, delegator } of files) {
    try {
      parsed.get(delegator ?? name)!.verifyDelegate(name, parsed.get(name)!);
    } catch (cause) {
      throw disagreement(
        name,
        '@tufjs/models to accept it',
        cause instanceof Error ? cause.message : String(cause),
        cause,
      );
    }
  }
}

function disagreement(object: string, expected: string, found: string, cause?: unknown): TrustError {
  return new TrustError('a second opinion disagrees with our own client', {
    object,
    expected,
    found,
    code: 'trust.second-opinion',
    ...(cause === undefined ? {} : { cause }),
  });
}
