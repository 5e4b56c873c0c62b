/**
 * A small TUF repository made from node:crypto and @tufjs/canonical-json alone. It shares nothing with src/, so that the
 * drivers are tested against something else than what they are to judge.
 */
import { createHash, generateKeyPairSync, type KeyObject, constants as rsa, sign } from 'node:crypto';
import { canonicalize } from '@tufjs/canonical-json';

export type KeyKind = 'ed25519' | 'ecdsa' | 'rsa';

export interface ReferenceOptions {
  /** 0: targets delegates to `bin0`, which lists everything; else 2^bits succinct bins below `bins`. */
  bits?: number;
  keys?: KeyKind;
  /** When everything expires. */
  expires?: string;
  /** Also store each target as `<sha256>.<dir>/<file>`, the name that tough asks for. */
  toughNames?: boolean;
}

export interface ReferenceRepository {
  /** The trusted root, version 1. */
  readonly root: Uint8Array;
  /** The store by key: `metadata/timestamp.json`, `targets/<dir>/<sha256>.<file>`. */
  readonly files: Map<string, Uint8Array>;
  /** Signs and writes the next version with exactly these targets; returns their sha256. */
  publish(targets: Record<string, string>): Record<string, string>;
  /** The same targets under a new snapshot and timestamp. */
  refresh(): void;
  /** The next root, with a new key for timestamp; takes effect with the next publish or refresh. */
  rotateTimestampKey(): void;
}

type Fields = Record<string, unknown>;

interface Key {
  id: string;
  public: { keytype: string; scheme: string; keyval: { public: string } };
  sign(bytes: Buffer): Buffer;
}

const PATTERNS = ['*', '*/*', '*/*/*'];

export function referenceRepository(options: ReferenceOptions = {}): ReferenceRepository {
  const { bits = 0, keys: kind = 'ed25519', expires = '2098-01-01T00:00:00Z', toughNames = false } = options;
  const files = new Map<string, Uint8Array>();
  const holders = [makeKey(kind), makeKey(kind)];
  const [targetsKey, binKey, snapshotKey] = [makeKey(kind), makeKey(kind), makeKey(kind)];
  let timestampKey = makeKey(kind);
  let roots = 0;
  let version = 0;
  let leaves: Record<string, Fields> = {};

  /** Writes `<version>.<role>.json` and returns its bytes. */
  const write = (role: string, number: number, fields: Fields, signers: Key[]): Buffer => {
    const type = ['root', 'snapshot', 'timestamp'].includes(role) ? role : 'targets';
    const signed = { _type: type, spec_version: '1.0.31', version: number, expires, ...fields };
    const bytes = Buffer.from(canonicalize(signed));
    const signatures = signers.map((key) => ({ keyid: key.id, sig: key.sign(bytes).toString('hex') }));
    const file = Buffer.from(JSON.stringify({ signatures, signed }));
    files.set(role === 'timestamp' ? 'metadata/timestamp.json' : `metadata/${number}.${role}.json`, file);
    return file;
  };

  const writeRoot = (): Buffer => {
    roots += 1;
    const roles = {
      root: { keyids: holders.map((key) => key.id), threshold: 2 },
      targets: { keyids: [targetsKey.id], threshold: 1 },
      snapshot: { keyids: [snapshotKey.id], threshold: 1 },
      timestamp: { keyids: [timestampKey.id], threshold: 1 },
    };
    const keys = byId([...holders, targetsKey, snapshotKey, timestampKey]);
    return write('root', roots, { consistent_snapshot: true, keys, roles }, holders);
  };

  const writeLeaves = (): void => {
    version += 1;
    const meta: Fields = {};
    for (const [role, targets] of Object.entries(leaves)) {
      meta[`${role}.json`] = described(version, write(role, version, { targets }, [binKey]));
    }
    for (const [role, delegations] of Object.entries(delegators(bits, binKey, targetsKey))) {
      meta[`${role}.json`] = described(version, write(role, version, { targets: {}, delegations }, [targetsKey]));
    }
    const snapshot = described(version, write('snapshot', version, { meta }, [snapshotKey]));
    write('timestamp', version, { meta: { 'snapshot.json': { ...snapshot } } }, [timestampKey]);
  };

  return {
    root: writeRoot(),
    files,
    publish(targets) {
      leaves = Object.fromEntries(leafNames(bits).map((name) => [name, {}]));
      const digests: Record<string, string> = {};
      for (const [path, text] of Object.entries(targets)) {
        const bytes = Buffer.from(text);
        const digest = sha256(bytes);
        digests[path] = digest;
        leaves[leafOf(path, bits)]![path] = { length: bytes.length, hashes: { sha256: digest } };
        files.set(`targets/${path.replace(/[^/]*$/, `${digest}.$&`)}`, bytes);
        if (toughNames) {
          files.set(`targets/${digest}.${path}`, bytes);
        }
      }
      writeLeaves();
      return digests;
    },
    refresh: writeLeaves,
    rotateTimestampKey() {
      timestampKey = makeKey(kind);
      writeRoot();
    },
  };
}

