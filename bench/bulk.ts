import { generateKeyPairSync, hash } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { canonicalize } from '@tufjs/canonical-json';
import { binIndex, binName } from '../src/tuf/bins.ts';
import { keyFromPublic, keyidOf, verifySignature } from '../src/tuf/keys.ts';
import type { Key } from '../src/tuf/model.ts';
import { TEST_UUID } from '../test/support/repository.ts';
import { fail, same } from './support/assert.ts';
import { runChild } from './support/child.ts';
import { compiled } from './support/compiled.ts';
import { linesOf, loadProjects, writeTargets } from './support/data.ts';
import { type Comparison, compare, type Variant } from './support/harness.ts';
import { atLeast, atMost, print, ratio, report } from './support/report.ts';

/**
 * bulk: a whole repository from a file of rows, built, signed and written to files: bins, snapshot, timestamp. All write
 * the same bins: the signed parts and the signatures are compared byte for byte, and what they list with the rows.
 */

const EXPIRES = '2027-01-01T00:00:00Z';
const WORKERS = 2;
const OURS = `tufa, ${WORKERS} workers`;
const SINGLE = 'tufa, 1 worker';
const MODELS = '@tufjs/models, loops mended';
const PYTHON = 'python-tuf';

/** @param python the interpreter that has python-tuf; undefined: it is left out */
export async function bulk(
  folder: string,
  targets: number,
  bits: number,
  rounds: number,
  python: string | undefined,
): Promise<void> {
  const build = await Build.prepare(folder, targets, bits);
  const variants = [build.tufa(OURS, WORKERS), build.tufa(SINGLE, 1), build.models()];
  if (python === undefined) print('\npython-tuf is left out\n');
  else variants.push(build.python(python));
  const comparison = await compare(variants, rounds);
  await build.check(variants.map(({ name }) => name));
  const over = (other: string, cost: (m: Comparison['measured'][number]) => number): number =>
    1 / ratio(comparison, OURS, other, cost);
  report(`bulk: ${targets} targets in ${2 ** bits} bins, written`, comparison, [
    atLeast(
      `wall of ${MODELS}, by minima`,
      over(MODELS, (m) => m.wall.min),
      6,
    ),
    atLeast(
      `wall of ${SINGLE}, by minima`,
      over(SINGLE, (m) => m.wall.min),
      1.5,
    ),
    ...(python === undefined
      ? []
      : [
          atLeast(
            `wall of ${PYTHON}, by minima`,
            over(PYTHON, (m) => m.wall.min),
            6,
          ),
        ]),
  ]);
}

/** Peak memory of a process that builds four times as many targets. */
export async function memory(folder: string, targets: number, bits: number, rounds: number): Promise<void> {
  const variants = await Promise.all(
    [1, 4].map(async (times) => {
      const build = await Build.prepare(join(folder, `${times}`), times * targets, bits);
      return build.tufa(`${times * targets} targets`, WORKERS);
    }),
  );
  const comparison = await compare(variants, rounds);
  const [small, large] = variants.map(({ name }) => name);
  report('memory: peak of a bulk build', comparison, [
    atMost(
      '4 times the targets',
      ratio(comparison, large!, small!, (m) => m.rss ?? 0),
      1.2,
    ),
  ]);
}

class Build {
  private readonly folder: string;
  private readonly targets: number;
  private readonly bits: number;
  private readonly key: Key;
  private readonly sources: string;
  private runs = 0;
  /** Where each variant wrote last. */
  private readonly outputs = new Map<string, string>();

  private constructor(folder: string, targets: number, bits: number, key: Key, sources: string) {
    this.folder = folder;
    this.targets = targets;
    this.bits = bits;
    this.key = key;
    this.sources = sources;
  }

