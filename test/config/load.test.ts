import { mkdir, open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { loadConfig, parseConfig } from '../../src/config/load.ts';
import type { Config } from '../../src/config/schema.ts';
import { Workspace } from '../../src/config/workspace.ts';
import { ConfigurationError } from '../../src/errors.ts';
import { layDown, temporaryFolders, UUID } from '../support/workspace.ts';

const DAY = 86_400_000;
const ROLE = '{ threshold: 2, holders: [alice, bob, spare] }';
/** Only what has no default. */
const SHORT = `repository: { name: corp, uuid: ${UUID} }
profile: hobby
store: file:public
trusted: file:private/trusted
roles:
  root: ${ROLE}
  targets: ${ROLE}
  trust: ${ROLE}
  claimed: ${ROLE}
online:
  timestamp: { key: online }
  snapshot: { key: online }
  bins: { key: online }
  recent: { key: online }
  deny: { key: online }
`;

function parse(text: string): Config {
  return parseConfig(Buffer.from(text), { name: 'tufa.yaml', dir: '/w' });
}

function refusal(text: string): ConfigurationError {
  try {
    parse(text);
  } catch (error) {
    expect(error).to.be.instanceOf(ConfigurationError);
    return error as ConfigurationError;
  }
  throw new Error('it was accepted');
}

describe('tufa.yaml', () => {
  const folder = temporaryFolders();

  describe('as init writes it', () => {
    it('says every default of profile hobby', async () => {
      const dir = await folder();
      await layDown(dir);
      const { uploaders, ...config } = await loadConfig(dir);
      const { uploaders: _, ...short } = parse(SHORT);
      expect(config).to.deep.equal(short);
      expect(uploaders).to.deep.equal([
        { key: 'operator', kinds: ['files', 'pages', 'removal', 'policy', 'deny', 'operator'], projects: ['*'] },
      ]);
      expect(config.expires.timestamp).to.equal(7 * DAY);
      expect(config.renew.timestamp).to.equal(3.5 * DAY);
    });

    it('gives company sixteen bins, a standby and keys of their own', async () => {
      const dir = await folder();
      await layDown(dir, { profile: 'company' });
      const { bins, recent, roles, online, expires, renew } = await loadConfig(dir);
      expect([bins.bits, recent.bits, roles.bins?.threshold, roles.recent]).to.deep.equal([4, 0, 2, undefined]);
      expect(online.timestamp).to.deep.equal({ key: 'online', standby: 'standby' });
      expect([online.bins.key, online.recent.key, online.deny.key]).to.deep.equal(['bins', 'recent', 'deny']);
      expect([expires.timestamp, renew.timestamp]).to.deep.equal([DAY, DAY / 2]);
    });

    it('takes other holders and thresholds', async () => {
      const dir = await folder();
      await layDown(dir, { holders: ['ann', 'ben', 'cy', 'dee'], threshold: 3 });
      expect((await loadConfig(dir)).roles.claimed).to.deep.equal({
        threshold: 3,
        holders: ['ann', 'ben', 'cy', 'dee'],
      });
    });
  });

  describe('with something wrong names line, column, what was expected and what was found', () => {
    const cases: [name: string, from: string | RegExp, to: string, message: string | RegExp][] = [
      [
        'a word for a number',
        'profile: hobby',
        'profile: hobby\nbins: { bits: ten }',
        'tufa.yaml:3:15: bins.bits: expected a whole number from 0 to 16, found "ten"',
      ],
      [
        'a float',
        'profile: hobby',
        'profile: hobby\nbins: { bits: 1.0 }',
        /^tufa\.yaml:3:15: bins\.bits: expected .*, found 1\.0$/,
      ],
      ['an exponent', 'profile: hobby', 'profile: hobby\nbins: { bits: 1e1 }', /found 1e1$/],
      ['minus zero', 'profile: hobby', 'profile: hobby\nbins: { bits: -0 }', /found -0$/],
      ['a hexadecimal number', 'profile: hobby', 'profile: hobby\nbins: { bits: 0x4 }', /found 0x4$/],
      [
        'a number past 2^53',
        'profile: hobby',
        'profile: hobby\nremovals: { hold: 9007199254740993 }',
        /found 9007199254740993$/,
      ],
      [
        'too many bits',
        'profile: hobby',
        'profile: hobby\nrecent: { bits: 17 }',
        /^tufa\.yaml:3:17: recent\.bits: .* found 17$/,
      ],
      [
        'a missing field',
        'store: file:public\n',
        '',
        'tufa.yaml:1:1: store: expected the URI of a store, such as file:public, found nothing',
      ],
      ['an empty field', 'file:public', '', /^tufa\.yaml:3:8: store: expected .*, found nothing$/],
      [
        'a path for a URI',
        'file:public',
        './public',
        /^tufa\.yaml:3:8: store: expected the URI of a store.*, found "\.\/public"$/,
      ],
      [
        'a unit that there is none of',
        'profile: hobby',
        'profile: hobby\ngrace: 15min',
        'tufa.yaml:3:8: grace: expected a time such as 365d, 12h, 15m or 60s, at most 3650d, found "15min"',
      ],
      ['a time without a unit', 'profile: hobby', 'profile: hobby\ngrace: 900', /found 900$/],
      [
        'a time of eleven years',
        'profile: hobby',
        'profile: hobby\nexpires: { root: 4015d }',
        /^tufa\.yaml:3:18: expires\.root: .* found "4015d"$/,
      ],
      ['a uuid in capitals', UUID, UUID.toUpperCase(), /^tufa\.yaml:1:33: repository\.uuid: expected a uuid/],
      [
        'a list for a mapping',
        /\{ threshold: 2.*\}/,
        '[alice, bob]',
        'tufa.yaml:6:9: roles.root: expected a mapping, found a list',
      ],
      [
        'a client that nobody knows',
        'profile: hobby',
        'profile: hobby\nclients: [python-tuf, pip]',
        'tufa.yaml:3:23: clients[1]: expected one of python-tuf, tuf-js, go-tuf, tough, found "pip"',
      ],
      [
        'a holder called ../x',
        '[alice, bob, spare]',
        '[alice, ../x, spare]',
        /^tufa\.yaml:6:42: roles\.root\.holders\[1\]: expected a name .* found "\.\.\/x"$/,
      ],
      ['a queue among the metadata', 'profile: hobby', 'profile: hobby\nqueue: metadata/', /^tufa\.yaml:3:8: queue: /],
      ['a queue outside', 'profile: hobby', 'profile: hobby\nqueue: ../', /^tufa\.yaml:3:8: queue: /],
      [
        'an empty list',
        'profile: hobby',
        'profile: hobby\nclients: []',
        'tufa.yaml:3:10: clients: expected at least one of clients, found an empty list',
      ],
      [
        'a key twice',
        'trusted:',
        'store: file:other\ntrusted:',
        'tufa.yaml:4:1: store: this key is given twice, first in line 3',
      ],
      [
        'a key twice, once in quotes',
        'trusted:',
        '"store": file:other\ntrusted:',
        /^tufa\.yaml:4:1: store: this key is given twice/,
      ],
      [
        '__proto__',
        'profile: hobby',
        'profile: hobby\n__proto__: { bits: 3 }',
        'tufa.yaml:3:1: __proto__: no such field',
      ],
      ['an unknown field', 'threshold', 'thresold', 'tufa.yaml:6:11: roles.root.thresold: no such field'],
      ['an alias', 'file:private/trusted', '*x', /^tufa\.yaml:4:10: /],
      ['an anchor', 'hobby', '&x hobby', 'tufa.yaml:2:13: an anchor (&x) is not read here'],
      ['a tag', 'hobby', '!!str hobby', /^tufa\.yaml:2:16: a tag .* is not read here$/],
      ['a merge key', 'profile: hobby', 'profile: hobby\n<<: { bits: 3 }', 'tufa.yaml:3:1: <<: no such field'],
      [
        'a key that is a number',
        'profile: hobby',
        'profile: hobby\n1: 2',
        'tufa.yaml:3:1: the name of a field has to be a text',
      ],
      ['an old YAML', 'repository', '%YAML 1.1\n---\nrepository', 'tufa.yaml:1:1: a %YAML line is not read here'],
      ['two documents', 'profile', '---\nprofile', /^tufa\.yaml:2:1: not the YAML that is read here: /],
      ['no YAML', 'profile: hobby', 'profile: "hobby', /^tufa\.yaml:\d+:\d+: not the YAML that is read here: /],
      [
        'deep nesting',
        'file:public',
        '['.repeat(40) + ']'.repeat(40),
        /^tufa\.yaml:3:16: nested more than 8 levels deep$/,
      ],
    ];
    for (const [name, from, to, message] of cases) {
      it(name, () => {
        const text = SHORT.replace(from, to);
        expect(text).not.to.equal(SHORT);
        const error = refusal(text);
        if (typeof message === 'string') expect(error.message).to.equal(message);
        else expect(error.message).to.match(message);
        expect(error.exitCode).to.equal(3);
      });
    }

    it('suggests the field that was meant', () => {
      expect(refusal(SHORT.replace('threshold', 'thresold')).hint).to.contain('did you mean threshold?');
      expect(refusal(SHORT.replace('profile: hobby', 'profile: hobby\nfoo: 1')).hint).to.match(
        /^fields here: repository, /,
      );
    });

    it('tells the other problems, too', () => {
      const error = refusal(SHORT.replace('hobby', 'large').replace('threshold: 2', 'threshold: 0'));
      expect(error.message).to.match(/^tufa\.yaml:2:10: profile: /);
      expect(error.hint).to.equal('1 more: tufa.yaml:6:22: roles.root.threshold');
    });

    it('leaves the prototype of objects alone', () => {
      refusal(SHORT.replace('profile: hobby', 'profile: hobby\n__proto__: { polluted: 1 }'));
      expect(({} as Record<string, unknown>)['polluted']).to.equal(undefined);
    });

    it('nothing at all', () => {
      expect(refusal('').message).to.match(/^tufa\.yaml:1:1: the file: expected a mapping, found nothing$/);
    });
  });

  describe('that contradicts itself', () => {
    const company = SHORT.replace('  claimed:', `  bins: ${ROLE}\n  claimed:`).replace(
      'profile: hobby',
      'profile: company\nbins: { bits: 4 }',
    );
    const cases: [name: string, text: string, message: string | RegExp][] = [
      [
        'n = t for root',
        SHORT.replace('bob, spare', 'bob'),
        /^tufa\.yaml:6:34: roles\.root\.holders: expected at least 3 for a threshold of 2, found 2$/.source,
      ],
      [
        'threshold 1 for root',
        SHORT.replace('threshold: 2', 'threshold: 1'),
        'roles.root.threshold: expected at least 2',
      ],
      [
        'a holder twice',
        SHORT.replace('bob, spare', 'bob, alice'),
        'roles.root.holders: expected each holder once, found alice twice',
      ],
      [
        'a threshold that nobody reaches',
        SHORT.replace(/targets: .*/, 'targets: { threshold: 3, holders: [alice, bob] }'),
        'roles.targets.holders: expected at least 3',
      ],
      [
        'bins without holders',
        SHORT.replace('profile: hobby', 'profile: hobby\nbins: { bits: 4 }'),
        'roles.bins: expected threshold and holders, because bins.bits is 4, found nothing',
      ],
      [
        'holders without bins',
        SHORT.replace('  claimed:', `  bins: ${ROLE}\n  claimed:`),
        'roles.bins: expected nothing, because bins.bits is 0, found a role',
      ],
      [
        'tough with bins',
        company.replace('profile:', 'clients: [tough]\nprofile:'),
        'bins.bits: expected 0, because tough is among the clients, found 4',
      ],
      [
        'trusted in the store',
        SHORT.replace('file:private/trusted', 'file:public/trusted'),
        'trusted: expected another place than the store',
      ],
      [
        'trusted is the store',
        SHORT.replace('file:private/trusted', 'file:./public/'),
        'trusted: expected another place',
      ],
      [
        'the store in trusted',
        SHORT.replace('file:public', 'file:private/trusted/public'),
        'trusted: expected another place',
      ],
      [
        'a timestamp longer than the snapshot',
        SHORT.replace('profile:', 'expires: { timestamp: 8d }\nprofile:'),
        'expires.timestamp: expected not longer than expires.snapshot, found 8d',
      ],
      [
        'a renewal that is always due',
        SHORT.replace('profile:', 'renew: { leaves: 30d }\nprofile:'),
        'renew.leaves: expected less than expires.leaves, 30d, found 30d',
      ],
      [
        'a standby that is the active key',
        SHORT.replace('timestamp: { key: online }', 'timestamp: { key: online, standby: online }'),
        'online.timestamp.standby: expected another key',
      ],
      [
        'an uploader twice',
        `${SHORT}uploaders:\n  - { key: a, kinds: [files], projects: [x] }\n  - { key: a, kinds: [pages], projects: ['*'] }\n`,
        'uploaders[1].key: expected each uploader once',
      ],
    ];
    for (const [name, text, message] of cases) {
      it(name, () => {
        expect(text).not.to.equal(SHORT);
        expect(refusal(text).message).to.match(/^tufa\.yaml:\d+:\d+: /);
        if (message.toString().startsWith('^')) expect(refusal(text).message).to.match(new RegExp(message));
        else expect(refusal(text).message).to.contain(message);
      });
    }

    it('and the same text without the contradiction is accepted', () => {
      expect(parse(company).bins.bits).to.equal(4);
      expect(parse(SHORT.replace('file:private/trusted', 'file:public-trusted')).trusted).to.equal(
        'file:public-trusted',
      );
    });
  });

  describe('that is too large is refused without being read', () => {
    const within = async (dir: string): Promise<string> => {
      const before = process.memoryUsage().rss;
      const start = performance.now();
      const error = await loadConfig(dir).then(
        () => new Error('it was accepted'),
        (cause: Error) => cause,
      );
      expect(performance.now() - start).to.be.below(1000);
      expect(process.memoryUsage().rss - before).to.be.below(20 * 1024 * 1024);
      expect(error).to.be.instanceOf(ConfigurationError);
      return error.message;
    };

    it('65 KiB', async () => {
      const dir = await folder();
      await writeFile(join(dir, 'tufa.yaml'), `${SHORT}#${'x'.repeat(65 * 1024)}\n`);
      expect(await within(dir)).to.contain('expected a file of at most 65536 bytes');
    });

    it('300 MB', async () => {
      const dir = await folder();
      const file = await open(join(dir, 'tufa.yaml'), 'w');
      await file.truncate(300 * 1024 * 1024);
      await file.close();
      expect(await within(dir)).to.contain('found 314572800 bytes');
    });

    for (const [name, text] of [
      ['brackets', '['.repeat(65_000)],
      ['lists in lists', '- '.repeat(32_000)],
      ['keys that are lists', '? '.repeat(32_000)],
    ] as const) {
      it(`64 KiB of ${name}`, async () => {
        const dir = await folder();
        await writeFile(join(dir, 'tufa.yaml'), text);
        expect(await within(dir)).to.match(/tufa\.yaml:\d+:\d+: /);
      });
    }

    it('and neither is a folder or a broken encoding', async () => {
      const dir = await folder();
      await mkdir(join(dir, 'tufa.yaml'));
      expect(await within(dir)).to.contain('found no file');
      const other = await folder();
      await writeFile(join(other, 'tufa.yaml'), Buffer.from([0x61, 0xff]));
      expect(await within(other)).to.contain('not UTF-8');
    });
  });

  it('is found from a folder below it', async () => {
    const dir = await folder();
    await layDown(dir);
    await mkdir(join(dir, 'a', 'b'), { recursive: true });
    const workspace = await Workspace.open(join(dir, 'a', 'b'));
    expect(workspace.dir).to.equal(dir);
  });

  it('is missing', async () => {
    const dir = await folder();
    const error = await Workspace.open(dir).catch((cause: ConfigurationError) => cause);
    expect(error).to.be.instanceOf(ConfigurationError);
    expect((error as ConfigurationError).hint).to.contain('tufa init');
  });
});
