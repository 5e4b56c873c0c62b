import { join } from 'node:path';
import { InputError } from '../errors.ts';
import { normalize, parseDistributionName } from '../packaging/names.ts';
import type { PageFile } from '../packaging/page.ts';
import { parsePage } from '../packaging/page.ts';
import { pagePaths } from '../packaging/paths.ts';
import { latest, sameVersion } from '../packaging/versions.ts';
import type { RepositoryClient } from './client.ts';
import type { Reporter } from './context.ts';
import { assertWanted } from './wanted.ts';

export interface Got {
  readonly root: number;
  readonly timestamp: number;
  readonly files: readonly {
    readonly path: string;
    readonly file: string;
    readonly sha256: string;
    readonly length: number;
  }[];
}

/** Bytes; the largest page of PyPI has about 10 MB. */
const MAX_PAGE = 64 * 1024 * 1024;

/**
 * get: `NAME` (its newest version), `NAME==VERSION` or a target path. Each file is found through the signed page of its
 * project and then by its own target entry, so that neither page nor bin alone can put in another file.
 */
export async function get(
  client: RepositoryClient,
  what: readonly string[],
  options: { out: string },
  reporter: Reporter,
): Promise<Got> {
  assertWanted(what);
  await client.refresh();
  const paths: string[] = [];
  for (const one of what)
    paths.push(...(one.includes('/') ? [one] : (await releaseFiles(client, one)).map((file) => file.path)));
  const files: Got['files'][number][] = [];
  for (const path of paths) {
    const target = await client.require(path);
    const file = join(options.out, path.slice(path.lastIndexOf('/') + 1));
    await client.download(path, target, file);
    reporter.progress('files', files.length + 1, paths.length);
    files.push({ path, file, sha256: target.sha256 ?? '', length: target.length });
  }
  const { root, timestamp } = client.trusted;
  return { root: root.signed.version, timestamp: timestamp?.signed.version ?? 0, files };
}

async function releaseFiles(client: RepositoryClient, requirement: string): Promise<PageFile[]> {
  const [name = '', version] = requirement.split('==');
  const { json } = pagePaths(normalize(name));
  const target = await client.find(json);
  const page = target && parsePage(await client.read(json, target, MAX_PAGE));
  const versions = (page?.files ?? []).map((file) => ({
    file,
    version: parseDistributionName(file.filename, page?.name).version,
  }));
  const wanted = version ?? latest(versions.map((v) => v.version));
  const files = versions.filter((v) => wanted !== undefined && sameVersion(v.version, wanted)).map((v) => v.file);
  if (files.length > 0) return files;
  const has = [...new Set(versions.map((v) => v.version))].slice(-5).join(', ');
  throw new InputError('not in the index', {
    object: requirement,
    expected: version === undefined ? 'a project with files' : `version ${version}`,
    found: has === '' ? 'none' : has,
  });
}
