/** Roots that come another way than by one ceremony and its bridge, as the real clients see them. */
import { join } from 'node:path';
import { expect } from 'chai';
import { pendingKey, rootKey } from '../../src/tuf/layout.ts';
import { KEPT_WHEELS } from '../support/wheels.ts';
import { type Matrix, openMatrix, type RepositoryState } from './support/matrix.ts';
import { HOUR, Publisher } from './support/publisher.ts';
import { failures } from './support/report.ts';

const ALONE = 'root 3 in its place without a bridge';

describe('roots that come another way', () => {
  let matrix: Matrix;

  before(async () => {
    matrix = await openMatrix();
  });

  after(() => matrix?.stop());

  async function* states(publisher: Publisher): AsyncGenerator<RepositoryState> {
    const absent = ['packages/nobody/nobody-1.0.zip'];
    const state = async (name: string) => publisher.state(name, { present: await publisher.listed(), absent });
    await publisher.run('target', 'add', join(KEPT_WHEELS, 'six-1.17.0-py2.py3-none-any.whl'));
    await publisher.run('publish');
    yield await state('first publish');

    const stolen = await publisher.ceremony(['alice']);
    const named = pendingKey(2, '0'.repeat(64));
    await publisher.put(stolen);
    await publisher.put(await publisher.ceremony(), named);
    publisher.ahead += HOUR;
    const planted = await publisher.run('refresh');
    expect(planted.stdout).to.match(/^nothing to do: root 1,/);
    expect(planted.stderr)
      .to.match(/not enough signatures.*ignored/)
      .and.to.match(/its content has the sha256 .*ignored/);
    yield await state('two planted roots');

    await publisher.rotate();
    await publisher.rotate();
    await publisher.run('refresh');
    expect(await publisher.signers()).to.have.length(2);
    yield await state('root 2 out of two ceremonies');

    publisher.ahead += HOUR;
    const copied = await publisher.ceremony();
    await publisher.put(copied, rootKey(3));
    yield await state(ALONE);
    await publisher.run('refresh');
    expect(await publisher.signers()).to.have.length(2);
    yield await state('the commit that it needed');

    publisher.ahead += HOUR;
    await publisher.run('target', 'remove', 'six');
    await publisher.run('publish');
    expect(await publisher.signers()).to.have.length(1);
    yield await state('a removal by the keys of root 3 alone');
  }

  it('a planted one, one out of two, one without its bridge: the next job brings every client along', async () => {
    const publisher = await Publisher.make({
      type: 'ed25519',
      bits: { bins: 0, recent: 0 },
      clients: ['python-tuf', 'tuf-js', 'go-tuf', 'tough'],
    });
    const report = await matrix.run('roots that come another way', states(publisher), {
      // Nobody whom root 3 has reached can verify a timestamp that only root 2's key has signed.
      expected: ({ step }) => (step === ALONE ? { refresh: /timestamp/i } : 'all'),
    });
    expect(failures(report)).to.deep.equal([]);
  });
});
