import { constants, createHash, createPublicKey, verify } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { canonicalize } from '@tufjs/canonical-json';
import { expect } from 'chai';
import type { Status } from '../../src/jobs/status.ts';
import type { TransactionResult } from '../../src/transaction/transact.ts';
import { editDraft, type Loose, live, load, sha256 } from '../support/planted.ts';
import { attempt, done, NAME, workspaceAt, written } from '../support/published.ts';
import type { Run } from '../support/run.ts';

/** Statements of the standards that are seen in what is published, or in what is refused before it. */

const DAY = 864e5;

async function roles(dir: string): Promise<Record<string, Loose>> {
  const { signed } = await live(dir, 'snapshot');
  const names = Object.keys(signed['meta']).map((name) => name.slice(0, -'.json'.length));
  return Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, (await live(dir, name)).signed] as const)),
  );
}

async function metadataFiles(dir: string): Promise<string[]> {
  return (await readdir(join(dir, 'public', 'metadata'))).filter((name) => name.endsWith('.json'));
}

/** The command is refused with this exit code, names this object, and leaves store and trusted state as they were. */
async function refused(dir: string, args: readonly string[], exitCode: number, object: string | RegExp): Promise<Run> {
  const before = await written(dir);
  const run = await attempt(dir, [...args, '--json']);
  expect(run.exitCode, run.stderr + run.stdout).to.equal(exitCode);
  const { error } = run.json<{ error: { message: string; exitCode: number } }>();
  expect(error.exitCode).to.equal(exitCode);
  expect(error.message).to.match(
    typeof object === 'string' ? new RegExp(object.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&')) : object,
  );
  expect(await written(dir)).to.equal(before);
  return run;
}

describe('standards: formats', function () {
  this.timeout(180_000);

  it('standards 1: keyid is the sha256 of the canonical key, and a key is never edited under its keyid', async () => {
    const dir = await workspaceAt('published');
    const { signed } = await live(dir, 'root');
    for (const [keyid, key] of Object.entries(signed['keys'] as Loose))
      expect(sha256(canonicalize(key))).to.equal(keyid);
    const path = join(dir, 'holders', 'alice.json');
    await writeFile(
      path,
      (await readFile(path, 'utf8'))
        .replace('"scheme":"ed25519"', '"scheme":"ed25519 "')
        .replace('"scheme": "ed25519"', '"scheme": "ed25519 "'),
    );
    await refused(dir, ['key', 'list'], 3, 'alice.json');
  });

  for (const [what, change] of Object.entries<(signed: Loose) => void>({
    'an integer beyond 2^53-1': (signed) => {
      signed['version'] = 2 ** 53;
    },
    'text that is not NFC': (signed) => {
      signed['x-note'] = 'e\u0301';
    },
  })) {
    it(`standards 2: a draft without a canonical form that all clients agree on is refused: ${what}`, async () => {
      const dir = await workspaceAt('keys');
      await editDraft(dir, 'root', change);
      await refused(dir, ['sign', '--confirm', NAME], 5, 'root');
    });
  }

  it('standards 3: every expires is YYYY-MM-DDTHH:MM:SSZ', async () => {
    const dir = await workspaceAt('published');
    for (const name of await metadataFiles(dir)) {
      const { signed } = await load(join(dir, 'public', 'metadata', name));
      expect(signed['expires'], name).to.match(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    }
  });

  it('standards 4: a field that we do not know is signed and published as it was drawn', async () => {
    const dir = await workspaceAt('keys');
    await editDraft(dir, 'root', (signed) => {
      signed['x-note'] = { b: 1, a: ['kept'] };
    });
    await done(dir, ['sign', '--confirm', NAME]);
    await done(dir, ['publish']);
    expect((await live(dir, 'root')).signed['x-note']).to.deep.equal({ b: 1, a: ['kept'] });
  });

  it('standards 5: no keyid twice in a role or in signatures, and no public key under two names', async () => {
    const dir = await workspaceAt('published');
    for (const name of await metadataFiles(dir)) {
      const { signatures } = await load(join(dir, 'public', 'metadata', name));
      expect(new Set(signatures.map((s) => s['keyid'])).size, name).to.equal(signatures.length);
    }
    const alice = JSON.parse(await readFile(join(dir, 'holders', 'alice.json'), 'utf8')) as Loose;
    await writeFile(join(dir, 'holders', 'bob.json'), JSON.stringify({ ...alice, name: 'bob' }));
    await refused(dir, ['key', 'list'], 3, 'bob');
  });

  it('standards 6: root has consistent_snapshot and exactly the four top-level roles', async () => {
    const { signed } = await live(await workspaceAt('published'), 'root');
    expect(signed['consistent_snapshot']).to.equal(true);
    expect(Object.keys(signed['roles'] as Loose).sort((a, b) => (a < b ? -1 : 1))).to.deep.equal([
      'root',
      'snapshot',
      'targets',
      'timestamp',
    ]);
  });

  it('standards 7: a key that a served client cannot read is refused', async () => {
    const dir = await workspaceAt('published');
    await mkdir(join(dir, 'private'), { recursive: true });
    const { generateKeyPairSync } = await import('node:crypto');
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'secp384r1' });
    await writeFile(join(dir, 'private', 'p384.pem'), privateKey.export({ type: 'pkcs8', format: 'pem' }), {
      mode: 0o600,
    });
    await refused(
      dir,
      ['key', 'import', 'file:private/p384.pem?encryption=none', '--holder', 'carol'],
      5,
      'ecdsa-sha2-nistp384',
    );
  });

  it('standards 9: RSA-PSS has a salt of 32 and at least 2048 bits', async () => {
    const dir = await workspaceAt('published', { type: 'rsa-pss' });
    const root = await live(dir, 'root');
    const { bytes, signatures } = await live(dir, 'timestamp');
    const key = createPublicKey((root.signed['keys'] as Loose)[signatures[0]!['keyid']].keyval.public);
    expect(key.asymmetricKeyDetails?.modulusLength).to.be.at.least(2048);
    const text = bytes.toString('utf8');
    const payload = Buffer.from(text.slice(text.indexOf('"signed":') + '"signed":'.length, -1));
    const options = { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 };
    expect(verify('sha256', payload, options, Buffer.from(signatures[0]!['sig'], 'hex'))).to.equal(true);
  });

  it('standards 10: every target lists sha256 in lower case', async () => {
    const dir = await workspaceAt('published');
    const targets = Object.values(await roles(dir)).flatMap((role) => Object.values((role['targets'] ?? {}) as Loose));
    expect(targets).to.have.length.greaterThan(6);
    for (const target of targets as Loose[])
      expect(target['hashes'])
        .to.have.property('sha256')
        .that.matches(/^[0-9a-f]{64}$/);
  });

  it('standards 11: target paths that clients read in different ways are refused', async () => {
    const dir = await workspaceAt('published');
    for (const path of [
      '/abs/x',
      'packages/x/',
      'a//b',
      'a/../b',
      'a/b?c',
      'a/b#c',
      'a/b%20c',
      'a/b c',
      'packages/é/x.whl',
    ]) {
      await refused(dir, ['target', 'remove', path], 5, /path|segment|character|ASCII|U\+/i);
    }
    await refused(dir, ['get', '../x'], 5, '../x');
  });

  const lint: [string, string, (signed: Loose) => void, RegExp][] = [
    ['standards 12', 'role names that are no role names', (s) => (s['delegations'].roles[0].name = 'Trust'), /Trust/],
    ['standards 12', 'role names like integers', (s) => (s['delegations'].roles[0].name = '10'), /10/],
    ['standards 12', 'a role name twice', (s) => (s['delegations'].roles[1].name = 'trust'), /trust|once/],
    [
      'standards 13',
      'path patterns that clients read in different ways',
      (s) => (s['delegations'].roles[0].paths = ['{a,b}/*']),
      /\{a,b\}/,
    ],
    [
      'standards 14',
      'a role with paths and path_hash_prefixes',
      (s) => (s['delegations'].roles[0].path_hash_prefixes = ['0']),
      /paths/,
    ],
    ['standards 14', 'a role without terminating', (s) => delete s['delegations'].roles[0].terminating, /terminating/],
    [
      'standards 19',
      'roles beside succinct roles',
      (s) => (s['delegations'].succinct_roles = { keyids: [], threshold: 1, bit_length: 2, name_prefix: 'x' }),
      /succinct/,
    ],
  ];
  for (const [statement, what, change, message] of lint) {
    it(`${statement}: a draft is refused before anybody signs it: ${what}`, async () => {
      const dir = await workspaceAt('keys');
      await editDraft(dir, 'targets', change);
      await refused(dir, ['sign', '--confirm', NAME], 5, message);
    });
  }
});

