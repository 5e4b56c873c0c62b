import type { Move } from './explore.ts';
import type { Protocol } from './steps.ts';
import type { Ceremony, Entry, World } from './world.ts';
import { create, queued } from './world.ts';

/** Somebody who carries complete ceremonies of an offline role to the queue, and draws a refused one again. */
export interface Carrier {
  readonly type: 'carrier';
  readonly name: string;
  /** Ceremonies that may still be drawn. */
  readonly left: number;
  readonly at:
    | { readonly pc: 'idle' }
    | { readonly pc: 'drawn'; readonly role: Ceremony }
    | { readonly pc: 'put'; readonly entry: Entry }
    | { readonly pc: 'carried'; readonly entry: Entry };
}

type Step = Move<World, Carrier>;

export function carrierMoves(world: World, carrier: Carrier, protocol: Protocol): readonly Step[] {
  const { at } = carrier;
  if (at.pc === 'idle') return carrier.left === 0 ? [] : [drawing(world, carrier, protocol)];
  if (at.pc === 'drawn') return [numbered(world, carrier, at.role)];
  if (at.pc === 'put') return putting(world, carrier, at.entry);
  const became = world.live?.snapshot.log.find((item) => item.number === at.entry.signedFor);
  if (became === undefined || carrier.left === 0) return [];
  return became.role === undefined
    ? [{ label: 'reads that it was refused', world, actor: { ...carrier, at: { pc: 'idle' } } }]
    : [];
}

/** At the first free name above the live version, on the live version; holders sign it, which takes its time. */
function drawing(world: World, carrier: Carrier, { without }: Protocol): Step {
  const base = world.live?.snapshot.offline.version ?? 0;
  let version = base + 1;
  while (!without.has('first free version') && `role/${version}` in world.objects) version++;
  const role = { id: `${version}${carrier.name}${carrier.left}`, version, base };
  const actor: Carrier = { ...carrier, left: carrier.left - 1, at: { pc: 'drawn', role } };
  return { label: `draws version ${version} on ${base}`, world, actor };
}

function numbered(world: World, carrier: Carrier, role: Ceremony): Step {
  const taken = queued(world);
  let number = (world.live?.snapshot.mark ?? 0) + 1;
  while (taken.includes(number)) number++;
  const entry: Entry = { by: role.id, kind: 'role', signedFor: number, rows: [], role, after: 0, typedAt: 0 };
  return { label: `takes number ${number}`, world, actor: { ...carrier, at: { pc: 'put', entry } } };
}

function putting(world: World, carrier: Carrier, entry: Entry): Step[] {
  const key = `queue/${entry.signedFor}`;
  if (JSON.stringify(world.objects[key]) === JSON.stringify(entry))
    return [{ label: 'finds its entry there', world, actor: { ...carrier, at: { pc: 'carried', entry } } }];
  if (key in world.objects || entry.signedFor <= (world.live?.snapshot.mark ?? 0))
    return [{ label: 'finds the number taken', world, actor: { ...carrier, at: { pc: 'drawn', role: entry.role! } } }];
  return create(world, key, entry).map(({ world: next, answer, ...cost }) => ({
    label: `puts entry ${entry.signedFor} (${answer})`,
    world: next,
    actor: answer === 'unknown' ? carrier : { ...carrier, at: { pc: 'carried', entry } },
    ...cost,
  }));
}
