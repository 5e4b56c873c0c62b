import { expect } from 'chai';
import fc from 'fast-check';
import { TrustError } from '../../src/errors.ts';
import { metaValue } from '../../src/tuf/compose.ts';
import { assertNoRollback } from '../../src/tuf/rollback.ts';
import { Cursor, skipShared, splice } from '../../src/tuf/run.ts';
import { sharedLength } from '../../src/tuf/shared.ts';

const roles = fc.dictionary(fc.stringMatching(/^[ab]{1,4}$/), fc.integer({ min: 1, max: 20 }), { maxKeys: 25 });

function runOf(versions: Readonly<Record<string, number>>): Uint8Array {
  const edits = Object.entries(versions).map(
    ([role, version]) => [`${role}.json`, metaValue({ version, sha256: undefined })] as const,
  );
  return splice(Buffer.alloc(0), new Map(edits));
}

describe('assertNoRollback', () => {
  it('refuses exactly what has lost a role or lowered a version', () => {
    fc.assert(
      fc.property(roles, roles, roles, (old, lower, other) => {
        for (const now of [old, { ...old, ...lower }, { ...other, ...old }, other]) {
          const rolledBack = Object.entries(old).some(([role, version]) => (now[role] ?? 0) < version);
          const act = () => assertNoRollback(runOf(old), runOf(now));
          if (rolledBack) expect(act).to.throw(TrustError).with.property('code', 'trust.rollback');
          else act();
        }
      }),
      { numRuns: 3000 },
    );
  });

  it('finds the one role among thousands', () => {
    const old = Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`bin13-${i}`, 7]));
    for (const role of ['bin13-0', 'bin13-2500', 'bin13-4999']) {
      expect(() => assertNoRollback(runOf(old), runOf({ ...old, [role]: 6 }))).to.throw(`${role}.json: rollback`);
      const { [role]: _, ...rest } = old;
      expect(() => assertNoRollback(runOf(old), runOf(rest))).to.throw(`${role}.json: a role is missing`);
      assertNoRollback(runOf(old), runOf({ ...old, [role]: 8, [`${role}0`]: 1 }));
    }
  });
});

describe('skipShared', () => {
  it('leaves both cursors before the same entry, and skips nothing that differs', () => {
    fc.assert(
      fc.property(roles, roles, (a, b) => {
        const [left, right] = [new Cursor(runOf(a)), new Cursor(runOf({ ...a, ...b }))];
        skipShared(left, right);
        const [skipped, also] = [left, right].map((at) => Buffer.from(at.run.subarray(0, at.valueEnd + 1)).toString());
        expect(skipped).to.equal(also);
        expect(skipped).to.match(/^$|,$/);
      }),
    );
  });
});

describe('sharedLength', () => {
  it('counts to the first byte that differs', () => {
    const bytes = Buffer.alloc(70_000, 'abc');
    for (const at of [0, 1, 63, 64, 4095, 16_384, 20_000, 65_537, 69_999]) {
      const other = Buffer.from(bytes);
      other[at] = 0;
      expect(sharedLength(bytes, 0, other, 0)).to.equal(at);
      expect(sharedLength(bytes, 0, Buffer.concat([Buffer.from('xx'), other]), 2)).to.equal(at);
    }
    expect(sharedLength(bytes, 0, bytes.subarray(0, 40_000), 0)).to.equal(40_000);
    expect(sharedLength(bytes, 3, bytes, 0)).to.equal(69_997);
  });
});
