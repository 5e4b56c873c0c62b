import { constants } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { dirname, isAbsolute, join, relative, resolve } from 'node:path';
import type { z } from 'zod';
import { ConfigurationError } from '../errors.ts';
import { contradictions } from './checks.ts';
import { type Problem, readYaml, type YamlText } from './document.ts';
import { nearest } from './nearest.ts';
import { type Config, fieldsAt, schema } from './schema.ts';

export const CONFIG_FILE = 'tufa.yaml';
/** Bytes. */
const MAX_LENGTH = 65_536;

/**
 * The workspace around `from`: the nearest folder, upwards, that holds tufa.yaml.
 *
 * @throws ConfigurationError when there is none
 */
export async function findWorkspace(from: string): Promise<string> {
  const start = resolve(from);
  for (let dir = start; ; dir = dirname(dir)) {
    if ((await stat(join(dir, CONFIG_FILE)).catch(() => undefined)) !== undefined) return dir;
    if (dirname(dir) === dir) {
      throw new ConfigurationError('there is no workspace here', {
        object: start,
        code: 'configuration.no-workspace',
        expected: `${CONFIG_FILE} in this folder or one above it`,
        found: 'none',
        hint: 'make one with `tufa init`, or name its folder: tufa -C DIR',
      });
    }
  }
}

/**
 * Reads and checks `dir`/tufa.yaml.
 *
 * @throws ConfigurationError with file, line and column, what was expected and what was found
 */
export async function loadConfig(dir: string): Promise<Config> {
  const path = join(dir, CONFIG_FILE);
  const near = relative('', path);
  const name = near.startsWith('..') || isAbsolute(near) ? path : near;
  return parseConfig(await readLimited(path, name), { name, dir: resolve(dir) });
}

/** @param name of the file, for errors. @param dir folder that relative `file:` URIs start from */
export function parseConfig(bytes: Uint8Array, { name, dir }: { name: string; dir: string }): Config {
  const yaml = readYaml(decode(bytes, name), name);
  const parsed = schema.safeParse(yaml.value);
  if (!parsed.success) throw yaml.error(explained(parsed.error.issues).flatMap((issue) => problemsOf(issue, yaml)));
  const found = contradictions(parsed.data, dir).map(({ path, ...sides }) => ({
    offset: yaml.offsetOf(path),
    what: pathText(path),
    details: sides,
  }));
  if (found.length > 0) throw yaml.error(found);
  return parsed.data;
}

/** Never reads more than the limit, whatever the file's size says. */
async function readLimited(path: string, name: string): Promise<Uint8Array> {
  // O_NONBLOCK: opening a named pipe must not wait for a writer.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch((cause: NodeJS.ErrnoException) => {
    throw new ConfigurationError(`cannot be read (${cause.code})`, { object: name, hint: `ls -l ${name}`, cause });
  });
  try {
    const buffer = new Uint8Array(MAX_LENGTH + 1);
    const stats = await file.stat();
    const { bytesRead } = stats.isFile() ? await file.read(buffer, 0, buffer.length, 0) : { bytesRead: 0 };
    if (stats.isFile() && bytesRead <= MAX_LENGTH) return buffer.subarray(0, bytesRead);
    throw new ConfigurationError('cannot be a configuration', {
      object: name,
      code: 'configuration.file',
      expected: `a file of at most ${MAX_LENGTH} bytes`,
      found: stats.isFile() ? `${stats.size} bytes` : 'no file',
    });
  } finally {
    await file.close();
  }
}

function decode(bytes: Uint8Array, name: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new ConfigurationError('not UTF-8', { object: name, code: 'configuration.file', cause });
  }
}

/** A field whose name is misspelt is missing as well: then the name is what has to be told. */
function explained(issues: readonly z.core.$ZodIssue[]): readonly z.core.$ZodIssue[] {
  const unknown = issues.filter(({ code }) => code === 'unrecognized_keys');
  return unknown.length > 0 ? unknown : issues;
}

function problemsOf(issue: z.core.$ZodIssue, yaml: YamlText): Problem[] {
  const { path } = issue;
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownField(path, key, yaml));
  return [
    {
      offset: yaml.offsetOf(path),
      what: path.length === 0 ? 'the file' : pathText(path),
      details: { expected: issue.message, found: yaml.foundAt(path) },
    },
  ];
}

function unknownField(path: readonly PropertyKey[], key: string, yaml: YamlText): Problem {
  const fields = fieldsAt(path);
  const meant = nearest(key, fields);
  const hint = meant === undefined ? `fields here: ${fields.join(', ')}` : `did you mean ${meant}?`;
  return { offset: yaml.offsetOfKey(path, key), what: `${pathText([...path, key])}: no such field`, details: { hint } };
}

/** `uploaders[0].kinds` */
function pathText(path: readonly PropertyKey[]): string {
  return path.map((key, i) => (typeof key === 'number' ? `[${key}]` : `${i === 0 ? '' : '.'}${String(key)}`)).join('');
}
