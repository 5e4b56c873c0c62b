import { expect } from 'chai';
import type { Slot } from '../../src/ceremony/compromise.ts';
import { TrustError } from '../../src/errors.ts';
import { countUnproven } from '../../src/jobs/recover/open.ts';
import type { GoodGround } from '../../src/jobs/recover/scene.ts';
import { metaValue } from '../../src/tuf/compose.ts';
import { splice } from '../../src/tuf/run.ts';

describe('leaves that the good snapshot lists by their version only', () => {
  const keys = { keyids: [], threshold: 1 };
  const slot = (role: Slot['role'], why: Slot['why']): Slot => ({
    ...{ role, why, online: true, delegator: role, old: keys, next: keys },
  });
  const names = ['bin11-000', 'bin11-001', 'recent4-0', 'deny'];
  const meta = splice(
    Buffer.alloc(0),
    new Map(
      names.map((name) => [
        `${name}.json`,
        metaValue({ version: 1, sha256: name.startsWith('bin') ? undefined : 'a'.repeat(64) }),
      ]),
    ),
  );
  const base = { good: { snapshot: { signed: { version: 1, meta } } }, online: names } as unknown as GoodGround;

  it('are no proof where their key is stolen: refused, until a person has compared them', () => {
    const slots = [slot('timestamp', 'reset'), slot('bins', 'stolen')];
    expect(() => countUnproven(base, slots, false))
      .to.throw(TrustError, '2 leaves by their version only')
      .with.property('code', 'trust.unproven-leaves');
    expect(countUnproven(base, slots, true)).to.equal(2);
    expect(() => countUnproven(base, [slot('bins', 'shared')], false)).to.throw(TrustError);
  });

  it('are proved by their own key where that is not stolen', () => {
    expect(countUnproven(base, [slot('timestamp', 'stolen'), slot('recent', 'stolen')], false)).to.equal(0);
    expect(countUnproven(base, [slot('bins', 'reset')], false)).to.equal(0);
  });
});
