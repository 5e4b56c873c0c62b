import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import type { DiffContext, Part } from '../../src/ceremony/diff.ts';
import { diff } from '../../src/ceremony/diff.ts';
import { nextRootDraft, nextTargetsDraft } from '../../src/ceremony/next.ts';
import { nextSlots } from '../../src/ceremony/slots.ts';
import { diffText } from '../../src/views/ceremony-diff.ts';
import { at, DAY, edited, live, NOW, names, part, planWith, roleKeys } from './parts.ts';

const NEXT_YEAR = new Date(NOW.getTime() + 365 * DAY);
const CONTEXT: DiffContext = {
  names: { before: names(), after: names() },
  elsewhere: new Map(),
  base: 1,
  now: NOW,
  usual: 365 * DAY,
};
const OLDER = live('root', {
  ...planWith(),
  expires: { ...planWith().expires, root: new Date(NOW.getTime() + 30 * DAY) },
});

function nextRoot(changes: Parameters<typeof planWith>[0], expires = NEXT_YEAR): Part {
  const plan = planWith(changes);
  const slots = nextSlots('root', OLDER.signed, plan, {});
  return part('root', nextRootDraft(OLDER, { expires, keys: plan.keys, slots, floor: new Map() }));
}

/** Golden transcripts: what a holder reads. `TUFA_GOLDEN=write` writes them anew, for a person to look at. */
async function golden(name: string, text: string): Promise<void> {
  const path = join(import.meta.dirname, 'golden', `${name}.txt`);
  if (process.env['TUFA_GOLDEN'] === 'write') await writeFile(path, text);
  expect(text).to.equal(await readFile(path, 'utf8'));
}

describe('the semantic diff', () => {
  it('holder replaced by another key under the same name', async () => {
    // dave's key comes in under the name of bob.
    const after = nextRoot({
      root: roleKeys(2, 'alice', 'dave', 'spare'),
      targets: roleKeys(2, 'alice', 'dave', 'spare'),
    });
    const told = names({ dave: 'bob' });
    told.delete([...names()].find(([, name]) => name === 'bob')![0]);
    const before = names();
    before.delete([...names()].find(([, name]) => name === 'dave')![0]);
    const found = diff('root', OLDER, after, { ...CONTEXT, names: { before, after: told } });
    expect(found.changes.filter(({ flagged }) => flagged).map(({ kind }) => kind)).to.deep.equal(['key.replaced']);
    await golden('holder-replaced', diffText(found));
  });

  it('threshold lowered', async () => {
    const found = diff('root', OLDER, nextRoot({ targets: roleKeys(1, 'alice', 'bob', 'spare') }), CONTEXT);
    expect(found.changes.filter(({ flagged }) => flagged).map(({ kind }) => kind)).to.deep.equal(['threshold']);
    await golden('threshold-lowered', diffText(found));
  });

  it('expiry longer', async () => {
    const found = diff('root', OLDER, nextRoot({}, new Date(NOW.getTime() + 3 * 365 * DAY)), CONTEXT);
    expect(found.changes.filter(({ flagged }) => flagged).map(({ kind }) => kind)).to.deep.equal(['expires']);
    await golden('expiry-longer', diffText(found));
  });

  it('key reused across roles', async () => {
    const found = diff('root', OLDER, nextRoot({ timestamp: roleKeys(1, 'alice') }), CONTEXT);
    expect(found.changes.filter(({ flagged }) => flagged).map(({ kind }) => kind)).to.deep.equal(['key.reused']);
    await golden('key-reused', diffText(found));
  });

  it('unknown field', async () => {
    const after = part(
      'root',
      edited(nextRoot({}), (signed) => {
        signed.set('x-evil', new Map([['see', ['what', 1, 'you \u202e sign']]]));
        at(signed, 'roles', 'root').set('x-note', 'quietly');
      }),
    );
    const found = diff('root', OLDER, after, CONTEXT);
    expect(found.changes.filter(({ flagged }) => flagged).map(({ subject }) => subject)).to.deep.equal([
      'roles.root.x-note',
      'x-evil',
    ]);
    await golden('unknown-field', diffText(found));
  });

  it('nothing changed', async () => {
    const found = diff('root', OLDER, nextRoot({}), CONTEXT);
    expect(found.renewal).to.equal(true);
    expect(found.changes.some(({ flagged }) => flagged)).to.equal(false);
    await golden('nothing-changed', diffText(found));
  });

  it('the first version', async () => {
    await golden('first-root', diffText(diff('root', undefined, live('root'), { ...CONTEXT, base: 0 })));
  });

  it('targets: roles, order, paths, entries, an online key that is used in another part', async () => {
    const before = live('targets');
    const plan = planWith({ deny: roleKeys(1, 'leaf') });
    const slots = nextSlots('targets', before.signed, plan, { atOnce: true });
    const next = nextTargetsDraft('targets', before, { version: 2, expires: NEXT_YEAR, keys: plan.keys, slots });
    const after = part(
      'targets',
      edited({ signedBytes: next }, (signed) => {
        const roles = at(signed, 'delegations').get('roles') as unknown[];
        roles.push(roles.shift());
        at(signed, 'delegations', 'roles', 0).set('paths', ['deny/*', 'policies/*']);
        at(signed, 'delegations', 'roles', 1).set('terminating', true);
        signed.set('targets', new Map([['trust/log.json', new Map([['length', 1]])]]));
      }),
    );
    const elsewhere = new Map([[roleKeys(1, 'leaf').keyids[0]!, ['root']]]);
    await golden('targets', diffText(diff('targets', before, after, { ...CONTEXT, elsewhere })));
  });

  it('says when a version was skipped', () => {
    const skipped = part(
      'root',
      edited(nextRoot({}), (signed) => signed.set('version', 3)),
    );
    const [version] = diff('root', OLDER, skipped, CONTEXT).changes;
    expect([version?.kind, version?.flagged]).to.deep.equal(['version', true]);
  });

  it('says when a key has another content under the same keyid', () => {
    const [keyid] = roleKeys(1, 'alice').keyids;
    const change = part('root', OLDER.signedBytes);
    const keys = new Map([...change.signed.keys]);
    keys.set(keyid!, { keytype: 'ed25519', scheme: 'ed25519', keyval: { public: 'f'.repeat(64) } });
    const after = { signed: { ...change.signed, version: 2, keys }, signedBytes: change.signedBytes };
    const found = diff('root', OLDER, after, CONTEXT).changes.find(({ kind }) => kind === 'key.content');
    expect(found?.flagged).to.equal(true);
  });
});
