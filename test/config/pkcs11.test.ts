import { expect } from 'chai';
import { parse, refusal, SHORT } from './short.ts';

describe('tufa.yaml: pkcs11', () => {
  const modules = (text: string): string => `${SHORT}pkcs11: { modules: ${text} }\n`;

  it('has no module where none is written', () => {
    expect(parse(SHORT).pkcs11).to.deep.equal({ modules: {} });
  });

  it('has modules by name', () => {
    const text = `{ nss: { path: /usr/lib/x.so, initArgs: "configdir='sql:/x' ", env: { SOFTHSM2_CONF: /x, EMPTY: '' } } }`;
    expect(parse(modules(text)).pkcs11.modules).to.deep.equal({
      nss: { path: '/usr/lib/x.so', initArgs: "configdir='sql:/x' ", env: { SOFTHSM2_CONF: '/x', EMPTY: '' } },
    });
  });

  for (const [text, said] of [
    ['{ Soft: { path: /x } }', 'pkcs11.modules.Soft: expected modules by names of small letters'],
    [
      '{ a: { path: lib/x.so } }',
      'pkcs11.modules.a.path: expected the absolute path of a PKCS#11 module, found "lib/x.so"',
    ],
    ['{ a: {} }', 'pkcs11.modules.a.path: expected the absolute path of a PKCS#11 module, found nothing'],
    ['{ a: { path: /x, env: { LD_PRELOAD: /y } } }', 'env.LD_PRELOAD: expected variables by name, none of NODE_*'],
    ['{ a: { path: /x, env: { NODE_OPTIONS: y } } }', 'env.NODE_OPTIONS: expected variables by name'],
    ['{ a: { path: /x, env: { N: 1 } } }', 'pkcs11.modules.a.env.N: expected a text, found 1'],
    ['[]', 'pkcs11.modules: expected modules by names of small letters, found an empty list'],
  ] as const) {
    it(`refuses ${text}`, () => {
      const { message, exitCode } = refusal(modules(text));
      expect(message).to.contain(said);
      expect(exitCode).to.equal(3);
    });
  }

  it('knows what was meant', () => {
    expect(refusal(modules('{ a: { pth: /x } }')).hint).to.equal('did you mean path?');
  });
});
