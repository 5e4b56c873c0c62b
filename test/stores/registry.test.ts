import { mkdirSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect } from 'chai';
import { ConfigurationError } from '../../src/errors.ts';
import { openStore } from '../../src/stores/registry.ts';
import { keys, refusal } from '../support/store-expect.ts';
import { scratch } from '../support/store-folder.ts';

describe('openStore', () => {
  const folder = scratch();

  it('opens a folder, however it is written', async () => {
    const base = join(folder(), 'with space');
    mkdirSync(base);
    const absolute = join(base, 'public');
    const uris = ['file:public', 'file:./public', `file:${absolute.replace(' ', '%20')}`, pathToFileURL(absolute).href];
    for (const [i, uri] of [...uris, 'FILE:public', 'public', './public', absolute].entries()) {
      const store = await openStore(uri, { base });
      expect(await store.create(`${i}`, Buffer.from('x')), uri).to.equal('created');
      expect(store.uri, uri).to.equal(`file:${absolute}`);
    }
    expect(await keys(await openStore(absolute, { base: '/' }), '')).to.have.lengthOf(8);
    expect(realpathSync(absolute)).to.contain('with space');
  });

  it('opens a new store in memory each time', async () => {
    const [one, two] = [await openStore('memory:', { base: '/' }), await openStore('memory:', { base: '/' })];
    await one.create('object', Buffer.from('x'));
    expect(await keys(two, '')).to.deep.equal([]);
  });

  for (const uri of ['file:', '', 'file://host/share', 'file:x?y', 'file:x#y', 'file:%zz', 'file:%00', 'memory:name']) {
    it(`refuses ${uri || 'nothing'}`, async () => {
      const error = await refusal(openStore(uri, { base: folder() }), ConfigurationError);
      expect([error.code, error.exitCode]).to.deep.equal(['configuration.store-uri', 3]);
    });
  }

  it('names the schemes that it knows, and shows no more than the scheme of one that it does not', async () => {
    const error = await refusal(openStore('ftp://me:secret@host/x', { base: folder() }), ConfigurationError);
    expect(error.code).to.equal('configuration.store-scheme');
    expect(error.message).to.contain('file:, memory:').and.contain('ftp:').and.not.contain('secret');
  });
});
