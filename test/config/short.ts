import { expect } from 'chai';
import { parseConfig } from '../../src/config/load.ts';
import type { Config } from '../../src/config/schema.ts';
import { ConfigurationError } from '../../src/errors.ts';
import { UUID } from '../support/workspace.ts';

export const ROLE = '{ threshold: 2, holders: [alice, bob, spare] }';
/** Only what has no default. */
export const SHORT = `repository: { name: corp, uuid: ${UUID} }
profile: hobby
store: file:public
trusted: file:private/trusted
roles:
  root: ${ROLE}
  targets: ${ROLE}
  trust: ${ROLE}
  claimed: ${ROLE}
online:
  timestamp: { key: online }
  snapshot: { key: online }
  bins: { key: online }
  recent: { key: online }
  deny: { key: online }
`;

export function parse(text: string): Config {
  return parseConfig(Buffer.from(text), { name: 'tufa.yaml', dir: '/w' });
}

export function refusal(text: string): ConfigurationError {
  try {
    parse(text);
  } catch (error) {
    expect(error).to.be.instanceOf(ConfigurationError);
    return error as ConfigurationError;
  }
  throw new Error('it was accepted');
}
