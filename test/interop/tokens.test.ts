/**
 * A ceremony of three holders whose keys are on a SoftHSM, on a smart card (a YubiKey to its module) and in an encrypted file,
 * in three folders that share nothing but the files that they hand to each other: root 1, then two of three keys replaced.
 * Every real client follows from root 1, and no PIN and no passphrase shows up anywhere.
 */
import { randomInt } from 'node:crypto';
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { setHolders, shortenGrace } from '../ceremony/folders.ts';
import { privateFolder } from '../signers/folder.ts';
import { moduleFor } from '../signers/pkcs11/install.ts';
import { type CardReader, startReader } from '../signers/pkcs11/support/pcscd.ts';
import { softHsm } from '../signers/pkcs11/support/softhsm.ts';
import { PivCard } from '../support/piv-card.ts';
import { NAME } from '../support/published.ts';
import { filesWith, shownIn, type Watched, watched } from '../support/watched.ts';
import { KEPT_WHEELS } from '../support/wheels.ts';
import { edit } from '../support/workspace.ts';
import { CLIENTS } from './support/clients.ts';
import { type Matrix, openMatrix, type RepositoryState } from './support/matrix.ts';
import { failures } from './support/report.ts';

const CONFIRM = ['--confirm', NAME];

describe('three holders with a SoftHSM, a YubiKey and an encrypted file', () => {
  const folder = privateFolder();
  /** Nothing else on this machine is called so. A PIN of a PIV card has at most eight digits. */
  const SECRETS = {
    alice: `pin-${randomInt(1e12, 9e12)}`,
    bob: `${randomInt(1e7, 9e7)}`,
    carol: `passphrase ${randomInt(1e12, 9e12)}`,
    online: `online ${randomInt(1e12, 9e12)}`,
  };
  const card = new PivCard({ pin: SECRETS.bob, serial: 5_417_283, slots: { 154: 'p256', 156: 'p256' } });
  let matrix: Matrix;
  let slot: CardReader | undefined;
  let alice: string;
  let bob: string;
  let carol: string;
  let stick: string;

  before(async function () {
    const [hsmModule, cardModule] = [await moduleFor(this, 'softhsm'), await moduleFor(this, 'ykcs11')];
    for (const name of ['alice', 'bob', 'carol', 'stick', 'secrets', 'tmp', 'home', 'hsm', 'pcscd'])
      await mkdir(at(name), { mode: 0o700 });
    [alice, bob, carol, stick] = [at('alice'), at('bob'), at('carol'), at('stick')];
    for (const [name, secret] of Object.entries(SECRETS))
      await writeFile(secretFile(name), `${secret}\n`, { mode: 0o600 });
    const hsm = await softHsm(at('hsm'), hsmModule);
    await hsm.token('alice', SECRETS.alice);
    slot = await startReader(at('pcscd'), card);
    matrix = await openMatrix();
    await run(alice, 'init', '--name', NAME);
    await setHolders(alice, 'alice', 'bob', 'carol');
    await shortenGrace(alice);
    await edit(alice, /^clients: \[.*?\]/m, `clients: [${CLIENTS.join(', ')}]`);
    await run(alice, 'ceremony', 'export', join(stick, 'setup.json'));
    for (const dir of [bob, carol]) await run(dir, 'ceremony', 'import', join(stick, 'setup.json'));
    await modules(alice, { softhsm: hsm.settings });
    await modules(bob, { yubikey: { path: cardModule } });
  });

  after(async () => {
    await matrix?.stop();
    await slot?.stop();
  });

  const at = (name: string): string => join(folder(), name);
  const secretFile = (name: string): string => join(folder(), 'secrets', name);
  const pin = (name: 'alice' | 'bob'): string[] => ['--pin-file', secretFile(name)];
  const passphrase = (name: 'carol' | 'online'): string[] => ['--passphrase-file', secretFile(name)];

  function modules(dir: string, settings: object): Promise<void> {
    return edit(dir, 'pkcs11: { modules: {} }', `pkcs11: ${JSON.stringify({ modules: settings })}`);
  }

  /** Looked at as long as it runs; with everything that somebody could tell it to say. */
  async function run(dir: string, ...args: string[]): Promise<Watched> {
    const env = { DEBUG: '*', TMPDIR: at('tmp'), HOME: at('home') };
    const one = await watched(dir, [...args, '--verbose'], { env, timeout: 120_000 });
    expect(one.exitCode, `${args.join(' ')}: ${one.stderr}${one.stdout}`).to.equal(0);
    for (const [name, secret] of Object.entries(SECRETS))
      expect(shownIn(one, secret), `${name}'s secret in ${args.join(' ')}`).to.deep.equal([]);
    return one;
  }

  /** All drafts and signatures of one folder, to another one. */
  async function hand(from: string, to: string, name: string): Promise<void> {
    await run(from, 'ceremony', 'export', join(stick, name));
    await run(to, 'ceremony', 'import', join(stick, name));
  }

  /** The public half of a key that a holder has, to the one who leads. */
  async function tellAlice(dir: string, name: string): Promise<void> {
    await cp(join(dir, 'holders', `${name}.json`), join(stick, `${name}.json`));
    await run(alice, 'key', 'import', join(stick, `${name}.json`), '--holder', name);
  }

  async function* states(): AsyncGenerator<RepositoryState> {
    yield* rootOne();
    yield* rootTwo();
  }

  async function* rootOne(): AsyncGenerator<RepositoryState> {
    await run(alice, 'key', 'generate', '--holder', 'alice', '--on', 'pkcs11:token=alice', ...pin('alice'));
    await run(alice, 'key', 'generate', '--online', ...passphrase('online'));
    // Slot 9c: the card wants its PIN before each signature.
    await run(bob, 'key', 'import', 'pkcs11:id=%02?module-name=yubikey', '--holder', 'bob');
    await tellAlice(bob, 'bob');
    await run(carol, 'key', 'generate', '--holder', 'carol', ...passphrase('carol'));
    await tellAlice(carol, 'carol');

    await hand(alice, bob, 'drafts-bob.json');
    await hand(alice, carol, 'drafts-carol.json');
    await run(carol, 'sign', ...CONFIRM, ...passphrase('carol'));
    await run(bob, 'sign', ...CONFIRM, ...pin('bob'));
    await hand(carol, alice, 'carol-1.json');
    await hand(bob, alice, 'bob-1.json');
    const signed = await run(alice, 'sign', ...CONFIRM, ...pin('alice'), '--json');
    expect(signed.json()['root']).to.have.property('version', 1);
    await run(alice, 'target', 'add', join(KEPT_WHEELS, 'six-1.17.0-py2.py3-none-any.whl'), ...passphrase('online'));
    await run(alice, 'publish', ...passphrase('online'));
    yield await state('root 1', ['alice', 'bob', 'carol']);
  }

  async function* rootTwo(): AsyncGenerator<RepositoryState> {
    await run(bob, 'key', 'import', 'pkcs11:id=%01?module-name=yubikey', '--holder', 'bob2');
    await tellAlice(bob, 'bob2');
    await run(carol, 'key', 'generate', '--holder', 'carol2', ...passphrase('carol'));
    await tellAlice(carol, 'carol2');
    await setHolders(alice, 'alice', 'bob2', 'carol2');
    await run(alice, 'ceremony', 'open', 'root');
    await hand(alice, bob, 'drafts-2.json');
    const tries = card.verifications;
    await run(bob, 'sign', ...CONFIRM, ...pin('bob'));
    expect(card.verifications, 'PINs that the card was given').to.be.greaterThan(tries);
    await hand(bob, carol, 'bob-2.json');
    await run(carol, 'sign', ...CONFIRM, ...passphrase('carol'));
    await hand(carol, alice, 'carol-2.json');
    const published = await run(alice, 'ceremony', 'publish', '--json', ...passphrase('online'));
    expect(published.json()['open']).to.deep.equal([]);
    yield await state('root 2', ['alice', 'bob2', 'carol2']);
    await run(alice, 'target', 'add', join(KEPT_WHEELS, 'zipp-4.1.2-py3-none-any.whl'), ...passphrase('online'));
    await run(alice, 'publish', ...passphrase('online'));
    yield await state('a change after root 2', ['alice', 'bob2', 'carol2']);
  }

  /** @param holders whose keys the newest root names for itself */
  async function state(name: string, holders: readonly string[]): Promise<RepositoryState> {
    const keyids = await Promise.all(
      holders.map(
        async (holder) => JSON.parse(await readFile(join(alice, 'holders', `${holder}.json`), 'utf8')).keyid as string,
      ),
    );
    const metadata = join(alice, 'public', 'metadata');
    const version = holders.includes('bob') ? 1 : 2;
    const { signed } = JSON.parse(await readFile(join(metadata, `${version}.root.json`), 'utf8'));
    expect(signed.roles.root.keyids, name).to.have.members(keyids);
    const { targets } = (await run(alice, 'target', 'list', '--json')).json<{
      targets: { path: string; sha256: string }[];
    }>();
    return {
      name,
      folder: join(alice, 'public'),
      root: await readFile(join(metadata, '1.root.json')),
      present: Object.fromEntries(targets.map(({ path, sha256 }) => [path, sha256])),
      absent: ['packages/nobody/nobody-1.0.zip'],
    };
  }

  it('sign root 1, replace two of three keys, and every client follows from root 1', async () => {
    const report = await matrix.run('three holders with tokens', states());
    expect(failures(report)).to.deep.equal([]);
    expect(report.steps).to.have.length(3);
  });

  it('leave no PIN and no passphrase in a file', async () => {
    for (const [name, secret] of Object.entries(SECRETS))
      expect(await filesWith(secret, folder(), [secretFile(name)]), name).to.deep.equal([]);
    // What is looked for is found where it is.
    expect(await filesWith(SECRETS.bob, folder())).to.deep.equal([join('secrets', 'bob')]);
  });

  it('leave no private key outside of the folder of its holder', async () => {
    for (const dir of [stick, join(alice, 'public'), bob])
      expect(await filesWith('PRIVATE KEY', dir), dir).to.deep.equal([]);
  });
});
