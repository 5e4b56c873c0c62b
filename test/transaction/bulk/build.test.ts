import { createPrivateKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { InputError, SignerError, StorageError } from '../../../src/errors.ts';
import { type Built, buildBins, type Finish } from '../../../src/transaction/bulk/build.ts';
import { type BulkRow, writeRows } from '../../../src/transaction/bulk/rows.ts';
import { planLeaf, planSnapshot } from '../../../src/transaction/plan.ts';
import type { Leaf } from '../../../src/transaction/roles.ts';
import { binIndex, binName } from '../../../src/tuf/bins.ts';
import type { Delegator } from '../../../src/tuf/checks.ts';
import { sha256Hex } from '../../../src/tuf/digest.ts';
import { metadataFile } from '../../../src/tuf/encode.ts';
import { keyFromPublic, keyidOf } from '../../../src/tuf/keys.ts';
import { metadataName } from '../../../src/tuf/layout.ts';
import { readMetadata } from '../../../src/tuf/read.ts';
import { signedBy } from '../../../src/tuf/verify.ts';
import { TEST_SETTINGS, TEST_UUID } from '../../support/repository.ts';

const { publicKey, privateKey } = generateKeyPairSync('ed25519');
const KEY = keyFromPublic(publicKey);
const KEYID = keyidOf(KEY);
const NOW = new Date('2026-02-01T00:00:00Z');
const EXPIRES = new Date(NOW.getTime() + TEST_SETTINGS.expires.leaves);

describe('a bulk build', () => {
  let folder: string;
  let builds = 0;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tufa-bulk-'));
  });
  after(() => rm(folder, { recursive: true }));

  interface Options {
    readonly workers?: number;
    readonly bits?: number;
    readonly version?: number;
    readonly keys?: readonly { key: typeof KEY; privateKey: KeyObject }[];
    readonly finish?: Finish;
  }

  /** Builds into a fresh folder. @returns its files by name */
  async function build(
    rows: readonly BulkRow[] | string,
    { workers = 1, bits = 3, version = 1, keys = [{ key: KEY, privateKey }], finish }: Options = {},
  ): Promise<{ built: Built; files: Map<string, Buffer> }> {
    const place = join(folder, `${builds++}`);
    const into = join(place, 'metadata');
    await mkdir(into, { recursive: true });
    const file = join(place, 'rows.tsv');
    if (typeof rows === 'string') await writeFile(file, rows);
    else await writeRows(file, rows);
    const built = await buildBins({
      rows: file,
      spool: place,
      workers,
      prefix: 'bin',
      bits,
      version,
      repository: TEST_UUID,
      expires: () => EXPIRES,
      finish: finish ?? { in: 'workers', folder: into, keys },
    });
    const names = await readdir(into);
    return {
      built,
      files: new Map(
        await Promise.all(names.sort().map(async (name) => [name, await readFile(join(into, name))] as const)),
      ),
    };
  }

  const path = fc
    .tuple(
      fc.constantFrom('simple', 'packages'),
      fc.stringMatching(/^[a-z]{1,3}$/),
      fc.stringMatching(/^[a-z0-9]{1,4}$/),
    )
    .map((segments) => segments.join('/'));
  const content = fc.record({ length: fc.nat(), sha256: fc.nat().map((n) => sha256Hex(`${n}`)) });
  const changes = fc.array(fc.dictionary(path, fc.option(content), { maxKeys: 12 }), { minLength: 1, maxLength: 4 });

  it('has the bytes of increments, from one worker and from two', async function () {
    this.timeout(300_000);
    await fc.assert(
      fc.asyncProperty(changes, fc.constantFrom(1, 3, 9), fc.infiniteStream(fc.nat()), async (steps, bits, order) => {
        const { files: incremental, rows, meta } = increments(steps, bits);
        const shuffled = rows.map((row) => [order.next().value as number, row] as const).sort(([a], [b]) => a - b);
        const version = steps.length;
        for (const workers of [1, 2]) {
          const { built, files } = await build(
            shuffled.map(([, row]) => row),
            { workers, bits, version },
          );
          expect([...files.keys()]).to.have.members([...incremental.keys()]);
          for (const [name, bytes] of incremental) expect(files.get(name)!.toString()).to.equal(bytes.toString());
          expect(built.targets).to.equal(rows.length);
          expect(built.bytes).to.equal([...files.values()].reduce((sum, bytes) => sum + bytes.length, 0));
          expect(Buffer.from(built.meta).toString()).to.equal(meta);
        }
      }),
      { numRuns: 8 },
    );
  });

  /** The same rows, published step by step: every bin is signed in each step. */
  function increments(
    steps: readonly Readonly<Record<string, { length: number; sha256: string } | null>>[],
    bits: number,
  ): { files: Map<string, Buffer>; rows: BulkRow[]; meta: string } {
    const settings = { ...TEST_SETTINGS, uploaders: [] };
    const rows = new Map<string, BulkRow>();
    let leaves = Array.from(
      { length: 2 ** bits },
      (_, i): Leaf => ({ name: binName('bin', bits, i), delegator: DELEGATOR, file: undefined }),
    );
    steps.forEach((step, s) => {
      const now = new Date(Date.UTC(2026, 0, 1 + s));
      for (const [name, value] of Object.entries(step)) {
        if (value === null) rows.delete(name);
        else rows.set(name, { path: name, ...value, listed: rows.get(name)?.listed ?? now });
      }
      // The last step is at the time that the bulk build is for.
      leaves = leaves.map((leaf, i) => {
        const own = new Map(Object.entries(step).filter(([name]) => binIndex(name, bits) === i));
        const known = leaf.file === undefined ? { ...leaf, file: emptyFile() } : leaf;
        const draft = planLeaf(known, own, s + 1, now, {
          ...settings,
          expires: { ...settings.expires, leaves: EXPIRES.getTime() - now.getTime() },
        });
        const bytes = metadataFile(draft.signedBytes, [
          { keyid: KEYID, sig: sign(null, draft.signedBytes, privateKey).toString('hex') },
        ]);
        const file = signedBy(
          readMetadata(bytes, 'targets', leaf.name),
          DELEGATOR.keys,
          DELEGATOR.role,
          leaf.name,
          '5.6.3',
        );
        return { ...leaf, file };
      });
    });
    const files = new Map(leaves.map((leaf) => [metadataName(leaf.name, steps.length), Buffer.from(leaf.file!.bytes)]));
    const roles = leaves.map((leaf) => ({ name: leaf.name, version: steps.length, bytes: leaf.file!.bytes }));
    const snapshot = planSnapshot(
      { old: undefined, roles, version: 1, now: NOW, queue: 0, receipt: undefined },
      settings,
    );
    const meta = /"meta":\{(.*)\},"spec_version"/.exec(snapshot.signedBytes.toString())![1]!;
    return { files, rows: [...rows.values()], meta };
  }

  it('asks the main thread for signatures that no key in memory can make', async () => {
    const rows = Array.from({ length: 50 }, (_, i) => row(`packages/foo/f-${i}.whl`));
    const finished = new Map<string, Buffer>();
    const { built } = await build(rows, {
      workers: 2,
      bits: 5,
      finish: {
        in: 'main',
        finish: async ({ name, version, signedBytes }) => {
          const file = metadataFile(signedBytes, [
            { keyid: KEYID, sig: sign(null, signedBytes, privateKey).toString('hex') },
          ]);
          finished.set(metadataName(name, version), file);
          return file;
        },
      },
    });
    const { built: other, files } = await build(rows, { workers: 2, bits: 5 });
    expect(built).to.deep.equal(other);
    expect([...finished].sort(([a], [b]) => (a < b ? -1 : 1))).to.deep.equal([...files]);
  });

  it('lists more than 1,024 bins by their versions alone', async () => {
    const { built, files } = await build([row('packages/foo/f.whl')], { bits: 11, workers: 2 });
    expect(files.size).to.equal(2048);
    expect(Buffer.from(built.meta).toString()).to.match(/^("bin11-[0-9a-f]{3}\.json":\{"version":1\},?){2048}$/);
  });

  it('refuses a path that is there twice, by its name', async () => {
    const rows = [row('simple/a/x'), row('simple/b/x'), row('simple/a/x', { length: 9 })];
    for (const workers of [1, 2]) {
      const error = await refusal(build(rows, { workers }));
      expect(error).to.be.instanceOf(InputError);
      expect((error as InputError).details.object).to.equal('simple/a/x');
    }
  });

  it('refuses a line that is no row, and a last line that was cut off', async () => {
    const good = `simple/a/x\t1\t${sha256Hex('')}\t2026-01-01T00:00:00Z`;
    const bad = await refusal(build(`${good}\n${good.replace('/x', '/../x')}\n`, { workers: 2 }));
    expect(bad).to.be.instanceOf(InputError);
    expect((bad as Error).message).to.include('simple/a/../x');
    const cut = await refusal(build(`${good}\n${good.replace('/x', '/y')}`));
    expect((cut as Error).message).to.include('expected a line feed');
  });

  it('verifies each signature: a private key that is not the public one signs nothing', async () => {
    const { privateKey: other } = generateKeyPairSync('ed25519');
    const error = await refusal(build([], { keys: [{ key: KEY, privateKey: other }] }));
    expect(error).to.be.instanceOf(SignerError);
  });

  it('overwrites nothing', async () => {
    const place = join(folder, 'taken');
    await mkdir(place);
    await writeFile(join(place, '1.bin3-5.json'), 'mine');
    const error = await refusal(
      build([], { finish: { in: 'workers', folder: place, keys: [{ key: KEY, privateKey }] } }),
    );
    expect(error).to.be.instanceOf(StorageError);
    expect(await readFile(join(place, '1.bin3-5.json'), 'utf8')).to.equal('mine');
  });

  it('shares its spool folder with no other build', async () => {
    const place = join(folder, `${builds}`);
    await mkdir(place);
    await writeFile(join(place, '1.spool'), '');
    const error = await refusal(build([], { workers: 2 }));
    expect(error).to.be.instanceOf(StorageError);
  });

  for (const scheme of ['ec', 'rsa'] as const) {
    it(`signs with ${scheme} keys, several of them`, async () => {
      const pairs = Array.from({ length: 2 }, () =>
        scheme === 'ec'
          ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
          : generateKeyPairSync('rsa', { modulusLength: 2048 }),
      );
      const keys = pairs.map((pair) => ({
        key: keyFromPublic(pair.publicKey),
        privateKey: createPrivateKey(pair.privateKey.export({ type: 'pkcs8', format: 'pem' })),
      }));
      const { files } = await build([row('simple/a/x')], { keys, bits: 2 });
      const known = new Map(keys.map(({ key }) => [keyidOf(key), key]));
      for (const [name, bytes] of files) {
        const file = readMetadata(bytes, 'targets', name);
        signedBy(file, known, { keyids: [...known.keys()], threshold: 2 }, name, '5.6.3');
        expect(metadataFile(file.signedBytes, file.signatures).equals(bytes)).to.equal(true);
      }
    });
  }
});

const DELEGATOR: Delegator = {
  name: 'bins',
  keys: new Map([[KEYID, KEY]]),
  role: { keyids: [KEYID], threshold: 1 },
  online: true,
};

/** What a leaf is before the first step: there, and empty, so that its lifetime is the full one. */
function emptyFile(): Leaf['file'] {
  const body = `{"_type":"targets","expires":"2026-01-01T00:00:00Z","spec_version":"1.0.31","targets":{},"version":1}`;
  const bytes = metadataFile(Buffer.from(body), [
    { keyid: KEYID, sig: sign(null, Buffer.from(body), privateKey).toString('hex') },
  ]);
  return signedBy(readMetadata(bytes, 'targets', 'leaf'), DELEGATOR.keys, DELEGATOR.role, 'leaf', '5.6.3');
}

function row(path: string, changes: Partial<BulkRow> = {}): BulkRow {
  return { path, length: 1, sha256: sha256Hex(path), listed: NOW, ...changes };
}

async function refusal(work: Promise<unknown>): Promise<unknown> {
  try {
    await work;
  } catch (error) {
    return error;
  }
  throw new Error('nothing was refused');
}
