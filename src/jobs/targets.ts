import { lstat, readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import pLimit from 'p-limit';
import type { Workspace } from '../config/workspace.ts';
import { ConflictError, InputError } from '../errors.ts';
import { assertNoCollision, normalize, parseDistributionName } from '../packaging/names.ts';
import { packagePath, projectOf } from '../packaging/paths.ts';
import { sameVersion } from '../packaging/versions.ts';
import { append, waitingNumber } from '../queue/append.ts';
import type { Content, Kind, Row } from '../queue/envelope.ts';
import { sealEntry } from '../queue/envelope.ts';
import type { JournalEntry } from '../queue/journal.ts';
import { intentOf, Journal } from '../queue/journal.ts';
import { bodyOfFile, hashStream } from '../stores/body.ts';
import type { Context } from '../transaction/context.ts';
import type { Live } from '../transaction/read.ts';
import { read } from '../transaction/read.ts';
import { listed, Roles } from '../transaction/roles.ts';
import { putFile } from '../transaction/upload.ts';
import { targetKeys } from '../tuf/layout.ts';
import { keysOf } from '../tuf/run.ts';
import type { Reporter } from './context.ts';
import { openContext, SILENT } from './context.ts';
import { assertWanted } from './wanted.ts';

/** What was appended to the queue. */
export interface Queued {
  /** Number of the entry; undefined: everything is as wanted already. */
  readonly number: number | undefined;
  readonly rows: readonly Row[];
  /** Paths that needed no change. */
  readonly already: readonly string[];
}

/** Files hashed and written at once. */
const CONCURRENCY = 4;

/** A distribution file on this machine, as it will be listed. */
interface LocalFile {
  readonly file: string;
  readonly path: string;
  readonly content: Content;
}

/**
 * target add: hashes distribution files while streaming, puts their bytes under their hash-prefixed names and appends one
 * entry to the queue. Nothing is written before every file was looked at.
 *
 * @param paths files, or folders whose distribution files are taken
 * @param options.replace allow another content for a file that is listed
 */
export async function addTargets(
  workspace: Workspace,
  paths: readonly string[],
  options: { replace: boolean },
  reporter: Reporter = SILENT,
): Promise<Queued> {
  const files = await hashFiles(await distributionFiles(paths), reporter);
  const context = await openContext(workspace, reporter);
  const wanted = files.map(({ path, content }) => ({ path, now: content }));
  return enqueue(workspace, context, 'files', wanted, {
    check: (rows) => {
      const other = rows.find((row) => row.was !== null && row.now !== null);
      if (other === undefined || options.replace) return;
      throw new ConflictError('listed with another content already', {
        object: other.path,
        expected: `sha256 ${other.was}`,
        found: other.now?.sha256 ?? 'none',
        hint: 'a released file never changes; `--replace` if it must',
      });
    },
    beforePut: async () => {
      const limit = pLimit(CONCURRENCY);
      let done = 0;
      await Promise.all(
        files.map(({ file, path, content }) =>
          limit(async () => {
            for (const key of targetKeys(path, content.sha256, context.settings.clients))
              await putFile(context.store, key, await bodyOfFile(file), content);
            reporter.progress('files written', ++done, files.length);
          }),
        ),
      );
    },
  });
}

/** target remove: a target path, `NAME` (every file of a project) or `NAME==VERSION`. */
export async function removeTargets(
  workspace: Workspace,
  what: readonly string[],
  reporter: Reporter = SILENT,
): Promise<Queued> {
  assertWanted(what);
  const context = await openContext(workspace, reporter);
  const live = await read(context);
  const roles = rolesOf(context, live);
  const wanted: { path: string; now: null }[] = [];
  for (const one of what) {
    const paths = one.includes('/') ? [one] : await filesOf(roles, live, one);
    wanted.push(...paths.map((path) => ({ path, now: null })));
  }
  const { number, rows, already } = await enqueue(workspace, context, 'removal', wanted, {});
  const absent = already.find((path) => what.includes(path));
  if (number === undefined && absent !== undefined) throw notListed(absent);
  return { number, rows, already };
}

/** Every path that is listed in the live state, in the order of the roles; or those of one project. */
export async function* listTargets(
  workspace: Workspace,
  project: string | undefined,
  reporter: Reporter = SILENT,
): AsyncGenerator<{ path: string; role: string; sha256: string; length: number }> {
  const context = await openContext(workspace, reporter, 'read');
  const live = await read(context);
  if (live.snapshot === undefined) return;
  const roles = rolesOf(context, live);
  const wanted = project === undefined ? undefined : normalize(project);
  for await (const { name, delegator } of roles.delegatedLeaves()) {
    const role = await roles.load(name, delegator);
    for (const path of role === undefined ? [] : keysOf(role.signed.targets)) {
      const target = listed(role, path);
      if (wanted === undefined || projectOf(path) === wanted)
        yield { path, role: name, sha256: target?.sha256 ?? '', length: target?.length ?? 0 };
    }
  }
}

interface Enqueuing {
  /** Last look at the plan before anything is written. */
  check?(rows: readonly Row[]): void;
  /** Puts what the entry will promise. */
  beforePut?(): Promise<void>;
}

async function enqueue(
  workspace: Workspace,
  context: Context,
  kind: Kind,
  wanted: readonly Pick<Row, 'path' | 'now'>[],
  steps: Enqueuing,
): Promise<Queued> {
  const journal = new Journal(await workspace.journal());
  const intent = intentOf(kind, wanted);
  const live = await read(context);
  const mark = live.snapshot?.signed.queue ?? 0;
  const known = await journal.load(intent);
  // The plan of a run that was killed is sent as it was, also where its entry was folded since: planned anew, it could
  // undo what somebody did meanwhile (transaction model, V7).
  const entry: JournalEntry = known ?? { intent, rows: await planRows(context, live, wanted), after: mark };
  const already = wanted.map((w) => w.path).filter((path) => !entry.rows.some((row) => row.path === path));
  if (entry.rows.length === 0) return { number: undefined, rows: [], already };
  steps.check?.(entry.rows);
  const uploader = operatorOf(workspace, kind);
  const waiting =
    known === undefined ? waitingNumber(live.waiting, { uploader, kind, changes: entry.rows, after: mark }) : undefined;
  if (waiting !== undefined) return { number: waiting, rows: entry.rows, already };
  if (known === undefined) await journal.save(entry);
  await steps.beforePut?.();
  const number = await append(
    {
      store: context.store,
      queue: context.settings.queue,
      mark,
      journal,
      seal: async (n) =>
        sealEntry(
          {
            repository: context.settings.repository,
            number: n,
            uploader,
            kind,
            changes: entry.rows,
            after: entry.after,
            made: context.clock(),
          },
          await workspace.signer(uploader),
        ),
    },
    entry,
  );
  return { number, rows: entry.rows, already };
}

/** Rows that change something: `was` is what the live state has. */
async function planRows(context: Context, live: Live, wanted: readonly Pick<Row, 'path' | 'now'>[]): Promise<Row[]> {
  if (live.snapshot === undefined)
    return wanted.filter((w) => w.now !== null).map(({ path, now }) => ({ path, was: null, now }));
  const roles = rolesOf(context, live);
  const rows = await Promise.all(
    wanted.map(async ({ path, now }) => {
      const leaf = await roles.leafOf(path);
      return { path, was: listed(leaf?.file, path)?.sha256 ?? null, now };
    }),
  );
  return rows.filter(({ was, now }) => was !== (now?.sha256 ?? null));
}

/** The uploader of this workspace that may append entries of this kind. */
export function operatorOf(workspace: Workspace, kind: Kind): string {
  const uploader = workspace.config.uploaders.find((u) => u.kinds.includes(kind));
  if (uploader !== undefined) return uploader.key;
  throw new InputError('no uploader may append this', {
    object: 'tufa.yaml: uploaders',
    expected: `one with the kind ${kind}`,
    found: 'none',
  });
}

async function filesOf(roles: Roles, live: Live, requirement: string): Promise<string[]> {
  const [name = '', version] = requirement.split('==');
  const project = normalize(name);
  const paths: string[] = [];
  if (live.snapshot === undefined) throw notListed(requirement);
  for await (const { name: role, delegator } of roles.delegatedLeaves()) {
    const file = await roles.load(role, delegator);
    for (const path of file === undefined ? [] : keysOf(file.signed.targets)) {
      if (!path.startsWith('packages/') || projectOf(path) !== project) continue;
      if (version === undefined || sameVersion(parseDistributionName(basename(path)).version, version))
        paths.push(path);
    }
  }
  if (paths.length === 0) throw notListed(requirement);
  // What is taken away is named as it is listed.
  assertNoCollision(name, [project]);
  return paths;
}

async function distributionFiles(paths: readonly string[]): Promise<string[]> {
  const files: string[] = [];
  for (const path of paths) {
    const stat = await lstat(path).catch((cause: unknown) => {
      throw new InputError('not there', {
        object: path,
        expected: 'a distribution file or a folder of them',
        found: 'nothing',
        cause,
      });
    });
    if (stat.isDirectory()) {
      const names = (await readdir(path)).filter((name) => /\.(whl|tar\.gz|zip)$/.test(name)).sort();
      if (names.length === 0)
        throw new InputError('no distribution files', {
          object: path,
          expected: '*.whl, *.tar.gz or *.zip',
          found: 'none',
        });
      files.push(...names.map((name) => join(path, name)));
    } else files.push(path);
  }
  return files;
}

async function hashFiles(files: readonly string[], reporter: Reporter): Promise<LocalFile[]> {
  // Every name is looked at before the first byte is read: a bad one among 20,000 costs nothing.
  const named = files.map((file) => ({
    file,
    path: packagePath(parseDistributionName(basename(file)).project, basename(file)),
  }));
  const limit = pLimit(CONCURRENCY);
  let done = 0;
  const hashed = await Promise.all(
    named.map(({ file, path }) =>
      limit(async (): Promise<LocalFile> => {
        const content = await hashStream((await bodyOfFile(file)).open());
        reporter.progress('files hashed', ++done, files.length);
        return { file, path, content };
      }),
    ),
  );
  const seen = new Map<string, LocalFile>();
  for (const one of hashed) {
    const other = seen.get(one.path);
    if (other !== undefined && other.content.sha256 !== one.content.sha256)
      throw new InputError('the same file name twice, with two contents', {
        object: one.path,
        expected: other.file,
        found: one.file,
      });
    seen.set(one.path, one);
  }
  return [...seen.values()];
}

function rolesOf(context: Context, live: Live): Roles {
  return new Roles(context.store, live.verifiedBy ?? live.kept.root, live.snapshot);
}

function notListed(what: string): InputError {
  return new InputError('not listed', {
    object: what,
    expected: 'a path, NAME or NAME==VERSION of the live state',
    found: 'nothing',
    hint: 'type `tufa target list`',
  });
}
