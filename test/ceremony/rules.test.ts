import { expect } from 'chai';
import { refuseUnless } from '../../src/ceremony/rules.ts';
import { InputError } from '../../src/errors.ts';
import { type Finding, refusal } from '../../src/tuf/limits.ts';

describe('what may be overridden of the findings of a draft', () => {
  const blind = (client: string, message = 'not readable'): Finding => ({
    ...refusal('key.scheme', 'key 1', message, 'ed25519', 'another'),
    client,
  });
  const forAll = refusal('key.threshold', 'keys of root', 'threshold cannot be met', '1 to 3', '4');

  const rows: [title: string, findings: Finding[], breaks: string[], message: RegExp, hint: string | undefined][] = [
    [
      'every client is named, each with its reason',
      [blind('tough'), blind('tuf-js, go-tuf', 'too long')],
      [],
      /not readable for tough; too long for tuf-js, go-tuf/,
      'to leave tough, tuf-js, go-tuf behind for ever, add: --break-clients tough --break-clients tuf-js --break-clients go-tuf',
    ],
    [
      'who is named already is not asked for again',
      [blind('tough'), blind('tuf-js, go-tuf', 'too long')],
      ['tough', 'tuf-js'],
      /^key 1: too long for tuf-js, go-tuf/,
      'to leave go-tuf behind for ever, add: --break-clients go-tuf',
    ],
    [
      'another name is none',
      [blind('tough')],
      ['go-tuf'],
      /not readable for tough/,
      'to leave tough behind for ever, add: --break-clients tough',
    ],
    [
      'what is wrong for everybody comes first',
      [blind('tough'), forAll],
      ['tough'],
      /threshold cannot be met/,
      undefined,
    ],
  ];
  for (const [title, findings, breaks, message, hint] of rows) {
    it(`refused: ${title}`, () => {
      try {
        refuseUnless(findings, breaks);
      } catch (error) {
        if (!(error instanceof InputError)) throw error;
        expect(error.message).to.match(message);
        expect(error.details.hint).to.equal(hint);
        return;
      }
      expect.fail('it was accepted');
    });
  }

  it('named by name, it is said and goes on', () => {
    const left = refuseUnless([blind('tough'), blind('tuf-js, go-tuf', 'too long')], ['go-tuf', 'tuf-js', 'tough']);
    expect(left.map(({ severity }) => severity)).to.deep.equal(['warn', 'warn']);
  });
});
