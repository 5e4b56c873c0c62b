import { expect } from 'chai';
import fc from 'fast-check';
import { type Content, KINDS } from '../../src/queue/envelope.ts';
import { encodeRoleEntry } from '../../src/queue/role-entry.ts';
import { composeTargets, targetValue } from '../../src/tuf/compose.ts';
import { sha256Hex } from '../../src/tuf/digest.ts';
import { metadataFile } from '../../src/tuf/encode.ts';
import { queueKey, targetKey } from '../../src/tuf/layout.ts';
import type { Targets, Verified } from '../../src/tuf/model.ts';
import { splice } from '../../src/tuf/run.ts';
import { Client } from '../../src/tuf/walk.ts';
import { drive } from '../support/audience.ts';
import { job, liveNow, OTHER_WHEEL, PAGE, published, WHEEL } from '../support/jobs.ts';
import type { TestRepository } from '../support/repository.ts';

/** An entry that sets or removes one path. */
interface Change {
  readonly path: string;
  readonly text: string | null;
  /** On what it was planned: the content then, and the mark. */
  readonly was: string | null;
  readonly after: number;
}

const OWN_PAGE = ownPage();
const BEHIND = 'packages/bar/bar-1.0.tar.gz';
/** Paths of every tier, of every form, and of none. */
const STRANGE = [
  WHEEL,
  OTHER_WHEEL,
  PAGE,
  `${WHEEL}.provenance`,
  'packages/foo/foo-1.0.zip',
  'packages/foo/bar-1.0.tar.gz',
  'packages/foo/foo',
  'packages/Foo/Foo-1.0.tar.gz',
  'packages/foo/deep/foo-1.0.tar.gz',
  'packages/foo.tar.gz',
  'packages/1/1-1.0.tar.gz',
  'simple/foo/vnd.pypi.simple.v1.html',
  'simple/foo/index.html',
  'simple/constructor/vnd.pypi.simple.v1.json',
  'simple/vnd.pypi.simple.v1.json',
  'upstream/sigstore/trusted_root.json',
  'upstream/x',
  'policies/foo.json',
  'policies/foo.pending.json',
  'policies/foo.g1.json',
  'policies/Foo.json',
  'deny/deny.json',
  'deny/x/y',
  'trust/roots.json',
  'elsewhere/x',
  'x',
];

describe('what waits in the queue', function () {
  this.timeout(120_000);

  it('has the same outcome whether it is folded at once or one by one', async () => {
    const text = fc.constantFrom('one', 'two', null);
    const file = fc.record({ path: fc.constantFrom(WHEEL, OTHER_WHEEL), text, was: text, after: fc.nat(2) });
    const own = fc.record({
      path: fc.constant(PAGE),
      text: fc.constantFrom(OWN_PAGE, null),
      was: fc.constantFrom(null, OWN_PAGE),
      after: fc.nat(2),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(fc.oneof(file, own), { minLength: 2, maxLength: 4 }), async (changes) => {
        expect(await outcome(changes, 'at once')).to.deep.equal(await outcome(changes, 'one by one'));
      }),
      { numRuns: 25, seed: 4 },
    );
  });

  it('a page that was planned before a file of the same snapshot changes it is refused', async () => {
    const { results, targets } = await outcome(
      [
        { path: WHEEL, text: 'one', was: null, after: 0 },
        { path: PAGE, text: OWN_PAGE, was: null, after: 0 },
      ],
      'at once',
    );
    expect(results).to.deep.equal(['applied', 'refused']);
    expect(targets[PAGE]).not.to.equal(sha256Hex(OWN_PAGE));
  });

  it('a page of its own keeps what it says when a file of the same snapshot follows', async () => {
    const { results, page: text } = await outcome(
      [
        { path: PAGE, text: OWN_PAGE, was: null, after: 0 },
        { path: WHEEL, text: 'one', was: null, after: 0 },
      ],
      'at once',
    );
    expect(results).to.deep.equal(['applied', 'applied']);
    expect(text).to.include('foo-0.9').and.include('foo-1.0');
  });

  it('a page that tufa cannot read holds up no file', async () => {
    for (const how of ['at once', 'one by one'] as const) {
      const { results } = await outcome(
        [
          { path: PAGE, text: 'not a page', was: null, after: 0 },
          { path: WHEEL, text: 'one', was: null, after: 0 },
        ],
        how,
      );
      expect(results, how).to.deep.equal(['applied', 'applied']);
    }
  });

  it('a provenance file is a target and no file of the page', async () => {
    const { repository } = await published();
    await repository.enqueue(1, { [WHEEL]: 'one', [`${WHEEL}.provenance`]: '{}' });
    const { entries } = await (await job(repository)).publish();
    expect(entries.map((entry) => entry.result)).to.deep.equal(['done']);
    expect((await found(repository)).page).not.to.include('provenance');
  });

  it('no entry, whatever it says, holds up the one behind it', async () => {
    const path = fc.constantFrom(...STRANGE);
    const text = fc.constantFrom('one', '{}', OWN_PAGE, null);
    const kind = fc.constantFrom(...KINDS);
    const row = fc.record({ path, text });
    const entry = fc.record({
      rows: fc.uniqueArray(row, { minLength: 1, maxLength: 3, selector: (r) => r.path }),
      kind,
    });
    await fc.assert(
      fc.asyncProperty(fc.array(entry, { minLength: 1, maxLength: 4 }), fc.boolean(), async (entries, apart) => {
        const { repository } = await published();
        const { publish } = await job(repository);
        const folded: number[] = [];
        for (const [index, { rows, kind: as }] of entries.entries()) {
          await repository.enqueue(index + 1, Object.fromEntries(rows.map((r) => [r.path, r.text])), { kind: as });
          if (apart) folded.push(...(await publish()).entries.map((one) => one.number));
        }
        await repository.enqueue(entries.length + 1, { [BEHIND]: 'behind' }, { kind: 'files' });
        const last = await publish();
        folded.push(...last.entries.map((one) => one.number));
        expect(folded).to.deep.equal([...entries, BEHIND].map((_, index) => index + 1));
        expect(last.entries.at(-1)?.result).to.equal('done');
      }),
      { numRuns: 40, seed: 5 },
    );
  });

  it('a policy that an offline role lists is refused alone, whenever its ceremony was folded', async () => {
    const [foo, bar] = ['policies/foo.json', 'policies/bar.json'];
    const { repository, store } = await published();
    const { publish } = await job(repository);
    const results: string[] = [];
    const claim = (number: number, base: number, ...paths: string[]) =>
      store.create(queueKey(number), encodeRoleEntry(number, 'claimed', claimed(repository, base, paths)));
    const folded = async (): Promise<void> => {
      results.push(...(await publish()).entries.map((entry) => `${entry.number} ${entry.result}`));
    };
    await claim(1, 1, foo!);
    await folded();
    await repository.enqueue(2, { [foo!]: 'two' }, { kind: 'policy', after: 1 });
    await folded();
    await repository.enqueue(3, { [bar!]: 'two' }, { kind: 'policy', after: 2 });
    await claim(4, 2, foo!, bar!);
    await repository.enqueue(5, { [bar!]: 'three' }, { kind: 'policy', after: 2, was: { [bar!]: sha256Hex('two') } });
    await claim(6, 3, bar!);
    await repository.enqueue(7, { [foo!]: 'two' }, { kind: 'policy', after: 2 });
    await folded();
    expect(results).to.deep.equal(['1 done', '2 refused', '3 done', '4 done', '5 refused', '6 done', '7 done']);
  });
});

