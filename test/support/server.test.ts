import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { startServer, type TestServer } from './server.ts';

describe('the static server of the tests', () => {
  let folder: string;
  let server: TestServer;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tufa-server-'));
    await mkdir(join(folder, 'public', 'metadata'), { recursive: true });
    await writeFile(join(folder, 'public', 'metadata', 'timestamp.json'), 'now');
    await writeFile(join(folder, 'public', 'a file'), 'spaced');
    await writeFile(join(folder, 'secret'), 'private');
    await symlink('../secret', join(folder, 'public', 'link'));
    server = await startServer(join(folder, 'public'));
  });

  after(async () => {
    await server.stop();
    await rm(folder, { recursive: true });
  });

  it('serves a folder, with length, and 404 for what is missing or is a folder', async () => {
    const found = await fetch(`${server.url}metadata/timestamp.json`);
    expect([found.status, found.headers.get('content-length'), await found.text()]).to.deep.equal([200, '3', 'now']);
    expect(await (await fetch(`${server.url}a%20file?q=1`)).text()).to.equal('spaced');
    for (const missing of ['', 'metadata', 'metadata/', 'nothing', 'a file/b', 'x'.repeat(300), '%ff', 'metadata//a']) {
      expect((await fetch(server.url + missing)).status, missing).to.equal(404);
    }
    expect((await fetch(server.url, { method: 'PUT', body: 'x' })).status).to.equal(405);
  });

  it('does not leave its folder', async () => {
    const paths = [
      '/../secret',
      '/%2e%2e/secret',
      '/metadata/..%2f..%2fsecret',
      '/..%5csecret',
      '/link',
      '//etc/passwd',
    ];
    for (const path of paths) {
      expect(await rawStatus(server.url, path), path).to.equal(404);
    }
  });

  it('serves a map or a function, and remembers what was asked', async () => {
    const other = await startServer(new Map([['a/b', Buffer.from('map')]]));
    try {
      expect(await (await fetch(`${other.url}a/b`)).text()).to.equal('map');
      other.serve((key) => (key === 'c' ? Buffer.from('function') : undefined));
      expect(await (await fetch(`${other.url}c`, { method: 'HEAD' })).text()).to.equal('');
      expect(await (await fetch(`${other.url}c`)).text()).to.equal('function');
      expect((await fetch(`${other.url}a/b`)).status).to.equal(404);
      other.serve(() => {
        throw new Error('planned');
      });
      expect((await fetch(`${other.url}c`)).status).to.equal(500);
      expect(other.requests).to.deep.equal([
        { method: 'GET', key: 'a/b', status: 200 },
        { method: 'HEAD', key: 'c', status: 200 },
        { method: 'GET', key: 'c', status: 200 },
        { method: 'GET', key: 'a/b', status: 404 },
        { method: 'GET', key: 'c', status: 500 },
      ]);
    } finally {
      await other.stop();
    }
  });
});

/** Status of a request whose path no client library has tidied up. */
function rawStatus(url: string, path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url);
    const socket = connect(Number(port), hostname, () => {
      socket.write(`GET ${path} HTTP/1.1\r\nhost: ${hostname}\r\nconnection: close\r\n\r\n`);
    });
    socket.once('data', (chunk) => {
      resolve(Number(chunk.toString().split(' ')[1]));
      socket.destroy();
    });
    socket.once('error', reject);
  });
}
