import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { attempt, done, workspaceAt } from '../support/published.ts';

describe('rotate --to-standby', () => {
  it('serves again by one command when the active key was destroyed', async () => {
    const dir = await workspaceAt('published', { profile: 'company' });
    await rm(join(dir, 'private', 'online.pem'));
    await done(dir, ['target', 'remove', 'decorator']);
    const before = await attempt(dir, ['publish']);
    expect(before.exitCode).to.equal(6);
    expect(before.stderr).to.include('rotate --to-standby');

    const rotated = await done(dir, ['rotate', '--to-standby']);
    expect(rotated.stdout).to.match(/timestamp: standby signs instead of online/);
    expect(await readFile(join(dir, 'tufa.yaml'), 'utf8')).to.match(
      /timestamp: \{ key: standby, standby: standby-2 \}/,
    );

    await done(dir, ['publish']);
    await done(dir, ['get', 'six', '--out', join(dir, 'got')]);
    expect((await done(dir, ['target', 'list', 'decorator'])).stdout).not.to.include('packages/');

    const again = await done(dir, ['rotate', '--to-standby']);
    expect(again.stdout).to.include('nothing to do');
  });

  it('serves again when the metadata expired meanwhile', async () => {
    const dir = await workspaceAt('published', { profile: 'company' });
    const ahead = 8 * 24 * 60 * 60 * 1000;
    await rm(join(dir, 'private', 'online.pem'));
    const expired = await attempt(dir, ['verify'], { ahead });
    expect(expired.stderr).to.match(/^tufa: timestamp 1: expired/);
    expect((await attempt(dir, ['refresh'], { ahead })).exitCode).to.equal(6);
    await done(dir, ['rotate', '--to-standby'], { ahead });
    await done(dir, ['verify'], { ahead });
    await done(dir, ['get', 'six', '--out', join(dir, 'got')], { ahead });
  });
});