/** Delegations of `targets` and, with bins, of `bins`. */
function delegators(bits: number, binKey: Key, targetsKey: Key): Record<string, Fields> {
  const to = (name: string, key: Key) => ({
    keys: byId([key]),
    roles: [{ name, keyids: [key.id], threshold: 1, terminating: true, paths: PATTERNS }],
  });
  if (bits === 0) {
    return { targets: to('bin0', binKey) };
  }
  const succinct = { keyids: [binKey.id], threshold: 1, bit_length: bits, name_prefix: `bin${bits}` };
  return { targets: to('bins', targetsKey), bins: { keys: byId([binKey]), succinct_roles: succinct } };
}

function leafNames(bits: number): string[] {
  if (bits === 0) {
    return ['bin0'];
  }
  return Array.from({ length: 2 ** bits }, (_, index) => leafName(bits, index));
}

function leafOf(path: string, bits: number): string {
  const first = createHash('sha256').update(path).digest().readUInt32BE();
  return bits === 0 ? 'bin0' : leafName(bits, first >>> (32 - bits));
}

function leafName(bits: number, index: number): string {
  return `bin${bits}-${index.toString(16).padStart(Math.ceil(bits / 4), '0')}`;
}

function described(version: number, file: Buffer): Fields {
  return { version, length: file.length, hashes: { sha256: sha256(file) } };
}

function byId(keys: Key[]): Fields {
  return Object.fromEntries(keys.map((key) => [key.id, key.public]));
}

function makeKey(kind: KeyKind): Key {
  const { publicKey, privateKey } = keyPair(kind);
  const scheme = { ed25519: 'ed25519', ecdsa: 'ecdsa-sha2-nistp256', rsa: 'rsassa-pss-sha256' }[kind];
  const value =
    kind === 'ed25519'
      ? publicKey.export({ type: 'spki', format: 'der' }).subarray(-32).toString('hex')
      : publicKey.export({ type: 'spki', format: 'pem' }).toString();
  const pss = { padding: rsa.RSA_PKCS1_PSS_PADDING, saltLength: rsa.RSA_PSS_SALTLEN_DIGEST };
  const publicPart = { keytype: kind, scheme, keyval: { public: value } };
  return {
    id: sha256(Buffer.from(canonicalize(publicPart))),
    public: publicPart,
    sign: (bytes) =>
      sign(kind === 'ed25519' ? null : 'sha256', bytes, { key: privateKey, ...(kind === 'rsa' ? pss : {}) }),
  };
}

function keyPair(kind: KeyKind): { publicKey: KeyObject; privateKey: KeyObject } {
  switch (kind) {
    case 'ed25519':
      return generateKeyPairSync('ed25519');
    case 'ecdsa':
      return generateKeyPairSync('ec', { namedCurve: 'P-256' });
    case 'rsa':
      return generateKeyPairSync('rsa', { modulusLength: 2048 });
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
