import type { Workspace } from '../../config/workspace.ts';
import { ConfigurationError, InputError } from '../../errors.ts';
import type { Store } from '../../stores/port.ts';
import { canonical, formatDate } from '../../tuf/encode.ts';
import { date, map, text } from '../../tuf/fields.ts';
import { parseJson } from '../../tuf/json.ts';

/**
 * That `doctor store` has proved a store honest, and when: kept in the cache of this machine, because it is about what
 * this machine saw. A store's software is updated, and a proxy set in front of it, without anybody here being told.
 */

/** Milliseconds. */
const VALID = 30 * 24 * 60 * 60 * 1000;
const PROOF = 'store-proof.json';
const MAX_PROOF = 65_536;

export interface StoreProof {
  /** The store's URI. */
  readonly store: string;
  readonly made: Date;
  readonly until: Date;
}

export async function keepProof(workspace: Workspace): Promise<StoreProof> {
  const { uri } = await workspace.store();
  const made = workspace.clock();
  const cache = await workspace.cache();
  await replace(cache, canonical({ store: uri, made: formatDate(made) }));
  return { store: uri, made, until: new Date(made.getTime() + VALID) };
}

/** Before a store is looked at again: what is found then counts, and nothing that was seen before. */
export async function dropProof(workspace: Workspace): Promise<void> {
  await (await workspace.cache()).remove(PROOF);
}

/** With `publishers: many`, nobody writes to a store that may let two of them win. @throws ConfigurationError */
export async function assertProven(workspace: Workspace): Promise<void> {
  const { uri } = await workspace.store();
  const proof = await readProof(await workspace.cache());
  const age = proof === undefined ? 0 : workspace.clock().getTime() - proof.made.getTime();
  if (proof?.store === uri && age >= 0 && age < VALID) return;
  throw new ConfigurationError('nobody has proved that the store keeps several publishers apart', {
    object: uri,
    code: 'configuration.store-proof',
    expected: 'a proof younger than 30 days, made on this machine',
    found: found(proof, uri),
    hint: 'type `tufa doctor store`; or write publishers: one into tufa.yaml, and run one job at a time',
  });
}

type Kept = Omit<StoreProof, 'until'>;

function found(proof: Kept | undefined, uri: string): string {
  if (proof === undefined) return 'none';
  return proof.store === uri ? `one of ${formatDate(proof.made)}` : `one of another store, ${proof.store}`;
}

async function readProof(cache: Store): Promise<Kept | undefined> {
  const object = await cache.get(PROOF, { maxLength: MAX_PROOF });
  if (object === undefined) return undefined;
  try {
    const fields = map(parseJson(object.bytes, { what: PROOF }), PROOF);
    return { store: text(fields.get('store'), 'store'), made: date(fields.get('made'), 'made') };
  } catch (error) {
    // A cache may be damaged, and proves nothing then.
    if (error instanceof InputError) return undefined;
    throw error;
  }
}

/** Whichever of two doctors is last: both have seen the same. */
async function replace(cache: Store, bytes: Uint8Array): Promise<void> {
  for (let answer: unknown = 'moved'; answer === 'moved'; ) {
    const old = await cache.get(PROOF, { maxLength: MAX_PROOF });
    answer = await cache.swap(PROOF, bytes, old?.etag);
  }
}
