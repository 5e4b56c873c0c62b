import { ConfigurationError } from '../../errors.ts';
import { formatPkcs11Uri } from './uri.ts';

/**
 * `hsm:2?label=YubiKey+PIV+%2312345678`, as securesystemslib and tuf-on-ci write it, as a `pkcs11:` uri: a number of one
 * byte for the key (2 is PIV's slot 9c, and what they take when there is none), the label of the token behind it.
 *
 * @returns `uri` as it is where it has another scheme
 * @throws ConfigurationError
 */
export function fromHsmUri(uri: string): string {
  if (!/^hsm:/i.test(uri)) return uri;
  const [, number, query = ''] = /^hsm:(\d{0,3})(?:\?([^#]*))?$/i.exec(uri) ?? [];
  const id = number === '' ? 2 : Number(number);
  const asked = new URLSearchParams(query);
  const others = [...asked.keys()].filter((name) => name !== 'label');
  const label = asked.get('label');
  if (!(id <= 255) || others.length > 0 || asked.size > 1 || label === '') {
    throw new ConfigurationError('cannot be read as the uri of a key on a token', {
      object: 'uri of a key',
      code: 'configuration.pkcs11-uri',
      expected: 'hsm:NUMBER?label=TOKEN',
      found: others.length > 0 ? `?${others.join('=&')}=` : 'another form',
      hint: 'write it as pkcs11:token=LABEL;id=%02',
    });
  }
  return formatPkcs11Uri({ token: label === null ? {} : { token: label }, object: { id: Uint8Array.of(id) } });
}
