import { expect } from 'chai';
import { UUID } from '../support/workspace.ts';
import { refusal, SHORT } from './short.ts';

describe('tufa.yaml', () => {
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
});
