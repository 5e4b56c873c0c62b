import { type KeyObject, randomBytes, sign } from 'node:crypto';
import { bitString, der, integer, oid, sequence } from './der.ts';

const COMMON_NAME = '550403';
const SHA256_WITH_RSA = sequence(oid('2a864886f70d01010b'), der(0x05));
const ECDSA_WITH_SHA256 = sequence(oid('2a8648ce3d040302'));

/** A self-signed X.509 certificate (RFC 5280), in DER: what lies beside each key of a PIV card. */
export function selfSigned(
  name: string,
  { publicKey, privateKey }: { publicKey: KeyObject; privateKey: KeyObject },
): Buffer {
  const algorithm = publicKey.asymmetricKeyType === 'rsa' ? SHA256_WITH_RSA : ECDSA_WITH_SHA256;
  const subject = sequence(der(0x31, sequence(oid(COMMON_NAME), der(0x0c, Buffer.from(name)))));
  const time = (text: string): Buffer => der(0x17, Buffer.from(text));
  const body = sequence(
    der(0xa0, integer(Buffer.of(2))),
    integer(Buffer.concat([Buffer.of(1), randomBytes(8)])),
    algorithm,
    subject,
    sequence(time('200101000000Z'), time('491231235959Z')),
    subject,
    publicKey.export({ type: 'spki', format: 'der' }),
  );
  return sequence(body, algorithm, bitString(sign('sha256', body, privateKey)));
}
