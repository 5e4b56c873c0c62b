/** Root 2 of a workspace with plain Ed25519 key files, whose online keys are those of another holder. */
import { createPrivateKey, sign } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { sha256Hex } from '../../src/tuf/digest.ts';
import { canonical, metadataFile } from '../../src/tuf/encode.ts';
import { pendingKey } from '../../src/tuf/layout.ts';
import type { Json } from '../../src/tuf/model.ts';

type Fields = Record<string, Json>;

interface Holder {
  readonly keyid: string;
  readonly key: Fields;
}

type RootJson = {
  version: number;
  keys: Record<string, Fields>;
  roles: Record<string, { keyids: string[]; threshold: number }>;
};

/** The exact bytes that holders would sign. @param online name of the holder whose key signs timestamp and snapshot */
export async function nextRoot(dir: string, online: string): Promise<Uint8Array> {
  const file = JSON.parse(await readFile(join(dir, 'public/metadata/1.root.json'), 'utf8')) as { signed: RootJson };
  const { keyid, key } = await holder(dir, online);
  const { signed } = file;
  signed.version = 2;
  signed.keys[keyid] = key;
  for (const role of ['timestamp', 'snapshot']) signed.roles[role] = { keyids: [keyid], threshold: 1 };
  return canonical(signed);
}

export async function putDraft(dir: string, bytes: Uint8Array): Promise<void> {
  await put(join(dir, 'ceremony/root-2/draft.json'), bytes);
}

/** Signed by two of the three holders. */
export async function putPending(dir: string, bytes: Uint8Array): Promise<void> {
  const signatures = await Promise.all(
    ['alice', 'bob'].map(async (name) => {
      const privateKey = createPrivateKey(await readFile(join(dir, `private/${name}.pem`)));
      return { keyid: (await holder(dir, name)).keyid, sig: sign(null, bytes, privateKey).toString('hex') };
    }),
  );
  const root = metadataFile(bytes, signatures);
  await put(join(dir, 'public', pendingKey(2, sha256Hex(root))), root);
}

async function holder(dir: string, name: string): Promise<Holder> {
  return JSON.parse(await readFile(join(dir, 'holders', `${name}.json`), 'utf8'));
}

async function put(path: string, bytes: Uint8Array): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, bytes);
}
