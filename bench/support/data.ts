import { hash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

/**
 * Rows with the names and versions of real projects, the same on every run: `pypi-projects.tsv.gz` beside the clone where
 * it is (886,323 projects), else the sample that the clone has. A second and third file of a project are made up.
 */

const FULL = join(import.meta.dirname, '../../../shared/data/pypi-projects.tsv.gz');
const SAMPLE = join(import.meta.dirname, '../../test/fixtures/pypi-names-sample.tsv');

export interface Project {
  readonly name: string;
  readonly version: string;
}

/** A line each, as bytes: a million objects would be looked at by every round of the garbage collector. */
export class Projects {
  private readonly text: Buffer;
  private readonly starts: Uint32Array;

  constructor(text: Buffer) {
    this.text = text;
    const starts: number[] = [];
    for (let at = 0; at < text.length; at = text.indexOf('\n', at) + 1) starts.push(at);
    this.starts = Uint32Array.from(starts);
  }

  get length(): number {
    return this.starts.length;
  }

  at(i: number): Project {
    const start = this.starts[i]!;
    const line = this.text.toString('utf8', start, this.text.indexOf('\n', start));
    const [name = '', version = ''] = line.split('\t');
    return { name, version: /^\w[\w.+!-]*$/.test(version) ? version : '1.0' };
  }
}

export async function loadProjects(): Promise<Projects> {
  return new Projects(existsSync(FULL) ? gunzipSync(await readFile(FULL)) : await readFile(SAMPLE));
}

/** Target number `i`: file `i / projects` of project `i % projects`. */
export function targetPath(projects: Projects, i: number): string {
  const { name, version } = projects.at(i % projects.length);
  const file = Math.floor(i / projects.length);
  const release = file < 2 ? version : `${version}.post${file >> 1}`;
  const stem = `${name.replaceAll('-', '_')}-${release}`;
  return `packages/${name}/${stem}${file % 2 === 0 ? '-py3-none-any.whl' : '.tar.gz'}`;
}

const EPOCH = Date.UTC(2016, 0, 1);
const TEN_YEARS = 10 * 365 * 86_400;

/** A row of the bulk build: path, length, sha256 and time, where all but the path is made of the path's hash. */
function row(path: string): string {
  const sha256 = hash('sha256', path);
  const length = Number.parseInt(sha256.slice(0, 6), 16);
  const seconds = Number.parseInt(sha256.slice(6, 14), 16) % TEN_YEARS;
  return `${path}\t${length}\t${sha256}\t${new Date(EPOCH + seconds * 1000).toISOString().slice(0, 19)}Z\n`;
}

/** Writes rows `from` to `to` (not included) to a new file. */
export async function writeTargets(file: string, projects: Projects, count: number): Promise<void> {
  const handle = await open(file, 'wx');
  for (let from = 0; from < count; from += 10_000) {
    let text = '';
    for (let i = from; i < Math.min(count, from + 10_000); i++) text += row(targetPath(projects, i));
    await handle.appendFile(text, 'latin1');
  }
  await handle.close();
}

/** The lines of a text file, as the peers read them too. */
export async function* linesOf(file: string): AsyncGenerator<string[]> {
  let rest = '';
  for await (const chunk of createReadStream(file, { encoding: 'latin1', highWaterMark: 1024 * 1024 })) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop()!;
    yield lines;
  }
}
