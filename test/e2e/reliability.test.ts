import { chmod, readFile, rename, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Status } from '../../src/jobs/status.ts';
import { editDraft, type Planting, plant, plantEntry } from '../support/planted.ts';
import { attempt, type Clocked, done, NAME, workspaceAt } from '../support/published.ts';
import { refused, refusedAlone } from '../support/refused.ts';

/** Statements about bad input and bad keys: each through the program, with exit code, object, and nothing written. */

const DAY = 864e5;
const HOUR = 36e5;

async function config(dir: string, change: (text: string) => string): Promise<void> {
  const path = join(dir, 'tufa.yaml');
  const old = await readFile(path, 'utf8');
  expect(change(old)).not.to.equal(old);
  await writeFile(path, change(old));
}

/** What a process of the program says and what it does to the prototype of all objects. */
async function prototypeAfter(dir: string): Promise<string[]> {
  const cost = join(dir, '..', 'cost.json');
  await attempt(dir, ['publish'], { cost });
  return (JSON.parse(await readFile(cost, 'utf8')) as { prototype: string[] }).prototype;
}

/** Puts a text into a role's file after it was signed. */
const text = (role: string, from: string | RegExp, to: string): Planting => ({
  change: { [role]: () => undefined },
  text: { [role]: (file) => file.replace(from, to) },
});

