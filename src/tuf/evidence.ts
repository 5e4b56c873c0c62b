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
  /** The roles of the snapshot that was read last: the next one has nearly all of them. */
  private snapshot: Run | undefined;
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

  /** As `readMetadata`. */
  read<T extends SignedPart['type']>(bytes: Uint8Array, type: T, what: string): MetadataFile<TypeOf<T>> {
    const known = this.files.get(bytes);
    if (known?.signed.type === type) return known as MetadataFile<TypeOf<T>>;
    const file = readMetadata(bytes, type, what, this.snapshot && knownRun(this.snapshot));
    const signed: SignedPart = file.signed;
    if (signed.type === 'snapshot') this.snapshot = signed.meta;
    this.files.set(bytes, file);
    return file;
  }

  /** As `verifySignature`. What it knows it knows of these very bytes: they are compared, at a twentieth of the cost. */
  readonly verify = (key: Key, bytes: Uint8Array, sig: string): boolean => {
    const name = `${key.keytype} ${key.scheme} ${key.keyval.public} ${sig}`;
    const known = this.signatures.get(name);
    if (known !== undefined && Buffer.compare(known, bytes) === 0) return true;
    if (!verifySignature(key, bytes, sig)) return false;
    this.signatures.set(name, bytes);
    return true;
  };
}

/** As `verifySignature` of `keys.ts`. */
export type Verify = (key: Key, bytes: Uint8Array, sigHex: string) => boolean;
