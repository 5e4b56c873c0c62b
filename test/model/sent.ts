import type { Protocol } from './steps.ts';
import { everyoneClaims } from './steps.ts';
import type { World } from './world.ts';

/**
 * Notes that bytes are sent under a name. Where every job claims its number nobody else can have the name, and there is
 * nothing to note.
 */
export function sending(
  world: World,
  key: string,
  id: string,
  protocol: Protocol,
): { readonly world: World; readonly broken: string | undefined } {
  if (everyoneClaims(protocol)) return { world, broken: undefined };
  const known = world.ghost.sent[key];
  if (known === id) return { world, broken: undefined };
  if (known !== undefined)
    return { world, broken: `two bodies under one name: ${key} was sent as ${known} and as ${id}` };
  return {
    world: { ...world, ghost: { ...world.ghost, sent: { ...world.ghost.sent, [key]: id } } },
    broken: undefined,
  };
}
