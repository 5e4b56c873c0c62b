import { readdir } from 'node:fs/promises';
import { expect } from 'chai';
import { fetchWheels, KEPT_WHEELS, lockedFiles } from '../support/wheels.ts';

describe('the fifty real wheels and sdists', () => {
  it('are fetched, each with the bytes of the lock', async function () {
    this.timeout(700_000);
    const folder = await fetchWheels();
    const names = (await lockedFiles()).map((file) => file.filename);
    expect(await readdir(folder)).to.have.members(names);
    expect(names).to.include.members(await readdir(KEPT_WHEELS));
  });
});
