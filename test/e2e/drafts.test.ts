import { canonicalize } from '@tufjs/canonical-json';
import { expect } from 'chai';
import pLimit from 'p-limit';
import { editDraft, type Loose, live, sha256 } from '../support/planted.ts';
import { NAME, workspaceAt } from '../support/published.ts';
import { refused } from '../support/refused.ts';

/**
 * Drafts that somebody has changed by hand: `tufa sign` refuses each before a key is opened, so that nobody signs what a
 * client refuses, or reads in another way than the next one.
 */

interface Case {
  readonly title: string;
  readonly role: 'root' | 'targets' | 'bins';
  readonly change: (signed: Loose) => void;
  readonly object: string | RegExp;
  readonly says?: RegExp;
}

const roles = (signed: Loose): Loose[] => signed['delegations'].roles as Loose[];
const delegation = (signed: Loose, name: string): Loose => roles(signed).find((role) => role['name'] === name)!;
const rename = (from: string, to: string) => (signed: Loose) => {
  delegation(signed, from)['name'] = to;
};
const keyAt = (keys: Loose, i: number): string => Object.keys(keys)[i]!;

const CASES: readonly Case[] = [
  {
    title: 'standards 1: a key with another field under its old keyid',
    role: 'root',
    change: ({ keys }) => {
      keys[keyAt(keys, 0)]['x-owner'] = 'alice';
    },
    object: 'root 1',
    says: /keys\.[0-9a-f]{64}|keyid/,
  },
  {
    title: 'standards 1: a keyid that is not the hash of its key',
    role: 'targets',
    change: ({ delegations }) => {
      const { keys } = delegations;
      const keyid = keyAt(keys, 0);
      keys[keyid].keyval.public = keys[keyAt(keys, 1)].keyval.public;
    },
    object: 'targets 1',
    says: /keyid/,
  },
  {
    title: 'standards 2: an integer beyond 2^53-1',
    role: 'root',
    change: (signed) => {
      signed['version'] = 2 ** 53;
    },
    object: 'root 1',
    says: /integer from -9007199254740991 to 9007199254740991 at version, found `9007199254740992`/,
  },
  {
    title: 'standards 2: text that is not NFC',
    role: 'root',
    change: (signed) => {
      signed['x-note'] = 'e\u0301';
    },
    object: 'root 1',
    says: /text in NFC/,
  },
  {
    title: 'standards 5: a keyid twice in a role',
    role: 'root',
    change: ({ roles: { root } }) => root.keyids.push(root.keyids[0]),
    object: 'root 1',
    says: /each keyid once/,
  },
  {
    title: 'standards 5: one public key under two keyids',
    role: 'targets',
    change: ({ delegations }) => {
      const {
        keys,
        roles: [trust],
      } = delegations;
      const twin = { ...keys[trust.keyids[0]], keytype: 'ed25519', scheme: 'ed25519' };
      twin.keyval = { ...twin.keyval, 'x-more': 1 };
      const keyid = sha256(canonicalize(twin));
      keys[keyid] = twin;
      trust.keyids.push(keyid);
    },
    object: 'targets 1',
    says: /keyid|public key/,
  },
  {
    title: 'standards 6: no consistent snapshots',
    role: 'root',
    change: (signed) => {
      signed['consistent_snapshot'] = false;
    },
    object: 'root 1',
    says: /consistent_snapshot/,
  },
  {
    title: 'standards 6: a fifth top-level role',
    role: 'root',
    change: ({ roles: top }) => {
      top.mirrors = top.timestamp;
    },
    object: 'root 1',
    says: /"mirrors"/,
  },
  {
    title: 'standards 6: a top-level role too few',
    role: 'root',
    change: ({ roles: top }) => {
      delete top.snapshot;
    },
    object: 'root 1',
    says: /roles\.snapshot/,
  },
  ...['Trust', '10', '1.root', 'constructor', '../x', 'a//b', 'con', 'bin.json'].map((name) => ({
    title: `standards 12: the role name ${name}`,
    role: 'targets' as const,
    change: rename('trust', name),
    object: name,
    says: /not a role name/,
  })),
  {
    title: 'standards 12: a top-level name',
    role: 'targets',
    change: rename('trust', 'snapshot'),
    object: /"snapshot"/,
  },
  {
    title: 'standards 12: a name twice',
    role: 'targets',
    change: rename('deny', 'trust'),
    object: 'targets 1',
    says: /once/,
  },
  {
    title: 'standards 13: nine path patterns with [ ] { } ! # ( ) + and a backslash',
    role: 'targets',
    change: (signed) => {
      const patterns = ['a[b]/*', 'a]/*', '{a,b}/*', 'a}/*', '!a/*', '#a/*', '@(a)/*', 'a)/*', 'a+/*', 'a\\/*'];
      delegation(signed, 'trust')['paths'].push(...patterns);
    },
    object: 'a[b]/*',
    says: /not a path pattern.*\(and 9 more\)/,
  },
  {
    title: 'standards 14: paths and path_hash_prefixes',
    role: 'targets',
    change: (signed) => {
      delegation(signed, 'trust')['path_hash_prefixes'] = ['00'];
    },
    object: 'trust',
    says: /one of paths and path_hash_prefixes/,
  },
  {
    title: 'standards 14: neither paths nor path_hash_prefixes',
    role: 'targets',
    change: (signed) => delete delegation(signed, 'trust')['paths'],
    object: 'trust',
    says: /one of paths and path_hash_prefixes/,
  },
  {
    title: 'standards 14: an empty list of paths',
    role: 'targets',
    change: (signed) => {
      delegation(signed, 'trust')['paths'] = [];
    },
    object: 'trust',
    says: /at least one path/,
  },
  {
    title: 'standards 14: terminating is missing',
    role: 'targets',
    change: (signed) => delete delegation(signed, 'claimed')['terminating'],
    object: 'claimed',
    says: /terminating/,
  },
  {
    title: 'standards 19: a role after succinct roles',
    role: 'bins',
    change: ({ delegations }) => {
      const { keyids, threshold } = delegations.succinct_roles;
      delegations.roles = [{ keyids, name: 'after', paths: ['packages/*/*'], terminating: true, threshold }];
    },
    object: 'bins 1',
    says: /succinct_roles/,
  },
  ...(['simple/*/*', 'packages/*/*', 'upstream/*/*'] as const).map((pattern) => ({
    title: `standards 20: nothing that leads to ${pattern}`,
    role: 'targets' as const,
    change: (signed: Loose) => {
      const bins = delegation(signed, 'bins');
      bins['paths'] = (bins['paths'] as string[]).filter((path) => path !== pattern);
    },
    object: pattern.slice(0, pattern.indexOf('*')),
    says: /no client looks where it is listed: expected bins/,
  })),
  {
    title: 'standards 20: a pattern of another depth',
    role: 'targets',
    change: (signed) => {
      delegation(signed, 'bins')['paths'] = ['simple/*/*', 'packages/*', 'upstream/*/*'];
    },
    object: 'packages/project',
    says: /no client looks/,
  },
  {
    title: 'standards 25: a chain of more than 32 roles',
    role: 'targets',
    change: (signed) => {
      const before = Array.from({ length: 33 }, (_, i) => ({
        ...delegation(signed, 'claimed'),
        name: `tier${i}`,
        paths: ['packages/*/*'],
        terminating: false,
      }));
      signed['delegations'].roles = [...before, ...roles(signed)];
    },
    object: 'packages/project',
    says: /too many roles on its way for python-tuf, tuf-js, go-tuf: expected at most 32 roles/,
  },
  {
    title: 'standards 25: a root of more than 512,000 bytes',
    role: 'root',
    change: (signed) => {
      signed['x-note'] = 'x'.repeat(512_000);
    },
    object: '1.root.json',
    says: /too long for python-tuf, tuf-js, go-tuf: expected at most 512000 bytes/,
  },
  {
    title: 'standards 25: targets of more than 5,000,000 bytes',
    role: 'targets',
    change: (signed) => {
      signed['x-note'] = 'x'.repeat(5_000_000);
    },
    object: '1.targets.json',
    says: /too long for python-tuf, tuf-js, go-tuf: expected at most 5000000 bytes/,
  },
];

