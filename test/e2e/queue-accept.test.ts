import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import type { TransactionResult } from '../../src/transaction/transact.ts';
import { attempt, done, workspaceAt } from '../support/published.ts';

describe('queue accept', () => {
  it('appends what was held as operator, once, and refuses what was not held', async () => {
    const dir = await workspaceAt('published');
    const config = join(dir, 'tufa.yaml');
    await writeFile(config, (await readFile(config, 'utf8')).replace('hold: 100', 'hold: 1'));
    await done(dir, ['target', 'remove', 'decorator', 'iniconfig']);
    const held = (await done(dir, ['publish', '--json'])).json<TransactionResult>();
    expect(held.entries.map((entry) => entry.result)).to.deep.equal(['held']);
    expect((await done(dir, ['target', 'list', 'decorator'])).stdout).to.include('packages/decorator/');

    await done(dir, ['queue', 'accept', '2']);
    const accepted = (await done(dir, ['publish', '--json'])).json<TransactionResult>();
    expect(accepted.entries[0]?.rows.map((row) => row.result)).to.deep.equal(['applied', 'applied']);
    expect((await done(dir, ['target', 'list', 'decorator'])).stdout).not.to.include('packages/decorator/');

    await done(dir, ['queue', 'accept', '2']);
    const again = (await done(dir, ['publish', '--json'])).json<TransactionResult>();
    expect(again.entries[0]?.rows.map((row) => row.result)).to.deep.equal(['already', 'already']);

    const other = await attempt(dir, ['queue', 'accept', '1']);
    expect(other.exitCode).to.equal(5);
    expect(other.stderr).to.include('queue entry 1');
  });
});
