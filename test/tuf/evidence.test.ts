import { expect } from 'chai';
import fc from 'fast-check';
import { composeSnapshot, metaValue } from '../../src/tuf/compose.ts';
import { canonical, type Encodable, metadataFile } from '../../src/tuf/encode.ts';
import { Evidence } from '../../src/tuf/evidence.ts';
import { verifySignature } from '../../src/tuf/keys.ts';
import { readMetadata } from '../../src/tuf/read.ts';
import { checkRun, count, keysOf, knownRun, splice } from '../../src/tuf/run.ts';
import { NotCanonical, scanFields } from '../../src/tuf/scan.ts';
import { EXPIRES, testKey, UUID } from './repository.ts';

describe('evidence', () => {
  it('answers as the questions themselves do, also when it is asked again', () => {
    const key = testKey();
    const other = testKey();
    const evidence = new Evidence();
    const payload = Buffer.from('payload');
    const sig = key.sign(payload);
    for (const _ of [1, 2]) {
      expect(evidence.verify(key.key, payload, sig)).to.equal(true);
      expect(evidence.verify(key.key, Buffer.from('payload'), sig)).to.equal(true);
      expect(evidence.verify(key.key, Buffer.from('Payload'), sig)).to.equal(false);
      expect(evidence.verify(other.key, payload, sig)).to.equal(false);
      expect(evidence.verify(key.key, payload, other.sign(payload))).to.equal(false);
      expect(evidence.sha256(payload)).to.equal('239f59ed55e737c77147cf55ad0c1b030b6d7ee748a7426952f9b852d5a935e5');
    }
    expect(verifySignature(key.key, payload, sig)).to.equal(true);
  });

  it('reads the same bytes once, and as each type apart', () => {
    const evidence = new Evidence();
    const bytes = snapshotFile(Buffer.alloc(0));
    const file = evidence.read(bytes, 'snapshot', 'x');
    expect(evidence.read(bytes, 'snapshot', 'x')).to.equal(file);
    expect(evidence.read(Buffer.from(bytes), 'snapshot', 'x')).not.to.equal(file);
    expect(() => evidence.read(bytes, 'targets', 'x')).to.throw('_type');
  });

  const roles = fc.dictionary(fc.stringMatching(/^[a-d]{1,3}$/), fc.integer({ min: 1, max: 12 }), { maxKeys: 40 });

  it('reads a snapshot after another one as it reads it alone', () => {
    fc.assert(
      fc.property(roles, roles, fc.boolean(), (before, changes, removes) => {
        const old = snapshotFile(splice(Buffer.alloc(0), metas(before)));
        const edited = removes
          ? new Map(Object.keys(changes).map((role) => [`${role}.json`, undefined]))
          : metas(changes);
        const bytes = snapshotFile(splice(splice(Buffer.alloc(0), metas(before)), edited));
        const evidence = new Evidence();
        evidence.read(old, 'snapshot', 'old');
        const { meta } = evidence.read(bytes, 'snapshot', 'new').signed;
        const alone = readMetadata(bytes, 'snapshot', 'new').signed.meta;
        expect(Buffer.from(meta).toString()).to.equal(Buffer.from(alone).toString());
        expect(count(meta)).to.equal(count(alone));
        expect([...knownRun(meta)!.starts]).to.deep.equal([...knownRun(alone)!.starts]);
        expect([...keysOf(meta)]).to.deep.equal([...keysOf(alone)]);
      }),
      { numRuns: 2000 },
    );
  });

  it('refuses whatever the strict reader refuses, wherever it stands among what is known', () => {
    const known = Array.from({ length: 30 }, (_, i) => `"k${String(i).padStart(2, '0')}":{"version":${1 + (i % 2)}}`);
    const { run, starts } = knownOf(known);
    fc.assert(
      fc.property(
        fc.nat(29),
        fc.nat(29),
        fc.constantFrom('"k":1', '"k15":{"version":1}', '"k":{"b":1,"a":2}', '"k\\n":1', '"k99":1', '"k14x":{}', ''),
        (at, from, member) => {
          const members = [...known.slice(0, at), ...(member === '' ? [] : [member]), ...known.slice(from)];
          const bytes = Buffer.from(`{"meta":{${members.join(',')}}}`);
          expect(outcome(() => scanFields(bytes, 0, { run, starts }))).to.deep.equal(
            outcome(() => scanFields(bytes, 0)),
          );
        },
      ),
      { numRuns: 5000 },
    );
  });

  it('takes no run for known that the strict reader has not read', () => {
    const run = Buffer.from('"a":"\n"');
    expect(() => checkRun(run)).to.throw(NotCanonical);
    expect(count(run)).to.equal(1);
    expect(knownRun(run)).to.equal(undefined);
  });
});

function metas(roles: Readonly<Record<string, number>>): Map<string, Encodable> {
  return new Map(
    Object.entries(roles).map(([role, version]) => [`${role}.json`, metaValue({ version, sha256: undefined })]),
  );
}

function snapshotFile(meta: Uint8Array): Buffer {
  const parts = { version: 1, expires: EXPIRES, repository: UUID, meta, queue: 0, receipt: undefined };
  return metadataFile(composeSnapshot(parts), []);
}

function knownOf(members: readonly string[]): { run: Uint8Array; starts: Uint32Array } {
  const meta = Object.fromEntries(members.map((member) => JSON.parse(`[${member.replace(':', ',')}]`)));
  const bytes = canonical({ meta } as Encodable);
  const member = scanFields(bytes, 0).members[0]!;
  const offset = member.valueStart + 1;
  return {
    run: bytes.subarray(offset, member.valueEnd - 1),
    starts: member.starts!.from(offset),
  };
}

function outcome(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    if (error instanceof NotCanonical) return 'not canonical';
    throw error;
  }
}