  static async prepare(folder: string, targets: number, bits: number): Promise<Build> {
    await mkdir(folder, { recursive: true });
    await writeTargets(join(folder, 'rows.tsv'), await loadProjects(), targets);
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    await writeFile(join(folder, 'key.pem'), privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
    return new Build(folder, targets, bits, keyFromPublic(publicKey), await compiled());
  }

  tufa(name: string, workers: number): Variant {
    const script = join(import.meta.dirname, 'support', 'tufa-bulk.ts');
    return this.variant(name, process.execPath, [script], (spool) => [`${workers}`, spool, this.sources]);
  }

  models(): Variant {
    return this.variant(MODELS, process.execPath, [join(import.meta.dirname, 'baselines', 'tufjs.ts')]);
  }

  python(interpreter: string): Variant {
    return this.variant(PYTHON, interpreter, ['-I', join(import.meta.dirname, 'peers', 'python_tuf.py')]);
  }

  private variant(
    name: string,
    command: string,
    script: readonly string[],
    more: (spool: string) => string[] = () => [],
  ): Variant {
    let output = '';
    let spool = '';
    return {
      name,
      prepare: async () => {
        output = join(this.folder, `${++this.runs}`);
        spool = `${output}-spool`;
        await Promise.all([mkdir(output), mkdir(spool)]);
        this.outputs.set(name, output);
      },
      run: async () => {
        const { folder, bits } = this;
        const args = [join(folder, 'rows.tsv'), output, join(folder, 'key.pem'), `${bits}`, TEST_UUID, EXPIRES];
        const { wall, cpu, rss, peer } = await runChild(command, [...script, ...args, ...more(spool)]);
        if (peer !== '' && this.runs <= 4) print(`${name}: ${peer}\n`);
        return { wall, cpu, rss };
      },
    };
  }

  /** Every variant wrote the same signed bins, and together they list the rows, each once, each in its bin. */
  async check(variants: readonly string[]): Promise<void> {
    const [first, ...others] = variants.map((name) => [name, this.outputs.get(name) ?? fail(`${name} did not run`)]);
    const found = new Sum();
    const keyid = keyidOf(this.key);
    for (const file of await readdir(first![1]!)) {
      if (!/^1\.bin/.test(file)) continue;
      const bytes = await readFile(join(first![1]!, file));
      const { signed, signatures } = JSON.parse(bytes.toString());
      const canonical = canonicalize(signed);
      same(`${file} is canonical`, bytes.toString(), canonicalize({ signed, signatures }));
      if (!verifySignature(this.key, Buffer.from(canonical), signatures[0].sig)) fail(`${file} does not verify`);
      for (const [path, target] of Object.entries<Target>(signed.targets)) {
        const bin = binName('bin', this.bits, binIndex(path, this.bits));
        same(`bin of ${path}`, `1.${bin}.json`, file);
        found.add(`${path}\t${target.length}\t${target.hashes.sha256}\t${target.custom.listed}`);
      }
      for (const [name, folder] of others) {
        const other = JSON.parse(await readFile(join(folder!, file), 'utf8'));
        same(`signed part of ${file} by ${name}`, canonicalize(other.signed), canonical);
        same(`signature of ${file} by ${name}`, other.signatures[0].sig, signatures[0].sig);
        same(`keyid of ${file} by ${name}`, other.signatures[0].keyid, keyid);
      }
    }
    const expected = new Sum();
    for await (const lines of linesOf(join(this.folder, 'rows.tsv'))) for (const line of lines) expected.add(line);
    same('targets', found.count, this.targets);
    same('what the bins list', found.digest(), expected.digest());
  }
}

interface Target {
  length: number;
  hashes: { sha256: string };
  custom: { listed: string };
}

/** A digest of lines in any order. */
class Sum {
  count = 0;
  private sum = 0n;

  add(line: string): void {
    this.count++;
    this.sum = (this.sum + BigInt(`0x${hash('sha256', line)}`)) % 2n ** 256n;
  }

  digest(): string {
    return this.sum.toString(16);
  }
}