describe('standards: bins and publishing', function () {
  this.timeout(180_000);

  it('standards 15: a path is in the bin of the first bits of its sha256', async () => {
    const all = await roles(await workspaceAt('published', { profile: 'company' }));
    let seen = 0;
    for (const [name, role] of Object.entries(all)) {
      if (!name.startsWith('bin4-')) continue;
      for (const path of Object.keys(role['targets'] as Loose)) {
        expect(createHash('sha256').update(path).digest('hex')[0]).to.equal(name.at(-1));
        seen++;
      }
    }
    expect(seen).to.be.greaterThan(6);
  });

  it('standards 16: every bin exists before its delegator names it, empty ones too', async () => {
    const all = await roles(await workspaceAt('published', { profile: 'company' }));
    const names = Object.keys(all)
      .filter((name) => name.startsWith('bin4-'))
      .sort((a, b) => (a < b ? -1 : 1));
    expect(names).to.deep.equal([...'0123456789abcdef'].map((digit) => `bin4-${digit}`));
    expect(all['bins']!['delegations'].succinct_roles).to.include({ bit_length: 4, name_prefix: 'bin4' });
  });

  it('standards 20: the delegation to bins matches every path that is published', async () => {
    const all = await roles(await workspaceAt('published', { profile: 'company' }));
    const { paths } = (all['targets']!['delegations'].roles as Loose[]).find((role) => role['name'] === 'bins')!;
    const published = Object.entries(all)
      .filter(([name]) => name.startsWith('bin4-'))
      .flatMap(([, role]) => Object.keys(role['targets'] as Loose));
    for (const path of published) {
      const depth = path.split('/').length;
      expect(
        (paths as string[]).some(
          (pattern) => pattern.split('/').length === depth && path.startsWith(pattern.split('/')[0]!),
        ),
        path,
      ).to.equal(true);
    }
  });

  it('standards 22: the snapshot lists every role and neither root nor timestamp', async () => {
    const dir = await workspaceAt('published');
    const { signed } = await live(dir, 'snapshot');
    expect(Object.keys(signed['meta'] as Loose).sort((a, b) => (a < b ? -1 : 1))).to.deep.equal([
      'bin0.json',
      'claimed.json',
      'deny.json',
      'recent0.json',
      'targets.json',
      'trust.json',
    ]);
  });

  it('standards 23: versions rise, and no version is used for other bytes', async () => {
    const dir = await workspaceAt('published');
    const before = new Map(
      await Promise.all(
        (await metadataFiles(dir)).map(
          async (name) => [name, sha256(await readFile(join(dir, 'public', 'metadata', name)))] as const,
        ),
      ),
    );
    const old = (await live(dir, 'snapshot')).signed['version'] as number;
    await done(dir, ['target', 'remove', 'decorator']);
    await done(dir, ['publish']);
    for (const [name, digest] of before) {
      if (name !== 'timestamp.json')
        expect(sha256(await readFile(join(dir, 'public', 'metadata', name))), name).to.equal(digest);
    }
    expect((await live(dir, 'snapshot')).signed['version']).to.be.greaterThan(old);
  });

  it('standards 24: the timestamp lists version, length and sha256 of the snapshot', async () => {
    const dir = await workspaceAt('published');
    const snapshot = await live(dir, 'snapshot');
    const { signed } = await live(dir, 'timestamp');
    expect(signed['meta']).to.deep.equal({
      'snapshot.json': { version: 1, length: snapshot.bytes.length, hashes: { sha256: sha256(snapshot.bytes) } },
    });
  });

  it('standards 25: a root that a client would cut off is refused before it is signed, naming the client', async () => {
    const dir = await workspaceAt('keys');
    await editDraft(dir, 'root', (signed) => {
      signed['x-note'] = 'x'.repeat(600_000);
    });
    await refused(dir, ['sign', '--confirm', NAME], 5, /python-tuf/);
  });

  it('standards 26: a publish whose last step fails leaves the old state live and readable', async () => {
    const dir = await workspaceAt('published');
    await done(dir, ['target', 'remove', 'decorator']);
    const before = await readFile(join(dir, 'public', 'metadata', 'timestamp.json'));
    const mutant = {
      file: 'transaction/commit.js',
      from: 'store.swap(TIMESTAMP_KEY',
      to: 'process.exit(70), store.swap(TIMESTAMP_KEY',
    };
    expect((await attempt(dir, ['publish'], { mutant })).exitCode).to.equal(70);
    expect(await readFile(join(dir, 'public', 'metadata', 'timestamp.json'))).to.deep.equal(before);
    await done(dir, ['verify']);
    await done(dir, ['publish']);
    await done(dir, ['verify']);
  });

  it('standards 27: files are called V.name.json and HASH.file, with one object for each hash', async () => {
    const dir = await workspaceAt('published');
    for (const name of await metadataFiles(dir))
      expect(name).to.match(/^(timestamp|[1-9]\d*\.[a-z][a-z0-9.-]*)\.json$/);
    for (const role of Object.values(await roles(dir))) {
      for (const [path, target] of Object.entries((role['targets'] ?? {}) as Record<string, Loose>)) {
        const slash = path.lastIndexOf('/') + 1;
        const file = join(
          dir,
          'public',
          'targets',
          `${path.slice(0, slash)}${target['hashes'].sha256}.${path.slice(slash)}`,
        );
        expect(sha256(await readFile(file))).to.equal(target['hashes'].sha256);
      }
    }
  });

  it('standards 29: snapshot and timestamp are new whenever a role is', async () => {
    const dir = await workspaceAt('published');
    await done(dir, ['target', 'remove', 'decorator']);
    const { signed } = (await done(dir, ['publish', '--json'])).json<TransactionResult>();
    expect(signed).to.include.members(['bin0', 'snapshot', 'timestamp']);
    expect((await live(dir, 'timestamp')).signed['version']).to.equal(2);
    expect((await live(dir, 'snapshot')).signed['version']).to.equal(2);
  });

  it('standards 31: a file and the pages of its project are in one snapshot', async () => {
    const dir = await workspaceAt('published');
    const { signed } = await live(dir, 'bin0');
    const page = (signed['targets'] as Loose)['simple/six/vnd.pypi.simple.v1.json'];
    const text = await readFile(
      join(dir, 'public', 'targets', 'simple', 'six', `${page.hashes.sha256}.vnd.pypi.simple.v1.json`),
      'utf8',
    );
    const [file] = (JSON.parse(text) as { files: Loose[] }).files;
    expect((signed['targets'] as Loose)[`packages/six/${file!['filename']}`].hashes.sha256).to.equal(
      file!['hashes'].sha256,
    );
    expect(signed['targets']).to.have.property('simple/six/vnd.pypi.simple.v1.html');
  });

  it('standards 32: what is about to expire is signed anew with a higher version, and deadlines are shown', async () => {
    const dir = await workspaceAt('published');
    const before = (await live(dir, 'bin0')).signed;
    const ahead = 16 * DAY;
    const { signed } = (await done(dir, ['refresh', '--json'], { ahead })).json<TransactionResult>();
    expect(signed).to.include.members(['bin0', 'recent0', 'deny', 'snapshot', 'timestamp']);
    const after = (await live(dir, 'bin0')).signed;
    expect(after['version']).to.be.greaterThan(before['version'] as number);
    expect(after['targets']).to.deep.equal(before['targets']);
    const { roles: shown } = (await done(dir, ['status', '--json'], { ahead })).json<Status>();
    expect(shown.map((role) => role.role)).to.include.members(['root', 'timestamp', 'snapshot', 'targets', 'bin0']);
    const deadlines = shown.map((role) => new Date(role.expires).getTime());
    expect(deadlines).to.deep.equal([...deadlines].sort((a, b) => a - b));
  });

  it("standards 33: the expiries are the design's, or PEP 458's, and a timestamp never outlives its snapshot", async () => {
    const dir = await workspaceAt('published', { profile: 'company' });
    const days = async (role: string) =>
      Math.round((Date.parse((await live(dir, role)).signed['expires']) - Date.now()) / DAY);
    expect([
      await days('timestamp'),
      await days('snapshot'),
      await days('deny'),
      await days('root'),
      await days('claimed'),
    ]).to.deep.equal([1, 7, 30, 365, 180]);
    await done(dir, ['init', 'pep', '--pep458-expiry']);
    expect(await readFile(join(dir, 'pep', 'tufa.yaml'), 'utf8')).to.match(
      /snapshot: 1d\n {2}timestamp: 1d .*\n {2}leaves: 1d/,
    );
    const config = join(dir, 'tufa.yaml');
    await writeFile(config, (await readFile(config, 'utf8')).replace(/timestamp: 1d/, 'timestamp: 8d'));
    await refused(dir, ['refresh'], 3, /expires\.timestamp/);
  });

  it('standards 51: what our own walk refuses is not published', async () => {
    const dir = await workspaceAt('published');
    await done(dir, ['target', 'remove', 'decorator']);
    const mutant = {
      file: 'transaction/build.js',
      from: 'length: snapshot.bytes.length',
      to: 'length: snapshot.bytes.length + 1',
    };
    const timestamp = await readFile(join(dir, 'public', 'metadata', 'timestamp.json'));
    const run = await attempt(dir, ['publish'], { mutant });
    expect(run.exitCode, run.stderr).to.equal(4);
    expect(run.stderr).to.include('snapshot.json');
    expect(await readFile(join(dir, 'public', 'metadata', 'timestamp.json'))).to.deep.equal(timestamp);
    expect(await metadataFiles(dir)).not.to.include('2.snapshot.json');
  });
});
