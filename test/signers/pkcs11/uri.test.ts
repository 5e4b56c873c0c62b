import { expect } from 'chai';
import fc from 'fast-check';
import { ConfigurationError } from '../../../src/errors.ts';
import { fromHsmUri } from '../../../src/signers/pkcs11/hsm-uri.ts';
import { formatPkcs11Uri, parsePkcs11Uri, withoutPin } from '../../../src/signers/pkcs11/uri.ts';
import { pinUri } from '../../../src/signers/registry.ts';
import { answering } from '../folder.ts';

function refusal(uri: string, read: (uri: string) => unknown = parsePkcs11Uri): ConfigurationError {
  try {
    read(uri);
  } catch (error) {
    expect(error).to.be.instanceOf(ConfigurationError);
    return error as ConfigurationError;
  }
  return expect.fail(`accepted: ${uri}`);
}

const read: [uri: string, expected: object][] = [
  ['pkcs11:', { token: {}, object: {}, type: 'private', module: undefined, pinFile: undefined, ignored: [] }],
  ['PKCS11:token=a', { token: { token: 'a' } }],
  ['pkcs11:token=The%20Software%20PKCS%2311%20Softtoken', { token: { token: 'The Software PKCS#11 Softtoken' } }],
  [
    'pkcs11:token=a;serial=b;manufacturer=c;model=d;library-manufacturer=e;slot-id=327',
    {
      token: {
        token: 'a',
        serial: 'b',
        manufacturer: 'c',
        model: 'd',
        'library-manufacturer': 'e',
        'slot-id': '327',
      },
    },
  ],
  ['pkcs11:object=my-key;type=cert', { object: { label: 'my-key' }, type: 'cert' }],
  ["pkcs11:object=a:[]@!$'()*+,=&b", { object: { label: "a:[]@!$'()*+,=&b" } }],
  ['pkcs11:object=%C3%A9', { object: { label: 'é' } }],
  ['pkcs11:id=%69%95%3E%5C%F4%BD%EC%91', { object: { id: Buffer.from('69953e5cf4bdec91', 'hex') } }],
  ['pkcs11:id=7330', { object: { id: Buffer.from('7330', 'latin1') } }],
  ['pkcs11:id=%ff%00', { object: { id: Buffer.of(255, 0) } }],
  ['pkcs11:?module-path=/usr/lib/x.so', { module: { path: '/usr/lib/x.so' } }],
  ['pkcs11:?module-name=softhsm', { module: { name: 'softhsm' } }],
  ['pkcs11:?pin-source=file:/etc/token_pin', { pinFile: '/etc/token_pin' }],
  ['pkcs11:?pin-source=file:///etc/token_pin', { pinFile: '/etc/token_pin' }],
  ['pkcs11:?pin-source=/etc/token_pin', { pinFile: '/etc/token_pin' }],
  ['pkcs11:?pin-source=file:private/pin%20a', { pinFile: 'private/pin a' }],
  ['pkcs11:token=a?max-sessions=3&x-y=', { ignored: ['max-sessions', 'x-y'] }],
];

const refused: [uri: string, said: RegExp][] = [
  ['pkcs12:token=a', /cannot be read as the uri of a key/],
  ['pkcs11', /cannot be read/],
  ['pkcs11:token=a;token=a', /token is given twice/],
  ['pkcs11:object=a?module-name=a&module-name=b', /module-name is given twice/],
  ['pkcs11:token=a;colour=red', /colour: no such attribute/],
  ['pkcs11:Token=a', /Token: no such attribute/],
  ['pkcs11:module-path=x;token=a', /module-path: no such attribute/],
  ['pkcs11:x-vendor=a', /x-vendor: no such attribute/],
  ['pkcs11:slot-description=a', /no such attribute/],
  ['pkcs11:token', /not an attribute/],
  ['pkcs11:token=a;', /not an attribute/],
  ['pkcs11:;token=a', /not an attribute/],
  ['pkcs11:=a', /not an attribute/],
  ['pkcs11:token=a b', /token holds what has to be percent-encoded/],
  ['pkcs11:token=a/b', /token holds/],
  ['pkcs11:token=a#b', /token holds/],
  ['pkcs11:token=é', /token holds/],
  ['pkcs11:token=%4', /token holds/],
  ['pkcs11:token=%zz', /token holds/],
  ['pkcs11:token=%ff', /token is not UTF-8/],
  ['pkcs11:object=%c0%80', /object is not UTF-8/],
  ['pkcs11:slot-id=0x1', /slot-id is no number/],
  ['pkcs11:slot-id=01', /slot-id is no number/],
  ['pkcs11:type=key', /unknown type of an object/],
  ['pkcs11:?module-path=lib/x.so', /module-path is not absolute/],
  ['pkcs11:?module-path=/x&module-name=y', /name two modules/],
  ['pkcs11:?pin-source=env:PIN', /pin-source cannot be read/],
  ['pkcs11:?pin-source=|/usr/bin/pin', /pin-source cannot be read/],
  ['pkcs11:?pin-source=prompt:', /pin-source cannot be read/],
  ['pkcs11:?pin-source=', /pin-source cannot be read/],
  ['pkcs11:?pin-source=file:', /pin-source cannot be read/],
  ['pkcs11:?pin-source=file://host/pin', /pin-source cannot be read/],
];

