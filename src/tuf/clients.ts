import { UsageError } from '../errors.ts';

/**
 * What each client reads by default, as measured with python-tuf 7.0.1, tuf-js 6.0.2, go-tuf 2.4.2 and tough 0.24.
 * `clients:` in tufa.yaml names those that a repository must serve.
 */

export const CLIENTS = ['python-tuf', 'tuf-js', 'go-tuf', 'tough'] as const;
export type Client = (typeof CLIENTS)[number];

export interface ClientLimits {
  /** Bytes of a file whose length nothing signed says. A signed length is the only limit where there is one. */
  readonly bytes: {
    readonly root: number;
    readonly timestamp: number;
    readonly snapshot: number;
    readonly targets: number;
  };
  /** Root versions that one update follows. */
  readonly roots: number;
  /** Roles that one lookup visits. */
  readonly visited: number;
  /** Roles of a repository above which each lookup takes seconds. */
  readonly roles: number;
  /** TAP 15. A client without it cannot read the file at all. */
  readonly succinct: boolean;
  /** go-tuf compares the prefix with another encoding of the hash, and silently goes on to the next role. */
  readonly hashPrefixes: boolean;
  /** Schemes of keys beyond those that all of them read. */
  readonly schemes: readonly string[];
}

const REFERENCE_BYTES = { root: 512_000, timestamp: 16_384, snapshot: 2_000_000, targets: 5_000_000 } as const;
const MIB = 1024 * 1024;

export const LIMITS: Readonly<Record<Client, ClientLimits>> = {
  'python-tuf': {
    bytes: REFERENCE_BYTES,
    roots: 256,
    visited: 32,
    roles: Number.POSITIVE_INFINITY,
    succinct: true,
    hashPrefixes: true,
    schemes: ['ecdsa-sha2-nistp384'],
  },
  'tuf-js': {
    bytes: REFERENCE_BYTES,
    roots: 256,
    visited: 32,
    // Its maps cost the square of their size: 1,024 roles 0.4 s, 16,384 roles 81 s.
    roles: 2048,
    succinct: true,
    hashPrefixes: true,
    schemes: ['ecdsa-sha2-nistp384'],
  },
  'go-tuf': {
    bytes: REFERENCE_BYTES,
    roots: 256,
    visited: 32,
    roles: Number.POSITIVE_INFINITY,
    succinct: true,
    hashPrefixes: false,
    schemes: ['ecdsa-sha2-nistp384'],
  },
  tough: {
    bytes: { root: MIB, timestamp: MIB, snapshot: MIB, targets: 10 * MIB },
    roots: 1024,
    visited: Number.POSITIVE_INFINITY,
    // It loads every role and waits 0.1 s before each request.
    roles: 100,
    succinct: false,
    hashPrefixes: true,
    schemes: [],
  },
};

/** Bytes; reads no delegations, so that it cannot be served, but people follow roots with it. */
export const SIGSTORE_JAVA_ROOT = 101_376;

/** The named clients for which `test` holds, for a message; undefined: none. */
export function clientsWhere(
  clients: readonly Client[],
  test: (limits: ClientLimits, client: Client) => boolean,
): string | undefined {
  return clients.filter((client) => test(LIMITS[client], client)).join(', ') || undefined;
}

/** @param names as somebody typed them behind `--break-clients`. @throws UsageError for one that is no client's */
export function assertClients(names: readonly string[]): void {
  const unknown = names.find((name) => !CLIENTS.some((client) => client === name));
  if (unknown === undefined) return;
  throw new UsageError('no such client', {
    object: '--break-clients',
    expected: `one of ${CLIENTS.join(', ')}`,
    found: unknown,
  });
}
