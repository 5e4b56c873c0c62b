import { InputError } from '../../../src/errors.ts';
import { CLIENTS, type ClientName } from './protocol.ts';

export interface Selection {
  clients: ClientName[];
  /** Never silently: whoever prints a result names these as well. */
  leftOut: ClientName[];
}

/** The clients to run: all, or those that `TUFA_INTEROP_ONLY=python-tuf,tuf-js` names; InputError for a wrong name. */
export function chosenClients(only: string | undefined = process.env['TUFA_INTEROP_ONLY']): Selection {
  if (only === undefined || only.trim() === '') {
    return { clients: [...CLIENTS], leftOut: [] };
  }
  const names = only.split(',').map((name) => name.trim());
  const unknown = names.find((name) => !CLIENTS.some((client) => client === name));
  if (unknown !== undefined) {
    throw new InputError('no such client', {
      object: 'TUFA_INTEROP_ONLY',
      expected: `names out of ${CLIENTS.join(', ')}, with commas`,
      found: `"${unknown}"`,
    });
  }
  return {
    clients: CLIENTS.filter((client) => names.includes(client)),
    leftOut: CLIENTS.filter((client) => !names.includes(client)),
  };
}
