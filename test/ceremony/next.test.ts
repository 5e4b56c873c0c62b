import { expect } from 'chai';
import { nextRootDraft, nextTargetsDraft } from '../../src/ceremony/next.ts';
import { nextSlots } from '../../src/ceremony/slots.ts';
import { InputError } from '../../src/errors.ts';
import { jsonText } from '../../src/tuf/encode.ts';
import { at, edited, keyids, live, NOW, part, planWith, roleKeys } from './parts.ts';

const NO_FLOOR = new Map<string, number>();

function rootWith(changes: Parameters<typeof planWith>[0], before = live('root')) {
  const plan = planWith(changes);
  const slots = nextSlots('root', before.signed, plan, {});
  const bytes = nextRootDraft(before, { expires: NOW, keys: plan.keys, slots, floor: NO_FLOOR });
  return { bytes, signed: part('root', bytes).signed, json: JSON.parse(jsonText(bytes)) };
}

describe('the next draft', () => {
  it('of root is exactly one more, and nothing else moves when nothing is asked for', () => {
    const before = live('root');
    const { bytes } = rootWith({}, before);
    const back = edited({ signedBytes: bytes }, (signed) => {
      signed.set('version', 1);
      signed.set('expires', '2027-11-25T12:00:00Z');
    });
    expect(back.equals(before.signedBytes)).to.equal(true);
  });

  it('keeps fields that nobody knows, at every depth', () => {
    const before = part(
      'root',
      edited(live('root'), (signed) => {
        signed.set('x-other', new Map([['a', [1, 2]]]));
        at(signed, 'roles', 'root').set('x-note', 'kept');
      }),
    );
    const { json } = rootWith({ root: roleKeys(2, 'alice', 'carol', 'dave') }, before);
    expect(json['x-other']).to.deep.equal({ a: [1, 2] });
    expect(json['roles']['root']['x-note']).to.equal('kept');
  });

  it('of root keeps the keys that stay in their order and takes away those that nobody uses any more', () => {
    const { signed } = rootWith({
      root: roleKeys(2, 'dave', 'spare', 'carol'),
      targets: roleKeys(2, 'dave', 'spare', 'carol'),
    });
    expect(signed.roles.root.keyids).to.deep.equal(keyids('spare', 'dave', 'carol'));
    expect([...signed.keys.keys()]).to.have.members(keyids('spare', 'dave', 'carol', 'online'));
  });

  it('of root raises the floor and never lowers it', () => {
    const before = part(
      'root',
      edited(live('root'), (signed) => at(signed, 'x-tufa-floor').set('targets', 7)),
    );
    const floor = new Map([
      ['targets', 3],
      ['claimed', 4],
    ]);
    const bytes = nextRootDraft(before, { expires: NOW, keys: new Map(), slots: new Map(), floor });
    expect(Object.fromEntries(part('root', bytes).signed.floor)).to.deep.equal({ claimed: 4, targets: 7, trust: 1 });
  });

  it('of an online key with its standby names both', () => {
    const { signed } = rootWith({ timestamp: roleKeys(1, 'online', 'standby') });
    expect(signed.roles.timestamp.keyids).to.deep.equal(keyids('online', 'standby'));
    expect(signed.roles.snapshot.keyids).to.deep.equal(keyids('online'));
  });

  it('of targets says which version it replaces', () => {
    const bytes = nextTargetsDraft('targets', live('targets'), {
      version: 3,
      expires: NOW,
      keys: new Map(),
      slots: new Map(),
    });
    const { signed } = part('targets', bytes);
    expect([signed.version, signed.base]).to.deep.equal([3, 1]);
  });

  it('of targets is above the live one', () => {
    const next = { version: 1, expires: NOW, keys: new Map(), slots: new Map() };
    expect(() => nextTargetsDraft('targets', live('targets'), next)).to.throw(InputError, /expected more than 1/);
  });

  const leaves: [string, string[], string[], boolean, string[]][] = [
    ['the same key stays alone', ['leaf'], ['leaf'], false, ['leaf']],
    ['another key stands beside the old one first', ['leaf'], ['leaf2'], false, ['leaf', 'leaf2']],
    ['then it stands alone', ['leaf', 'leaf2'], ['leaf2'], false, ['leaf2']],
    ['after a compromise it stands alone at once', ['leaf'], ['leaf2'], true, ['leaf2']],
  ];
  for (const [title, before, wanted, atOnce, expected] of leaves) {
    it(`of bins: ${title}`, () => {
      const bits = { bins: 4, recent: 0 };
      const bins = live('bins', planWith({ leafBins: roleKeys(1, ...before) }, bits));
      const plan = planWith({ leafBins: roleKeys(1, ...wanted) }, bits);
      const slots = nextSlots('bins', bins.signed, plan, { atOnce });
      const bytes = nextTargetsDraft('bins', bins as never, { version: 2, expires: NOW, keys: plan.keys, slots });
      const { succinct, keys } = part('bins', bytes).signed.delegations!;
      expect(succinct!.keyids).to.deep.equal(keyids(...expected));
      expect([...keys.keys()]).to.have.members(keyids(...expected));
    });
  }
});
