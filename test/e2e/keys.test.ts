import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { fingerprint } from '../faults/support/fingerprint.ts';
import { done, workspaceAt } from '../support/published.ts';
import { refused } from '../support/refused.ts';

const PEM = `-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=
-----END PUBLIC KEY-----
`;

describe('keys', () => {
  it('replace: where no key can be made, tufa.yaml and holders are byte for byte as they were', async () => {
    const dir = await workspaceAt('published');
    const before = await fingerprint(dir);
    for (const on of ['pkcs11:nonsense', 'pkcs11:token=none?module-path=/nowhere.so'])
      await refused(dir, ['key', 'replace', 'timestamp', 'snapshot', '--on', on], {
        exitCode: 3,
        object: /nonsense|nowhere/,
      });
    await refused(dir, ['key', 'replace', 'nobody'], { exitCode: 2, object: 'not an online role', says: /nobody/ });
    expect(await fingerprint(dir)).to.equal(before);
  });

  it('replace: changes the names in tufa.yaml, and no other byte', async () => {
    const dir = await workspaceAt('published');
    const path = join(dir, 'tufa.yaml');
    const before = (await readFile(path, 'utf8')).split('\n');
    await done(dir, ['key', 'replace', 'timestamp', 'snapshot', '--insecure-plain-key']);
    const after = (await readFile(path, 'utf8')).split('\n');
    const lines = (text: string[], other: string[]): string[] => text.filter((line, i) => line !== other[i]);
    expect(lines(after, before)).to.deep.equal(lines(before, after).map((line) => line.replace('online', 'online-2')));
    expect(lines(after, before)).to.have.length(2);
  });

  it('import: what cannot be read is named as it was typed', async () => {
    const dir = await workspaceAt('published');
    await writeFile(join(dir, 'sent.json'), '{"x":1');
    await refused(dir, ['key', 'import', 'sent.json', '--holder', 'zoe'], { exitCode: 5, object: 'sent.json:1:7' });
    await writeFile(join(dir, 'sent.pem'), PEM);
    const error = await refused(dir, ['key', 'import', 'sent.pem', '--holder', 'zoe'], {
      exitCode: 5,
      object: 'sent.pem',
    });
    expect(error.hint).to.include('tufa key import file:sent.pem');
  });

  it('a damaged note of a recovery stops whoever would take over what is live', async () => {
    const dir = await workspaceAt('published');
    await writeFile(join(dir, 'private', 'journal', 'recovery.json'), 'garbage');
    for (const args of [
      ['publish'],
      ['refresh'],
      ['recover', 'compromise', '--role', 'timestamp', '--good', '1', '--confirm', 'corp'],
    ])
      await refused(dir, args, { exitCode: 3, object: 'private/journal/recovery.json' });
  });
});
