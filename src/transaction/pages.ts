import { InputError, TrustError } from '../errors.ts';
import type { Page } from '../packaging/page.ts';
import { emptyPage, parsePage, withFile, withoutFile, writePageJson } from '../packaging/page.ts';
import { writePageHtml } from '../packaging/page-html.ts';
import { pagePaths, projectListing } from '../packaging/paths.ts';
import type { Content } from '../queue/envelope.ts';
import type { Store } from '../stores/port.ts';
import { sha256Hex } from '../tuf/digest.ts';
import { targetKey, targetKeys } from '../tuf/layout.ts';
import type { Context } from './context.ts';
import type { Leaf } from './roles.ts';
import { listed } from './roles.ts';
import type { Upload } from './upload.ts';

/** The pages of the projects whose files change, in the same snapshot as the files (standards: statement 31). */
export interface Pages {
  readonly changes: ReadonlyMap<string, Content>;
  readonly uploads: readonly Upload[];
}

export async function planPages(
  context: Pick<Context, 'store' | 'settings' | 'warn'>,
  leaves: ReadonlyMap<string, Leaf>,
  changes: ReadonlyMap<string, Content | null>,
  now: Date,
): Promise<Pages> {
  const projects = new Map<string, string[]>();
  for (const path of changes.keys()) {
    const project = projectListing(path);
    if (project !== undefined) projects.set(project, [...(projects.get(project) ?? []), path]);
  }
  const planned = await Promise.all(
    [...projects].map(async ([project, paths]) => planPage(context, leaves, changes, project, paths, now)),
  );
  return { changes: new Map(planned.flatMap((p) => [...p.changes])), uploads: planned.flatMap((p) => p.uploads) };
}

async function planPage(
  { store, settings, warn }: Pick<Context, 'store' | 'settings' | 'warn'>,
  leaves: ReadonlyMap<string, Leaf>,
  changes: ReadonlyMap<string, Content | null>,
  project: string,
  paths: readonly string[],
  now: Date,
): Promise<Pages> {
  const { json, html } = pagePaths(project);
  // A row of its own comes before the files: a row that came after one of them was refused.
  const changed = changes.get(json);
  const before = changed === undefined ? listed(leaves.get(json)?.file, json) : (changed ?? undefined);
  let page = await readPage(store, json, before, project);
  if (page === undefined) {
    warn(`${json}: not a page that tufa has written: it stays as its uploader has left it`);
    return { changes: new Map(), uploads: [] };
  }
  for (const path of paths) {
    const content = changes.get(path) ?? null;
    const filename = path.slice(path.lastIndexOf('/') + 1);
    const uploadTime = listed(leaves.get(path)?.file, path)?.listed ?? now;
    page =
      content === null
        ? withoutFile(page, filename)
        : withFile(page, { filename, path, sha256: content.sha256, size: content.length, uploadTime });
  }
  const files = [
    { path: json, bytes: writePageJson(page) },
    { path: html, bytes: writePageHtml(page) },
  ].map(({ path, bytes }) => ({ path, bytes, content: { sha256: sha256Hex(bytes), length: bytes.length } }));
  return {
    changes: new Map(files.map(({ path, content }) => [path, content])),
    uploads: files.flatMap(({ path, bytes, content }) =>
      targetKeys(path, content.sha256, settings.clients).map((key) => ({ key, bytes })),
    ),
  };
}

/**
 * The page before the change. Its bytes come from the store, so they are compared with what is listed.
 *
 * @returns undefined for a page that `parsePage` does not read: one bad page must not hold up everybody's files
 */
async function readPage(
  store: Store,
  json: string,
  target: { readonly sha256: string | undefined; readonly length: number } | undefined,
  project: string,
): Promise<Page | undefined> {
  if (target?.sha256 === undefined) return emptyPage(project);
  const key = targetKey(json, target.sha256);
  const object = await store.get(key, { maxLength: target.length });
  const found = object && sha256Hex(object.bytes);
  if (object === undefined || found !== target.sha256) {
    throw new TrustError('another content', {
      object: key,
      expected: `sha256 ${target.sha256}`,
      found: found ?? 'nothing',
      check: '5.7.3',
      code: 'trust.target',
    });
  }
  try {
    return parsePage(object.bytes);
  } catch (error) {
    if (error instanceof InputError) return undefined;
    throw error;
  }
}