describe('drafts that nobody should sign', function () {
  this.timeout(120_000);

  const verdicts = new Map<string, Promise<void>>();

  // Two at a time: each is a process of its own in a folder of its own.
  before(() => {
    const limit = pLimit(2);
    for (const one of CASES) {
      const verdict = limit(() => isRefused(one));
      verdict.catch(() => undefined);
      verdicts.set(one.title, verdict);
    }
  });

  for (const { title } of CASES) it(title, () => verdicts.get(title));

  it('standards 14: every delegation that is published has one meaning', async () => {
    const dir = await workspaceAt('published', { profile: 'company' });
    const targets = (await live(dir, 'targets')).signed;
    for (const role of roles(targets)) {
      expect(role).to.have.property('paths').that.is.not.empty;
      expect(role).not.to.have.property('path_hash_prefixes');
      expect(role['terminating'], role['name']).to.equal(role['name'] !== 'claimed');
    }
    expect((await live(dir, 'bins')).signed['delegations']).to.have.all.keys('keys', 'succinct_roles');
  });
});

async function isRefused({ role, change, object, says }: Case): Promise<void> {
  const dir = await workspaceAt('keys', { profile: 'company' });
  await editDraft(dir, role, change);
  await refused(dir, ['sign', '--confirm', NAME], { exitCode: 5, object, ...(says === undefined ? {} : { says }) });
}
