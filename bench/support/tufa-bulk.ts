/**
 * A bulk build of tufa in a process of its own, with snapshot and timestamp as its peers make them.
 *
 * usage: tufa-bulk.ts ROWS FOLDER KEY.pem BITS REPOSITORY EXPIRES WORKERS SPOOL SOURCES
 * Prints one JSON object: cpu seconds and peak memory of this process.
 */
import { createPrivateKey, createPublicKey, sign } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const [
  rows = '',
  folder = '',
  keyFile = '',
  bits = '',
  repository = '',
  until = '',
  workers = '',
  spool = '',
  sources = '',
] = process.argv.slice(2);
const load = <T>(file: string): Promise<T> => import(join(sources, file));
const { buildBins } = await load<typeof import('../../src/transaction/bulk/build.ts')>('transaction/bulk/build.js');
const { composeSnapshot, composeTimestamp } = await load<typeof import('../../src/tuf/compose.ts')>('tuf/compose.js');
const { sha256Hex } = await load<typeof import('../../src/tuf/digest.ts')>('tuf/digest.js');
const { metadataFile } = await load<typeof import('../../src/tuf/encode.ts')>('tuf/encode.js');
const { keyFromPublic, keyidOf } = await load<typeof import('../../src/tuf/keys.ts')>('tuf/keys.js');

const privateKey = createPrivateKey(readFileSync(keyFile));
const key = keyFromPublic(createPublicKey(privateKey));
const expires = new Date(until);

const built = await buildBins({
  rows,
  spool,
  workers: Number(workers),
  prefix: 'bin',
  bits: Number(bits),
  version: 1,
  repository,
  expires: () => expires,
  finish: { in: 'workers', folder, keys: [{ key, privateKey }] },
});
const common = { version: 1, expires, repository };
const snapshot = write(
  '1.snapshot.json',
  composeSnapshot({ ...common, meta: built.meta, queue: 0, receipt: undefined }),
);
const listed = { version: 1, length: snapshot.length, sha256: sha256Hex(snapshot) };
const root = { version: 1, sha256: sha256Hex(''), since: undefined };
write('timestamp.json', composeTimestamp({ ...common, made: expires, root, snapshot: listed }));

const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
process.stdout.write(`${JSON.stringify({ cpu: (userCPUTime + systemCPUTime) / 1e6, rss: maxRSS * 1024 })}\n`);

function write(name: string, signed: Buffer): Buffer {
  const file = metadataFile(signed, [{ keyid: keyidOf(key), sig: sign(null, signed, privateKey).toString('hex') }]);
  writeFileSync(join(folder, name), file, { flag: 'wx' });
  return file;
}
