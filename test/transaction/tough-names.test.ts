import { expect } from 'chai';
import { transact } from '../../src/transaction/transact.ts';
import { sha256Hex } from '../../src/tuf/digest.ts';
import { targetKeys } from '../../src/tuf/layout.ts';
import { TestRepository } from '../support/repository.ts';

const CLIENTS = ['python-tuf', 'tough'] as const;
const PATH = 'packages/foo/foo-1.0-py3-none-any.whl';

describe('a repository that serves tough', () => {
  it('has its pages under both names, and refuses a file that lacks one of them', async () => {
    const repository = await TestRepository.make({ settings: { clients: CLIENTS } });
    const context = await repository.context();
    await repository.enqueue(1, { [PATH]: 'one' });
    const first = await transact(context, { fold: true, genesis: repository.genesis });
    expect(first.entries.map(({ result }) => result)).to.deep.equal(['refused']);

    const [, second] = targetKeys(PATH, sha256Hex('one'), CLIENTS);
    await repository.store.create(second!, Buffer.from('one'));
    await repository.enqueue(2, { [PATH]: 'one' }, { after: 1 });
    const again = await transact(context, { fold: true });
    expect(again.entries.map(({ result }) => result)).to.deep.equal(['done']);
    const keys: string[] = [];
    for await (const { key } of repository.store.list('targets/')) keys.push(key);
    const names = keys.map((key) => key.replace(/[0-9a-f]{64}/, 'HASH'));
    const paths = [PATH, 'simple/foo/vnd.pypi.simple.v1.html', 'simple/foo/vnd.pypi.simple.v1.json'];
    expect(names).to.have.members(paths.flatMap((path) => targetKeys(path, 'HASH', CLIENTS)));
  });
});
