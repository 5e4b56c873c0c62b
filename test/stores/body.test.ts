import { createHash, randomBytes } from 'node:crypto';
import { appendFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { InputError } from '../../src/errors.ts';
import { bodyOfFile, collect, hashStream, isStream } from '../../src/stores/body.ts';
import { MemoryStore } from '../../src/stores/memory.ts';
import { refusal } from '../support/store-expect.ts';
import { scratch } from '../support/store-folder.ts';

describe('bodies', () => {
  const folder = scratch();
  const file = (): string => join(folder(), 'file.whl');

  it('of a file: its length, and its bytes as often as they are asked for', async () => {
    const bytes = randomBytes(700_000);
    writeFileSync(file(), bytes);
    const body = await bodyOfFile(file());
    expect(isStream(body)).to.equal(true);
    expect(isStream(bytes)).to.equal(false);
    for (let time = 0; time < 2; time++) {
      expect(await hashStream(body.open())).to.deep.equal({
        sha256: createHash('sha256').update(bytes).digest('hex'),
        length: body.length,
      });
    }
    expect(Buffer.compare(await collect(body.open(), body.length), bytes)).to.equal(0);
    expect((await refusal(collect(body.open(), body.length - 1))).code).to.equal('storage.too-long');
  });

  it('of a file that grew or shrank since are not stored', async () => {
    for (const change of [() => appendFileSync(file(), 'more'), () => writeFileSync(file(), 'le')]) {
      writeFileSync(file(), 'length');
      const body = await bodyOfFile(file());
      change();
      expect((await refusal(new MemoryStore().create('x', body))).code).to.equal('storage.body-length');
    }
  });

  it('of what is no file are refused by name: absent, a folder, gone since', async () => {
    expect((await refusal(bodyOfFile(file()), InputError)).message).to.contain(file());
    mkdirSync(file());
    expect((await refusal(bodyOfFile(file()), InputError)).code).to.equal('input.file');
    rmSync(file(), { recursive: true });
    writeFileSync(file(), 'x');
    const body = await bodyOfFile(file());
    rmSync(file());
    expect((await refusal(collect(body.open(), 9), InputError)).message).to.contain('ENOENT');
  });
});
