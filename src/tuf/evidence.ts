import { sha256Hex } from './digest.ts';
import { verifySignature } from './keys.ts';
import type { Key, MetadataFile, Run, SignedPart } from './model.ts';
import { readMetadata, type TypeOf } from './read.ts';
import { knownRun } from './run.ts';

/**
 * What one piece of work has found out about bytes. A transaction looks at each of its files several times (as a publisher
 * that signs, as a fresh client, as one that was here before); the same question about the same bytes is answered once.
 * Buffers must not change while it lives, which is as long as one attempt.
 */
export class Evidence {
  private readonly digests = new WeakMap<Uint8Array, string>();
  private readonly files = new WeakMap<Uint8Array, MetadataFile>();
  /** By role, the entries of the version that was read last: the next one has nearly all of them. */
  private readonly runs = new Map<string, Run>();
  /** What signatures that verified are over, by key and signature. */
  private readonly signatures = new Map<string, Uint8Array>();

  /** Lower-case hex. */
  sha256(bytes: Uint8Array): string {
    const known = this.digests.get(bytes);
    if (known !== undefined) return known;
    const digest = sha256Hex(bytes);
    this.digests.set(bytes, digest);
    return digest;
  }

  /** The entries that a role's next file is likely to have. @param file without its version: `snapshot.json` */
  expect(file: string, entries: Run): void {
    this.runs.set(file, entries);
  }

  /** As `readMetadata`. @param what the file's name, `3.bins.json`: another version of the role has nearly the same entries */
  read<T extends SignedPart['type']>(bytes: Uint8Array, type: T, what: string): MetadataFile<TypeOf<T>> {
    const known = this.files.get(bytes);
    if (known?.signed.type === type) return known as MetadataFile<TypeOf<T>>;
    const role = what.replace(/^\d+\./, '');
    const last = this.runs.get(role);
    const file = readMetadata(bytes, type, what, last && knownRun(last));
    const signed: SignedPart = file.signed;
    if (signed.type === 'snapshot') this.runs.set(role, signed.meta);
    if (signed.type === 'targets') this.runs.set(role, signed.targets);
    this.files.set(bytes, file);
    return file;
  }

  /** As `verifySignature`. What it knows it knows of these very bytes: they are compared, at a twentieth of the cost. */
  readonly verify = (key: Key, bytes: Uint8Array, sig: string): boolean => {
    const name = `${key.keytype} ${key.scheme} ${key.keyval.public} ${sig}`;
    const known = this.signatures.get(name);
    if (known !== undefined && areSame(known, bytes)) return true;
    if (!verifySignature(key, bytes, sig)) return false;
    this.signatures.set(name, bytes);
    return true;
  };
}

/** The same piece of memory, which needs no look, or the same content. */
function areSame(a: Uint8Array, b: Uint8Array): boolean {
  const one = a.buffer === b.buffer && a.byteOffset === b.byteOffset && a.length === b.length;
  return one || Buffer.compare(a, b) === 0;
}

/** As `verifySignature` of `keys.ts`. */
export type Verify = (key: Key, bytes: Uint8Array, sigHex: string) => boolean;
