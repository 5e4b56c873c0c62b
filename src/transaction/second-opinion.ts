import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TrustError } from '../errors.ts';
import type { Root, Verified } from '../tuf/model.ts';

/** tuf-js treats maps in quadratic time: 16,384 roles take minutes. Larger states are walked by our own client alone. */
export const SECOND_OPINION_ROLES = 2048;

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
 * visible. It may keep its files in a folder only, so it gets an empty one that is removed afterwards.
 * @throws TrustError with code `trust.second-opinion`
 */
export async function askTufJs(opinion: Opinion): Promise<void> {
  const [{ Updater }, { DownloadHTTPError }] = await Promise.all([import('tuf-js'), import('tuf-js/dist/error.js')]);
  const folder = await mkdtemp(join(tmpdir(), 'tufa-second-opinion-'));
  try {
    await writeFile(join(folder, 'root.json'), opinion.root.bytes);
    const fetch = async (url: string, maxLength: number): Promise<Buffer> => {
      const name = decodeURIComponent(url.slice(url.lastIndexOf('/') + 1));
      const bytes = await opinion.read(name);
      if (bytes === undefined || bytes.length > maxLength) throw new DownloadHTTPError(`no ${name}`, 404);
      return Buffer.from(bytes);
    };
    const updater = new Updater({
      metadataDir: folder,
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
    if (cause instanceof TrustError) throw cause;
    throw disagreement(
      'the new state',
      'tuf-js to accept it',
      cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause),
      cause,
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

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
