import { expect } from 'chai';
import { parse, ROLE, refusal, SHORT } from './short.ts';

describe('tufa.yaml', () => {
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
});