describe('reliability: input', function () {
  this.timeout(180_000);

  it('reliability 1: a key twice in tufa.yaml is refused with its line and column', async () => {
    const dir = await workspaceAt('published');
    await config(dir, (yaml) => `${yaml}profile: hobby\n`);
    const says = /profile: this key is given twice, first in line \d+/;
    await refused(dir, ['publish'], { exitCode: 3, object: /tufa\.yaml:\d+:1/, says });
  });

  it('reliability 1: a key twice in metadata is refused with its line and column', async () => {
    const dir = await workspaceAt('published');
    await plant(dir, text('snapshot', '"_type":"snapshot"', '"_type":"snapshot","_type":"snapshot"'));
    const says = /each key once at signed, found "_type" again/;
    await refused(dir, ['publish'], { exitCode: 4, object: /2\.snapshot\.json:1:\d+/, says });
  });

  it('reliability 1: a key twice in a queue entry is refused alone', async () => {
    const dir = await workspaceAt('published');
    await plantEntry(dir, 2, {}, (entry) => entry.replace('"after":0', '"after":0,"after":0'));
    await refusedAlone(dir, { 2: /queue entry 2:1:\d+.*each key once at signed, found "after" again/ });
  });

  for (const [what, line, says] of [
    ['an unknown field', 'colour: blue', /colour: no such field/],
    ['__proto__', '__proto__: { polluted: 1 }', /__proto__: no such field/],
    ['an unknown field in depth', 'renew: { bins: 1d }', /renew/],
  ] as const) {
    it(`reliability 2: ${what} in tufa.yaml is refused with its path`, async () => {
      const dir = await workspaceAt('published');
      await config(dir, (yaml) => `${yaml.replace(/^renew:\n( {2}.*\n)+/m, '')}${line}\n`);
      await refused(dir, ['publish'], { exitCode: 3, object: /tufa\.yaml:\d+:\d+/, says });
      expect(await prototypeAfter(dir)).to.deep.equal([]);
    });
  }

  it('reliability 2: __proto__ in metadata and in a queue entry is refused, and changes no object', async () => {
    const dir = await workspaceAt('published');
    await plantEntry(dir, 2, {}, (entry) => entry.replace('"after"', '"__proto__":{"polluted":1},"after"'));
    await refusedAlone(dir, { 2: /an ordinary key at signed, found "__proto__"/ });
    await plant(dir, text('timestamp', '"_type"', '"__proto__":{"polluted":1},"_type"'));
    await refused(dir, ['publish'], { exitCode: 4, object: 'timestamp.json', says: /__proto__/ });
    expect(await prototypeAfter(dir)).to.deep.equal([]);
  });

  it('reliability 2: an unknown field in a queue entry is refused alone, with its path', async () => {
    const dir = await workspaceAt('published');
    await plantEntry(dir, 2, { colour: 'blue' });
    await plantEntry(dir, 3, { changes: [{ path: 'packages/a/a-1.zip', was: null, now: null, why: 'because' }] });
    await refusedAlone(dir, { 2: /queue entry 2.*"colour"/, 3: /changes\[0\].*why/ });
  });

  const NUMBERS = ['1.0', '1e3', '-0', '9007199254740993'];
  const quoted = (number: string): RegExp =>
    new RegExp(`an integer from .* to 9007199254740991.*, found \`${number.replace('.', '\\.')}\``);

  for (const number of NUMBERS) {
    it(`reliability 3: \`${number}\` as a version, and as a number in tufa.yaml, is refused`, async () => {
      const dir = await workspaceAt('published');
      await config(dir, (yaml) => yaml.replace('tries: 8', `tries: ${number}`));
      const says = new RegExp(`publish\\.tries: expected a whole number from 1 to 64, found ${number}`);
      await refused(dir, ['publish'], { exitCode: 3, object: /tufa\.yaml:\d+:\d+/, says });
      await config(dir, (yaml) => yaml.replace(`tries: ${number}`, 'tries: 8'));
      await plant(dir, text('timestamp', /"version":\d+(,"x-tufa-made")/, `"version":${number}$1`));
      await refused(dir, ['publish'], { exitCode: 4, object: /timestamp\.json.*version/, says: quoted(number) });
    });
  }

  it('reliability 3: such a number in a queue entry is refused alone, with its field', async () => {
    const dir = await workspaceAt('published');
    for (const [i, number] of NUMBERS.entries())
      await plantEntry(dir, i + 2, {}, (entry) => entry.replace('"after":0', `"after":${number}`));
    await refusedAlone(dir, Object.fromEntries(NUMBERS.map((number, i) => [i + 2, quoted(number)])));
  });

  it('reliability 4: 65 KiB of tufa.yaml, and one of 33 levels, are refused', async () => {
    const dir = await workspaceAt('published');
    const good = await readFile(join(dir, 'tufa.yaml'), 'utf8');
    await config(dir, () => `${good}${'#'.repeat(65 * 1024)}\n`);
    await refused(dir, ['publish'], { exitCode: 3, object: 'tufa.yaml', says: /at most 65536 bytes/ });
    await config(dir, () => `${good}deep: ${'['.repeat(33)}${']'.repeat(33)}\n`);
    await refused(dir, ['publish'], { exitCode: 3, object: /tufa\.yaml:\d+:\d+/, says: /levels deep/ });
  });

  it('reliability 4: metadata and queue entries of 33 levels are refused', async () => {
    const dir = await workspaceAt('published');
    const deep = `"x":${'['.repeat(33)}${']'.repeat(33)},`;
    await plantEntry(dir, 2, {}, (entry) => entry.replace('"after"', `${deep}"after"`));
    await refusedAlone(dir, { 2: /at most 32 levels, found level 33/ });
    await plant(dir, text('timestamp', '"_type"', `${deep}"_type"`));
    await refused(dir, ['publish'], { exitCode: 4, object: 'timestamp.json', says: /at most 32 levels/ });
  });

  it('reliability 5: the name of a file with a letter that is not ASCII is refused with its code point', async () => {
    const dir = await workspaceAt('published');
    const file = join(dir, 'f\u043eo-1.0-py3-none-any.whl');
    await writeFile(file, 'x');
    await refused(dir, ['target', 'add', file], { exitCode: 5, object: /U\+043E/ });
  });

  it('reliability 6: names of roles that are paths or mean something else are refused', async () => {
    for (const name of ['../x', 'CON', 'constructor']) {
      const dir = await workspaceAt('keys');
      await editDraft(dir, 'targets', (signed) => {
        signed['delegations'].roles[0].name = name;
      });
      await refused(dir, ['sign', '--confirm', NAME], { exitCode: 5, object: name, says: /not a role name/ });
    }
  });

  it('reliability 7: patterns that clients read in different ways are refused', async () => {
    for (const pattern of ['{a,b}/*', '!x/*', '*a*a*b']) {
      const dir = await workspaceAt('keys');
      await editDraft(dir, 'targets', (signed) => {
        signed['delegations'].roles[0].paths = [pattern];
      });
      const says = /at most one \* in a segment, at its end, is portable between clients/;
      await refused(dir, ['sign', '--confirm', NAME], { exitCode: 5, object: pattern, says });
    }
  });
});

