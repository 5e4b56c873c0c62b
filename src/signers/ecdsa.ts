/**
 * An ECDSA signature as TUF clients read it: SEQUENCE of two INTEGERs in DER (RFC 3279, section 2.2.3). Tokens and some
 * key services return the two numbers side by side instead (IEEE P1363).
 *
 * @param raw r and s, each as long as the curve's order: 64 bytes for P-256
 */
export function derOfRaw(raw: Uint8Array): Buffer {
  const half = raw.length / 2;
  const content = Buffer.concat([integer(raw.subarray(0, half)), integer(raw.subarray(half))]);
  return Buffer.concat([Buffer.of(0x30, content.length), content]);
}

/** The shortest form of a positive number: no zeros in front, but for one that keeps the highest bit clear. */
function integer(bytes: Uint8Array): Buffer {
  const first = bytes.findIndex((byte) => byte !== 0);
  const shortest = first < 0 ? Buffer.of(0) : Buffer.from(bytes.subarray(first));
  const positive = shortest[0]! >= 0x80 ? Buffer.concat([Buffer.of(0), shortest]) : shortest;
  return Buffer.concat([Buffer.of(0x02, positive.length), positive]);
}
