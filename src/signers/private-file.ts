import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, link, mkdir, open, readdir, stat, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { ConfigurationError, InputError, StorageError, TufaError } from '../errors.ts';

/**
 * Files that hold a secret: private keys, passphrases. What is checked is the file that was opened, not what its path
 * may name a moment later.
 */

export interface PrivateFile {
  readonly path: string;
  /** For errors: `key file private/alice.pem`. */
  readonly what: string;
  /**
   * A key belongs to us alone, by its own path. A secret may have been handed over: systemd and Kubernetes mount root's
   * file, through links, and give us the right to read it by its group (an ACL shows as the group's bits, too).
   */
  readonly kind: 'key' | 'secret';
}

const MAX_BYTES = 65_536;

/**
 * The bytes of a regular file that nobody else can read. The caller wipes them.
 *
 * @throws ConfigurationError before a byte has been read
 */
export async function readPrivateFile(wanted: PrivateFile): Promise<Buffer> {
  // O_NONBLOCK: opening a named pipe must not wait for somebody to write into it.
  const links = wanted.kind === 'key' ? constants.O_NOFOLLOW : 0;
  const file = await open(wanted.path, constants.O_RDONLY | constants.O_NONBLOCK | links).catch((error) =>
    cannotOpen(wanted, error),
  );
  try {
    await assertPrivate(wanted, file);
    return await file.readFile();
  } finally {
    await file.close();
  }
}

async function assertPrivate({ path, what, kind }: PrivateFile, file: FileHandle): Promise<void> {
  const stats = await file.stat();
  const { mode, uid, size } = stats;
  const refuse = (said: string, expected: string, found: string, hint: string): never => {
    throw new ConfigurationError(said, { object: what, code: 'configuration.private-file', expected, found, hint });
  };
  if (!stats.isFile()) {
    refuse('cannot be read as a file', 'a regular file', 'another kind', `ls -ld ${path}`);
  }
  const us = process.geteuid?.() ?? uid;
  const handedOver = kind === 'secret' && uid === 0 && us !== 0;
  if (uid !== us && !handedOver) {
    refuse('belongs to somebody else', `user ${us}`, `user ${uid}`, `chown ${us} ${path} && chmod 600 ${path}`);
  }
  if ((mode & (handedOver ? 0o027 : 0o077)) !== 0) {
    refuse('others may read it', 'mode 0600', `mode 0${(mode & 0o777).toString(8)}`, `chmod 600 ${path}`);
  }
  if (size > MAX_BYTES) refuse('too large', `at most ${MAX_BYTES} bytes`, `${size} bytes`, `ls -l ${path}`);
}

function cannotOpen({ path, what }: PrivateFile, error: NodeJS.ErrnoException): never {
  const link = error.code === 'ELOOP' || error.code === 'EMLINK';
  throw new ConfigurationError(link ? 'will not follow a symbolic link' : 'cannot be opened', {
    object: what,
    code: 'configuration.private-file',
    expected: 'a regular file with mode 0600',
    found: link ? 'a symbolic link' : error.code === 'ENOENT' ? 'nothing there' : `${error.code}`,
    hint: link
      ? `give the path of the file itself: readlink -f ${path}; its mode is set by chmod 600 FILE`
      : `ls -l ${path}`,
    cause: error,
  });
}

/**
 * Writes a new file of mode 0600, whole or not at all, and has it on the disk when it returns. Its folder is made with
 * mode 0700 where it is missing, and must have it where it is not.
 *
 * @throws InputError when there is a file of that name, ConfigurationError when others can reach the folder
 */
export async function createPrivateFile(path: string, text: string): Promise<void> {
  const folder = dirname(path);
  // If we crash before it is unlinked, a key stays under a name that nothing reads, until the next run.
  const draft = join(folder, `.${basename(path)}.${randomBytes(6).toString('hex')}`);
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await assertPrivateFolder(folder);
    await removeDrafts(path);
    await writeWhole(draft, text);
    await link(draft, path);
    await syncFolder(folder);
  } catch (error) {
    throw error instanceof TufaError ? error : cannotCreate(path, error as NodeJS.ErrnoException);
  } finally {
    await unlink(draft).catch(() => undefined);
  }
}

/** Drafts of this file that a crash has left: a key must not lie about under a name that nobody knows. */
async function removeDrafts(path: string): Promise<void> {
  const folder = dirname(path);
  for (const name of await readdir(folder)) {
    const isDraft = name.startsWith(`.${basename(path)}.`) && /\.[0-9a-f]{12}$/.test(name);
    if (isDraft) await unlink(join(folder, name)).catch(() => undefined);
  }
}

async function assertPrivateFolder(folder: string): Promise<void> {
  const mode = (await stat(folder)).mode & 0o777;
  if ((mode & 0o077) === 0) return;
  throw new ConfigurationError('others may reach this folder of private keys', {
    object: folder,
    code: 'configuration.private-folder',
    expected: 'mode 0700',
    found: `mode 0${mode.toString(8)}`,
    hint: `chmod 700 ${folder}`,
  });
}

async function writeWhole(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, constants.O_RDONLY);
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

function cannotCreate(path: string, cause: NodeJS.ErrnoException): TufaError {
  if (cause.code !== 'EEXIST' || cause.syscall !== 'link') {
    const hint = `see who may write there, and whether there is room: ls -ld ${dirname(path)}; df -h ${dirname(path)}`;
    const disk = ['ENOSPC', 'EDQUOT', 'EIO'].includes(cause.code ?? '');
    return new (disk ? StorageError : ConfigurationError)(`cannot be written (${cause.code})`, {
      object: path,
      hint,
      cause,
    });
  }
  return new InputError('a private key is never overwritten', {
    object: path,
    code: 'input.key-exists',
    expected: 'a new name',
    found: 'a file of that name',
    hint: 'list the keys that are there: `tufa key list`',
    cause,
  });
}