describe('uri of a key on a token', () => {
  for (const [uri, expected] of read) {
    it(`reads ${uri}`, () => {
      const parsed: Record<string, unknown> = { ...parsePkcs11Uri(uri) };
      for (const [name, value] of Object.entries(expected)) expect(parsed[name], name).to.deep.equal(value);
    });
  }

  for (const [uri, said] of refused) {
    it(`refuses ${uri}`, () => {
      const { message, code, exitCode } = refusal(uri);
      expect(message).to.match(said);
      expect([code, exitCode]).to.deep.equal(['configuration.pkcs11-uri', 3]);
    });
  }

  const PIN = 'S3cr3t-7b1f';
  const leaking = [
    `pkcs11:token=a;object=b?pin-value=${PIN}`,
    `pkcs11:token=a?pin-value=${PIN}&pin-source=file:/x`,
    `pkcs11:token=a?pin-source=file:/x&pin-value=${PIN}`,
    `pkcs11:token=a;pin-value=${PIN}`,
    `pkcs11:token=a?pin-value=${PIN}%`,
    `pkcs11:token=a?PIN-VALUE=${PIN}`,
    `pkcs11:token=a;token=b?pin-value=${PIN}`,
    `pkcs11:token=a b?pin-value=${PIN}`,
    `pkcs11:colour=red?pin-value=${PIN}`,
    `pkcs11:token=a?pin-value =${PIN}`,
    `hsm:2?label=a&pin-value=${PIN}`,
    `hsm:2?pin-value=${PIN}`,
  ];
  for (const uri of leaking) {
    it(`refuses a PIN in ${withoutPin(uri)}, and does not repeat it`, async () => {
      const options = { secrets: answering(undefined), base: '/' };
      const error = (await pinUri(uri, options).catch((reason: unknown) => reason)) as ConfigurationError;
      expect(error).to.be.instanceOf(ConfigurationError);
      expect(JSON.stringify([error.message, error.details, error.stack])).not.to.contain(PIN);
    });
  }

  it('says how a PIN is given instead', () => {
    const { code, hint } = refusal(`pkcs11:object=b?pin-value=${PIN}`);
    expect(code).to.equal('configuration.pin-value');
    expect(hint).to.contain('pin-source=file:PATH');
  });

  it('is written in one way, which is read as the same', () => {
    const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 32 }).filter((value) => value.isWellFormed());
    const uris = fc.record({
      token: fc.record({ token: text, serial: text, manufacturer: text, model: text }, { requiredKeys: [] }),
      object: fc.record({ label: text, id: fc.uint8Array({ minLength: 1, maxLength: 20 }) }, { requiredKeys: [] }),
      module: fc.oneof(
        fc.constant(undefined),
        fc.record({ name: text }),
        fc.record({ path: text.map((p) => `/${p}`) }),
      ),
    });
    fc.assert(
      fc.property(uris, (parts) => {
        const uri = formatPkcs11Uri(parts);
        expect(uri).to.match(/^[\x21-\x7e]+$/);
        const parsed = parsePkcs11Uri(uri);
        expect(parsed.token).to.deep.equal({ ...parts.token });
        expect(parsed.module).to.deep.equal(parts.module === undefined ? undefined : { ...parts.module });
        expect(parsed.object.label).to.equal(parts.object.label);
        expect(Buffer.from(parsed.object.id ?? [])).to.deep.equal(Buffer.from(parts.object.id ?? []));
        expect(formatPkcs11Uri(parsed)).to.equal(uri);
      }),
    );
  });

  it('may be securesystemslib’s', () => {
    for (const [uri, expected] of [
      ['hsm:2?label=YubiKey+PIV+%2315835999', 'pkcs11:token=YubiKey%20PIV%20%2315835999;id=%02'],
      ['hsm:', 'pkcs11:id=%02'],
      ['hsm:17', 'pkcs11:id=%11'],
      ['pkcs11:token=a', 'pkcs11:token=a'],
    ] as const) {
      expect(fromHsmUri(uri)).to.equal(expected);
    }
    for (const uri of ['hsm:256', 'hsm:x', 'hsm:2?serial=1', 'hsm:2?label=a&label=b', 'hsm:2?label=', 'hsm://2'])
      expect(refusal(uri, fromHsmUri).code, uri).to.equal('configuration.pkcs11-uri');
  });
});
