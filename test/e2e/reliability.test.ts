import { chmod, readFile, rename, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import type { TransactionResult } from '../../src/transaction/transact.ts';
import { editDraft, type Loose, live, plant, plantEntry } from '../support/planted.ts';
import { attempt, done, NAME, workspaceAt, written } from '../support/published.ts';
import type { Run } from '../support/run.ts';

/** Statements of reliability.md about bad input: each through the program, with exit code, object, and nothing written. */

const DAY = 864e5;

async function refused(
  dir: string,
  args: readonly string[],
  exitCode: number,
  object: RegExp,
  more: Parameters<typeof attempt>[2] & { readonly except?: string } = {},
): Promise<Run> {
  const kept = async (): Promise<string[]> =>
    (await written(dir)).split('\n').filter((line) => more.except === undefined || !line.includes(more.except));
  const before = await kept();
  const run = await attempt(dir, [...args, '--json'], more);
  expect(run.exitCode, run.stderr + run.stdout).to.equal(exitCode);
  const { error } = run.json<{ error: { message: string; exitCode: number; committed: string } }>();
  expect(error).to.include({ exitCode, committed: 'no' });
  expect(error.message).to.match(object);
  expect(await kept()).to.deep.equal(before);
  return run;
}

async function config(dir: string, change: (text: string) => string): Promise<void> {
  const path = join(dir, 'tufa.yaml');
  const old = await readFile(path, 'utf8');
  expect(change(old)).not.to.equal(old);
  await writeFile(path, change(old));
}

/** An entry that nobody can read is refused alone: the publish goes on, says so, and exits 5. */
async function refusedAlone(dir: string, why: RegExp): Promise<void> {
  const run = await attempt(dir, ['publish', '--json']);
  expect(run.exitCode, run.stderr).to.equal(5);
  const { entries } = run.json<TransactionResult>();
  expect(entries.map((entry) => entry.result)).to.deep.equal(['refused']);
  expect(entries[0]?.why).to.match(why);
}

describe('reliability: bad input', function () {
  this.timeout(180_000);

  it('reliability 1: a key twice in tufa.yaml is refused with its line and column', async () => {
    const dir = await workspaceAt('published');
    await config(dir, (text) => `${text}\nprofile: hobby\n`);
    await refused(dir, ['publish'], 3, /tufa\.yaml:\d+:\d+.*profile/);
  });

  it('reliability 1: a key twice in metadata is refused with its line and column', async () => {
    const dir = await workspaceAt('published');
    await plant(dir, {
      change: { snapshot: () => undefined },
      text: { snapshot: (text) => text.replace('"_type":"snapshot"', '"_type":"snapshot","_type":"snapshot"') },
    });
    await refused(dir, ['publish'], 4, /snapshot\.json:1:\d+.*"_type" again/);
  });

  it('reliability 1: a key twice in a queue entry is refused alone', async () => {
    const dir = await workspaceAt('published');
    await plantEntry(dir, 2, {}, (text) => text.replace('"after":0', '"after":0,"after":0'));
    await refusedAlone(dir, /queue entry 2:1:\d+.*"after" again/);
  });

  for (const [what, line] of [
    ['an unknown field', 'colour: blue'],
    ['__proto__', '__proto__: { a: 1 }'],
  ] as const) {
    it(`reliability 2: ${what} in tufa.yaml is refused with its path`, async () => {
      const dir = await workspaceAt('published');
      await config(dir, (text) => `${text}\n${line}\n`);
      await refused(dir, ['publish'], 3, /tufa\.yaml:\d+:\d+/);
    });
  }

  it('reliability 2: __proto__ in metadata is refused', async () => {
    const dir = await workspaceAt('published');
    await plant(dir, {
      change: { timestamp: () => undefined },
      text: { timestamp: (text) => text.replace('"_type"', '"__proto__":{"a":1},"_type"') },
    });
    await refused(dir, ['publish'], 4, /timestamp\.json.*__proto__/);
  });

  it('reliability 2: an unknown field in a queue entry is refused alone', async () => {
    const dir = await workspaceAt('published');
    await plantEntry(dir, 2, { colour: 'blue' });
    await refusedAlone(dir, /colour/);
  });

  for (const number of ['1.0', '1e3', '-0', '9007199254740993']) {
    it(`reliability 3: \`${number}\` as a version is refused`, async () => {
      const dir = await workspaceAt('published');
      await plant(dir, {
        change: { timestamp: () => undefined },
        text: { timestamp: (text) => text.replace(/"version":\d+(,"x-tufa-made")/, `"version":${number}$1`) },
      });
      await refused(dir, ['publish'], 4, new RegExp(`timestamp\\.json.*${number.replace('.', '\\.')}`));
    });
  }

  it('reliability 4: 65 KiB of tufa.yaml, 33 levels and 300 MB are refused without being read', async () => {
    const dir = await workspaceAt('published');
    const path = join(dir, 'tufa.yaml');
    const good = await readFile(path, 'utf8');
    await writeFile(path, `${good}\n${'#'.repeat(65 * 1024)}\n`);
    await refused(dir, ['publish'], 3, /tufa\.yaml/);
    await writeFile(path, `${good}\ndeep: ${'['.repeat(33)}${']'.repeat(33)}\n`);
    await refused(dir, ['publish'], 3, /tufa\.yaml/);
    await truncate(path, 300 * 1024 * 1024);
    const cost = join(dir, '..', 'cost.json');
    await refused(dir, ['publish'], 3, /tufa\.yaml/, { cost });
    expect((JSON.parse(await readFile(cost, 'utf8')) as { memory: number }).memory).to.be.lessThan(200 * 1024 * 1024);
  });

  it('reliability 4: metadata and queue entries that are too long or too deep are refused', async () => {
    const dir = await workspaceAt('published');
    const deep = `"x":${'['.repeat(40)}${']'.repeat(40)},`;
    await plantEntry(dir, 2, {}, (text) => text.replace('"after"', `${deep}"after"`));
    await refusedAlone(dir, /level/);
    await plant(dir, {
      change: { timestamp: () => undefined },
      text: { timestamp: (text) => text.replace('"_type"', `"a":"${'x'.repeat(20_000)}","_type"`) },
    });
    const before = await written(dir);
    const run = await attempt(dir, ['publish']);
    expect([4, 8]).to.include(run.exitCode);
    expect(run.stderr).to.include('timestamp.json');
    expect(await written(dir)).to.equal(before);
  });

  it('reliability 5: a project name with a letter that is not ASCII is refused with its code point', async () => {
    const dir = await workspaceAt('published');
    const file = join(dir, 'f\u043eo-1.0-py3-none-any.whl');
    await writeFile(file, 'x');
    await refused(dir, ['target', 'add', file], 5, /U\+043E/);
  });

  it('reliability 6: names that are paths or mean something else are refused before any file is opened', async () => {
    const dir = await workspaceAt('published');
    for (const path of ['../x', 'a//b', 'packages/../../x'])
      await refused(dir, ['target', 'remove', path], 5, /path|segment/);
    for (const name of ['constructor', '10', '1.root', 'CON'])
      await refused(dir, ['target', 'remove', name], 5, new RegExp(name.replace('.', '\\.')));
    for (const name of ['constructor', '10', '1.root', 'con']) {
      const drafts = await workspaceAt('keys');
      await editDraft(drafts, 'targets', (signed) => {
        signed['delegations'].roles[0].name = name;
      });
      await refused(drafts, ['sign', '--confirm', NAME], 5, new RegExp(name.replace('.', '\\.')));
    }
  });

  it('reliability 7: patterns that clients read in different ways are refused', async () => {
    for (const pattern of ['{a,b}/*', '!x/*', '*a*a*b']) {
      const dir = await workspaceAt('keys');
      await editDraft(dir, 'targets', (signed) => {
        signed['delegations'].roles[0].paths = [pattern];
      });
      await refused(dir, ['sign', '--confirm', NAME], 5, /pattern|\*/);
    }
  });

  it('reliability 8: a key file that others can read, or a link to one, is not read', async () => {
    const dir = await workspaceAt('published');
    await done(dir, ['target', 'remove', 'decorator']);
    const key = join(dir, 'private', 'online.pem');
    await chmod(key, 0o640);
    // The number is claimed before anything is signed (design, section 5); nothing else may be there.
    const claimed = { except: '.tufa/claims/' };
    const run = await refused(dir, ['publish'], 3, /online\.pem.*0?640/, claimed);
    expect(run.json<{ error: { hint: string } }>().error.hint).to.include('chmod 600');
    await chmod(key, 0o600);
    await rename(key, `${key}.real`);
    await symlink(`${key}.real`, key);
    await refused(dir, ['publish'], 3, /online\.pem.*link/, claimed);
  });

  it('reliability 12: a signature that the key rejects is never written', async () => {
    const dir = await workspaceAt('published');
    await done(dir, ['target', 'remove', 'decorator']);
    const timestamp = await readFile(join(dir, 'public', 'metadata', 'timestamp.json'));
    const mutant = {
      file: 'signers/verified.js',
      from: 'await signer.sign(',
      to: 'await (async (r) => (await signer.sign(r)).replace(/^../, (a) => (a === "00" ? "01" : "00")))(',
    };
    const run = await attempt(dir, ['publish', '--json'], { mutant });
    expect(run.exitCode, run.stderr + run.stdout).to.equal(6);
    expect(run.json<{ error: { message: string } }>().error.message).to.match(/rejects/);
    expect(await readFile(join(dir, 'public', 'metadata', 'timestamp.json'))).to.deep.equal(timestamp);
  });

  it('reliability 14: a PIN is no argument', async () => {
    const dir = await workspaceAt('published');
    const run = await refused(dir, ['publish', '--pin', '1234'], 2, /pin/i);
    expect(run.stdout + run.stderr).not.to.include('1234');
  });

  it('reliability 34: a clock behind the newest timestamp signs nothing', async () => {
    const dir = await workspaceAt('published');
    await done(dir, ['target', 'remove', 'decorator']);
    await refused(dir, ['publish'], 3, /clock/, { ahead: -2 * 3_600_000 });
    await refused(dir, ['refresh'], 3, /clock/, { ahead: -2 * 3_600_000 });
  });

  it('reliability 37: status exits 11 for a role that is about to expire, and an expired repository can be repaired', async () => {
    const dir = await workspaceAt('published');
    expect((await attempt(dir, ['status'])).exitCode).to.equal(0);
    const soon = await attempt(dir, ['status'], { ahead: 28 * DAY });
    expect(soon.exitCode).to.equal(11);
    expect(soon.stdout).to.match(/recent0 .*SOON +1 of online/);
    const late = { ahead: 190 * DAY };
    const renewed = await attempt(dir, ['refresh'], late);
    expect(renewed.exitCode, renewed.stderr).to.equal(0);
    const expired = await attempt(dir, ['status'], late);
    expect(expired.exitCode).to.equal(11);
    expect(expired.stdout.split('\n').find((line) => /EXPIRED/.test(line))).to.match(
      /claimed .*2 of alice, bob, spare/,
    );
  });
});

describe('reliability: limits', function () {
  this.timeout(240_000);

  it('reliability 27: a bin that a client would cut off is refused with size, limit and client', async () => {
    const dir = await workspaceAt('published');
    const entry = (i: number): [string, Loose] => [
      `packages/zz/zz-${String(i).padStart(60, '0')}.zip`,
      { hashes: { sha256: 'f'.repeat(64) }, length: 1 },
    ];
    const [path, value] = entry(0);
    const length = JSON.stringify({ [path]: value }).length - 1;
    const room = 5_000_000 - 300 - (await live(dir, 'bin0')).bytes.length;
    const full = Object.fromEntries(Array.from({ length: Math.floor(room / length) }, (_, i) => entry(i)));
    await plant(dir, {
      change: {
        bin0: (signed: Loose) => {
          Object.assign(signed['targets'] as Loose, full);
        },
      },
    });
    await writeFile(join(dir, 'zebra-1.0-py3-none-any.whl'), 'z');
    await done(dir, ['target', 'add', join(dir, 'zebra-1.0-py3-none-any.whl')]);
    const timestamp = await readFile(join(dir, 'public', 'metadata', 'timestamp.json'));
    const run = await attempt(dir, ['publish', '--json']);
    expect(run.exitCode, run.stderr + run.stdout).to.equal(5);
    const { message } = run.json<{ error: { message: string } }>().error;
    expect(message)
      .to.match(/bin0/)
      .and.to.include('5000000')
      .and.to.include('python-tuf')
      .and.to.match(/found 500\d{4}/);
    expect(await readFile(join(dir, 'public', 'metadata', 'timestamp.json'))).to.deep.equal(timestamp);
  });
});