describe('reliability: keys and time', function () {
  this.timeout(180_000);

  it('reliability 8: a key file that others can read, or a link to one, is not read', async () => {
    const dir = await workspaceAt('published');
    await done(dir, ['target', 'remove', 'decorator']);
    const key = join(dir, 'private', 'online.pem');
    // If it were read, this would be what is said.
    await writeFile(key, 'not a key');
    await chmod(key, 0o640);
    const open = { exitCode: 3, object: 'private/online.pem', says: /mode 0600, found mode 0640/, claimed: true };
    expect((await refused(dir, ['publish'], open)).hint).to.include('chmod 600');
    await chmod(key, 0o600);
    await rename(key, `${key}.real`);
    await symlink(`${key}.real`, key);
    const linked = { exitCode: 3, object: 'private/online.pem', says: /a symbolic link/, claimed: true };
    expect((await refused(dir, ['publish'], linked)).hint).to.include('chmod 600');
  });

  it('reliability 12: a signature that the key rejects is never written', async () => {
    const dir = await workspaceAt('published');
    await done(dir, ['target', 'remove', 'decorator']);
    const mutant = {
      file: 'signers/verified.js',
      from: 'await signer.sign(',
      to: 'await (async (r) => (await signer.sign(r)).replace(/^../, (a) => (a === "00" ? "01" : "00")))(',
    };
    const says = /signer produced a signature that key [0-9a-f]{12}… rejects/;
    await refused(dir, ['publish'], { exitCode: 6, object: /bin0 2|snapshot 2/, says, claimed: true }, { mutant });
    await done(dir, ['publish']);
  });

  it('reliability 14: a PIN is no argument', async () => {
    const dir = await workspaceAt('published');
    const error = await refused(dir, ['publish', '--pin', '1234'], { exitCode: 2, object: '--pin' });
    expect(error.hint).to.match(/--p(?:in|assphrase)-fd/);
    expect(JSON.stringify(error)).not.to.include('1234');
  });

  it('reliability 34: a clock behind the newest timestamp signs nothing', async () => {
    const dir = await workspaceAt('published');
    await done(dir, ['target', 'remove', 'decorator']);
    const behind: Clocked = { ahead: -2 * HOUR };
    await refused(dir, ['publish'], { exitCode: 3, object: /clock/ }, behind);
    await refused(dir, ['refresh'], { exitCode: 3, object: /clock/ }, behind);
  });

  it('reliability 37: status names what expires first and who must act, and what has expired can be repaired', async () => {
    const dir = await workspaceAt('published');
    const show = async (ahead: number): Promise<{ exitCode: number | null; roles: Status['roles'] }> => {
      const run = await attempt(dir, ['status', '--json'], { ahead: ahead * DAY });
      return { exitCode: run.exitCode, roles: run.json<Status>().roles };
    };
    expect((await show(0)).exitCode).to.equal(0);
    const soon = await show(28);
    expect(soon.exitCode).to.equal(11);
    // An empty delegated role, too.
    const empty = soon.roles.find(({ role }) => role === 'recent0');
    expect(empty).to.deep.include({ standing: 'SOON', signers: ['online'], threshold: 1 });
    const deadlines = soon.roles.map(({ expires }) => new Date(expires).getTime());
    expect(deadlines).to.deep.equal([...deadlines].sort((a, b) => a - b));

    await done(dir, ['target', 'remove', 'decorator']);
    const late = await attempt(dir, ['publish'], { ahead: 31 * DAY });
    expect(late.exitCode, late.stderr).to.equal(0);
    expect(late.stderr)
      .to.match(/warning: timestamp 1 has expired on /)
      .and.to.match(/snapshot 1 has expired on /);
    const renewed = await attempt(dir, ['refresh'], { ahead: 190 * DAY });
    expect(renewed.exitCode, renewed.stderr).to.equal(0);
    const { exitCode, roles } = await show(190);
    expect(exitCode).to.equal(11);
    expect(roles[0]).to.deep.include({
      role: 'claimed',
      standing: 'EXPIRED',
      signers: ['alice', 'bob', 'spare'],
      threshold: 2,
    });
    expect(roles.filter(({ standing }) => standing === 'EXPIRED')).to.have.length(1);
  });
});
