import { createHash, generateKeyPairSync } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { canonicalize } from '@tufjs/canonical-json';
import { expect } from 'chai';
import { type Loose, live, plant, sha256 } from '../support/planted.ts';
import { attempt, done, NAME, workspaceAt } from '../support/published.ts';
import { refused } from '../support/refused.ts';
import { KEPT_WHEELS } from '../support/wheels.ts';

const DAY = 864e5;
const VECTORS = join(import.meta.dirname, '../tuf/canonical.json');

interface Vector {
  readonly name: string;
  readonly value: Loose;
  /** The bytes that securesystemslib makes of it. */
  readonly hex: string;
}

/** What is signed: its bytes, the keys and signatures around it. Files are planted by somebody who has the online key. */
describe('what is signed', function () {
  this.timeout(180_000);

  it('standards 2: takes what was signed over the bytes that securesystemslib makes', async () => {
    const dir = await workspaceAt('published');
    const { vectors } = JSON.parse(await readFile(VECTORS, 'utf8')) as { vectors: Vector[] };
    const usable = vectors.filter(({ value }) => value !== null && typeof value === 'object');
    expect(usable.length).to.be.greaterThan(5);
    const fields = Object.fromEntries(usable.map(({ value }, i) => [`x-vector-${String(i).padStart(2, '0')}`, value]));
    await plant(dir, {
      change: { timestamp: (signed) => Object.assign(signed, fields) },
      payload: { timestamp: (signed) => assembled(signed, fields, usable) },
    });
    await done(dir, ['refresh']);
    await done(dir, ['get', 'six']);
  });

  const odd: [string, string, string][] = [
    ['a fraction', '1.5', '1.5'],
    ['an integer beyond 2^53-1', '9007199254740992', '9007199254740992'],
    ['a lone surrogate', '"\\ud800"', 'surrogate'],
    ['text that is not NFC', '"e\\u0301"', 'NFC'],
    ['a key beyond the basic plane', '{"\\ud83d\\ude00":1}', 'basic plane'],
  ];
  for (const [what, value, found] of odd) {
    it(`standards 2: refuses signed metadata with ${what}`, async () => {
      const dir = await workspaceAt('published');
      await plant(dir, {
        change: { timestamp: () => undefined },
        text: { timestamp: (text) => text.replace('"_type"', `"x-odd":${value},"_type"`) },
      });
      await refused(dir, ['publish'], { exitCode: 4, object: 'timestamp.json', says: new RegExp(found) });
    });
  }

  it('standards 4: a field that nobody here knows stays where a role is signed again', async () => {
    const dir = await workspaceAt('published');
    const note = { z: [1, { b: null, a: true }], 'a b': 'line\nline' };
    await plant(dir, {
      change: {
        bin0: (signed) => {
          signed['x-other'] = note;
          const [path = ''] = Object.keys(signed['targets'] as Loose);
          signed['targets'][path].custom['x-other'] = note;
          signed['targets'][path]['x-other'] = note;
        },
        snapshot: (signed) => {
          signed['a-first'] = note;
          signed['meta']['trust.json']['x-other'] = note;
        },
        timestamp: (signed) => {
          signed['x-other'] = note;
        },
      },
    });
    const before = (await live(dir, 'bin0')).signed;
    await done(dir, ['refresh'], { ahead: 16 * DAY });
    const bin = (await live(dir, 'bin0')).signed;
    expect(bin['version']).to.be.greaterThan(before['version'] as number);
    expect(bin['targets']).to.deep.equal(before['targets']);
    expect(bin['x-other']).to.deep.equal(note);
    const snapshot = (await live(dir, 'snapshot')).signed;
    expect([snapshot['a-first'], snapshot['meta']['trust.json']['x-other']]).to.deep.equal([note, note]);
    expect((await live(dir, 'timestamp')).signed['x-other']).to.deep.equal(note);
    await done(dir, ['verify'], { ahead: 16 * DAY });
  });

  it('standards 5: a public key under two keyids, a keyid or a signature twice do not count twice', async () => {
    const dir = await workspaceAt('published');
    await plant(dir, {
      change: { timestamp: () => undefined },
      text: {
        timestamp: (text) => {
          const file = JSON.parse(text) as { signatures: Loose[] };
          return JSON.stringify({ ...file, signatures: [...file.signatures, ...file.signatures] });
        },
      },
    });
    await refused(dir, ['publish'], { exitCode: 4, object: 'timestamp.json', says: /each keyid once/ });
    const alice = JSON.parse(await readFile(join(dir, 'holders', 'alice.json'), 'utf8')) as Loose;
    await writeFile(
      join(dir, 'carol.json'),
      JSON.stringify({ name: 'carol', keyid: alice['keyid'], key: alice['key'] }),
    );
    await refused(dir, ['key', 'import', 'carol.json', '--holder', 'carol'], {
      exitCode: 7,
      object: 'carol',
      says: /alice/,
    });
  });

  it('standards 9: a salt of another length, and keys of less than 2048 bits, are refused', async () => {
    const dir = await workspaceAt('published', { type: 'rsa-pss' });
    await plant(dir, { change: { timestamp: () => undefined }, saltLength: 20 });
    await refused(dir, ['publish'], { exitCode: 4, object: 'timestamp', says: /signature/ });

    const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 1024 });
    const key = {
      keytype: 'rsa',
      scheme: 'rsassa-pss-sha256',
      keyval: { public: publicKey.export({ type: 'spki', format: 'pem' }).toString() },
    };
    const holder = { name: 'carol', keyid: sha256(canonicalize(key)), key };
    await writeFile(join(dir, 'carol.json'), JSON.stringify(holder));
    await refused(dir, ['key', 'import', 'carol.json', '--holder', 'carol'], {
      exitCode: 5,
      object: /key/,
      says: /2048/,
    });
    await writeFile(join(dir, 'private', 'carol.pem'), privateKey.export({ type: 'pkcs8', format: 'pem' }), {
      mode: 0o600,
    });
    const uri = 'file:private/carol.pem?encryption=none';
    await refused(dir, ['key', 'import', uri, '--holder', 'carol'], {
      exitCode: 6,
      object: 'private/carol.pem',
      says: /found rsa of 1024 bits/,
    });
  });

  it('standards 7: a kind of key that a client cannot read is refused, and the clients are named', async () => {
    const dir = await workspaceAt('published');
    const kinds = [
      [
        'p384',
        generateKeyPairSync('ec', { namedCurve: 'secp384r1' }),
        5,
        /ecdsa-sha2-nistp384, which tough cannot read/,
      ],
      ['ed448', generateKeyPairSync('ed448'), 6, /found ed448/],
      ['k256', generateKeyPairSync('ec', { namedCurve: 'secp256k1' }), 6, /private\/k256\.pem/],
    ] as const;
    for (const [name, { privateKey }, exitCode, object] of kinds) {
      const pem = privateKey.export({ type: 'pkcs8', format: 'pem' });
      await writeFile(join(dir, 'private', `${name}.pem`), pem, { mode: 0o600 });
      const uri = `file:private/${name}.pem?encryption=none`;
      await refused(dir, ['key', 'import', uri, '--holder', 'carol'], { exitCode, object });
    }
    expect(await readdir(join(dir, 'holders'))).not.to.include('carol.json');
  });

  it('standards 7: unless the operator names the clients that cannot read it; a draft names those that are served', async () => {
    const dir = await workspaceAt('published');
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'secp384r1' });
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' });
    await writeFile(join(dir, 'private', 'carol.pem'), pem, { mode: 0o600 });
    const imported = ['key', 'import', 'file:private/carol.pem?encryption=none', '--holder', 'carol'];
    await refused(dir, [...imported, '--break-clients', 'go-tuf'], { exitCode: 5, object: /which tough cannot read/ });
    await refused(dir, [...imported, '--break-clients', 'nobody'], { exitCode: 2, object: /break-clients/ });
    await done(dir, [...imported, '--break-clients', 'tough']);

    const config = join(dir, 'tufa.yaml');
    const text = (await readFile(config, 'utf8')).replaceAll(/holders: \[.*?\]/g, 'holders: [alice, bob, carol]');
    await writeFile(config, text.replace(/^clients: \[.*?\]/m, 'clients: [python-tuf, tuf-js, tough]'));
    await refused(dir, ['ceremony', 'open', 'root'], { exitCode: 5, object: /not readable for tough/ });
    await writeFile(config, text);
    await done(dir, ['ceremony', 'open', 'root']);
    await done(dir, ['sign', '--confirm', NAME, '--holder', 'alice', '--holder', 'carol']);
    await done(dir, ['sign', '--confirm', NAME, '--holder', 'bob']);
    await done(dir, ['ceremony', 'publish']);
    await done(dir, ['verify']);
  });

  it('standards 10: a second hash is read and compared; a target without a sha256 in lower case is not served', async () => {
    const dir = await workspaceAt('published');
    const path = 'packages/six/six-1.17.0-py2.py3-none-any.whl';
    const hashes = async (change: (hashes: Loose) => void): Promise<void> => {
      await plant(dir, { change: { bin0: (signed) => change(signed['targets'][path].hashes as Loose) } });
    };
    const wheel = await readFile(join(KEPT_WHEELS, 'six-1.17.0-py2.py3-none-any.whl'));
    const sha512 = createHash('sha512').update(wheel).digest('hex');
    await hashes((one) => {
      one['sha512'] = sha512;
    });
    await done(dir, ['get', path]);
    const wrong: [(one: Loose) => void, RegExp][] = [
      [(one) => (one['sha512'] = '0'.repeat(128)), /sha512/],
      [
        (one) => {
          delete one['sha512'];
          one['sha256'] = String(one['sha256']).toUpperCase();
        },
        /lower-case/,
      ],
      [(one) => delete one['sha256'], /sha256/],
    ];
    for (const [change, says] of wrong) {
      await hashes(change);
      const run = await attempt(dir, ['get', path, '-o', 'refused', '--json']);
      expect(run.exitCode, run.stdout).to.equal(4);
      const { error } = run.json<{ error: { message: string } }>();
      expect(error.message).to.include(path).and.to.match(says);
    }
  });
});

/** The signed part as bytes, with securesystemslib's own bytes in the place of each vector. */
function assembled(signed: Loose, fields: Loose, vectors: readonly Vector[]): Buffer {
  const plain = Object.fromEntries(Object.entries(signed).filter(([name]) => !(name in fields)));
  const bytes = new Map(Object.keys(fields).map((name, i) => [name, Buffer.from(vectors[i]?.hex ?? '', 'hex')]));
  const parts = [...Object.keys(plain), ...bytes.keys()].sort().map((name) => {
    const value = bytes.get(name) ?? Buffer.from(canonicalize(plain[name]));
    return Buffer.concat([Buffer.from(`${JSON.stringify(name)}:`), value]);
  });
  return Buffer.concat([
    Buffer.from('{'),
    ...parts.flatMap((part, i) => (i === 0 ? [part] : [Buffer.from(','), part])),
    Buffer.from('}'),
  ]);
}