/** The next version of `claimed`, complete, with policies that all say `one`. */
function claimed({ genesis, keys, settings }: TestRepository, base: number, paths: readonly string[]): Buffer {
  const old = genesis.offline.get('claimed') as Verified<Targets>;
  const one = targetValue({ length: 3, sha256: sha256Hex('one'), listed: undefined });
  const targets = splice(Buffer.alloc(0), new Map(paths.map((path) => [path, one])));
  const parts = { ...old.signed, repository: settings.repository, version: base + 1, base, targets };
  const signed = composeTargets(parts);
  return metadataFile(
    signed,
    keys.root.slice(0, 2).map((key) => key.sign(signed)),
  );
}

async function outcome(
  changes: readonly Change[],
  how: 'at once' | 'one by one',
): Promise<{ results: string[]; targets: Record<string, string | undefined>; page: string | undefined }> {
  const { repository } = await published();
  const { publish } = await job(repository);
  const results: string[] = [];
  for (const [index, { path, text, was, after }] of changes.entries()) {
    const planned = was === null ? { after } : { was: { [path]: sha256Hex(was) }, after };
    await repository.enqueue(index + 1, { [path]: text }, { ...planned, kind: 'operator' });
    if (how === 'one by one' || index + 1 === changes.length)
      results.push(...(await publish()).entries.flatMap((entry) => entry.rows.map((row) => row.result)));
  }
  return { results, ...(await found(repository)) };
}

async function found(
  repository: TestRepository,
): Promise<{ targets: Record<string, string | undefined>; page: string | undefined }> {
  const client = new Client(await liveNow(repository));
  const targets: Record<string, string | undefined> = {};
  for (const path of [WHEEL, OTHER_WHEEL, PAGE])
    targets[path] = (await drive(repository.store, client.findTarget(path, repository.now)))?.sha256;
  const sha256 = targets[PAGE];
  const bytes = sha256 && (await repository.store.get(targetKey(PAGE, sha256), { maxLength: 1e6 }))?.bytes;
  return { targets, page: bytes ? Buffer.from(bytes).toString() : undefined };
}

/** A page of the project with a file that is not listed. */
function ownPage(): string {
  const file: Content = { sha256: sha256Hex('own'), length: 3 };
  return JSON.stringify({
    files: [
      {
        filename: 'foo-0.9.tar.gz',
        hashes: { sha256: file.sha256 },
        size: file.length,
        'upload-time': '2026-01-01T00:00:00Z',
        url: '../../packages/foo/foo-0.9.tar.gz',
      },
    ],
    meta: { 'api-version': '1.1' },
    name: 'foo',
    versions: ['0.9'],
  });
}
